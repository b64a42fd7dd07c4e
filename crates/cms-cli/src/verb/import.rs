//! `import`: whole packages from a document, a directory or another world; with `--merge`, changes that are staged.

mod foreign;
mod preview;
mod source;

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::Stage;
use cms::model::{Package, PackageName, ReadError, Selector, Value};

use super::Verb;
use crate::arguments::{Help, help};
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::{self, Format, FormatError, Imported};
use crate::keys;
use crate::progress::{Counted, Progress};
use crate::session::{self, Session};
use crate::text::msg;
use crate::validation;
use source::{Origin, Source};

pub(super) use source::input;

pub(super) const VERB: Verb = Verb { name: "import", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    let command = validation::options(confirmation::options(command, help), help)
        .arg(super::key(help).value_name("PACKAGE|FILE").help(help!("import-package", help)))
        .arg(
            Arg::new("merge")
                .short('m')
                .long("merge")
                .action(ArgAction::SetTrue)
                .help(help!("import-merge", help)),
        )
        .arg(super::message(help).short(None))
        .arg(super::dry_run(help).help(help!("import-dry-run", help)));
    foreign::options(command, help)
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let dry_run = matches.get_flag("dry-run");
    session.commits = !dry_run;
    let (name, source) = source::find(matches, session)?;
    let confirm = confirmation::asked(matches)?;
    if confirm.is_some() && matches.get_flag("merge") {
        return Err(Failure::usage(msg!("not-together", name = "--confirm", other = "--merge")));
    }
    let origin = source.origin(session)?;
    foreign::check(matches, origin)?;
    let mut progress = source::progress(session);
    let packages = match (origin, &source) {
        (Origin::Document(Format::Uci), Source::Directory(folder)) => {
            source::read_directory(folder, name.as_ref(), &mut progress, session)?
        }
        (_, Source::Directory(folder)) => {
            return Err(Failure::usage(msg!("import-directory", source = folder.as_path())));
        }
        (Origin::Document(format), source) => {
            let input = source.read(origin, &mut progress)?;
            let looks_like = foreign::looks_like(format, &input);
            format::read(format, input, name.as_ref()).map_err(|error| {
                let hint = looks_like.map(|name| msg!("import-looks-like", format = name));
                refused(format, &source.name(), error).hint_if_any(hint)
            })?
        }
        (Origin::Foreign(format), source) => {
            let input = source.read(origin, &mut progress)?;
            progress.wipe();
            foreign::read(format, input, name, &source.name(), matches, session)?
        }
    };
    if packages.is_empty() {
        session.output.say(&msg!("import-nothing"));
        return Ok(Exit::Ok);
    }
    let parsed = parse_all(&source, packages, &mut progress)?;
    if matches.get_flag("merge") {
        drop(progress);
        return merge(session, parsed, dry_run);
    }
    let message = super::text_of(matches, "message").unwrap_or_default();
    let mut transaction = session.store()?.transaction()?.message(message).tool("cms import");
    validation::apply(validation::asked(matches), &mut transaction);
    let options: usize = parsed.iter().map(|(_, package)| package.option_count()).sum();
    progress.stand_still(&msg!("progress-commit", count = options));
    let mut names = Vec::with_capacity(parsed.len());
    for (name, package) in parsed {
        transaction.replace_package(&name, package)?;
        names.push(name);
    }
    if dry_run {
        drop(progress);
        return preview::transaction(transaction, &names, session);
    }
    let committed = super::commit::commit_transaction(transaction, confirm, session);
    drop(progress);
    super::commit::report(&committed?, false, session)
}

