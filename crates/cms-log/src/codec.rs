//! The bytes of commits (`docs/log-format.md`, section 3).

pub(crate) mod outline;
pub(crate) mod table;

use std::borrow::Cow;

use cms_model::{Change, ChangeKind, Edit, IdSplice, Name, PackageName, SectionId, Splice, TypeName, Value};

use crate::{
    Commit, CommitKind, Digest, EntryBody, Header, Object, ObjectKind, Origin, PackageEntry, Revision,
    check::checksum,
    wire::{Decoded, Malformed, Reader, Writer},
};

/// The version of records without tables, and of those with them: what has none is as it was before there were any.
const RECORD_VERSION: u8 = 1;
const WITH_TABLES: u8 = 2;

/// Bodies of this length and more are compressed if that pays.
const COMPRESS_FROM: usize = 512;

/// Bodies above this length go to chunks, so that a row stays well below what etcd takes in a request.
const INLINE_LIMIT: usize = 64 << 10;

/// The length of a chunk.
const CHUNK_LEN: usize = 256 << 10;

/// The most that a body or an object may claim to unpack to in one piece.
const UNPACKED_LIMIT: usize = 64 << 20;

const REPLACED: u8 = 1;
const HAS_OLD: u8 = 2;
const HAS_NEW: u8 = 4;
const HAS_CHANGES: u8 = 8;

/// A commit in its stored form.
pub(crate) struct Encoded {
    pub header: Vec<u8>,
    pub body: Vec<u8>,
    /// The pieces of a body too long for its row.
    pub chunks: Vec<Object>,
}

/// A decoded header, and what is needed to decode the body.
pub(crate) struct DecodedHeader {
    pub header: Header,
    pub body_crc: u32,
    entries: Vec<Entry>,
}

/// What the header says of a package.
enum Entry {
    Edit,
    Replace { old: Option<Digest>, new: Option<Digest>, changes: bool },
}

impl DecodedHeader {
    /// Returns the manifests that the commit names.
    pub fn manifests(&self) -> impl Iterator<Item = Digest> + '_ {
        self.entries
            .iter()
            .flat_map(|entry| match entry {
                Entry::Edit => [None, None],
                Entry::Replace { old, new, .. } => [*old, *new],
            })
            .flatten()
    }
}

/// Encodes a commit.
pub(crate) fn encode(commit: &Commit) -> Encoded {
    let (body, chunks) = store_body(encode_body(commit));
    let mut writer = Writer(Vec::with_capacity(128));
    writer.u8(if commit.tables.is_empty() { RECORD_VERSION } else { WITH_TABLES });
    writer.u32(0);
    writer.u32(checksum(&body));
    write_header(&mut writer, commit);
    let mut header = writer.0;
    let crc = checksum(&header[5..]);
    header[1..5].copy_from_slice(&crc.to_le_bytes());
    Encoded { header, body, chunks }
}

/// What a header begins with, up to the packages.
struct Start<'a> {
    has_tables: bool,
    body_crc: u32,
    what: What<'a>,
}

/// What a header says of the commit as a whole.
struct What<'a> {
    revision: Revision,
    time_us: i64,
    kind: CommitKind,
    origin: Origin,
    author: &'a str,
    tool: &'a str,
    message: &'a str,
}

/// Checks a header against its checksum and reads the start of it.
fn read_start<'a>(reader: &mut Reader<'a>) -> Decoded<Start<'a>> {
    let has_tables = match reader.u8()? {
        RECORD_VERSION => false,
        WITH_TABLES => true,
        _ => return Err(Malformed("its record version is unknown")),
    };
    if reader.u32()? != checksum(reader.0) {
        return Err(Malformed("its checksum does not agree"));
    }
    let body_crc = reader.u32()?;
    let what = read_what(reader)?;
    Ok(Start { has_tables, body_crc, what })
}

