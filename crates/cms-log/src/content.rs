//! The content of objects, and how it is stored (`docs/log-format.md`, section 2).

use cms_model::{BlockPart, SectionId};

use crate::{
    Digest, Object, ObjectKind, Root,
    codec::{pack, unpack},
    wire::{Decoded, Malformed, Reader, Writer},
};

/// A run of a package's text, as a page or a manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The block or the page.
    pub digest: Digest,
    /// The bytes of text in it.
    pub text: u64,
    /// The stanzas in it.
    pub ids: u64,
    /// Whether the next part continues the text of this one's only stanza.
    pub continued: bool,
}

/// A package: its blocks, or the pages that name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub paged: bool,
    pub parts: Vec<Part>,
}

/// Makes a block of text and the ids of its stanzas.
pub(crate) fn encode_block(text: &[u8], ids: impl Iterator<Item = SectionId>) -> (Object, u64) {
    let mut deltas = Writer::default();
    let mut last = 0u64;
    let mut count = 0;
    for id in ids {
        deltas.zigzag(id.0.wrapping_sub(last) as i64);
        last = id.0;
        count += 1;
    }
    let mut writer = Writer(Vec::with_capacity(text.len() + deltas.0.len() + 5));
    writer.varint(count);
    writer.0.extend_from_slice(&deltas.0);
    writer.0.extend_from_slice(text);
    (Object::new(ObjectKind::Block, writer.0), count)
}

pub(crate) fn decode_block(mut content: Vec<u8>) -> Decoded<BlockPart> {
    let mut reader = Reader(&content);
    let mut last = 0u64;
    let ids = reader.list(|reader| {
        last = last.wrapping_add(reader.zigzag()? as u64);
        Ok(SectionId(last))
    })?;
    let text = content.len() - reader.0.len();
    content.drain(..text);
    Ok(BlockPart { text: content, ids })
}

pub(crate) fn encode_page(parts: &[Part]) -> Object {
    let mut writer = Writer(Vec::with_capacity(parts.len() * 22 + 4));
    writer.list(parts, write_part);
    Object::new(ObjectKind::Page, writer.0)
}

pub(crate) fn decode_page(content: &[u8]) -> Decoded<Vec<Part>> {
    let mut reader = Reader(content);
    let parts = reader.list(read_part)?;
    reader.end()?;
    Ok(parts)
}

pub(crate) fn encode_manifest(manifest: &Manifest) -> Object {
    let mut writer = Writer(Vec::with_capacity(manifest.parts.len() * 22 + 4));
    writer.bool(manifest.paged);
    writer.list(&manifest.parts, write_part);
    Object::new(ObjectKind::Manifest, writer.0)
}

pub(crate) fn decode_manifest(content: &[u8]) -> Decoded<Manifest> {
    let mut reader = Reader(content);
    let manifest = Manifest { paged: reader.bool()?, parts: reader.list(read_part)? };
    reader.end()?;
    Ok(manifest)
}

pub(crate) fn encode_root(root: &Root) -> Object {
    let mut writer = Writer::default();
    writer.varint(root.packages.len() as u64);
    for (package, manifest) in &root.packages {
        writer.bytes(package.as_bytes());
        writer.digest(manifest);
    }
    Object::new(ObjectKind::Root, writer.0)
}

pub(crate) fn decode_root(content: &[u8]) -> Decoded<Root> {
    let mut reader = Reader(content);
    let packages = reader.list(|reader| Ok((reader.name()?, reader.digest()?)))?;
    reader.end()?;
    Ok(Root { packages: packages.into_iter().collect() })
}

/// Returns the objects that an object names.
pub(crate) fn children(kind: ObjectKind, content: &[u8]) -> Decoded<Vec<Digest>> {
    let digests = |parts: Vec<Part>| parts.iter().map(|part| part.digest).collect();
    match kind {
        ObjectKind::Block | ObjectKind::Chunk => Ok(Vec::new()),
        ObjectKind::Page => decode_page(content).map(digests),
        ObjectKind::Manifest => decode_manifest(content).map(|manifest| digests(manifest.parts)),
        ObjectKind::Root => decode_root(content).map(|root| root.packages.into_values().collect()),
    }
}

