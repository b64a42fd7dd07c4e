//! UCI text: a `package` line and the package's own bytes, comments and layout included.

use std::io::{self, Write};

use cms::model::{Command, Export, Package, PackageName, SliceParser, generated_name};

use super::Anonymous;
use super::read::{FormatError, Imported};

pub(super) fn write(
    out: &mut dyn Write,
    name: &PackageName,
    package: &Package,
    anonymous: Anonymous,
    first: bool,
) -> io::Result<()> {
    if !first {
        // The text before may lack its last newline.
        out.write_all(b"\n")?;
    }
    // Generated names are not in the text; and a text with lines that name other packages would be read
    // back as several. Both are written anew, in the form of `uci export`.
    if anonymous == Anonymous::Generated || names_others(name, package) {
        return canonical(out, name, package, anonymous);
    }
    writeln!(out, "package {name}")?;
    package.write_text(&mut &mut *out)
}

/// Whether the text holds a `package` line that `split` would split it at. A package file may have such
/// lines, and readers of the file ignore them; its own name above the first section does no harm.
fn names_others(name: &PackageName, package: &Package) -> bool {
    // Scanning the text for the word first spares parsing nearly always.
    if !package.chunks().any(may_name_a_package) {
        return false;
    }
    let text = package.text();
    let mut sections = false;
    SliceParser::new(&text).flatten().any(|event| match &event.command {
        Command::Package { name: other } => sections || *other.value() != *name.as_bytes(),
        _ => {
            sections = true;
            false
        }
    })
}

fn may_name_a_package(text: &[u8]) -> bool {
    text.split(|byte| matches!(byte, b'\n' | b';')).any(|line| {
        let line = line.trim_ascii_start();
        line.starts_with(b"p ") || line.starts_with(b"p\t") || line.starts_with(b"package")
    })
}

fn canonical(
    out: &mut dyn Write,
    name: &PackageName,
    package: &Package,
    anonymous: Anonymous,
) -> io::Result<()> {
    let mut export = Export::new(out);
    export.package(name.as_bytes())?;
    for (position, section) in package.sections().enumerate() {
        let kind = section.kind().as_bytes();
        let generated = (anonymous == Anonymous::Generated && section.is_anonymous())
            .then(|| generated_name(position + 1, kind));
        let section_name = generated.as_deref().or(section.name());
        export.section(kind, section_name.map(str::as_bytes))?;
        for (option, value) in section.options() {
            export.option(option.as_bytes(), &value)?;
        }
    }
    export.end()
}

/// Splits a stream at its `package` lines. Each package keeps the bytes between them. A stream without
/// such a line is a package only if `name` says which; so is one with several, as for `uci import NAME`.
pub(super) fn split(text: &[u8], name: Option<&PackageName>) -> Result<Vec<Imported>, FormatError> {
    let mut packages: Vec<Imported> = Vec::new();
    let mut diagnostics = Vec::new();
    let mut body_start = 0;
    let mut sections = false;
    // Comments above the first `package` line belong to that package.
    let mut header: &[u8] = b"";
    for event in SliceParser::new(text) {
        match event {
            Err(error) => diagnostics.push(error.diagnostic()),
            Ok(event) => {
                let Command::Package { name } = &event.command else {
                    sections = true;
                    continue;
                };
                // A file that says its own name says it below the line that `write` put above it.
                if !sections && packages.last().is_some_and(|last| *name.value() == *last.package.as_bytes())
                {
                    continue;
                }
                let before = &text[body_start..line_begin(text, event.span.start)];
                match packages.last_mut() {
                    Some(previous) => previous.text = body(before),
                    None if sections => return Err(FormatError::NoPackage),
                    None => header = before,
                }
                sections = false;
                let package = PackageName::try_from(&*name.value())
                    .map_err(|error| FormatError::Place("package".to_owned(), error.to_string()))?;
                packages.push(Imported { package, text: Vec::new() });
                body_start = line_end(text, event.span.end);
            }
        }
    }
    if !diagnostics.is_empty() {
        return Err(FormatError::Text(diagnostics));
    }
    if let Some(name) = name
        && packages.len() != 1
    {
        return Ok(vec![Imported { package: name.clone(), text: text.to_vec() }]);
    }
    match packages.last_mut() {
        Some(last) => last.text = text[body_start..].to_vec(),
        None if SliceParser::new(text).next().is_some() => return Err(FormatError::NoPackage),
        None => {}
    }
    if let Some(first) = packages.first_mut().filter(|_| !header.trim_ascii().is_empty()) {
        first.text.splice(0..0, header.iter().copied());
    }
    Ok(packages)
}

/// Where the line of a `package` command begins, or the command itself when another one is before it.
fn line_begin(text: &[u8], command: usize) -> usize {
    let line = text[..command].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    if text[line..command].iter().all(u8::is_ascii_whitespace) { line } else { command }
}

/// Where the text behind a `package` command begins: on the next line, or behind a `;` on this one.
fn line_end(text: &[u8], command_end: usize) -> usize {
    for (at, byte) in text.iter().enumerate().skip(command_end) {
        match byte {
            b'\n' | b';' => return at + 1,
            b'#' => {
                let newline = text[at..].iter().position(|byte| *byte == b'\n');
                return newline.map_or(text.len(), |newline| at + newline + 1);
            }
            _ => {}
        }
    }
    text.len()
}

/// The text of a package that another one follows: `write` put a newline between the two.
fn body(text: &[u8]) -> Vec<u8> {
    text.strip_suffix(b"\n").unwrap_or(text).to_vec()
}
