//! Whether a file system survives a reboot.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::statfs;

const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;
const OVERLAYFS: i64 = 0x794c_7630;

/// Names what `path` lies on if that is known to be gone after a reboot.
///
/// What cannot be found out counts as surviving: the upper layer of a container's root, for instance, is not visible in it.
pub(super) fn volatile(path: &Path) -> Option<&'static str> {
    match kind(path)? {
        TMPFS => Some("a tmpfs"),
        RAMFS => Some("a ramfs"),
        OVERLAYFS => match kind(&upper_layer(path)?)? {
            TMPFS => Some("an overlay over a tmpfs"),
            RAMFS => Some("an overlay over a ramfs"),
            _ => None,
        },
        _ => None,
    }
}

fn kind(path: &Path) -> Option<i64> {
    let status = statfs(path).ok()?;
    #[allow(clippy::unnecessary_cast, reason = "the type is another one on other machines")]
    Some((status.f_type as i64) & 0xffff_ffff)
}

/// Finds the writable layer of the overlay that `path` lies on.
fn upper_layer(path: &Path) -> Option<PathBuf> {
    let device = std::fs::metadata(path).ok()?.dev();
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    upper_layer_in(&std::fs::read_to_string("/proc/self/mountinfo").ok()?, &device)
}

/// Reads proc_pid_mountinfo(5): `36 35 98:0 /root /mount options [optional] - overlay source upperdir=/x,…`.
fn upper_layer_in(mounts: &str, device: &str) -> Option<PathBuf> {
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    let options = mount.split(" - ").nth(1)?.split(' ').nth(2)?;
    let upper = options.split(',').find_map(|option| option.strip_prefix("upperdir="))?;
    Some(PathBuf::from(upper.replace("\\040", " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tmpfs_does_not_survive() {
        if kind(Path::new("/dev/shm")) == Some(TMPFS) {
            assert_eq!(volatile(Path::new("/dev/shm")), Some("a tmpfs"));
        }
        assert_eq!(volatile(Path::new("/proc")), None);
        assert_eq!(volatile(Path::new("/nonexistent/x")), None);
    }

    #[test]
    fn the_upper_layer_is_found() {
        let mounts = "22 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw\n\
                      30 22 0:27 / /merged rw - overlay overlayfs:/o rw,lowerdir=/rom,upperdir=/tmp/root\\040x/upper,workdir=/w\n";
        assert_eq!(upper_layer_in(mounts, "0:27"), Some(PathBuf::from("/tmp/root x/upper")));
        for device in ["254:1", "0:28", ""] {
            assert_eq!(upper_layer_in(mounts, device), None);
        }
    }
}