/// Reads what a header says behind its checksums, up to the packages.
fn read_what<'a>(reader: &mut Reader<'a>) -> Decoded<What<'a>> {
    let revision = Revision(reader.varint()?);
    let time_us = reader.zigzag()?;
    let kind = match reader.u8()? {
        0 => CommitKind::Normal,
        1 => CommitKind::External,
        2 => CommitKind::Rollback { to: Revision(reader.varint()?) },
        3 => CommitKind::Undo { from: Revision(reader.varint()?), to: Revision(reader.varint()?) },
        4 => CommitKind::Import,
        _ => return Err(Malformed("its kind is unknown")),
    };
    let origin = match reader.u8()? {
        0 => Origin::Direct,
        1 => Origin::Stage {
            owner: u32::try_from(reader.varint()?).map_err(|_| Malformed("a user id is out of range"))?,
            stage: reader.varint()?,
            upto: reader.varint()?,
        },
        _ => return Err(Malformed("its origin is unknown")),
    };
    let (author, tool, message) = (reader.str()?, reader.str()?, reader.str()?);
    Ok(What { revision, time_us, kind, origin, author, tool, message })
}

/// Decodes a header.
pub(crate) fn decode_header(stored: &[u8]) -> Decoded<DecodedHeader> {
    let mut reader = Reader(stored);
    let start = read_start(&mut reader)?;
    let mut entries = Vec::new();
    let packages = reader.list(|reader| {
        let package = reader.name()?;
        entries.push(read_entry(reader)?);
        Ok(package)
    })?;
    let tables = if start.has_tables { reader.list(Reader::name)? } else { Vec::new() };
    if start.has_tables && tables.is_empty() {
        return Err(Malformed("it has tables and names none"));
    }
    reader.end()?;
    let What { revision, time_us, kind, origin, author, tool, message } = start.what;
    let [author, tool, message] = [author, tool, message].map(str::to_owned);
    let header = Header { revision, time_us, author, tool, message, origin, kind, packages, tables };
    Ok(DecodedHeader { header, body_crc: start.body_crc, entries })
}

/// Checks a stored body against the checksum in its header.
fn check_body(crc: u32, stored: &[u8]) -> Decoded<()> {
    match checksum(stored) == crc {
        true => Ok(()),
        false => Err(Malformed("the checksum of its body does not agree")),
    }
}

/// Checks a stored body against its header and returns the chunks it names.
pub(crate) fn body_chunks(header: &DecodedHeader, stored: &[u8]) -> Decoded<Vec<Digest>> {
    check_body(header.body_crc, stored)?;
    let mut reader = Reader(stored);
    if reader.u8()? != 2 {
        return Ok(Vec::new());
    }
    reader.varint()?;
    let chunks = reader.list(Reader::digest)?;
    reader.end()?;
    Ok(chunks)
}

/// Tells whether a stored body is so long that it lies in chunks.
pub(crate) fn is_long(stored: &[u8]) -> bool {
    stored.first() == Some(&2)
}

/// Decodes a commit; `chunk` appends the content of a chunk to a buffer.
pub(crate) fn decode<E: From<Malformed>>(
    header: DecodedHeader,
    stored: &[u8],
    mut chunk: impl FnMut(&Digest, &mut Vec<u8>) -> Result<(), E>,
) -> Result<Commit, E> {
    let chunks = body_chunks(&header, stored)?;
    let mut reader = Reader(stored);
    let content = match reader.u8()? {
        2 => {
            let len = reader.length()?;
            let mut joined = Vec::with_capacity(len.min(chunks.len() * CHUNK_LEN));
            for digest in &chunks {
                chunk(digest, &mut joined)?;
            }
            if joined.len() != len {
                return Err(Malformed("its chunks do not have the length it says").into());
            }
            Cow::Owned(joined)
        }
        _ => content_of(stored)?,
    };
    Ok(decode_body(header, &content)?)
}

/// The content of a body that is not in pieces.
fn content_of(stored: &[u8]) -> Decoded<Cow<'_, [u8]>> {
    let mut reader = Reader(stored);
    match reader.u8()? {
        0 => Ok(Cow::Borrowed(reader.0)),
        1 => {
            let len = reader.length()?;
            unpack(reader.0, len).map(Cow::Owned)
        }
        _ => Err(Malformed("the form of its body is unknown")),
    }
}

