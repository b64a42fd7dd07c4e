//! Images: a store as one checksummed string of bytes, which is how it survives a reboot, is backed up, and passes from
//! one format or strategy to another.
//!
//! ```text
//! 8 bytes       "CMS-IMG\0"
//! u32           format version, 1
//! u8, 3 bytes   strategy; zeros
//! u64           hard limit
//! u64           number of entries
//! entries       in the order of insertion: varint length and bytes of the key, NUL; the value (`content.rs`)
//! u32           CRC-32 of all that comes before
//! ```
//! Numbers are little endian.

use std::{fs::File, io::Write, path::Path};

use crate::{Content, Error, Kind, Result, Scalar, Strategy, error::damaged, scalar::take};

const MAGIC: &[u8; 8] = b"CMS-IMG\0";
/// The newest format.
const VERSION: u32 = 1;

/// A store, apart from where it lies.
pub(crate) struct Image {
    pub strategy: Strategy,
    pub limit: u64,
    pub entries: Vec<(Vec<u8>, Content)>,
}

impl Image {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[self.strategy as u8, 0, 0, 0]);
        bytes.extend_from_slice(&self.limit.to_le_bytes());
        bytes.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        for (key, content) in &self.entries {
            Scalar::Bytes(key).encode(&mut bytes);
            content.encode(&mut bytes);
        }
        let check = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads an image of any format up to the newest.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        if !bytes.starts_with(MAGIC) {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        let mut rest = &bytes[MAGIC.len()..];
        let version = u32::from_le_bytes(array(&mut rest)?);
        if version > VERSION {
            return Err(Error::NewerFormat { path: path.to_owned(), found: version, known: VERSION });
        }
        let (body, check) = bytes.split_last_chunk().ok_or_else(|| damaged("an image is cut short"))?;
        if crc32fast::hash(body) != u32::from_le_bytes(*check) {
            return Err(damaged("an image does not match its checksum"));
        }
        rest = rest.get(..rest.len() - check.len()).ok_or_else(|| damaged("an image is cut short"))?;
        let [strategy, ..] = array::<4>(&mut rest)?;
        let strategy =
            Strategy::of_byte(strategy).ok_or_else(|| damaged("an image is of no known strategy"))?;
        let limit = u64::from_le_bytes(array(&mut rest)?);
        let count = u64::from_le_bytes(array(&mut rest)?);
        let mut entries = Vec::new();
        for _ in 0..count {
            let Scalar::Bytes(key) = Scalar::decode(Kind::Bytes, &mut rest)? else {
                return Err(damaged("an entry has no key"));
            };
            entries.push((key.to_vec(), Content::decode(&mut rest)?));
        }
        if !rest.is_empty() {
            return Err(damaged("something follows the end of an image"));
        }
        Ok(Image { strategy, limit, entries })
    }

    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
        Image::decode(&bytes, path)
    }

    /// Puts the image on disk in the place of an older one: either is there whatever happens.
    pub fn write(&self, path: &Path) -> Result<()> {
        let fault = |what| move |source| Error::io(what, path, source);
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(fault("make the directory of"))?;
        let mut name =
            path.file_name().ok_or(Error::Invalid { what: "an image needs a file name" })?.to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let temporary = parent.join(name);
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(&self.encode())?;
            file.sync_all()?;
            std::fs::rename(&temporary, path)?;
            File::open(parent)?.sync_all()
        };
        write().map_err(|source| {
            let _ = std::fs::remove_file(&temporary);
            Error::io("write", path, source)
        })
    }
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    take(rest, N)?.first_chunk().copied().ok_or_else(|| damaged("an image is cut short"))
}

#[cfg(test)]
mod tests {
    use cms_testkit::Random;

    use super::*;
    use crate::Column;

    fn image() -> Image {
        let table = Content::Table {
            columns: vec![
                Column::new("id", Kind::Int).required(),
                Column::new("name", Kind::String).most(64),
            ],
            indexes: vec![("id".into(), true)],
            next: 9,
            rows: vec![
                (1, vec![Some(Content::Int(7)), Some(Content::String(b"admin".to_vec()))]),
                (4, vec![Some(Content::Int(8)), None]),
            ],
        };
        let ports = Content::Array { kind: Kind::Int, elements: vec![Content::Int(80), Content::Int(443)] };
        let entries = [
            ("server.host", Content::String(b"localhost".to_vec())),
            ("server.port", Content::Int(8080)),
            ("server.timeout", Content::Float(30.5)),
            ("server.tls", Content::Bool(true)),
            ("server.key", Content::Bytes(vec![0, 255, 1])),
            ("allowed_ports", ports),
            ("users", table),
        ];
        let entries = entries.into_iter().map(|(key, content)| (key.as_bytes().to_vec(), content)).collect();
        Image { strategy: Strategy::Tlsf, limit: 1 << 20, entries }
    }

    #[test]
    fn what_is_written_is_read() {
        let image = image();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep").join("image");
        image.write(&path).unwrap();
        let read = Image::read(&path).unwrap();
        assert_eq!((read.strategy, read.limit, read.entries), (image.strategy, image.limit, image.entries));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = image().encode();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(Image::decode(&flipped, Path::new("image")).is_err(), "byte {at}");
            }
            assert!(Image::decode(&bytes[..at], Path::new("image")).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn lies_with_a_right_checksum_are_survived() {
        let mut random = Random::for_test("lies in an image");
        let bytes = image().encode();
        for _ in 0..20_000 {
            let mut lie = bytes[..bytes.len() - 4].to_vec();
            let at = 12 + random.below(lie.len() as u64 - 12) as usize;
            lie[at] = random.next() as u8;
            lie.extend_from_slice(&crc32fast::hash(&lie).to_le_bytes());
            let _ = Image::decode(&lie, Path::new("image"));
        }
    }
}
