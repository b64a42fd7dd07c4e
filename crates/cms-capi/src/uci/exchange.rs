//! Packages from streams and to them: `uci_import` and `uci_export`.

#![expect(unsafe_code, reason = "packages are handed over by C")]

use std::ffi::c_int;
use std::ptr;

use cms::model::{
    Command, DeltaLine, DeltaOperation, Draft, Export, First, Name, Package, PackageName, ParseOptions,
    Selector, SliceParser, TypeName, Word,
};

use super::code::{Code, Result};
use super::context::{Context, call, seed};
use super::layout::{List, UciPackage};
use super::stream::Stream;
use super::tree::Tree;
use crate::text::Text;

/// `UCI_FLAG_EXPORT_NAME`: anonymous sections are written with the names that they go by.
const EXPORT_NAME: c_int = 1 << 2;

/// A part of a stream: the text of one package.
struct Part {
    name: Option<String>,
    text: Vec<u8>,
    has_sections: bool,
}

/// Cuts a stream where lines `package` begin another one; with `is_single` these mean nothing, and are taken out.
fn parts(text: &[u8], first: First, is_single: bool) -> Result<Vec<Part>> {
    let parser = SliceParser::with_options(text, ParseOptions { first, ..ParseOptions::FILE });
    let mut parts = vec![Part { name: None, text: Vec::new(), has_sections: false }];
    let mut taken = 0;
    for event in parser {
        let event = event.map_err(|_| Code::Parse)?;
        let Some(part) = parts.last_mut() else { break };
        let Command::Package { name } = &event.command else {
            part.has_sections = true;
            continue;
        };
        part.text.extend_from_slice(&text[taken..event.span.start]);
        taken = event.span.end;
        // What ends this command must not begin the next text.
        let blanks = text[taken..].iter().take_while(|byte| b" \t".contains(byte)).count();
        if text[taken + blanks..].starts_with(b";") {
            taken += blanks + 1;
        }
        // Nor is an empty line left of it.
        if text[..event.span.start].ends_with(b"\n") || event.span.start == 0 {
            taken += usize::from(text[taken..].starts_with(b"\n"));
        }
        if !is_single {
            let name = PackageName::try_from(&name.value()[..]).map_err(|_| Code::Parse)?;
            parts.push(Part { name: Some(name.to_string()), text: Vec::new(), has_sections: false });
        }
    }
    if let Some(part) = parts.last_mut() {
        part.text.extend_from_slice(&text[taken..]);
    }
    Ok(parts)
}

impl Context {
    /// Adds the packages of a stream, all or none; answers the last.
    fn import(&mut self, text: &[u8], name: Option<&str>, is_single: bool) -> Result<*mut Tree> {
        let first = if name.is_some() { First::Any } else { First::Package };
        let mut parts = parts(text, first, is_single)?;
        // What is before the first line `package` is of the name that was given, or nothing.
        if let Some(head) = parts.first_mut() {
            head.name = name.map(str::to_owned);
        }
        if parts.len() > 1 && !parts[0].has_sections {
            parts.remove(0);
        }
        let mut read = Vec::new();
        for part in parts {
            let Some(name) = part.name else { continue };
            let is_known = self.packages.contains_key(&*name) || read.iter().any(|(other, _)| *other == name);
            if is_known {
                return Err(Code::Duplicate);
            }
            read.push((name, Package::parse(&part.text).map_err(|_| Code::Parse)?));
        }
        let mut last = ptr::null_mut();
        for (name, package) in read {
            let path = self.config_path(&name);
            last = self.adopt(&name, &path, Draft::new(package, seed()), false);
        }
        Ok(last)
    }
}

/// Makes a part of a stream changes of a package that is loaded.
fn merge(tree: &mut Tree, text: &[u8]) -> Result<()> {
    // All of it is read before anything changes.
    let events =
        SliceParser::with_options(text, ParseOptions::FILE).collect::<std::result::Result<Vec<_>, _>>();
    let events = events.map_err(|_| Code::Parse)?;
    let value_of =
        |value: &Option<Word<'_>>| value.map(|value| value.value().into_owned()).unwrap_or_default();
    let name_of = |name: &Word<'_>| Name::try_from(&name.value()[..]).map_err(|_| Code::Parse);
    let mut section: Option<Name> = None;
    for event in &events {
        let (operation, option, value) = match &event.command {
            Command::Package { .. } => continue,
            Command::Config { kind, name: None } => {
                let kind = TypeName::try_from(&kind.value()[..]).map_err(|_| Code::Parse)?;
                section = Some(tree.add(&kind)?);
                continue;
            }
            Command::Config { kind, name: Some(name) } => {
                let name = name_of(name)?;
                let selector = Selector::Named(name.clone());
                let known = tree.draft.get(&selector, None).map(|known| known.items().concat());
                section = Some(name);
                match known {
                    Some(known) if known == *kind.value() => continue,
                    Some(_) => return Err(Code::Parse),
                    None => (DeltaOperation::Set, None, kind.value().into_owned()),
                }
            }
            Command::Option { name, value } => (DeltaOperation::Set, Some(name_of(name)?), value_of(value)),
            Command::List { name, value } => (DeltaOperation::AddList, Some(name_of(name)?), value_of(value)),
        };
        let Some(section) = section.clone() else { continue };
        // An option without a value does nothing.
        if operation == DeltaOperation::Set && value.is_empty() {
            continue;
        }
        tree.change(DeltaLine { operation, section, option, value: Some(value) })?;
    }
    Ok(())
}

