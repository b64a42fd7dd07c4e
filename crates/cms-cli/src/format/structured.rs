//! JSON, YAML and TOML, written by hand: the three differ only in brackets, and strings of one kind
//! serve them all.
//!
//! Every string is quoted. What a YAML reader would take for a number, a boolean or nothing stays
//! the string that it is.

use std::io::{self, Write};

use cms::model::{Package, PackageName, Value};

use super::{Anonymous, Format};
use crate::base64;

/// The version of the shape, stated in every document.
pub(super) const VERSION: u32 = 1;

pub(super) fn write(
    out: &mut dyn Write,
    format: Format,
    name: &PackageName,
    package: &Package,
    anonymous: Anonymous,
    first: bool,
) -> io::Result<()> {
    begin_package(out, format, name, package.is_empty(), first)?;
    for (position, section) in package.sections().enumerate() {
        let generated = (anonymous == Anonymous::Generated && section.name().is_none())
            .then(|| cms::model::generated_name(position + 1, section.kind().as_bytes()));
        let section_name = generated.as_deref().or(section.name());
        begin_section(out, format, section.kind(), section_name, position == 0)?;
        let options = section.options();
        begin_options(out, format, options.is_empty())?;
        for (number, (option, value)) in options.iter().enumerate() {
            write_option(out, format, option, value, number == 0)?;
        }
        end_section(out, format, options.is_empty())?;
    }
    end_package(out, format, package.is_empty())
}

pub(super) fn end(out: &mut dyn Write, format: Format, empty: bool) -> io::Result<()> {
    match (format, empty) {
        (Format::Json, false) => out.write_all(b"\n  ]\n}\n"),
        (Format::Json, true) => writeln!(out, "{{\n  \"cms\": {VERSION},\n  \"packages\": []\n}}"),
        (Format::Yaml, true) => writeln!(out, "cms: {VERSION}\npackages: []"),
        (Format::Toml, true) => writeln!(out, "cms = {VERSION}\npackages = []"),
        _ => Ok(()),
    }
}

fn begin_package(
    out: &mut dyn Write,
    format: Format,
    name: &PackageName,
    empty: bool,
    first: bool,
) -> io::Result<()> {
    match format {
        Format::Json => {
            if first {
                write!(out, "{{\n  \"cms\": {VERSION},\n  \"packages\": [")?;
            }
            out.write_all(if first { b"\n    {\n      \"name\": " } else { b",\n    {\n      \"name\": " })?;
            write_string(out, name.as_bytes())?;
            out.write_all(if empty { b",\n      \"sections\": [" } else { b",\n      \"sections\": [\n" })
        }
        Format::Yaml => {
            if first {
                write!(out, "cms: {VERSION}\npackages:\n")?;
            }
            out.write_all(b"  - name: ")?;
            write_string(out, name.as_bytes())?;
            out.write_all(if empty { b"\n    sections: []\n" } else { b"\n    sections:\n" })
        }
        Format::Toml | Format::Uci => {
            if first {
                writeln!(out, "cms = {VERSION}")?;
            }
            out.write_all(b"\n[[packages]]\nname = ")?;
            write_string(out, name.as_bytes())?;
            out.write_all(if empty { b"\nsections = []\n" } else { b"\n" })
        }
    }
}

fn end_package(out: &mut dyn Write, format: Format, empty: bool) -> io::Result<()> {
    match format {
        Format::Json if empty => out.write_all(b"]\n    }"),
        Format::Json => out.write_all(b"\n      ]\n    }"),
        Format::Yaml | Format::Toml | Format::Uci => Ok(()),
    }
}

fn begin_section(
    out: &mut dyn Write,
    format: Format,
    kind: &str,
    name: Option<&str>,
    first: bool,
) -> io::Result<()> {
    let (start, name_is): (&[u8], &[u8]) = match format {
        Format::Json if first => (b"        {\n          \"type\": ", b",\n          \"name\": "),
        Format::Json => (b",\n        {\n          \"type\": ", b",\n          \"name\": "),
        Format::Yaml => (b"      - type: ", b"\n        name: "),
        Format::Toml | Format::Uci => (b"\n[[packages.sections]]\ntype = ", b"\nname = "),
    };
    out.write_all(start)?;
    write_string(out, kind.as_bytes())?;
    if let Some(name) = name {
        out.write_all(name_is)?;
        write_string(out, name.as_bytes())?;
    }
    Ok(())
}

fn begin_options(out: &mut dyn Write, format: Format, empty: bool) -> io::Result<()> {
    out.write_all(match format {
        Format::Json if empty => b",\n          \"options\": {}",
        Format::Json => b",\n          \"options\": {\n",
        Format::Yaml if empty => b"\n        options: {}\n",
        Format::Yaml => b"\n        options:\n",
        Format::Toml | Format::Uci => b"\n[packages.sections.options]\n",
    })
}

fn end_section(out: &mut dyn Write, format: Format, empty: bool) -> io::Result<()> {
    match format {
        Format::Json if empty => out.write_all(b"\n        }"),
        Format::Json => out.write_all(b"\n          }\n        }"),
        Format::Yaml | Format::Toml | Format::Uci => Ok(()),
    }
}

fn write_option(
    out: &mut dyn Write,
    format: Format,
    name: &str,
    value: &Value,
    first: bool,
) -> io::Result<()> {
    match format {
        Format::Json if first => write!(out, "            \"{name}\": ")?,
        Format::Json => write!(out, ",\n            \"{name}\": ")?,
        Format::Yaml => write!(out, "          \"{name}\": ")?,
        // A name is letters, digits and `_`: a bare key of TOML.
        Format::Toml | Format::Uci => write!(out, "{name} = ")?,
    }
    match value {
        Value::Scalar(bytes) => write_bytes(out, format, bytes)?,
        Value::List(items) => {
            out.write_all(b"[")?;
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.write_all(b", ")?;
                }
                write_bytes(out, format, item)?;
            }
            out.write_all(b"]")?;
        }
    }
    match format {
        Format::Json => Ok(()),
        Format::Yaml | Format::Toml | Format::Uci => out.write_all(b"\n"),
    }
}

/// Writes a value: as a string if it is UTF-8, else as base64 with a mark.
fn write_bytes(out: &mut dyn Write, format: Format, bytes: &[u8]) -> io::Result<()> {
    if std::str::from_utf8(bytes).is_ok() {
        return write_string(out, bytes);
    }
    let text = base64::encode(bytes);
    match format {
        Format::Toml => write!(out, "{{ base64 = \"{text}\" }}"),
        Format::Json | Format::Yaml | Format::Uci => write!(out, "{{\"base64\": \"{text}\"}}"),
    }
}

/// Writes UTF-8 as a quoted string that means the same in JSON, YAML 1.2 and TOML.
fn write_string(out: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    // Nearly all text needs no escape and goes out in one piece.
    let mut written = 0;
    for (at, c) in String::from_utf8_lossy(text).char_indices() {
        let escape: &[u8] = match c {
            '"' => b"\\\"",
            '\\' => b"\\\\",
            '\n' => b"\\n",
            '\r' => b"\\r",
            '\t' => b"\\t",
            // Control characters, and what YAML takes for a line break or refuses to show.
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => b"",
            _ => continue,
        };
        out.write_all(&text[written..at])?;
        written = at + c.len_utf8();
        if escape.is_empty() {
            write!(out, "\\u{:04x}", u32::from(c))?;
        } else {
            out.write_all(escape)?;
        }
    }
    out.write_all(&text[written..])?;
    out.write_all(b"\"")
}
