//! Programs in C and C++, built as users build them and run against the shared library: the examples, and the tests under `tests/c`.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the sources lie.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The archive that cargo built beside this test. There may be others of earlier builds; one that cargo did not build anew is of the same
/// source.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let archives =
        std::fs::read_dir(test.parent().unwrap()).unwrap().map(|entry| entry.unwrap()).filter(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.starts_with("libcms_capi") && name.ends_with(".a")
        });
    let newest = archives.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
    newest.expect("cargo builds the library before its tests").path()
}

/// The library as it is linked for users, once for all tests.
fn linked() -> PathBuf {
    static LINKED: std::sync::Once = std::sync::Once::new();
    let lib = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libcms");
    LINKED.call_once(|| {
        let mut link = Command::new(root().join("contrib/capi/link.sh"));
        succeed(link.arg(built()).arg(&lib));
    });
    lib
}

/// An installation of the library in a directory of its own, with directories for the programs that use it.
struct Prefix {
    dir: tempfile::TempDir,
}

impl Prefix {
    fn new() -> Prefix {
        let dir = tempfile::tempdir().unwrap();
        for name in ["lib", "run", "state", "config", "modules", "work"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let lib = dir.path().join("lib");
        std::os::unix::fs::symlink(linked().join("libcms.so.0"), lib.join("libcms.so.0")).unwrap();
        std::os::unix::fs::symlink("libcms.so.0", lib.join("libcms.so")).unwrap();
        std::os::unix::fs::symlink("libcms.so.0", lib.join("libuci.so")).unwrap();
        Prefix { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Builds a program of one file.
    fn build(&self, source: &str, compiler: &[&str]) -> PathBuf {
        let source = root().join(source);
        let program = self.path("work").join(source.file_stem().unwrap());
        let mut command = Command::new(compiler[0]);
        command
            .args(&compiler[1..])
            .args(["-g", "-O1", "-Wall", "-Wextra", "-I"])
            .arg(root().join("include"));
        command.arg("-o").arg(&program).arg(&source).arg("-L").arg(self.path("lib"));
        // A program that was written for libuci asks for that.
        command.args([if source.ends_with("libuci.c") { "-luci" } else { "-lcms" }, "-lpthread"]);
        succeed(&mut command);
        program
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("LD_LIBRARY_PATH", self.path("lib"))
            .env("CMS_RUN_DIR", self.path("run"))
            .env("CMS_STATE_DIR", self.path("state"))
            .env("CMS_MODULES", self.path("modules"))
            .env("CMS_TEST_CONFIG", self.path("config"))
            .current_dir(self.path("work"));
        command
    }

    fn run(&self, program: &Path) -> String {
        let output = succeed(&mut self.command(program));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a program under a tool of valgrind's, which must find nothing.
    fn valgrind(&self, program: &Path, options: &[&str]) {
        let mut command = self.command("valgrind");
        command.args(["--quiet", "--error-exitcode=99", "--fair-sched=yes"]).args(options).arg(program);
        succeed(&mut command);
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

const C99: &[&str] = &["cc", "-std=c99", "-Werror"];
const LEAKS: &[&str] = &["--leak-check=full", "--errors-for-leak-kinds=definite,indirect"];

#[test]
fn the_example_of_a_store_that_stands_alone() {
    let prefix = Prefix::new();
    let seed = prefix.build("examples/c/seed.c", C99);
    let expected = "localhost:8080, 30.5 s\nPort: 80\nPort: 443\nPort: 8080\n3 ports\nusers has 3 columns; user 1 is admin\n  id\n  name\n  active\n";
    assert_eq!(prefix.run(&seed), expected);
    assert_eq!(prefix.run(&seed), expected, "again, on the store that is there");
    prefix.valgrind(&seed, LEAKS);
}

#[test]
fn the_example_of_a_transaction() {
    let prefix = Prefix::new();
    let program = prefix.build("examples/c/transaction.c", C99);
    assert_eq!(prefix.run(&program), "revision 1\npeer 10.0.0.1\nan example: 1 changes\n");
    prefix.valgrind(&program, LEAKS);
}

#[test]
fn the_example_of_a_migration() {
    let prefix = Prefix::new();
    let program = prefix.build("examples/c/migrate.c", C99);
    let module = "config module 'blog'\n\toption version '1.1.0'\n\nconfig migration\n\toption to '1.1.0'\n\toption description 'themes'\n\tlist step 'rename site.colour theme'\n";
    std::fs::write(prefix.path("modules").join("blog"), module).unwrap();
    std::fs::write(prefix.path("config").join("blog"), "config site\n\toption colour 'dark'\n").unwrap();
    let output = succeed(prefix.command(&program).arg("blog"));
    let expected = "1.1.0 themes\nthe data has version 0.0.0; 1 migrations are to come\n  rename site.colour theme: 1 times\nrevision 2 has version 1.1.0\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let text = std::fs::read_to_string(prefix.path("config").join("blog")).unwrap();
    assert_eq!(text, "config site\n\toption theme 'dark'\n");
}

#[test]
fn stores_that_stand_alone() {
    let prefix = Prefix::new();
    let program = prefix.build("tests/c/config.c", C99);
    prefix.run(&program);
    prefix.valgrind(&program, LEAKS);
}

#[test]
fn a_configuration_with_its_log() {
    let prefix = Prefix::new();
    let program = prefix.build("tests/c/store.c", C99);
    prefix.run(&program);
    let prefix = Prefix::new();
    prefix.valgrind(&program, LEAKS);
}

#[test]
fn managers_of_transactions_and_events() {
    let prefix = Prefix::new();
    let program = prefix.build("tests/c/manager.c", C99);
    prefix.run(&program);
    let prefix = Prefix::new();
    prefix.valgrind(&program, LEAKS);
}

#[test]
fn schemas_with_their_defaults_and_versions() {
    let prefix = Prefix::new();
    let program = prefix.build("tests/c/schema.c", C99);
    prefix.run(&program);
    let prefix = Prefix::new();
    prefix.valgrind(&program, LEAKS);
}

#[test]
fn a_program_that_was_written_for_libuci() {
    let prefix = Prefix::new();
    let program = prefix.build("tests/c/libuci.c", C99);
    prefix.run(&program);
    prefix.valgrind(&program, LEAKS);
}

#[test]
fn threads_share_a_store() {
    let prefix = Prefix::new();
    let program = prefix.build("tests/c/threads.c", C99);
    prefix.run(&program);
    prefix.valgrind(&program, LEAKS);

    let sanitized = prefix.build("tests/c/threads.c", &["cc", "-std=c99", "-Werror", "-fsanitize=thread"]);
    let mut command = prefix.command(sanitized);
    let suppressions = root().join("tests/c/tsan.supp");
    command.env("TSAN_OPTIONS", format!("halt_on_error=1 suppressions={}", suppressions.display()));
    succeed(&mut command);
}

#[test]
fn a_child_reads_what_its_parent_opened() {
    let prefix = Prefix::new();
    let program = prefix.build("tests/c/fork.c", C99);
    prefix.run(&program);
}

#[test]
fn the_header_is_that_of_cplusplus_too() {
    let prefix = Prefix::new();
    let program = prefix.build("tests/c/cplusplus.cc", &["c++", "-std=c++20", "-Werror"]);
    prefix.run(&program);
}

/// Builds the example as users of an installed library do.
#[test]
fn what_is_installed_is_found_by_pkg_config_and_links_statically() {
    let prefix = Prefix::new();
    let installed = prefix.path("usr");
    let (usr, lib) = (installed.to_str().unwrap(), installed.join("lib"));
    let mut install = Command::new(root().join("contrib/capi/install.sh"));
    install.arg(linked()).args(["", usr, lib.to_str().unwrap(), "1"]);
    succeed(&mut install);
    assert!(installed.join("include/uci.h").exists() && lib.join("libuci.so").exists());

    // Without pkg-config the file's own words do.
    let file = std::fs::read_to_string(lib.join("pkgconfig/cms.pc")).unwrap();
    assert!(file.contains(&format!("prefix={usr}\n")) && !file.contains('@'), "{file}");
    let source = root().join("examples/c/seed.c");
    let include = format!("-I{usr}/include");
    for linked in [
        vec![format!("-L{}", lib.display()), "-lcms".into(), format!("-Wl,-rpath,{}", lib.display())],
        vec![
            lib.join("libcms.a").display().to_string(),
            "-lpthread".into(),
            "-ldl".into(),
            "-lm".into(),
            "-lgcc_s".into(),
        ],
    ] {
        let program = prefix.path("work").join("linked");
        let mut compile = Command::new("cc");
        compile.arg("-o").arg(&program).arg(&source).arg(&include).args(linked);
        succeed(&mut compile);
        assert!(prefix.run(&program).starts_with("localhost:8080"));
    }
}

#[test]
fn what_is_installed_is_found_by_cmake_from_c_and_cplusplus() {
    succeed(Command::new(root().join("tests/c/installed/run.sh")).arg(linked()));
}

/// What `nm` lists of a library's own symbols.
fn exported(library: &str, options: &[&str]) -> Vec<String> {
    let mut nm = Command::new("nm");
    let output =
        succeed(nm.args(options).args(["--defined-only", "--format=posix"]).arg(linked().join(library)));
    let lines = String::from_utf8(output.stdout).unwrap();
    // The versions themselves are absolute symbols; the members of an archive have a line of their own.
    let symbols = lines.lines().filter(|line| !line.contains(" A ") && !line.ends_with("]:"));
    let mut names: Vec<String> =
        symbols.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    names.sort();
    names
}

/// The names that were agreed on, in the same form.
fn agreed() -> Vec<String> {
    let map = std::fs::read_to_string(root().join("contrib/capi/libcms.map")).unwrap();
    let (mut names, mut version) = (Vec::new(), "");
    for line in map.lines() {
        if let Some(node) = line.strip_suffix(" {") {
            version = node;
        } else if let Some(name) =
            line.strip_suffix(';').map(str::trim).filter(|name| *name != "*" && *name != "}")
        {
            names.push(format!("{name}@@{version}"));
        }
    }
    names.sort();
    names
}

/// The functions that the headers declare.
fn declared() -> std::collections::BTreeSet<String> {
    let mut names = std::collections::BTreeSet::new();
    for header in ["include/cms/cms.h", "include/uci.h"] {
        let text = std::fs::read_to_string(root().join(header)).unwrap();
        for line in text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase())) {
            let Some((before, _)) = line.split_once('(').filter(|_| !line.starts_with("static ")) else {
                continue;
            };
            let name = before.rsplit([' ', '*']).next().unwrap_or_default();
            if ["cms_", "config_", "uci_"].iter().any(|prefix| name.starts_with(prefix)) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn the_binary_interface_is_the_one_that_was_agreed_on() {
    let agreed = agreed();
    assert_eq!(
        exported("libcms.so.0", &["-D", "--with-symbol-versions"]),
        agreed,
        "a name that goes, or goes to another version, breaks programs: raise the number in the library's name"
    );
    let names = agreed.iter().filter_map(|name| name.split('@').next().map(str::to_owned)).collect();
    assert_eq!(
        declared(),
        names,
        "what is exported is declared in a header, and what is declared is exported"
    );
}

#[test]
fn the_library_has_the_name_that_programs_ask_for() {
    let output = succeed(Command::new("objdump").arg("-p").arg(linked().join("libcms.so.0")));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|line| line.split_whitespace().eq(["SONAME", "libcms.so.0"])), "{text}");
}
