//! The printer: values quoted, and packages in the form that `uci` writes.

use std::io::{self, Write};

use memchr::memchr_iter;

use crate::lexer::is_bare_type_byte;
use crate::value::Value;

/// Puts `value` in single quotes; a quote within becomes `'\''`.
///
/// ```
/// assert_eq!(cms_model::quote(b"it's"), br"'it'\''s'");
/// ```
pub fn quote(value: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(value.len() + 2);
    write_quoted(&mut quoted, value).expect("writing to memory cannot fail");
    quoted
}

/// Writes `value` as [`quote`] gives it.
///
/// # Errors
/// If `out` fails.
pub fn write_quoted(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    out.write_all(b"'")?;
    let mut start = 0;
    for quote in memchr_iter(b'\'', value) {
        out.write_all(&value[start..quote])?;
        out.write_all(br"'\''")?;
        start = quote + 1;
    }
    out.write_all(&value[start..])?;
    out.write_all(b"'")
}

/// Writes a section type: bare, or in quotes where it could not be read back.
///
/// # Errors
/// If `out` fails.
pub fn write_type(out: &mut impl Write, kind: &[u8]) -> io::Result<()> {
    if !kind.is_empty() && kind.iter().all(|byte| is_bare_type_byte(*byte)) {
        out.write_all(kind)
    } else {
        write_quoted(out, kind)
    }
}

/// Writes packages in the canonical form, piece by piece.
///
/// ```
/// use cms_model::{Export, Value};
///
/// let mut export = Export::new(Vec::new());
/// export.package(b"network")?;
/// export.section(b"interface", Some(b"lan"))?;
/// export.option(b"dns", &Value::list(["1.1.1.1", "9.9.9.9"]))?;
/// export.end()?;
/// let text = b"package network\n\nconfig interface 'lan'\n\tlist dns '1.1.1.1'\n\tlist dns '9.9.9.9'\n\n";
/// assert_eq!(export.into_inner(), text);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Export<W> {
    out: W,
}

impl<W: Write> Export<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Export<W> {
        Export { out }
    }

    /// Writes the line `package`, which an export has and a package file has not.
    ///
    /// # Errors
    /// If the output fails.
    pub fn package(&mut self, name: &[u8]) -> io::Result<()> {
        self.line(&[b"package ", name, b"\n"])
    }

    /// Begins a section; an anonymous one has no name.
    ///
    /// # Errors
    /// If the output fails.
    pub fn section(&mut self, kind: &[u8], name: Option<&[u8]>) -> io::Result<()> {
        self.out.write_all(b"\nconfig ")?;
        write_type(&mut self.out, kind)?;
        if let Some(name) = name {
            self.line(&[b" '", name, b"'"])?;
        }
        self.out.write_all(b"\n")
    }

    /// Writes an option: one line, or a line for each item of a list.
    ///
    /// # Errors
    /// If the output fails.
    pub fn option(&mut self, name: &[u8], value: &Value) -> io::Result<()> {
        value.items().iter().try_for_each(|item| self.item(name, item, value.is_list()))
    }

    /// Writes one line of an option: its value, or an item of its list.
    ///
    /// ```
    /// let mut export = cms_model::Export::new(Vec::new());
    /// export.item(b"dns", b"1.1.1.1", true)?;
    /// assert_eq!(export.into_inner(), b"\tlist dns '1.1.1.1'\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the output fails.
    pub fn item(&mut self, name: &[u8], item: &[u8], is_list: bool) -> io::Result<()> {
        let keyword: &[u8] = if is_list { b"\tlist " } else { b"\toption " };
        self.line(&[keyword, name, b" "])?;
        write_quoted(&mut self.out, item)?;
        self.out.write_all(b"\n")
    }

    /// Appends lines that were written elsewhere in this form.
    ///
    /// # Errors
    /// If the output fails.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.out.write_all(lines)
    }

    /// Ends the package with the empty line that `uci` puts there.
    ///
    /// # Errors
    /// If the output fails.
    pub fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    /// Returns the output.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn line(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        parts.iter().try_for_each(|part| self.out.write_all(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::unquote;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(value: Vec<u8>) {
            prop_assert_eq!(unquote(&quote(&value)), value);
        }
    }

    #[test]
    fn types_are_quoted_only_where_they_must_be() {
        let check = |kind: &str, text: &str| {
            let mut out = Vec::new();
            write_type(&mut out, kind.as_bytes()).unwrap();
            assert_eq!(out, text.as_bytes());
        };
        check("wifi-iface", "wifi-iface");
        check("a.b[0]=@", "a.b[0]=@");
        check("a#b", "'a#b'");
        check("a;b", "'a;b'");
        check("a'b", r"'a'\''b'");
        check("a\\b", "'a\\b'");
    }

    #[test]
    fn an_empty_package_is_one_newline_and_an_empty_list_is_nothing() {
        let mut export = Export::new(Vec::new());
        export.section(b"rule", None).unwrap();
        export.option(b"gone", &Value::List(Vec::new())).unwrap();
        export.option(b"o", &Value::scalar("a\nb")).unwrap();
        export.end().unwrap();
        assert_eq!(export.into_inner(), b"\nconfig rule\n\toption o 'a\nb'\n\n");
    }
}
