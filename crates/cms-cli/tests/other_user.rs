//! What a user who does not own the configuration may do without a daemon: read, as far as the files
//! allow, and be told who may do the rest (protocol: "Who may").

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

const NOBODY: u32 = 65_534;

/// A configuration of root's that others can reach, and a copy of the program beside it.
fn shared() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a temporary directory");
    let open =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    open(home.path(), 0o755);
    // By another process: a descriptor of ours, open for writing, would be inherited by what other tests start just
    // then, and a file that is open for writing cannot be executed.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_cms")).arg(home.path().join("cms")).status();
    assert!(copied.expect("cp starts").success(), "the program is copied");
    fs::create_dir(home.path().join("conf")).expect("mkdir");
    for (name, text, mode) in [
        ("network", "config interface 'lan'\n\toption mtu '1500'\n", 0o644),
        ("secret", "config key 'k'\n\toption value 'x'\n", 0o600),
    ] {
        let path = home.path().join("conf").join(name);
        fs::write(&path, text).expect("the package is written");
        open(&path, mode);
    }
    home
}

fn cms(home: &Path, user: Option<u32>, words: &[&str]) -> Output {
    let mut command = Command::new(home.join("cms"));
    command.arg("-c").arg(home.join("conf")).args(words).env_clear();
    command.env("CMS_RUN_DIR", home.join("run"));
    command.env("CMS_STATE_DIR", home.join("state")).env("HOME", "/nonexistent").current_dir("/");
    if let Some(user) = user {
        // Root's other groups go with its user id.
        command.uid(user).gid(user);
    }
    command.output().expect("the program starts")
}

#[test]
fn others_read_what_the_files_allow_and_are_told_who_may_do_the_rest() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: no other user to be");
        return;
    }
    let home = shared();
    let text = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(cms(home.path(), None, &["set", "network.lan.mtu=1400"]).status.success());
    assert!(cms(home.path(), None, &["commit"]).status.success());

    let read = cms(home.path(), Some(NOBODY), &["get", "network.lan.mtu"]);
    assert_eq!(String::from_utf8_lossy(&read.stdout), "1400\n", "{}", text(&read));
    let secret = cms(home.path(), Some(NOBODY), &["get", "secret.k.value"]);
    assert_eq!(secret.status.code(), Some(6), "{}", text(&secret));
    assert!(secret.stdout.is_empty());
    for words in [
        &["set", "network.lan.mtu=1300"][..],
        &["commit"],
        &["history"],
        &["rollback", "1"],
        &["confirm"],
        &["watch"],
        &["watch", "network", "--count", "1"],
        &["compact", "--keep-commits", "1"],
    ] {
        let refused = cms(home.path(), Some(NOBODY), words);
        assert_eq!(refused.status.code(), Some(6), "{words:?}: {}", text(&refused));
        assert!(text(&refused).contains("cmsd"), "{words:?}: {}", text(&refused));
    }
    // The segment is there for everybody, but for the package that others may not read.
    let segment = fs::read_dir(home.path().join("run")).expect("there is a runtime directory");
    let segment =
        segment.map(|entry| entry.expect("an entry").path().join("segment")).next().expect("a store");
    let mode = |file: &Path| fs::metadata(file).expect("its status").permissions().mode() & 0o777;
    assert_eq!(mode(&segment.join("root")), 0o644);
    for file in fs::read_dir(&segment).expect("it can be listed") {
        let path = file.expect("an entry").path();
        let is_secret = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("secret."));
        assert_eq!(mode(&path), if is_secret { 0o600 } else { 0o644 }, "{}", path.display());
    }
    let read = cms(home.path(), Some(NOBODY), &["memory", "--json"]);
    let read = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(read.contains("network") && !read.contains("secret"), "{read}");
    let state = fs::metadata(home.path().join("state")).expect("the state directory is there");
    assert!(state.is_dir());
    for entry in fs::read_dir(home.path().join("state")).expect("it can be listed") {
        let mode = entry.and_then(|entry| entry.metadata()).expect("its status").permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may not enter the state of a store");
    }
}

#[test]
fn root_works_on_the_store_of_its_owner() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: no other user to be");
        return;
    }
    let home = shared();
    let own = |path: &Path| std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("chown");
    fs::create_dir(home.path().join("state")).expect("mkdir");
    for path in ["state", "conf", "conf/network", "conf/secret"] {
        own(&home.path().join(path));
    }
    let ok = |output: Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    };
    ok(cms(home.path(), None, &["set", "network.lan.mtu=1400"]));
    ok(cms(home.path(), None, &["commit"]));
    ok(cms(home.path(), Some(NOBODY), &["set", "network.lan.mtu=1300"]));
    ok(cms(home.path(), Some(NOBODY), &["commit"]));
    let history = ok(cms(home.path(), Some(NOBODY), &["history", "network.lan.mtu"]));
    let history = String::from_utf8_lossy(&history.stdout).into_owned();
    assert!(history.contains("root") && history.contains("nobody"), "{history}");
    let file = fs::metadata(home.path().join("conf/network")).expect("the package is there");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&file), NOBODY, "the file keeps its owner");
}

#[test]
fn others_validate_and_explain_with_the_schemas_that_they_may_read() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: no other user to be");
        return;
    }
    let home = shared();
    let modules = home.path().join("modules");
    fs::create_dir(&modules).expect("mkdir");
    let schema =
        "config module 'network'\nconfig fields 'interface'\n\toption mtu 'uint|max:1400|default:1280'\n";
    fs::write(modules.join("network"), schema).expect("the schema is written");
    let as_nobody = |words: &[&str]| {
        let mut command = Command::new(home.path().join("cms"));
        command.arg("-c").arg(home.path().join("conf")).args(words).env_clear().uid(NOBODY).gid(NOBODY);
        command.env("CMS_RUN_DIR", home.path().join("run")).env("CMS_STATE_DIR", home.path().join("state"));
        command.env("CMS_MODULES", &modules).env("HOME", "/nonexistent").current_dir("/");
        let output = command.output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let check = |words: &[&str], code: i32, expected: &str| {
        let (exit, stdout, stderr) = as_nobody(words);
        assert_eq!(exit, Some(code), "{words:?}: {stdout}{stderr}");
        assert!((stdout.clone() + &stderr).contains(expected), "{words:?}: {stdout}{stderr}");
    };
    for _ in 0..2 {
        check(&["validate", "network"], 4, "CMS0106");
        check(&["explain", "network.lan.mtu"], 0, "1500");
        check(&["schema", "show", "network.interface"], 0, "max:1400");
        check(&["schema", "infer", "network"], 0, "option mtu");
        check(&["module", "list"], 0, "network");
        check(&["module", "remove", "network"], 6, "Permission denied");
        check(&["explain", "secret.k.value"], 6, "secret");
        // The second time there is a log, and it is not theirs.
        assert!(cms(home.path(), None, &["list"]).status.success());
    }
    assert!(modules.join("network").exists());
}
