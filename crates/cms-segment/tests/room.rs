//! Room: limits, a full file system, a directory that vanishes, and many generations.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong ends")]

use std::{fs, path::Path};

use cms_segment::{Error, Root, RootOptions, SegmentOptions, Value};
use cms_testkit::{Mount, Random};

fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" }).unwrap()
}

fn limited(directory: &Path, limit: u64) -> Root {
    let segment = SegmentOptions { limit, ..SegmentOptions::default() };
    Root::create(directory, &RootOptions { segment, ..RootOptions::default() }).unwrap()
}

fn set(root: &Root, key: &str, value: &[u8]) -> cms_segment::Result<()> {
    let mut writer = root.writer()?;
    let mut batch = writer.batch(root.head() + 1)?;
    batch.set(key.as_bytes(), Value::String(value))?;
    batch.publish()
}

fn size(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap();
    files.map(|file| file.unwrap().metadata().map_or(0, |status| status.len())).sum()
}

#[test]
fn the_limit_is_hard_clear_and_survived() {
    let dir = place();
    let root = limited(dir.path(), 256 << 10);
    let value = [b'x'; 1000];
    let mut stored = 0;
    let error = loop {
        match set(&root, &format!("a.b{stored}"), &value) {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1000);
    };
    assert!(matches!(error, Error::Full { limit: 262_144, .. }), "{error}");
    assert!(stored > 150, "{stored}");
    let snapshot = root.snapshot().unwrap();
    assert_eq!(snapshot.revision(), stored);
    assert_eq!(snapshot.count().unwrap(), stored);
    // Overwriting goes on for ever: what is no longer in use makes room.
    for number in 0..2000u64 {
        set(&root, &format!("a.b{}", number % (stored / 2)), &value[..500]).unwrap();
    }
    // A batch that does not fit leaves nothing behind, and those after it go on.
    let before = root.snapshot().unwrap().count().unwrap();
    let mut writer = root.writer().unwrap();
    let mut batch = writer.batch(root.head() + 1).unwrap();
    batch.set(b"small", Value::Int(1)).unwrap();
    let large = vec![b'y'; 300 << 10];
    assert!(batch.set(b"large", Value::Bytes(&large)).unwrap_err().is_full());
    assert!(batch.reserve(300 << 10).unwrap_err().is_full());
    assert_eq!(batch.get(b"small").unwrap(), Some(Value::Int(1)));
    drop(batch);
    drop(writer);
    assert_eq!(root.snapshot().unwrap().count().unwrap(), before);
    // What is deleted makes room as well.
    for number in 0..stored / 2 {
        let mut writer = root.writer().unwrap();
        let mut batch = writer.batch(root.head() + 1).unwrap();
        assert!(batch.delete(format!("a.b{number}").as_bytes()).unwrap());
        batch.publish().unwrap();
    }
    for number in 0..stored / 4 {
        set(&root, &format!("again.b{number}"), &value).unwrap();
    }
    // Larger by wish, and smaller again if it fits.
    root.writer().unwrap().resize("", 1 << 20).unwrap();
    set(&root, "large", &large).unwrap();
    assert!(root.writer().unwrap().resize("", 256 << 10).unwrap_err().is_full());
    assert!(size(dir.path()) <= (1 << 20) + 8192);
    assert_eq!(root.check().unwrap(), []);
}

#[test]
fn a_full_file_system_is_an_error_and_no_fault() {
    let dir = place();
    for megabytes in 1..6u64 {
        let Some(mount) = Mount::tmpfs(dir.path(), megabytes << 19) else {
            eprintln!("not root: no file system to fill");
            return;
        };
        let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
        let reader = Root::attach(dir.path()).unwrap();
        let mut random = Random::new(megabytes);
        let (mut stored, mut failures) = (0u64, 0);
        while failures < 20 {
            let value = vec![b'x'; 100 + random.below(5000) as usize];
            let mut writer = root.writer().unwrap();
            let mut batch = writer.batch(root.head() + 1).unwrap();
            let key = format!("a.b{stored}");
            let done = batch.set(key.as_bytes(), Value::String(&value)).and_then(|()| batch.publish());
            match done {
                Ok(()) => stored += 1,
                Err(error) => {
                    assert!(error.is_full(), "{error}");
                    failures += 1;
                    writer.set_stale(true);
                }
            }
            if failures == 10 {
                let _ = writer.defragment("");
            }
        }
        assert!(reader.is_stale());
        assert!(stored > 50, "{stored}");
        let snapshot = reader.snapshot().unwrap();
        assert_eq!(snapshot.revision(), stored);
        for item in snapshot.iter() {
            item.unwrap();
        }
        drop((snapshot, reader, root));
        drop(mount);
    }
}