/// Reads packages from a stream.
#[unsafe(no_mangle)]
pub extern "C" fn uci_import(
    context: Option<&mut Context>,
    stream: Stream<'_>,
    name: Text<'_>,
    package: Option<&mut *mut UciPackage>,
    is_single: bool,
) -> c_int {
    call(context, |context| {
        let name = name.optional().map(|name| name.to_str().map_err(|_| Code::Invalid)).transpose()?;
        if name.is_some_and(|name| PackageName::new(name).is_err()) {
            return Err(Code::Invalid);
        }
        let given = package.as_ref().map_or(ptr::null_mut(), |package| **package);
        if is_single && !given.is_null() {
            let tree = context.own(given)?;
            let text = stream.rest()?;
            // SAFETY: a package of this context.
            return merge(unsafe { &mut *tree }, &text);
        }
        let tree = context.import(&stream.rest()?, name, is_single)?;
        if let Some(package) = package {
            *package = tree.cast();
        }
        Ok(())
    })
}

/// The text of a package in canonical form.
fn export(tree: &Tree, with_header: bool, all_names: bool, text: &mut Vec<u8>) -> Result<()> {
    let mut export = Export::new(text);
    let written = (|| {
        if with_header {
            export.package(tree.name.as_bytes())?;
        }
        for section in tree.draft.package().sections() {
            let name = tree.draft.display_name(section.id()).filter(|_| all_names || !section.is_anonymous());
            let name = name.as_ref().map(|name| name.as_str().as_bytes());
            export.section(section.kind().as_bytes(), name)?;
            for (name, value) in section.options() {
                export.option(name.as_bytes(), &value)?;
            }
        }
        export.end()
    })();
    written.map_err(|_: std::io::Error| Code::Io)
}

/// Writes a package to a stream, or all that are loaded.
#[unsafe(no_mangle)]
pub extern "C" fn uci_export(
    context: Option<&mut Context>,
    stream: Stream<'_>,
    package: *mut UciPackage,
    with_header: bool,
) -> c_int {
    call(context, |context| {
        let all_names = context.shown.flags & EXPORT_NAME != 0;
        let mut text = Vec::new();
        if !package.is_null() {
            let tree = context.own(package)?;
            // SAFETY: a package of this context.
            export(unsafe { &*tree }, with_header, all_names, &mut text)?;
            return stream.write(&text);
        }
        let root: *const List = &raw const context.shown.root;
        // SAFETY: the list of this context, whose elements are its packages.
        unsafe {
            let mut element = (*root).next;
            while !std::ptr::eq(element, root) {
                export(&*element.cast::<Tree>(), with_header, all_names, &mut text)?;
                element = (*element).next;
            }
        }
        stream.write(&text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the parts, each with its text.
    fn cut(text: &str, first: First, is_single: bool) -> Option<Vec<(Option<String>, String)>> {
        let parts = parts(text.as_bytes(), first, is_single).ok()?;
        let shown = |part: Part| (part.name, String::from_utf8_lossy(&part.text).into_owned());
        Some(parts.into_iter().map(shown).collect())
    }

    #[test]
    fn a_stream_is_cut_where_packages_begin() {
        let of = |name: &str, text: &str| (Some(name.to_owned()), text.to_owned());
        let head = |text: &str| (None, text.to_owned());
        assert_eq!(
            cut("package a\nconfig x\n\npackage b # why\nconfig y\n", First::Package, false),
            Some(vec![head(""), of("a", "config x\n\n"), of("b", " # why\nconfig y\n")])
        );
        assert_eq!(cut("package a; config x", First::Any, false), Some(vec![head(""), of("a", " config x")]));
        assert_eq!(
            cut("config x\npackage a\n", First::Any, false),
            Some(vec![head("config x\n"), of("a", "")])
        );
        assert_eq!(
            cut("package a\nconfig x\npackage b\nconfig y\n", First::Any, true),
            Some(vec![head("config x\nconfig y\n")])
        );
        assert_eq!(cut("config x\n", First::Package, false), None);
        assert_eq!(cut("package 'a b'\n", First::Any, false), None);
    }

    #[test]
    fn no_stream_is_cut_at_a_wrong_place() {
        const PIECES: [&str; 14] =
            ["package", " ", "a", "b", "\n", ";", "'", "\"", "\\", "#", "config", "option", "\t", "\u{e4}"];
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                // xorshift: any text will do, and the same ones each time.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(PIECES[(state % PIECES.len() as u64) as usize]);
            }
            for (first, is_single) in [(First::Any, false), (First::Any, true), (First::Package, false)] {
                if let Some(parts) = cut(&text, first, is_single) {
                    let length: usize = parts.iter().map(|(_, text)| text.len()).sum();
                    assert!(length <= text.len() && (parts.len() == 1 || !is_single), "{text:?}");
                }
            }
        }
    }
}
