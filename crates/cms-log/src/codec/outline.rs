//! What a stored commit did, found without building it: for those who follow many commits and look into few.

use std::ops::Range;

use cms_model::{Edit, PackageName, SectionId};

use super::{Entry, check_body, read_edit, read_entry, read_start};
use crate::{
    Revision,
    wire::{Decoded, Malformed, Reader},
};

/// What a commit edited, by places in its header and its body.
#[derive(Debug)]
pub(crate) struct Outline {
    pub revision: Revision,
    /// Nearly every commit edits one package.
    first: EditedPackage,
    others: Vec<EditedPackage>,
}

/// An edit of a package.
#[derive(Debug)]
pub(crate) struct EditedPackage {
    /// Its name in the header.
    name: Range<usize>,
    /// Where in the body the changes begin, and the edit of the bytes.
    changes: usize,
    edit: usize,
    /// Whether sections are called otherwise from then on.
    pub renames: bool,
}

impl Outline {
    /// Checks a commit against its checksums and goes over all of it. `None` where it did something else than edit packages, or its body
    /// is not there as it is: such commits are few.
    pub fn read(header: &[u8], body: &[u8]) -> Decoded<Option<Outline>> {
        let mut reader = Reader(header);
        let start = read_start(&mut reader)?;
        check_body(start.body_crc, body)?;
        let mut content = Reader(body);
        if start.has_tables || content.u8()? != 0 {
            return Ok(None);
        }
        let mut packages = Vec::new();
        let mut first = None;
        for _ in 0..reader.length()? {
            let name = reader.bytes()?;
            if !PackageName::is_valid(name) {
                return Err(Malformed("a name is not valid"));
            }
            let name = name.len();
            let end = header.len() - reader.0.len();
            let Entry::Edit = read_entry(&mut reader)? else { return Ok(None) };
            let mut renames = false;
            let changes = body.len() - content.0.len();
            content.each(|reader| {
                renames |= skip_change(reader)?.renames;
                Ok(())
            })?;
            let edit = body.len() - content.0.len();
            skip_edit(&mut content)?;
            let package = EditedPackage { name: end - name..end, changes, edit, renames };
            match first {
                None => first = Some(package),
                Some(_) => packages.push(package),
            }
        }
        reader.end()?;
        content.each(|reader| {
            reader.bytes()?;
            skip_change(reader).map(drop)
        })?;
        content.end()?;
        Ok(first.map(|first| Outline { revision: start.what.revision, first, others: packages }))
    }

    /// Goes over the packages, each with its name; `header` is the one that the outline was made of.
    pub fn packages<'a>(&'a self, header: &'a [u8]) -> impl Iterator<Item = (&'a str, &'a EditedPackage)> {
        let all = std::iter::once(&self.first).chain(&self.others);
        all.map(|package| {
            let name = header.get(package.name.clone()).unwrap_or_default();
            (std::str::from_utf8(name).unwrap_or_default(), package)
        })
    }
}

impl EditedPackage {
    /// Returns the one splice that the edit is, if it is no more: its offset, what goes and what comes.
    pub fn splice<'a>(&self, body: &'a [u8]) -> Option<(u64, &'a [u8], &'a [u8])> {
        let mut reader = Reader(body.get(self.edit..)?);
        if reader.length().ok()? != 1 {
            return None;
        }
        let splice = (reader.varint().ok()?, reader.bytes().ok()?, reader.bytes().ok()?);
        (reader.length().ok()? == 0).then_some(splice)
    }

    /// Goes over the changes in the body that the outline was made of: the section of each, and the name that it gives to that.
    pub fn sections<'a>(
        &self,
        body: &'a [u8],
        mut visit: impl FnMut(SectionId, Option<&'a [u8]>),
    ) -> Decoded<()> {
        Reader(body.get(self.changes..).unwrap_or_default()).each(|reader| {
            let passed = skip_change(reader)?;
            visit(passed.section, passed.name);
            Ok(())
        })
    }

    /// Reads the edit from the body that the outline was made of.
    pub fn edit(&self, body: &[u8]) -> Decoded<Edit> {
        read_edit(&mut Reader(body.get(self.edit..).unwrap_or_default()))
    }
}

/// What is seen of a change in passing.
struct Passed<'a> {
    section: SectionId,
    /// The name that the section has from then on.
    name: Option<&'a [u8]>,
    renames: bool,
}

/// Passes over a change.
fn skip_change<'a>(reader: &mut Reader<'a>) -> Decoded<Passed<'a>> {
    let bytes = |reader: &mut Reader<'_>| reader.bytes().map(drop);
    let number = |reader: &mut Reader<'_>| reader.varint().map(drop);
    let flag = |reader: &mut Reader<'_>| reader.bool().map(drop);
    let section = SectionId(reader.varint()?);
    let kind = reader.u8()?;
    let mut name = None;
    match kind {
        0 | 1 => {
            bytes(reader)?;
            name = reader.option(Reader::bytes)?.filter(|_| kind == 0);
            reader.option(number)?;
            if kind == 0 {
                flag(reader)?;
            }
            reader.each(|reader| {
                bytes(reader)?;
                skip_value(reader)
            })?;
        }
        2 => {
            reader.option(bytes)?;
            name = reader.option(Reader::bytes)?;
        }
        3 | 7 => {
            bytes(reader)?;
            bytes(reader)?;
        }
        4 => {
            reader.option(number)?;
            reader.option(number)?;
        }
        5 => {
            bytes(reader)?;
            reader.option(skip_value)?;
            skip_value(reader)?;
            reader.option(number)?;
        }
        6 => {
            bytes(reader)?;
            skip_value(reader)?;
            number(reader)?;
        }
        8 => {
            bytes(reader)?;
            number(reader)?;
            flag(reader)?;
            bytes(reader)?;
            flag(reader)?;
            reader.option(number)?;
        }
        9 => {
            bytes(reader)?;
            number(reader)?;
            bytes(reader)?;
            flag(reader)?;
            reader.option(number)?;
        }
        _ => return Err(Malformed("a change is of an unknown kind")),
    }
    Ok(Passed { section, name, renames: kind == 2 })
}

fn skip_value(reader: &mut Reader<'_>) -> Decoded<()> {
    match reader.bool()? {
        true => reader.each(|reader| reader.bytes().map(drop)),
        false => reader.bytes().map(drop),
    }
}

fn skip_edit(reader: &mut Reader<'_>) -> Decoded<()> {
    reader.each(|reader| {
        reader.varint()?;
        reader.bytes()?;
        reader.bytes().map(drop)
    })?;
    reader.each(|reader| {
        reader.varint()?;
        reader.each(|reader| reader.varint().map(drop))?;
        reader.each(|reader| reader.varint().map(drop))
    })
}