fn write_header(writer: &mut Writer, commit: &Commit) {
    writer.varint(commit.revision.0);
    writer.zigzag(commit.time_us);
    match commit.kind {
        CommitKind::Normal => writer.u8(0),
        CommitKind::External => writer.u8(1),
        CommitKind::Rollback { to } => {
            writer.u8(2);
            writer.varint(to.0);
        }
        CommitKind::Undo { from, to } => {
            writer.u8(3);
            writer.varint(from.0);
            writer.varint(to.0);
        }
        CommitKind::Import => writer.u8(4),
    }
    match commit.origin {
        Origin::Direct => writer.u8(0),
        Origin::Stage { owner, stage, upto } => {
            writer.u8(1);
            writer.varint(owner.into());
            writer.varint(stage);
            writer.varint(upto);
        }
    }
    writer.bytes(commit.author.as_bytes());
    writer.bytes(commit.tool.as_bytes());
    writer.bytes(commit.message.as_bytes());
    writer.list(&commit.packages, |writer, entry| {
        writer.bytes(entry.package.as_bytes());
        let EntryBody::Replace { old, new, changes } = &entry.body else {
            return writer.u8(0);
        };
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        writer.u8(REPLACED
            | flag(old.is_some(), HAS_OLD)
            | flag(new.is_some(), HAS_NEW)
            | flag(changes.is_some(), HAS_CHANGES));
        old.iter().chain(new).for_each(|digest| writer.digest(digest));
    });
    if !commit.tables.is_empty() {
        writer.list(&commit.tables, |writer, change| {
            writer.bytes(change.name().map(|name| name.as_str().as_bytes()).unwrap_or_default());
        });
    }
}

fn read_entry(reader: &mut Reader<'_>) -> Decoded<Entry> {
    let flags = reader.u8()?;
    if flags == 0 {
        return Ok(Entry::Edit);
    }
    if flags & REPLACED == 0 || flags > (REPLACED | HAS_OLD | HAS_NEW | HAS_CHANGES) {
        return Err(Malformed("the flags of a package are unknown"));
    }
    let old = if flags & HAS_OLD != 0 { Some(reader.digest()?) } else { None };
    let new = if flags & HAS_NEW != 0 { Some(reader.digest()?) } else { None };
    Ok(Entry::Replace { old, new, changes: flags & HAS_CHANGES != 0 })
}

/// Puts the content of a body into its stored form.
fn store_body(content: Vec<u8>) -> (Vec<u8>, Vec<Object>) {
    if content.len() > INLINE_LIMIT {
        let chunks: Vec<Object> =
            content.chunks(CHUNK_LEN).map(|chunk| Object::new(ObjectKind::Chunk, chunk.to_vec())).collect();
        let mut writer = Writer::default();
        writer.u8(2);
        writer.varint(content.len() as u64);
        writer.list(&chunks, |writer, chunk| writer.digest(&chunk.digest()));
        return (writer.0, chunks);
    }
    if content.len() >= COMPRESS_FROM
        && let Some(packed) = pack(&content)
    {
        let mut writer = Writer(Vec::with_capacity(packed.len() + 4));
        writer.u8(1);
        writer.varint(content.len() as u64);
        writer.0.extend_from_slice(&packed);
        return (writer.0, Vec::new());
    }
    let mut body = content;
    body.insert(0, 0);
    (body, Vec::new())
}

fn encode_body(commit: &Commit) -> Vec<u8> {
    let mut writer = Writer(Vec::with_capacity(256));
    for entry in &commit.packages {
        match &entry.body {
            EntryBody::Edit { changes, edit } => {
                writer.list(changes, write_change);
                write_edit(&mut writer, edit);
            }
            EntryBody::Replace { changes: Some(changes), .. } => writer.list(changes, write_change),
            EntryBody::Replace { changes: None, .. } => {}
        }
    }
    writer.list(&commit.conflicts, |writer, (package, change)| {
        writer.bytes(package.as_bytes());
        write_change(writer, change);
    });
    commit.tables.iter().for_each(|change| table::write_change(&mut writer, change));
    writer.0
}

fn decode_body(header: DecodedHeader, content: &[u8]) -> Decoded<Commit> {
    let mut reader = Reader(content);
    let DecodedHeader { header, entries, .. } = header;
    let mut packages = Vec::with_capacity(entries.len());
    for (package, entry) in header.packages.into_iter().zip(entries) {
        let body = match entry {
            Entry::Edit => {
                EntryBody::Edit { changes: reader.list(read_change)?, edit: read_edit(&mut reader)? }
            }
            Entry::Replace { old, new, changes } => {
                let changes = if changes { Some(reader.list(read_change)?) } else { None };
                EntryBody::Replace { old, new, changes }
            }
        };
        packages.push(PackageEntry { package, body });
    }
    let conflicts = reader.list(|reader| Ok((reader.name::<PackageName>()?, read_change(reader)?)))?;
    let mut tables = Vec::with_capacity(header.tables.len());
    for name in &header.tables {
        let change = table::read_change(&mut reader)?;
        if change.name() != Ok(name) {
            return Err(Malformed("a table is not the one that its header names"));
        }
        tables.push(change);
    }
    reader.end()?;
    Ok(Commit {
        revision: header.revision,
        time_us: header.time_us,
        author: header.author,
        tool: header.tool,
        message: header.message,
        origin: header.origin,
        kind: header.kind,
        packages,
        tables,
        conflicts,
    })
}

