//! Where an import comes from, and in which format.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use cms::model::PackageName;

use crate::failure::Failure;
use crate::format::{Format, Imported, Input, Text};
use crate::keys;
use crate::progress::{Counted, Progress};
use crate::session::Session;
use crate::text::{msg, text};

/// A format of ours, or that of another world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Document(Format),
    Foreign(cms_foreign::Format),
}

impl Origin {
    pub(super) fn from_name(name: &str) -> Option<Origin> {
        let document = Format::from_name(name).map(Origin::Document);
        document.or_else(|| cms_foreign::Format::from_name(name).map(Origin::Foreign))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Origin::Document(format) => format.name(),
            Origin::Foreign(format) => format.name(),
        }
    }
}

/// What is read.
#[derive(Debug)]
pub(super) enum Source {
    Stdin,
    File(PathBuf),
    /// The packages of another configuration directory.
    Directory(PathBuf),
}

/// The package that the words of a call name, and what is to be read.
pub(super) fn find(
    matches: &ArgMatches,
    session: &Session,
) -> Result<(Option<PackageName>, Source), Failure> {
    let word = matches.get_one::<std::ffi::OsString>("key");
    // No package has a slash in its name, and none is called `-`.
    let path = word.filter(|word| word.as_encoded_bytes().contains(&b'/') || *word == "-");
    let mut name = match (word, path) {
        (Some(word), None) => match keys::key(word)? {
            key if key.section.is_some() => {
                return Err(Failure::usage(msg!("package-wanted", key = key.to_string())));
            }
            key => Some(key.package),
        },
        _ => None,
    };
    if let Some(other) = super::super::text_of(matches, "package") {
        if name.is_some() {
            return Err(Failure::usage(msg!("not-together", name = "PACKAGE", other = "--package")));
        }
        name = Some(keys::package(other.as_ref())?);
    }
    let file = match (path, &session.globals.file) {
        (Some(_), Some(_)) => return Err(Failure::usage(msg!("not-together", name = "FILE", other = "-f"))),
        (Some(path), None) => Some(Path::new(path)),
        (None, file) => file.as_deref(),
    };
    Ok((
        name,
        match file {
            None => Source::Stdin,
            Some(path) if path.as_os_str() == "-" => Source::Stdin,
            Some(path) if path.is_dir() => Source::Directory(path.to_owned()),
            Some(path) => Source::File(path.to_owned()),
        },
    ))
}

impl Source {
    /// What messages call it.
    pub(super) fn name(&self) -> Cow<'_, str> {
        match self {
            Source::Stdin => "stdin".into(),
            Source::File(path) | Source::Directory(path) => path.to_string_lossy(),
        }
    }

    /// What they call the place of a package in it.
    pub(super) fn name_of(&self, package: &PackageName) -> Cow<'_, str> {
        match self {
            Source::Directory(folder) => folder.join(package.as_str()).to_string_lossy().into_owned().into(),
            Source::Stdin | Source::File(_) => self.name(),
        }
    }

    /// The format that `--format` names, or the file by its name where that leaves no doubt; UCI text otherwise.
    pub(super) fn origin(&self, session: &Session) -> Result<Origin, Failure> {
        if let Some(name) = session.globals.format.as_deref() {
            let known: Vec<&str> = Format::NAMES.into_iter().chain(foreign_names()).collect();
            return Origin::from_name(name).ok_or_else(|| super::super::unknown_format(name, &known));
        }
        Ok(match self {
            Source::File(path) => guessed(path).unwrap_or(Origin::Document(Format::Uci)),
            Source::Stdin | Source::Directory(_) => Origin::Document(Format::Uci),
        })
    }

    /// Reads all of it.
    pub(super) fn read(&self, origin: Origin, progress: &mut Progress) -> Result<Input, Failure> {
        // UCI text is given back piece by piece while it is parsed; other documents are not.
        let in_pieces = origin == Origin::Document(Format::Uci);
        let read = match self {
            Source::Stdin => {
                // Behind `<` there may be a file all the same.
                let stdin = io::stdin().lock();
                let total =
                    rustix::fs::fstat(&stdin).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
                let reader = Counted::new(stdin, |done| progress.step(done, total));
                if in_pieces { Input::read(reader) } else { Input::read_whole(reader, hint(total)) }
            }
            Source::File(path) | Source::Directory(path) => File::open(path).and_then(|file| {
                let total = file.metadata()?.len();
                let reader = Counted::new(file, |done| progress.step(done, total));
                if in_pieces { Input::read(reader) } else { Input::read_whole(reader, hint(total)) }
            }),
        };
        read.map_err(|error| Failure::file(self.name().as_ref().as_ref(), &error))
    }
}

