//! Who commits.

use parking_lot::Mutex;
use rustix::process::Uid;

use crate::user::User;

/// Returns the name of the user this process runs as, or `uid:N` where the system knows none.
///
/// Under `sudo`, root's commits also name the user who asked: `root (alice)`.
pub fn current_user() -> String {
    /// What was last found out; it costs as much as all the rest of a small transaction.
    static KNOWN: Mutex<Option<(u32, String)>> = Mutex::new(None);
    let user = rustix::process::getuid();
    let mut known = KNOWN.lock();
    match &*known {
        Some((id, name)) if *id == user.as_raw() => name.clone(),
        _ => {
            let name = name_of(user);
            *known = Some((user.as_raw(), name.clone()));
            name
        }
    }
}

fn name_of(user: Uid) -> String {
    let name = User::find(user.as_raw()).map_or_else(|| format!("uid:{}", user.as_raw()), |user| user.name);
    match std::env::var("SUDO_USER") {
        Ok(asked) if user.is_root() && !asked.is_empty() && asked != name => format!("{name} ({asked})"),
        _ => name,
    }
}

/// The author of edits that other programs made to package files.
pub const EXTERNAL: &str = "external";
