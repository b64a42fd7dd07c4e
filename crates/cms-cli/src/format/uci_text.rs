//! UCI text: a `package` line and the package's own bytes, comments and layout included.

use std::io::{self, Write};
use std::ops::Range;

use cms::model::{Command, Export, Package, PackageName, Parser, SliceParser, generated_name};

use super::read::{FormatError, Imported};
use super::{Anonymous, Input};

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
pub(super) fn split(input: Input, name: Option<&PackageName>) -> Result<Vec<Imported>, FormatError> {
    let mut packages: Vec<(PackageName, Range<usize>)> = Vec::new();
    let mut diagnostics = Vec::new();
    let mut sections = false;
    // Comments above the first `package` line belong to that package.
    let mut header = 0..0;
    let mut parser = Parser::new(input.reader());
    // What is in memory is read without a fault.
    while let Ok(Some(event)) = parser.next() {
        match event {
            Err(error) => diagnostics.push(error.diagnostic()),
            Ok(event) => {
                let Command::Package { name } = &event.command else {
                    sections = true;
                    continue;
                };
                // A file that says its own name says it below the line that `write` put above it.
                if !sections && packages.last().is_some_and(|(last, _)| *name.value() == *last.as_bytes()) {
                    continue;
                }
                let start = event.offset() as usize;
                let line = line_begin(&input, start);
                match packages.last_mut() {
                    Some((_, body)) => body.end = body_end(&input, body.start, line),
                    None if sections => return Err(FormatError::NoPackage),
                    None => header = 0..line,
                }
                sections = false;
                let package = PackageName::try_from(&*name.value())
                    .map_err(|error| FormatError::Place("package".to_owned(), error.to_string()))?;
                let body = line_end(&input, start + event.span.len());
                packages.push((package, body..input.len()));
            }
        }
    }
    drop(parser);
    if !diagnostics.is_empty() {
        return Err(FormatError::Text(diagnostics));
    }
    if let Some(name) = name
        && packages.len() != 1
    {
        packages = vec![(name.clone(), 0..input.len())];
        header = 0..0;
    }
    if packages.is_empty() && sections {
        return Err(FormatError::NoPackage);
    }
    if header.clone().all(|at| input.get(at).is_none_or(|byte| byte.is_ascii_whitespace())) {
        header = 0..0;
    }
    let (names, bodies): (Vec<PackageName>, Vec<Range<usize>>) = packages.into_iter().unzip();
    let mut texts = input.cut(&[&[header], &bodies[..]].concat()).into_iter();
    let mut header = texts.next();
    let packages = names.into_iter().zip(texts).map(|(package, body)| {
        let mut text = header.take().unwrap_or_default();
        text.append(body);
        Imported { package, text }
    });
    Ok(packages.collect())
}

/// Where the line of a `package` command begins, or the command itself when another one is before it.
fn line_begin(input: &Input, command: usize) -> usize {
    for at in (0..command).rev() {
        match input.get(at) {
            Some(b'\n') => return at + 1,
            Some(byte) if byte.is_ascii_whitespace() => {}
            _ => return command,
        }
    }
    0
}

/// Where the text behind a `package` command begins: on the next line, or behind a `;` on this one.
fn line_end(input: &Input, command_end: usize) -> usize {
    let mut is_comment = false;
    for at in command_end..input.len() {
        match input.get(at) {
            Some(b'\n') => return at + 1,
            Some(b';') if !is_comment => return at + 1,
            Some(b'#') => is_comment = true,
            _ => {}
        }
    }
    input.len()
}

/// Where the text of a package ends that another one follows: `write` put a newline between the two.
fn body_end(input: &Input, start: usize, end: usize) -> usize {
    match end.checked_sub(1) {
        Some(last) if last >= start && input.get(last) == Some(b'\n') => last,
        _ => end,
    }
}
