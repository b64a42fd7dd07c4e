//! Called as `uci`, the program passes the golden cases of `tests/uci-conformance`, all of them.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

#[test]
fn the_golden_cases_of_uci_pass() {
    let home = tempfile::tempdir().unwrap();
    let uci = home.path().join("uci");
    symlink(env!("CARGO_BIN_EXE_cms"), &uci).unwrap();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/uci-conformance");

    let run = Command::new("python3").arg(suite.join("run.py")).arg("--bin").arg(&uci).output().unwrap();

    let report = String::from_utf8_lossy(&run.stdout);
    let complaints = String::from_utf8_lossy(&run.stderr);
    let last = report.lines().last().unwrap_or_default();
    assert!(run.status.success() && last.ends_with(", 0 failed"), "{report}\n{complaints}");
    let passed: u32 = last.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
    assert!(passed >= 770, "only {passed} cases ran");
}