#[test]
fn readers_outlive_their_directory() {
    let dir = place();
    let store = dir.path().join("store");
    let root = limited(&store, 1 << 30);
    set(&root, "a.b", b"value").unwrap();
    let reader = Root::attach(&store).unwrap();
    let snapshot = reader.snapshot().unwrap();
    let mut handle = reader.bind(b"a.b");
    assert_eq!(handle.get().unwrap(), Some(Value::String(b"value")));
    fs::remove_dir_all(&store).unwrap();
    assert_eq!(snapshot.get(b"a.b").unwrap(), Some(Value::String(b"value")));
    assert_eq!(handle.get().unwrap(), Some(Value::String(b"value")));
    assert_eq!(reader.snapshot().unwrap().revision(), 1);
    // A writer that has the files open goes on as well, until it needs a new one.
    set(&root, "a.b", b"other").unwrap();
    assert_eq!(reader.snapshot().unwrap().get(b"a.b").unwrap(), Some(Value::String(b"other")));
    assert!(matches!(root.writer().unwrap().defragment(""), Err(Error::Absent { .. })));
    assert!(matches!(Root::attach(&store), Err(Error::Absent { .. })));
}

#[test]
fn a_thousand_generations_take_no_more_than_a_few() {
    let dir = place();
    let root = limited(dir.path(), 1 << 30);
    let mut handle = root.bind(b"a.b7");
    let pinned = root.snapshot().unwrap();
    let maps =
        || fs::read_to_string("/proc/self/maps").unwrap().matches(&*dir.path().to_string_lossy()).count();
    let value = [b'x'; 300];
    for generation in 0..1000 {
        let mut writer = root.writer().unwrap();
        for number in 0..20 {
            let mut batch = writer.batch(root.head() + 1).unwrap();
            batch.set(format!("a.b{number}").as_bytes(), Value::String(&value)).unwrap();
            batch.publish().unwrap();
        }
        writer.defragment("").unwrap();
        assert!(handle.get().unwrap().is_some());
        if generation % 100 == 99 {
            assert!(size(dir.path()) < 1 << 20);
            assert!(maps() <= 6, "{} maps", maps());
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        }
    }
    assert_eq!(pinned.count().unwrap(), 0);
}

#[test]
fn overwriting_for_long_takes_bounded_room() {
    let dir = place();
    let root = limited(dir.path(), 1 << 30);
    let mut writer = root.writer().unwrap();
    for revision in 1..=100_000u64 {
        let mut batch = writer.batch(revision).unwrap();
        batch.set(format!("a.b{}", revision % 3).as_bytes(), Value::String(b"some value or other")).unwrap();
        batch.publish().unwrap();
    }
    assert!(size(dir.path()) < 1 << 20, "{}", size(dir.path()));
}

#[test]
fn long_chains_are_read_quickly() {
    let dir = place();
    let root = limited(dir.path(), 1 << 30);
    let mut writer = root.writer().unwrap();
    writer.rebuild("", [("a", "b", Value::Int(0)), ("a", "c", Value::Bytes(&[7; 4 << 20]))], 1).unwrap();
    let old = root.snapshot().unwrap();
    for revision in 2..=60_000u64 {
        let mut batch = writer.batch(revision).unwrap();
        batch.set(b"a.b", Value::Int(revision as i64)).unwrap();
        batch.publish().unwrap();
    }
    // The generation is still the first: 60,000 versions are between the head and what was pinned.
    let start = std::time::Instant::now();
    for _ in 0..10_000 {
        assert_eq!(old.get(b"a.b").unwrap(), Some(Value::Int(0)));
    }
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
    assert_eq!(root.check().unwrap(), []);
}

#[test]
fn segments_have_the_rights_of_their_files() {
    use std::os::unix::fs::PermissionsExt;
    let dir = place();
    let root = limited(dir.path(), 1 << 30);
    let mut writer = root.writer().unwrap();
    let secret = SegmentOptions { name: "secret".into(), mode: 0o600, ..SegmentOptions::default() };
    writer.add_segment(&secret).unwrap();
    assert!(writer.add_segment(&secret).is_err());
    let mut batch = writer.batch(1).unwrap();
    batch.set(b"secret.key", Value::String(b"hidden")).unwrap();
    batch.set(b"open.key", Value::String(b"seen")).unwrap();
    batch.publish().unwrap();
    writer.defragment("secret").unwrap();
    for file in fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        let name = file.file_name().into_string().unwrap();
        assert_eq!(mode, if name.starts_with("secret.") { 0o600 } else { 0o644 }, "{name}");
        if name != "root" {
            let bytes = fs::read(file.path()).unwrap();
            let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
            assert_eq!(holds(b"hidden"), name.starts_with("secret."));
            assert_eq!(holds(b"seen"), !name.starts_with("secret."));
        }
    }
    let snapshot = Root::attach(dir.path()).unwrap().snapshot().unwrap();
    assert_eq!(snapshot.get(b"secret.key").unwrap(), Some(Value::String(b"hidden")));
    assert_eq!(snapshot.iter().count(), 2);
    let keys: Vec<_> = snapshot.prefix(b"").unwrap().map(|item| item.unwrap().key()).collect();
    assert_eq!(keys, [&b"open.key"[..], b"secret.key"]);
}
