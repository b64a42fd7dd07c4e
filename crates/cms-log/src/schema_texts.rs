//! The notes with the texts of a module's versions (`docs/log-format.md`, section 12).

use std::collections::HashMap;

use cms_model::schema::Version;

use crate::{
    Backend, Note, Result,
    check::checksum,
    codec::unpack,
    wire::{Decoded, Malformed, Reader, Writer},
};

const VERSION: u8 = 1;

/// How many texts lie in a run: one of them whole, the others as what differs from the one before.
const RUN: usize = 64;

/// Longer texts are not kept.
const LONGEST: usize = 16 << 20;

/// A part that is shorter than this is not worth a reference.
const SHORT: usize = 8;

/// The text of a version of a module's schema, as it was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaText {
    /// The version.
    pub version: Version,
    /// The file, byte for byte.
    pub text: Vec<u8>,
}

impl SchemaText {
    /// Returns all texts that a log has of a module, in the order in which they were registered.
    ///
    /// # Errors
    /// Those of the log. What is damaged is passed over.
    pub fn read(backend: &dyn Backend, module: &str) -> Result<Vec<SchemaText>> {
        let mut texts = Vec::new();
        for number in 0.. {
            match backend.meta(&name(module, number))? {
                Some(note) => texts.extend(decode(&note).unwrap_or_default()),
                None => break,
            }
        }
        Ok(texts)
    }

    /// Keeps the text of a version, in the place of another text of the same version. Returns whether the log has changed. A text that
    /// is too long is not kept.
    ///
    /// # Errors
    /// Those of the log.
    ///
    /// ```
    /// use cms_log::{SchemaText, Sqlite, Open};
    /// use cms_model::schema::Version;
    /// # let dir = tempfile::tempdir()?;
    /// let log = Sqlite::open(dir.path().join("log.db"), Open { create: true, ..Open::default() })?;
    ///
    /// let version = Version { major: 1, minor: 0, patch: 0 };
    /// assert!(SchemaText::keep(&log, "blog", version, b"config module 'blog'\n")?);
    /// assert!(!SchemaText::keep(&log, "blog", version, b"config module 'blog'\n")?);
    /// assert_eq!(SchemaText::read(&log, "blog")?[0].text, b"config module 'blog'\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keep(backend: &dyn Backend, module: &str, version: Version, text: &[u8]) -> Result<bool> {
        if text.len() > LONGEST {
            return Ok(false);
        }
        let mut last = (0, Vec::new());
        for number in 0.. {
            let Some(note) = backend.meta(&name(module, number))? else { break };
            // What cannot be read is left where it is; a new run begins behind it.
            let Some(mut texts) = decode(&note) else {
                last = (number + 1, Vec::new());
                continue;
            };
            if let Some(known) = texts.iter_mut().find(|known| known.version == version) {
                if known.text == text {
                    return Ok(false);
                }
                known.text = text.to_vec();
                put(backend, module, number, &texts)?;
                return Ok(true);
            }
            last = if texts.len() < RUN { (number, texts) } else { (number + 1, Vec::new()) };
        }
        let (number, mut texts) = last;
        texts.push(SchemaText { version, text: text.to_vec() });
        put(backend, module, number, &texts)?;
        Ok(true)
    }
}

fn name(module: &str, run: usize) -> String {
    format!("schema/{module}/{run}")
}

fn put(backend: &dyn Backend, module: &str, run: usize, texts: &[SchemaText]) -> Result<()> {
    let Note { name, value } = Note::new(&name(module, run), encode(texts));
    backend.set_meta(&name, value.as_deref())
}

fn encode(texts: &[SchemaText]) -> Vec<u8> {
    let mut content = Writer::default();
    content.varint(texts.len() as u64);
    let mut before: &[u8] = &[];
    for SchemaText { version, text } in texts {
        for number in [version.major, version.minor, version.patch] {
            content.varint(number.into());
        }
        content.list(&pieces(before, text), |writer, piece| match piece {
            Piece::Own(bytes) => {
                writer.u8(0);
                writer.bytes(bytes);
            }
            Piece::Same { at, len } => {
                writer.u8(1);
                writer.varint(*at as u64);
                writer.varint(*len as u64);
            }
        });
        before = text;
    }
    let mut writer = Writer::default();
    writer.u32(0);
    writer.u8(VERSION);
    writer.varint(content.0.len() as u64);
    writer.0.extend(lz4_flex::block::compress(&content.0));
    let crc = checksum(&writer.0[4..]);
    writer.0[..4].copy_from_slice(&crc.to_le_bytes());
    writer.0
}