fn write_edit(writer: &mut Writer, edit: &Edit) {
    writer.list(&edit.text, |writer, splice| {
        writer.varint(splice.offset);
        writer.bytes(&splice.removed);
        writer.bytes(&splice.inserted);
    });
    writer.list(&edit.ids, |writer, splice| {
        writer.varint(splice.index);
        writer.list(&splice.removed, |writer, id| writer.varint(id.0));
        writer.list(&splice.inserted, |writer, id| writer.varint(id.0));
    });
}

fn read_edit(reader: &mut Reader<'_>) -> Decoded<Edit> {
    let text = reader.list(|reader| {
        Ok(Splice {
            offset: reader.varint()?,
            removed: reader.bytes()?.to_vec(),
            inserted: reader.bytes()?.to_vec(),
        })
    })?;
    let ids = reader.list(|reader| {
        Ok(IdSplice {
            index: reader.varint()?,
            removed: reader.list(read_id)?,
            inserted: reader.list(read_id)?,
        })
    })?;
    Ok(Edit { text, ids })
}

/// Encodes changes as commits hold them, for whoever keeps changes outside the log.
///
/// ```
/// assert_eq!(cms_log::decode_changes(&cms_log::encode_changes(&[])).unwrap(), []);
/// ```
pub fn encode_changes(changes: &[Change]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.list(changes, write_change);
    writer.0
}

/// Decodes what [`encode_changes`] made.
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) when the bytes are something else.
pub fn decode_changes(bytes: &[u8]) -> crate::Result<Vec<Change>> {
    let malformed = |_| crate::Error::Invalid { what: "the bytes are no encoded changes".to_owned() };
    let mut reader = Reader(bytes);
    let changes = reader.list(read_change).map_err(malformed)?;
    reader.end().map_err(malformed)?;
    Ok(changes)
}

fn write_change(writer: &mut Writer, change: &Change) {
    writer.varint(change.section.0);
    match &change.kind {
        ChangeKind::Add { kind, name, after, at_end, options } => {
            writer.u8(0);
            write_section(writer, kind, name, *after);
            writer.bool(*at_end);
            write_options(writer, options);
        }
        ChangeKind::Delete { kind, name, after, options } => {
            writer.u8(1);
            write_section(writer, kind, name, *after);
            write_options(writer, options);
        }
        ChangeKind::Rename { old, new } => {
            writer.u8(2);
            writer.option(old.as_ref(), write_name);
            writer.option(new.as_ref(), write_name);
        }
        ChangeKind::Retype { old, new } => {
            writer.u8(3);
            writer.bytes(old.as_bytes());
            writer.bytes(new.as_bytes());
        }
        ChangeKind::Move { old_after, new_after } => {
            writer.u8(4);
            writer.option(*old_after, |writer, id| writer.varint(id.0));
            writer.option(*new_after, |writer, id| writer.varint(id.0));
        }
        ChangeKind::Set { option, old, new, at } => {
            writer.u8(5);
            write_name(writer, option);
            writer.option(old.as_ref(), write_value);
            write_value(writer, new);
            write_place(writer, *at);
        }
        ChangeKind::Unset { option, old, index } => {
            writer.u8(6);
            write_name(writer, option);
            write_value(writer, old);
            writer.varint((*index).into());
        }
        ChangeKind::RenameOption { old, new } => {
            writer.u8(7);
            write_name(writer, old);
            write_name(writer, new);
        }
        ChangeKind::InsertItem { option, index, at_end, item, was_scalar, at } => {
            writer.u8(8);
            write_name(writer, option);
            writer.varint((*index).into());
            writer.bool(*at_end);
            writer.bytes(item);
            writer.bool(*was_scalar);
            write_place(writer, *at);
        }
        ChangeKind::RemoveItem { option, index, item, to_scalar, at } => {
            writer.u8(9);
            write_name(writer, option);
            writer.varint((*index).into());
            writer.bytes(item);
            writer.bool(*to_scalar);
            write_place(writer, *at);
        }
    }
}

