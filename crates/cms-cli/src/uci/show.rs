//! What is printed: sections and options in dotted form, values, and staged changes.

use std::collections::HashMap;
use std::io::{self, Write};

use cms::model::{DeltaLine, DeltaOperation, Value, write_quoted};

use super::package::{Package, Section};

/// Prints packages to an output, with a delimiter between list items.
pub struct Printer<'a, W> {
    /// Where to.
    pub out: &'a mut W,
    /// What stands between list items.
    pub delimiter: &'a [u8],
}

impl<W: Write> Printer<'_, W> {
    /// Prints all of a package; with `extended`, anonymous sections as `@TYPE[N]`.
    pub fn package(&mut self, name: &str, package: &Package, extended: bool) -> io::Result<()> {
        let mut counts: HashMap<&[u8], usize> = HashMap::new();
        for section in package.sections() {
            let count = counts.entry(&section.kind).or_default();
            let index = *count;
            *count += 1;
            if section.anonymous && extended {
                let kind = String::from_utf8_lossy(&section.kind);
                self.section_as(name, format!("@{kind}[{index}]").as_bytes(), section)?;
            } else {
                self.section(name, section)?;
            }
        }
        Ok(())
    }

    /// Prints a section and its options.
    pub fn section(&mut self, package: &str, section: &Section) -> io::Result<()> {
        self.section_as(package, &section.name, section)
    }

    fn section_as(&mut self, package: &str, shown: &[u8], section: &Section) -> io::Result<()> {
        self.key(package, shown, None)?;
        self.out.write_all(b"=")?;
        self.out.write_all(&section.kind)?;
        self.out.write_all(b"\n")?;
        section.options.iter().try_for_each(|(name, value)| self.option(package, shown, name, value))
    }

    /// Prints an option.
    pub fn option(&mut self, package: &str, section: &[u8], name: &[u8], value: &Value) -> io::Result<()> {
        self.key(package, section, Some(name))?;
        self.out.write_all(b"=")?;
        self.value(value, true)
    }

    /// Prints a value: quoted, or raw, where only list items with blanks in them are quoted.
    pub fn value(&mut self, value: &Value, quoted: bool) -> io::Result<()> {
        let blank = |item: &[u8]| item.iter().any(|byte| b" \t\r\n".contains(byte));
        for (index, item) in value.items().iter().enumerate() {
            if index > 0 {
                self.out.write_all(self.delimiter)?;
            }
            if quoted || (value.is_list() && blank(item)) {
                write_quoted(self.out, item)?;
            } else {
                self.out.write_all(item)?;
            }
        }
        self.out.write_all(b"\n")
    }

    /// Prints a staged change.
    pub fn change(&mut self, package: &str, line: &DeltaLine) -> io::Result<()> {
        let deletion = line.operation == DeltaOperation::Delete;
        if deletion {
            self.out.write_all(b"-")?;
        }
        self.key(package, line.section.as_bytes(), line.option.as_deref().map(str::as_bytes))?;
        let sign: &[u8] = match line.operation {
            DeltaOperation::Delete => return self.out.write_all(b"\n"),
            DeltaOperation::AddList => b"+=",
            DeltaOperation::DelList => b"-=",
            _ => b"=",
        };
        self.out.write_all(sign)?;
        write_quoted(self.out, line.value.as_deref().unwrap_or_default())?;
        self.out.write_all(b"\n")
    }

    fn key(&mut self, package: &str, section: &[u8], option: Option<&[u8]>) -> io::Result<()> {
        self.out.write_all(package.as_bytes())?;
        for part in [Some(section), option].into_iter().flatten() {
            self.out.write_all(b".")?;
            self.out.write_all(part)?;
        }
        Ok(())
    }
}
