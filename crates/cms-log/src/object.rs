//! Content kept under its own name: text blocks, manifests, roots and long commit bodies.

use crate::{Digest, Digester};

/// Content that the log keeps under the digest of it.
///
/// Objects are shared: a block of text that ten checkpoints have in common is stored once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    kind: ObjectKind,
    digest: Digest,
    content: Vec<u8>,
}

/// What an object's content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A piece of a package's text with the ids of its sections.
    Block = 1,
    /// A run of a package's blocks.
    Page = 2,
    /// A package: its pages or blocks in order.
    Manifest = 3,
    /// A state: packages and their manifests.
    Root = 4,
    /// A piece of a commit's body that is too long for its row.
    Chunk = 5,
}

impl ObjectKind {
    /// Returns the kind that `byte` stands for in the format.
    pub fn from_byte(byte: u8) -> Option<ObjectKind> {
        Some(match byte {
            1 => ObjectKind::Block,
            2 => ObjectKind::Page,
            3 => ObjectKind::Manifest,
            4 => ObjectKind::Root,
            5 => ObjectKind::Chunk,
            _ => return None,
        })
    }
}

impl Object {
    /// Makes an object of `content` and names it.
    ///
    /// The kind is part of what is digested, so content of one kind is never taken for another.
    pub fn new(kind: ObjectKind, content: Vec<u8>) -> Object {
        let mut digester = Digester::new();
        digester.update(&[kind as u8]);
        digester.update(&content);
        Object { kind, digest: digester.finish(), content }
    }

    /// Takes an object over from where its content was checked against its name.
    pub(crate) fn trusted(kind: ObjectKind, digest: Digest, content: Vec<u8>) -> Object {
        Object { kind, digest, content }
    }

    /// Returns what the content is.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// Returns the name.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the content, not compressed.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Takes the content out.
    pub fn into_content(self) -> Vec<u8> {
        self.content
    }
}