fn read_change(reader: &mut Reader<'_>) -> Decoded<Change> {
    let section = read_id(reader)?;
    let kind = match reader.u8()? {
        0 => ChangeKind::Add {
            kind: reader.name::<TypeName>()?,
            name: reader.option(Reader::name)?,
            after: reader.option(read_id)?,
            at_end: reader.bool()?,
            options: read_options(reader)?,
        },
        1 => ChangeKind::Delete {
            kind: reader.name::<TypeName>()?,
            name: reader.option(Reader::name)?,
            after: reader.option(read_id)?,
            options: read_options(reader)?,
        },
        2 => ChangeKind::Rename { old: reader.option(Reader::name)?, new: reader.option(Reader::name)? },
        3 => ChangeKind::Retype { old: reader.name()?, new: reader.name()? },
        4 => ChangeKind::Move { old_after: reader.option(read_id)?, new_after: reader.option(read_id)? },
        5 => ChangeKind::Set {
            option: reader.name()?,
            old: reader.option(read_value)?,
            new: read_value(reader)?,
            at: reader.option(read_u32)?,
        },
        6 => ChangeKind::Unset { option: reader.name()?, old: read_value(reader)?, index: read_u32(reader)? },
        7 => ChangeKind::RenameOption { old: reader.name()?, new: reader.name()? },
        8 => ChangeKind::InsertItem {
            option: reader.name()?,
            index: read_u32(reader)?,
            at_end: reader.bool()?,
            item: reader.bytes()?.to_vec(),
            was_scalar: reader.bool()?,
            at: reader.option(read_u32)?,
        },
        9 => ChangeKind::RemoveItem {
            option: reader.name()?,
            index: read_u32(reader)?,
            item: reader.bytes()?.to_vec(),
            to_scalar: reader.bool()?,
            at: reader.option(read_u32)?,
        },
        _ => return Err(Malformed("a change is of an unknown kind")),
    };
    Ok(Change { section, kind })
}

fn write_section(writer: &mut Writer, kind: &TypeName, name: &Option<Name>, after: Option<SectionId>) {
    writer.bytes(kind.as_bytes());
    writer.option(name.as_ref(), write_name);
    writer.option(after, |writer, id| writer.varint(id.0));
}

fn write_options(writer: &mut Writer, options: &[(Name, Value)]) {
    writer.list(options, |writer, (name, value)| {
        write_name(writer, name);
        write_value(writer, value);
    });
}

fn read_options(reader: &mut Reader<'_>) -> Decoded<Vec<(Name, Value)>> {
    reader.list(|reader| Ok((reader.name()?, read_value(reader)?)))
}

fn write_name(writer: &mut Writer, name: &Name) {
    writer.bytes(name.as_bytes());
}

fn write_place(writer: &mut Writer, place: Option<u32>) {
    writer.option(place, |writer, place| writer.varint(place.into()));
}

fn read_id(reader: &mut Reader<'_>) -> Decoded<SectionId> {
    reader.varint().map(SectionId)
}

fn read_u32(reader: &mut Reader<'_>) -> Decoded<u32> {
    u32::try_from(reader.varint()?).map_err(|_| Malformed("a position is out of range"))
}

fn write_value(writer: &mut Writer, value: &Value) {
    match value {
        Value::Scalar(bytes) => {
            writer.u8(0);
            writer.bytes(bytes);
        }
        Value::List(items) => {
            writer.u8(1);
            writer.list(items, |writer, item| writer.bytes(item));
        }
    }
}

fn read_value(reader: &mut Reader<'_>) -> Decoded<Value> {
    if reader.bool()? {
        Ok(Value::List(reader.list(|reader| reader.bytes().map(<[u8]>::to_vec))?))
    } else {
        Ok(Value::Scalar(reader.bytes()?.to_vec()))
    }
}

/// Compresses `content` if that saves an eighth or more.
pub(crate) fn pack(content: &[u8]) -> Option<Vec<u8>> {
    let packed = lz4_flex::block::compress(content);
    (packed.len() < content.len() - content.len() / 8).then_some(packed)
}

