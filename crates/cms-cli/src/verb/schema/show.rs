//! `schema show`: what schemas say of a package, of the sections of a type, or of an option.

use clap::{Arg, ArgMatches, Command};
use cms::model::PackageName;
use cms::model::schema::{Field, Module, SectionType};
use serde_json::{Value as JsonValue, json};

use super::super::action::Action;
use super::packages::{self, Found};
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::keys;
use crate::section_type::{self, mode_word, unknown_word};
use crate::session::Session;
use crate::text::msg;
use crate::{field, lines, spelling, table};

pub(super) const ACTION: Action = Action { name: "show", arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    let key = Arg::new("schema-key").value_name("PACKAGE[.TYPE[.OPTION]]").required(true);
    command.arg(key.help(help!("schema-key", help)))
}

/// What is asked for.
struct Wanted {
    package: PackageName,
    kind: Option<String>,
    option: Option<String>,
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let typed = super::super::text_of(matches, "schema-key").unwrap_or_default();
    let (package, rest) =
        typed.split_once('.').map_or((typed, None), |(package, rest)| (package, Some(rest)));
    let package = keys::package(package.as_ref())?;
    let found = packages::find(&package, session)?;
    let wanted = wanted(package, rest, &found)?;
    session.output.page();
    if session.globals.json {
        let modules: Vec<_> = found.iter().filter_map(|found| to_json(found, &wanted)).collect();
        let answer = json!({ "package": wanted.package.as_str(), "modules": modules });
        session.output.line(Json::answer("schema", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    let mut is_first = true;
    for Found { module, .. } in &found {
        let shapes: Vec<_> = shapes(module, &wanted).collect();
        if shapes.is_empty() && wanted.kind.is_some() {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            session.output.line("")?;
        }
        match (&wanted.kind, &wanted.option) {
            (None, _) => types(module, &shapes, session)?,
            (Some(_), None) => {
                for shape in shapes {
                    fields(module, shape, session)?;
                }
            }
            (Some(kind), Some(option)) => {
                for field in shapes.iter().filter_map(|shape| field_of(module, shape, option)) {
                    let key = format!("{}.{kind}.{}", wanted.package, field.name());
                    let title = session.output.paint.title(&key);
                    session.output.line(title)?;
                    lines::write(&field::lines(field), session)?;
                }
            }
        }
    }
    Ok(Exit::Ok)
}

/// Takes apart what stands behind the package: types may have dots in their names, options may not.
fn wanted(package: PackageName, rest: Option<&str>, found: &[Found]) -> Result<Wanted, Failure> {
    let Some(rest) = rest else { return Ok(Wanted { package, kind: None, option: None }) };
    let knows = |kind: &str| found.iter().any(|found| shape(&found.module, kind).is_some());
    if knows(rest) && !rest.contains('.') {
        return Ok(Wanted { package, kind: Some(rest.to_owned()), option: None });
    }
    let (kind, option) = match rest.rsplit_once('.') {
        Some((kind, option)) if knows(kind) => (kind, option),
        _ if knows(rest) => return Ok(Wanted { package, kind: Some(rest.to_owned()), option: None }),
        _ => return Err(no_type(&package, rest, found)),
    };
    let shapes = || found.iter().filter_map(|found| Some((&*found.module, shape(&found.module, kind)?)));
    if !shapes().any(|(module, shape)| field_of(module, shape, option).is_some()) {
        let known = shapes().flat_map(|(module, shape)| module.fields_of(shape)).map(Field::name);
        let nearest = spelling::nearest(option, known);
        return Err(Failure::not_found(msg!("schema-no-option", option = option, kind = kind))
            .hint_if_any(nearest.map(|name| msg!("did-you-mean", name = name))));
    }
    Ok(Wanted { package, kind: Some(kind.to_owned()), option: Some(option.to_owned()) })
}

fn no_type(package: &PackageName, typed: &str, found: &[Found]) -> Failure {
    let known = || found.iter().flat_map(|found| found.module.section_types()).map(SectionType::kind);
    let kind = typed.split('.').next().unwrap_or_default();
    let hint = match spelling::nearest(kind, known()) {
        Some(name) => msg!("did-you-mean", name = name),
        None => msg!("one-of", names = known().collect::<Vec<_>>().join(" ")),
    };
    Failure::not_found(msg!("schema-no-type", kind = kind, package = package.as_str())).hint(hint)
}

/// What a module says of the sections of a type.
fn shape<'m>(module: &'m Module, kind: &str) -> Option<&'m SectionType> {
    module.section_type(kind).or(module.undeclared())
}

fn shapes<'m>(module: &'m Module, wanted: &Wanted) -> impl Iterator<Item = &'m SectionType> {
    let one = wanted.kind.as_deref().and_then(|kind| shape(module, kind));
    let all = wanted.kind.is_none().then(|| section_type::of(module));
    one.into_iter().chain(all.into_iter().flatten())
}

fn field_of<'m>(module: &'m Module, shape: &'m SectionType, option: &str) -> Option<&'m Field> {
    let mut fields = module.fields_of(shape);
    fields.find(|field| field.name() == option).or_else(|| module.field(shape.kind(), option))
}

/// A module with its types.
fn types(module: &Module, shapes: &[&SectionType], session: &mut Session) -> Result<(), Failure> {
    let settings = module.settings();
    let mode = mode_word(settings.mode);
    let title = session.output.paint.title(&format!("{} {} ({mode})", module.name(), settings.version));
    session.output.line(title)?;
    if let Some(description) = &settings.description {
        session.output.line(format!("  {description}"))?;
    }
    session.output.line("")?;
    let rows = shapes.iter().map(|shape| section_type::cells(module, shape)).collect();
    session.output.line(table::draw(&section_type::titles(), rows))
}

/// A type with its options.
fn fields(module: &Module, shape: &SectionType, session: &mut Session) -> Result<(), Failure> {
    let kind = format!("{} {}: {}", module.name(), module.settings().version, section_type::kind(shape));
    let title = session.output.paint.title(&kind);
    session.output.line(title)?;
    if let Some(description) = shape.description() {
        session.output.line(format!("  {description}"))?;
    }
    session.output.line("")?;
    let rows: Vec<_> = module.fields_of(shape).map(field::cells).collect();
    if rows.is_empty() {
        session.output.say(&msg!("schema-no-options"));
        return Ok(());
    }
    session.output.line(table::draw(&field::titles(), rows))
}

fn to_json(found: &Found, wanted: &Wanted) -> Option<JsonValue> {
    let module = &found.module;
    let mut types = Vec::new();
    for shape in shapes(module, wanted) {
        let fields: Vec<_> = match &wanted.option {
            None => module.fields_of(shape).map(field::to_json).collect(),
            Some(option) => vec![field::to_json(field_of(module, shape, option)?)],
        };
        types.push(section_type::to_json(shape, fields));
    }
    if types.is_empty() && wanted.kind.is_some() {
        return None;
    }
    let settings = module.settings();
    Some(json!({
        "name": module.name(),
        "version": settings.version.to_string(),
        "mode": mode_word(settings.mode),
        "unknown": unknown_word(settings.unknown),
        "file": found.path,
        "description": settings.description,
        "types": types,
    }))
}