/// Parses all packages, or says all that is wrong with any of them.
fn parse_all(
    source: &Source,
    packages: Vec<Imported>,
    progress: &mut Progress,
) -> Result<Vec<(PackageName, Package)>, Failure> {
    let total = packages.iter().map(|imported| imported.text.len()).sum();
    let (mut parsed, mut done) = (Vec::with_capacity(packages.len()), 0);
    let (mut wrong, mut faults) = (Vec::new(), Vec::new());
    for Imported { package: name, text } in packages {
        let place = source.name_of(&name);
        let count = text.len();
        match Package::read(Counted::new(text, |read| progress.step(done + read, total))) {
            Ok(package) => parsed.push((name, package)),
            Err(ReadError::Parse(found)) => {
                faults.extend(found.into_iter().map(|fault| fault.in_file(&*place)));
                wrong.push(name.to_string());
            }
            Err(ReadError::Io(error)) => return Err(Failure::file(Path::new(&*place), &error)),
        }
        done += count;
    }
    if wrong.is_empty() {
        return Ok(parsed);
    }
    Err(Failure::invalid(msg!("package-unparsable", package = wrong.join(", ")), faults))
}

fn refused(format: Format, source: &str, error: FormatError) -> Failure {
    let name = format.name();
    match error {
        FormatError::Text(diagnostics) => {
            let diagnostics = diagnostics.into_iter().map(|found| found.in_file(source)).collect();
            Failure::invalid(msg!("import-unparsable", source = source), diagnostics)
        }
        FormatError::NoPackage => {
            Failure::usage(msg!("import-no-package", source = source)).hint(msg!("import-no-package-hint"))
        }
        FormatError::Syntax(cause) => Failure::invalid(
            msg!("import-wrong-format", source = source, format = name, cause = cause),
            Vec::new(),
        ),
        FormatError::Version(version) => Failure::invalid(
            msg!("import-version", source = source, version = version.to_string()),
            Vec::new(),
        ),
        FormatError::Place(place, cause) => {
            Failure::invalid(msg!("import-place", source = source, place = place, cause = cause), Vec::new())
        }
        FormatError::NotOne(count) => Failure::usage(msg!("import-not-one", source = source, count = count)),
        FormatError::Twice(package) => {
            Failure::invalid(msg!("import-twice", source = source, package = package.as_str()), Vec::new())
        }
    }
}

/// Stages what the document has and the packages have not: options override, list items are appended,
/// anonymous sections are added. With `dry_run`, shows it.
fn merge(
    session: &mut Session,
    packages: Vec<(PackageName, Package)>,
    dry_run: bool,
) -> Result<Exit, Failure> {
    let names: Vec<PackageName> = packages.iter().map(|(name, _)| name.clone()).collect();
    let mut stage = session.stage(Some(&names))?;
    let (mut changed, mut merged) = (0, Vec::new());
    for (name, incoming) in packages {
        if dry_run {
            let before = session::staged(&mut stage, &name)?.package().clone();
            merge_package(&mut stage, &name, &incoming)?;
            merged.push(preview::Merged { name, before });
        } else {
            changed += merge_package(&mut stage, &name, &incoming)?;
        }
    }
    if dry_run {
        return preview::merge(&mut stage, &merged, session);
    }
    stage.save()?;
    session.output.say(&msg!("import-staged", count = changed));
    Ok(Exit::Ok)
}

fn merge_package(stage: &mut Stage, name: &PackageName, incoming: &Package) -> Result<usize, Failure> {
    let draft = session::staged(stage, name)?;
    let before = draft.changes().len();
    for section in incoming.sections() {
        let kind = keys::type_name(section.kind().as_bytes())?;
        let refused = |error: cms::model::DraftError| {
            Failure::new(Exit::Invalid, msg!("edit-refused", key = name.as_str())).because(&error)
        };
        let selector = match section.name() {
            Some(own) => {
                let selector = Selector::Named(keys::new_name(own.as_bytes())?);
                draft.set_type(&selector, &kind).map_err(refused)?;
                selector
            }
            None => {
                let id = draft.add(&kind).map_err(refused)?;
                let Some(generated) = draft.display_name(id) else { continue };
                Selector::Named(generated)
            }
        };
        for (option, value) in section.options() {
            match value {
                Value::Scalar(_) => draft.set_option(&selector, &option, value).map_err(refused)?,
                Value::List(items) => {
                    let mut done = cms::model::Outcome { changed: false };
                    for item in items {
                        done = draft.add_list(&selector, &option, &item).map_err(refused)?;
                    }
                    done
                }
            };
        }
    }
    Ok(draft.changes().len() - before)
}
