//! Stores that lie: a sound one, patched by the input, is read and written in every way.
//!
//! The input is a list of patches: file (1 byte), offset (3), length (1), bytes. Without the sound store below them nearly all inputs
//! would end at the check of a header.

#![no_main]

use std::{fs, path::PathBuf, sync::OnceLock};

use cms_segment::{Root, RootOptions, Value};
use libfuzzer_sys::fuzz_target;

type Files = Vec<(String, Vec<u8>)>;

fn sound() -> &'static (PathBuf, Files) {
    static SOUND: OnceLock<(PathBuf, Files)> = OnceLock::new();
    SOUND.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory can be made").keep();
        let store = dir.join("sound");
        let root = Root::create(&store, &RootOptions::default()).expect("a store can be made");
        let mut writer = root.writer().expect("nobody else writes");
        let entries = (0..120).map(|number| (["large", "a.b", "c"][number % 3 * usize::from(number > 70)], format!("o{number}"), Value::Int(number as i64)));
        writer.rebuild("", entries, 1).expect("there is room");
        for revision in 2..6 {
            let mut batch = writer.batch(revision).expect("the revision rises");
            for key in [&b"a.b.o90"[..], b"new.key", b"large.o3", b"large.new"] {
                batch.set(key, Value::String(b"some text")).expect("there is room");
            }
            batch.delete(b"large.o5").expect("the store is sound");
            batch.move_to(b"large", b"o9", 0).expect("the entry is there");
            batch.publish().expect("the batch is sound");
        }
        let mut files: Files = fs::read_dir(&store)
            .expect("the store is there")
            .flatten()
            .map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).unwrap_or_default()))
            .collect();
        files.sort();
        (dir, files)
    })
}

fuzz_target!(|input: &[u8]| {
    let (dir, files) = sound();
    let victim = dir.join("victim");
    let _ = fs::remove_dir_all(&victim);
    fs::create_dir_all(&victim).expect("a directory can be made");
    let mut files = files.clone();
    let mut rest = input;
    while let [file, a, b, c, length, tail @ ..] = rest {
        let count = files.len();
        let (_, bytes) = &mut files[usize::from(*file) % count];
        let at = (usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16) % bytes.len().max(1);
        let (patch, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        if patch.is_empty() {
            bytes.truncate(at);
        } else {
            let end = (at + patch.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&patch[..end - at]);
        }
        rest = tail;
    }
    for (name, bytes) in &files {
        fs::write(victim.join(name), bytes).expect("a file can be written");
    }
    let Ok(root) = Root::open(&victim) else { return };
    let _ = root.check();
    if let Ok(snapshot) = root.snapshot() {
        let _ = snapshot.iter().take(500).count();
        let _ = snapshot.prefix(b"").map(|items| items.take(500).count());
        let _ = snapshot.statistics();
        for key in [&b"a.b.o90"[..], b"new.key", b"large.o3", b"large.new"] {
            let _ = snapshot.get(key);
        }
    }
    let Ok(mut writer) = root.try_writer() else { return };
    let next = writer.head().wrapping_add(1);
    if let Ok(mut batch) = writer.batch(next) {
        let _ = batch.set(b"a.b.o90", Value::String(b"changed"));
        let _ = batch.set(b"large.other", Value::String(b"changed"));
        let _ = batch.delete_group(b"c");
        let _ = batch.publish();
    }
    let _ = writer.defragment("");
});