/// Puts an object into its stored form.
pub(crate) fn store(object: &Object) -> Vec<u8> {
    let content = object.content();
    let packed = pack(content);
    let bytes = packed.as_deref().unwrap_or(content);
    let mut writer = Writer(Vec::with_capacity(bytes.len() + 10));
    writer.u32(0);
    writer.bool(packed.is_some());
    writer.varint(content.len() as u64);
    writer.0.extend_from_slice(bytes);
    let crc = stored_crc(&object.digest(), &writer.0);
    writer.0[..4].copy_from_slice(&crc.to_le_bytes());
    writer.0
}

/// Gets an object's content out of its stored form.
pub(crate) fn restore(digest: &Digest, stored: &[u8]) -> Decoded<Vec<u8>> {
    let mut reader = Reader(stored);
    if reader.u32()? != stored_crc(digest, stored) {
        return Err(Malformed("its checksum does not agree"));
    }
    let packed = reader.bool()?;
    let len = reader.length()?;
    if packed {
        unpack(reader.0, len)
    } else if reader.0.len() == len {
        Ok(reader.0.to_vec())
    } else {
        Err(Malformed("it does not have the length it says"))
    }
}

fn stored_crc(digest: &Digest, stored: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&digest.0);
    crc.update(stored.get(4..).unwrap_or_default());
    crc.finalize()
}

fn write_part(writer: &mut Writer, part: &Part) {
    writer.digest(&part.digest);
    writer.varint(part.text);
    writer.varint(part.ids << 1 | u64::from(part.continued));
}

fn read_part(reader: &mut Reader<'_>) -> Decoded<Part> {
    let (digest, text, ids) = (reader.digest()?, reader.varint()?, reader.varint()?);
    Ok(Part { digest, text, ids: ids >> 1, continued: ids & 1 == 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cms_model::PackageName;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #[test]
        fn blocks_come_back(text in vec(any::<u8>(), 0..300), ids in vec(any::<u64>().prop_map(SectionId), 0..20)) {
            let (object, count) = encode_block(&text, ids.iter().copied());
            prop_assert_eq!(count, ids.len() as u64);
            prop_assert_eq!(decode_block(object.into_content()).unwrap(), BlockPart { text, ids });
        }

        #[test]
        fn manifests_pages_and_roots_come_back(
            parts in vec((any::<[u8; 16]>(), any::<u64>(), 0..u64::MAX >> 1, any::<bool>()), 0..20),
            paged in any::<bool>(),
            names in prop::collection::btree_map("[a-z]{1,8}", any::<[u8; 16]>(), 0..10),
        ) {
            let parts: Vec<Part> = parts
                .into_iter()
                .map(|(digest, text, ids, continued)| Part { digest: Digest(digest), text, ids, continued })
                .collect();
            prop_assert_eq!(decode_page(encode_page(&parts).content()).unwrap(), parts.clone());
            let digests: Vec<Digest> = parts.iter().map(|part| part.digest).collect();
            let manifest = Manifest { paged, parts };
            let object = encode_manifest(&manifest);
            prop_assert_eq!(decode_manifest(object.content()).unwrap(), manifest);
            prop_assert_eq!(children(ObjectKind::Manifest, object.content()).unwrap(), digests);
            let packages = names.into_iter().map(|(name, digest)| (PackageName::new(&name).unwrap(), Digest(digest)));
            let root = Root { packages: packages.collect() };
            prop_assert_eq!(decode_root(encode_root(&root).content()).unwrap(), root);
        }

        #[test]
        fn stored_objects_come_back_and_flipped_bits_are_found(
            content in vec(0..8u8, 0..600),
            place in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            let object = Object::new(ObjectKind::Chunk, content.clone());
            let mut stored = store(&object);
            prop_assert_eq!(restore(&object.digest(), &stored).unwrap(), content);
            prop_assert!(restore(&Digest([9; 16]), &stored).is_err(), "under another name");
            let place = place.index(stored.len());
            stored[place] ^= 1 << bit;
            prop_assert!(restore(&object.digest(), &stored).is_err());
        }

        #[test]
        fn random_bytes_do_no_harm(content in vec(any::<u8>(), 0..300)) {
            let _ = decode_block(content.clone());
            let _ = decode_page(&content);
            let _ = decode_manifest(&content);
            let _ = decode_root(&content);
            let _ = restore(&Digest([0; 16]), &content);
        }
    }
}