/// Uncompresses `packed`, which must give `len` bytes exactly.
pub(crate) fn unpack(packed: &[u8], len: usize) -> Decoded<Vec<u8>> {
    // LZ4 makes at most 255 bytes of one: a larger claim is a lie, and must not reserve memory.
    if len > UNPACKED_LIMIT || len / 256 > packed.len() {
        return Err(Malformed("it claims an impossible length"));
    }
    let content =
        lz4_flex::block::decompress(packed, len).map_err(|_| Malformed("it cannot be uncompressed"))?;
    if content.len() == len { Ok(content) } else { Err(Malformed("it uncompresses to another length")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::outline::Outline;
    use super::*;
    use crate::{Open, Record, Sqlite};
    use proptest::{collection::vec, option, prelude::*};

    fn name() -> impl Strategy<Value = Name> {
        "[A-Za-z0-9_]{1,12}".prop_map(|text| Name::new(&text).unwrap())
    }

    fn kind() -> impl Strategy<Value = TypeName> {
        "[!-~]{1,12}".prop_map(|text| TypeName::new(&text).unwrap())
    }

    fn package() -> impl Strategy<Value = PackageName> {
        "[a-z-]{1,12}".prop_map(|text| PackageName::new(&text).unwrap())
    }

    fn id() -> impl Strategy<Value = SectionId> {
        any::<u64>().prop_map(SectionId)
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        vec(any::<u8>(), 0..20)
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![bytes().prop_map(Value::Scalar), vec(bytes(), 0..4).prop_map(Value::List)]
    }

    fn options() -> impl Strategy<Value = Vec<(Name, Value)>> {
        vec((name(), value()), 0..4)
    }

    fn change() -> impl Strategy<Value = Change> {
        let place = || option::of(any::<u32>());
        let kinds = prop_oneof![
            (kind(), option::of(name()), option::of(id()), any::<bool>(), options()).prop_map(
                |(kind, name, after, at_end, options)| ChangeKind::Add { kind, name, after, at_end, options }
            ),
            (kind(), option::of(name()), option::of(id()), options())
                .prop_map(|(kind, name, after, options)| ChangeKind::Delete { kind, name, after, options }),
            (option::of(name()), option::of(name())).prop_map(|(old, new)| ChangeKind::Rename { old, new }),
            (kind(), kind()).prop_map(|(old, new)| ChangeKind::Retype { old, new }),
            (option::of(id()), option::of(id()))
                .prop_map(|(old_after, new_after)| ChangeKind::Move { old_after, new_after }),
            (name(), option::of(value()), value(), place())
                .prop_map(|(option, old, new, at)| ChangeKind::Set { option, old, new, at }),
            (name(), value(), any::<u32>()).prop_map(|(option, old, index)| ChangeKind::Unset {
                option,
                old,
                index
            }),
            (name(), name()).prop_map(|(old, new)| ChangeKind::RenameOption { old, new }),
            (name(), any::<u32>(), any::<bool>(), bytes(), any::<bool>(), place()).prop_map(
                |(option, index, at_end, item, was_scalar, at)| ChangeKind::InsertItem {
                    option,
                    index,
                    at_end,
                    item,
                    was_scalar,
                    at
                }
            ),
            (name(), any::<u32>(), bytes(), any::<bool>(), place()).prop_map(
                |(option, index, item, to_scalar, at)| ChangeKind::RemoveItem {
                    option,
                    index,
                    item,
                    to_scalar,
                    at
                }
            ),
        ];
        (id(), kinds).prop_map(|(section, kind)| Change { section, kind })
    }

    fn body() -> impl Strategy<Value = EntryBody> {
        let digest = || option::of(any::<[u8; 16]>().prop_map(Digest));
        let splice = (any::<u64>(), bytes(), bytes()).prop_map(|(offset, removed, inserted)| Splice {
            offset,
            removed,
            inserted,
        });
        let ids = (any::<u64>(), vec(id(), 0..4), vec(id(), 0..4))
            .prop_map(|(index, removed, inserted)| IdSplice { index, removed, inserted });
        let edit = (vec(splice, 0..4), vec(ids, 0..4)).prop_map(|(text, ids)| Edit { text, ids });
        prop_oneof![
            (vec(change(), 0..12), edit).prop_map(|(changes, edit)| EntryBody::Edit { changes, edit }),
            (digest(), digest(), option::of(vec(change(), 0..4)))
                .prop_map(|(old, new, changes)| EntryBody::Replace { old, new, changes }),
        ]
    }

    fn commit() -> impl Strategy<Value = Commit> {
        let revision = || any::<u64>().prop_map(Revision);
        let kinds = prop_oneof![
            Just(CommitKind::Normal),
            Just(CommitKind::External),
            Just(CommitKind::Import),
            revision().prop_map(|to| CommitKind::Rollback { to }),
            (revision(), revision()).prop_map(|(from, to)| CommitKind::Undo { from, to }),
        ];
        let origins = prop_oneof![
            Just(Origin::Direct),
            (any::<u32>(), any::<u64>(), any::<u64>()).prop_map(|(owner, stage, upto)| Origin::Stage {
                owner,
                stage,
                upto
            }),
        ];
        let words = (".{0,8}", ".{0,8}", ".{0,40}");
        let packages = vec((package(), body()), 0..4);
        let conflicts = vec((package(), change()), 0..3);
        let tables = vec(table::tests::change(), 0..3);
        (revision(), any::<i64>(), words, origins, kinds, packages, tables, conflicts).prop_map(
            |(revision, time_us, (author, tool, message), origin, kind, packages, tables, conflicts)| {
                Commit {
                    revision,
                    time_us,
                    author,
                    tool,
                    message,
                    origin,
                    kind,
                    packages: packages
                        .into_iter()
                        .map(|(package, body)| PackageEntry { package, body })
                        .collect(),
                    tables,
                    conflicts,
                }
            },
        )
    }

    /// Asks a record all that can be asked. What decodes as a whole says the same.
    fn look_into(header: &[u8], body: &[u8]) -> Result<(), TestCaseError> {
        let Ok(Some(outline)) = Outline::read(header, body) else { return Ok(()) };
        let edits: Vec<_> = outline
            .packages(header)
            .map(|(_, edited)| {
                let sections = edited.sections(body, |_, _| {});
                (edited.edit(body), edited.splice(body), sections)
            })
            .collect();
        let Ok(Some(record)) = Record::of_stored(header, body, outline.revision) else {
            return Err(TestCaseError::fail("no record of an outline"));
        };
        let Some(commit) = record.decode() else { return Ok(()) };
        prop_assert_eq!(edits.len(), commit.packages.len());
        for ((edit, splice, sections), entry) in edits.into_iter().zip(&commit.packages) {
            prop_assert!(sections.is_ok());
            let edit = edit.map_err(|Malformed(what)| TestCaseError::fail(what))?;
            let is_same = matches!(&entry.body, EntryBody::Edit { edit: decoded, .. } if *decoded == edit);
            prop_assert!(is_same, "{entry:?} was read as {edit:?}");
            let single = match (&edit.text[..], &edit.ids[..]) {
                ([splice], []) => Some((splice.offset, &splice.removed[..], &splice.inserted[..])),
                _ => None,
            };
            prop_assert_eq!(splice, single);
        }
        Ok(())
    }

    /// The sections that a record's changes are about, with the names given to them.
    fn sections(record: &Record, package: &PackageName) -> Option<Vec<(SectionId, Option<Vec<u8>>)>> {
        let mut found = Vec::new();
        let is_edit =
            record.sections(package, |section, name| found.push((section, name.map(<[u8]>::to_vec))));
        is_edit.then_some(found)
    }

    fn read(encoded: &Encoded) -> Decoded<Commit> {
        decode(decode_header(&encoded.header)?, &encoded.body, |digest, joined| {
            let chunk = encoded.chunks.iter().find(|chunk| chunk.digest() == *digest);
            joined.extend_from_slice(chunk.ok_or(Malformed("missing"))?.content());
            Ok::<(), Malformed>(())
        })
    }

    proptest! {
        #[test]
        fn a_commit_comes_back_as_it_was(commit in commit()) {
            prop_assert_eq!(read(&encode(&commit)).unwrap(), commit);
        }

        #[test]
        fn a_record_says_what_the_commit_does(mut commit in commit()) {
            // No commit names a package twice.
            let mut names = std::collections::BTreeSet::new();
            commit.packages.retain(|entry| names.insert(entry.package.clone()));
            let Encoded { header, body, .. } = encode(&commit);
            let record = Record::of_stored(&header, &body, commit.revision).unwrap();
            let only_edits = commit.packages.iter().all(|entry| matches!(entry.body, EntryBody::Edit { .. }));
            let is_usual = commit.tables.is_empty() && !commit.packages.is_empty() && only_edits && body[0] == 0;
            prop_assert_eq!(record.is_some(), is_usual);
            let decoded = Record::from(Arc::new(commit.clone()));
            let nowhere = tempfile::tempdir().unwrap();
            let log = Sqlite::open(nowhere.path().join("log.db"), Open { create: true, ..Open::default() }).unwrap();
            let touched = |record: &Record| {
                let mut touched = Vec::new();
                record.packages(|package, how| touched.push((package.to_owned(), how)));
                touched
            };
            look_into(&header, &body)?;
            for record in record.iter().chain([&decoded]) {
                prop_assert_eq!(touched(record), touched(&decoded));
                for entry in &commit.packages {
                    let (edit, renames) = match &entry.body {
                        EntryBody::Edit { changes, edit } => {
                            (Some(edit.clone()), changes.iter().any(|change| matches!(change.kind, ChangeKind::Rename { .. })))
                        }
                        EntryBody::Replace { .. } => (None, true),
                    };
                    prop_assert_eq!(sections(record, &entry.package), sections(&decoded, &entry.package));
                    prop_assert_eq!(sections(record, &entry.package).is_some(), edit.is_some());
                    prop_assert_eq!(record.edit(&log, &entry.package, Edit::clone).unwrap(), edit);
                    prop_assert_eq!(record.renames(&entry.package), renames);
                }
                let other = PackageName::new("not-there").unwrap();
                prop_assert_eq!(record.edit(&log, &other, Edit::clone).unwrap(), None);
                prop_assert_eq!(sections(record, &other), Some(Vec::new()));
                prop_assert!(!record.renames(&other));
                prop_assert_eq!(&**record.commit(&log).unwrap(), &commit);
            }
        }

        #[test]
        fn a_flipped_bit_is_found(commit in commit(), place in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut encoded = encode(&commit);
            let place = place.index(encoded.header.len() + encoded.body.len());
            match place.checked_sub(encoded.header.len()) {
                None => encoded.header[place] ^= 1 << bit,
                Some(place) => encoded.body[place] ^= 1 << bit,
            }
            prop_assert!(read(&encoded).is_err());
        }

        #[test]
        fn a_record_cut_short_is_found(commit in commit(), place in any::<prop::sample::Index>()) {
            let mut encoded = encode(&commit);
            let place = place.index(encoded.header.len() + encoded.body.len());
            match place.checked_sub(encoded.header.len()) {
                None => encoded.header.truncate(place),
                Some(place) => encoded.body.truncate(place),
            }
            prop_assert!(read(&encoded).is_err());
        }

        #[test]
        fn random_bytes_do_no_harm(mut header in vec(any::<u8>(), 5..200), body in vec(any::<u8>(), 0..200)) {
            // With checksums that agree, so that the bytes reach the decoder.
            header[0] = RECORD_VERSION;
            if header.len() >= 9 {
                header[5..9].copy_from_slice(&crc32fast::hash(&body).to_le_bytes());
            }
            let crc = crc32fast::hash(&header[5..]);
            header[1..5].copy_from_slice(&crc.to_le_bytes());
            look_into(&header, &body)?;
            let _ = read(&Encoded { header, body: body.clone(), chunks: Vec::new() });
            let mut encoded = encode(&Commit {
                revision: Revision(1),
                time_us: 0,
                author: String::new(),
                tool: String::new(),
                message: String::new(),
                origin: Origin::Direct,
                kind: CommitKind::Normal,
                packages: vec![PackageEntry {
                    package: PackageName::new("a").unwrap(),
                    body: EntryBody::Edit { changes: Vec::new(), edit: Edit::default() },
                }],
                tables: Vec::new(),
                conflicts: Vec::new(),
            });
            encoded.body = body;
            let crc = crc32fast::hash(&encoded.body);
            encoded.header[5..9].copy_from_slice(&crc.to_le_bytes());
            let crc = crc32fast::hash(&encoded.header[5..]);
            encoded.header[1..5].copy_from_slice(&crc.to_le_bytes());
            let _ = read(&encoded);
            look_into(&encoded.header, &encoded.body)?;
        }

        #[test]
        fn what_is_packed_unpacks_and_a_lie_is_found(content in vec(0..4u8, 0..5000), lie in any::<usize>()) {
            if let Some(packed) = pack(&content) {
                prop_assert_eq!(unpack(&packed, content.len()).unwrap(), content.clone());
                prop_assert!(lie == content.len() || unpack(&packed, lie).is_err());
            }
        }
    }
}
