//! A segment that another process has written, as a reader sees it.

use std::fs;
use std::hint::black_box;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cms_segment::{Root, Snapshot, Value};
use tempfile::TempDir;

use crate::Result;
use crate::entries::Questions;
use crate::other::Other;
use crate::world::folder_in_memory;

/// A segment and the process that writes it.
pub struct Segment {
    /// The process; it ends with the segment.
    pub writer: Other,
    /// The segment, attached for reading.
    pub root: Root,
    folder: TempDir,
}

impl Segment {
    /// Has another process load so many entries, and attaches what it made.
    pub fn new(count: usize) -> Result<Self> {
        let folder = folder_in_memory()?;
        let mut writer = Other::start("writer", &[&folder.path().to_string_lossy(), &count.to_string()])?;
        writer.hear()?;
        let root = Root::attach(folder.path())?;
        Ok(Self { writer, root, folder })
    }

    /// The folder that holds the files of the segment.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// What a reader looks at of a value: its first byte, or how many items it has.
#[inline]
fn glance(value: Option<Value<'_>>) -> usize {
    match value {
        Some(Value::String(text)) => usize::from(text.first().copied().unwrap_or_default()),
        Some(Value::Array(items)) => items.len() as usize,
        _ => panic!("a value is lost"),
    }
}

/// Asks for all.
pub fn ask(snapshot: &Snapshot, questions: &Questions) -> Result<()> {
    let mut sum = 0;
    for at in 0..questions.len() {
        sum += glance(snapshot.get(questions.get(at))?);
    }
    black_box(sum);
    Ok(())
}

/// Asks for all, but which key comes next is known only when the answer is there.
pub fn ask_in_turn(snapshot: &Snapshot, questions: &Questions) -> Result<()> {
    let zero = black_box(0);
    let (mut at, mut sum) = (0, 0);
    while at < questions.len() {
        let byte = glance(snapshot.get(questions.get(at))?);
        sum += byte;
        at += 1 + (byte & zero);
    }
    black_box(sum);
    Ok(())
}

/// Asks for all, with a new snapshot for every so many.
pub fn ask_anew(root: &Root, questions: &Questions, every: usize) -> Result<()> {
    let mut sum = 0;
    let mut at = 0;
    while at < questions.len() {
        let snapshot = root.snapshot()?;
        let end = questions.len().min(at + every);
        while at < end {
            sum += glance(snapshot.get(questions.get(at))?);
            at += 1;
        }
    }
    black_box(sum);
    Ok(())
}

/// The bytes that the files of a folder take, blocks that were never written left out.
pub fn bytes_in(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for file in fs::read_dir(folder)? {
        // One that is gone by now takes nothing.
        bytes += file?.metadata().map_or(0, |status| status.blocks() * 512);
    }
    Ok(bytes)
}