fn decode(note: &[u8]) -> Option<Vec<SchemaText>> {
    let mut reader = Reader(note);
    let decoded: Decoded<Vec<SchemaText>> = (|| {
        if reader.u32()? != checksum(reader.0) {
            return Err(Malformed("its checksum does not agree"));
        }
        if reader.u8()? != VERSION {
            return Err(Malformed("its version is unknown"));
        }
        let len = reader.length()?;
        let content = unpack(reader.0, len)?;
        let mut reader = Reader(&content);
        let mut before: Vec<u8> = Vec::new();
        let texts = reader.list(|reader| {
            let mut number =
                || u32::try_from(reader.varint()?).map_err(|_| Malformed("a version is out of range"));
            let version = Version { major: number()?, minor: number()?, patch: number()? };
            let mut text = Vec::new();
            for _ in 0..reader.length()? {
                match reader.bool()? {
                    false => text.extend_from_slice(reader.bytes()?),
                    true => {
                        let (at, len) = (reader.length()?, reader.length()?);
                        let part = at.checked_add(len).and_then(|end| before.get(at..end));
                        text.extend_from_slice(
                            part.ok_or(Malformed("a part lies outside of the text before"))?,
                        );
                    }
                }
                if text.len() > LONGEST {
                    return Err(Malformed("a text is too long"));
                }
            }
            before.clone_from(&text);
            Ok(SchemaText { version, text })
        })?;
        reader.end()?;
        Ok(texts)
    })();
    decoded.ok()
}

/// A part of a text: its own, or one that the text before has as well.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Own(&'a [u8]),
    Same { at: usize, len: usize },
}

/// Takes a text apart, by lines, into what the text before has and what it has not.
fn pieces<'a>(before: &[u8], text: &'a [u8]) -> Vec<Piece<'a>> {
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    let mut at = 0;
    for line in before.split_inclusive(|byte| *byte == b'\n') {
        places.entry(line).or_insert(at);
        at += line.len();
    }
    let mut pieces = Vec::new();
    // What is its own begins at `own`; what is the same, if anything is, at `same` in the text before.
    let (mut own, mut same, mut at) = (0, None::<(usize, usize)>, 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = at + line.len();
        match &mut same {
            Some((from, len)) if before.get(*from + *len..).is_some_and(|rest| rest.starts_with(line)) => {
                *len += line.len();
            }
            _ => {
                if let Some((from, len)) = same.take() {
                    pieces.push(Piece::Same { at: from, len });
                    own = at;
                }
                if let Some(from) = places.get(line).filter(|_| line.len() >= SHORT) {
                    if own < at {
                        pieces.push(Piece::Own(&text[own..at]));
                    }
                    same = Some((*from, line.len()));
                }
            }
        }
        at = end;
    }
    match same {
        Some((at, len)) => pieces.push(Piece::Same { at, len }),
        None if own < text.len() => pieces.push(Piece::Own(&text[own..])),
        None => {}
    }
    pieces
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn text() -> impl Strategy<Value = Vec<u8>> {
        vec(
            prop::sample::select(
                &["config a\n", "\toption b 'c'\n", "\n", "\toption d 'eeeeeeee'\n", "x"][..],
            ),
            0..12,
        )
        .prop_map(|lines| lines.concat().into_bytes())
    }

    fn texts() -> impl Strategy<Value = Vec<SchemaText>> {
        vec(((any::<u32>(), 0..3u32, 0..3u32), text()), 0..8).prop_map(|texts| {
            let one =
                |((major, minor, patch), text)| SchemaText { version: Version { major, minor, patch }, text };
            texts.into_iter().map(one).collect()
        })
    }

    proptest! {
        #[test]
        fn texts_come_back_as_they_were(texts in texts()) {
            prop_assert_eq!(decode(&encode(&texts)), Some(texts));
        }

        #[test]
        fn no_byte_can_change_unnoticed(texts in texts(), at in any::<prop::sample::Index>(), bit in 0..8u32) {
            let mut note = encode(&texts);
            let at = at.index(note.len());
            note[at] ^= 1 << bit;
            prop_assert_eq!(decode(&note), None);
        }

        #[test]
        fn whatever_it_says_is_read_without_a_panic(content in vec(any::<u8>(), 0..64)) {
            let mut writer = Writer::default();
            writer.u32(0);
            writer.u8(VERSION);
            writer.varint(content.len() as u64);
            writer.0.extend(lz4_flex::block::compress(&content));
            let crc = checksum(&writer.0[4..]);
            writer.0[..4].copy_from_slice(&crc.to_le_bytes());
            let _ = decode(&writer.0);
        }
    }

    #[test]
    fn a_line_that_changed_is_all_that_a_text_takes() {
        let before = b"one line\nand another\nthe third line\n";
        let after = b"one line\nand a second\nthe third line\n";
        let expected =
            [Piece::Same { at: 0, len: 9 }, Piece::Own(b"and a second\n"), Piece::Same { at: 21, len: 15 }];
        assert_eq!(pieces(before, after), expected);
    }
}