/// How much room is made at once: what a file says of its size need not be so.
fn hint(total: u64) -> usize {
    usize::try_from(total).unwrap_or(0).min(1 << 30)
}

fn foreign_names() -> impl Iterator<Item = &'static str> {
    cms_foreign::Format::ALL.into_iter().map(cms_foreign::Format::name)
}

/// The format that goes with a file's name. `.conf` alone may be anything, and so is not among them.
fn guessed(path: &Path) -> Option<Origin> {
    use cms_foreign::Format as Foreign;
    let name = path.file_name()?.to_str()?;
    let end = path.extension().and_then(|end| end.to_str());
    let folder = path.parent().and_then(Path::file_name).and_then(|folder| folder.to_str());
    match (name, end, folder) {
        (".env", _, _) | (_, Some("env"), _) => Some(Origin::Foreign(Foreign::Env)),
        ("sysctl.conf", _, _) | (_, Some("conf"), Some("sysctl.d")) => Some(Origin::Foreign(Foreign::Sysctl)),
        (_, Some("ini"), _) => Some(Origin::Foreign(Foreign::Ini)),
        (_, Some("csv"), _) => Some(Origin::Foreign(Foreign::Csv)),
        (_, Some("yml"), _) => Some(Origin::Document(Format::Yaml)),
        (_, Some(end), _) => Format::from_name(end).map(Origin::Document),
        _ => None,
    }
}

/// How far it has come, on a terminal and where no program reads.
pub(super) fn progress(session: &Session) -> Progress {
    Progress::new(text("progress-import"), &session.output).only_if(!session.globals.json)
}

/// Reads all packages of a directory, or the one that is named. What is no package is counted.
pub(super) fn read_directory(
    folder: &Path,
    name: Option<&PackageName>,
    progress: &mut Progress,
    session: &mut Session,
) -> Result<Vec<Imported>, Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| Failure::file(&path, &error)
    };
    let (mut files, mut others) = (Vec::new(), 0);
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let package = path.file_name().and_then(|name| PackageName::new(name.to_str()?).ok());
        match package {
            Some(package) if path.is_file() => files.push((package, path)),
            _ => others += 1,
        }
    }
    files.retain(|(package, _)| name.is_none_or(|name| name == package));
    files.sort();
    if let Some(name) = name
        && files.is_empty()
    {
        return Err(Failure::file(&folder.join(name.as_str()), &io::ErrorKind::NotFound.into()));
    }
    if others > 0 && name.is_none() {
        progress.wipe();
        session.output.say(&msg!("import-others", count = others));
    }
    let total: u64 = files.iter().filter_map(|(_, path)| Some(path.metadata().ok()?.len())).sum();
    let (mut done, mut packages) = (0, Vec::new());
    for (package, path) in files {
        let file = File::open(&path).map_err(failed(&path))?;
        let read = Input::read(Counted::new(file, |read| progress.step(done + read, total)));
        let text: Text = read.map_err(failed(&path))?.into();
        done += text.len();
        packages.push(Imported { package, text });
    }
    Ok(packages)
}

/// Reads all of `-f FILE`, or of stdin.
pub(in crate::verb) fn input(session: &Session) -> Result<(String, Input), Failure> {
    let source = match &session.globals.file {
        Some(path) if path.as_os_str() != "-" => Source::File(path.clone()),
        _ => Source::Stdin,
    };
    let mut progress = progress(session).only_if(false);
    Ok((source.name().into_owned(), source.read(Origin::Document(Format::Uci), &mut progress)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_leaves_no_doubt_says_the_format() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(guessed(Path::new(path)).map(Origin::name), expected, "{path}");
        };
        check("a.json", Some("json"));
        check("a.yml", Some("yaml"));
        check("dir.ini/a.toml", Some("toml"));
        check("x/php.ini", Some("ini"));
        check(".env", Some("env"));
        check("/srv/app/prod.env", Some("env"));
        check("/etc/sysctl.conf", Some("sysctl"));
        check("/etc/sysctl.d/10-net.conf", Some("sysctl"));
        check("/etc/my.conf", None);
        check("hosts.csv", Some("csv"));
        check("etcd", None);
        check("network", None);
        check("a.uci", Some("uci"));
    }
}
