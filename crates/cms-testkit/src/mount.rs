//! A real file system of a given size, where the user may mount one.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs that is unmounted when this is dropped.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts a tmpfs of `size` bytes on `place`, or answers `None` when this user may not mount.
    pub fn tmpfs(place: &Path, size: u64) -> Option<Self> {
        let options = format!("size={size},mode=755");
        let mounted = mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], place);
        mounted.then(|| Self(place.to_owned()))
    }

    /// Turns the file system read-only, or writable again.
    pub fn read_only(&self, yes: bool) {
        let options = if yes { "remount,ro" } else { "remount,rw" };
        assert!(mount(&["-o", options], &self.0), "remount {} as {options}", self.0.display());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process that a test killed may take a moment to let go.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], place: &Path) -> bool {
    Command::new("mount").args(arguments).arg(place).output().is_ok_and(|output| output.status.success())
}
