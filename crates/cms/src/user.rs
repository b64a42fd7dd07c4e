//! The system's users: names and homes.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the system knows about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub name: String,
    pub home: PathBuf,
}

impl User {
    /// Looks a user up: in `/etc/passwd`, and where the user is not there, through `getent`, which asks
    /// whatever else the system is set up to ask (LDAP, systemd).
    ///
    /// The C library's own lookup is not used: linked statically it would load whatever modules it finds,
    /// of whatever version.
    pub(crate) fn find(id: u32) -> Option<User> {
        User::in_file(id).or_else(|| User::by_getent(id))
    }

    fn in_file(id: u32) -> Option<User> {
        let file = std::fs::File::open("/etc/passwd").ok()?;
        let lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
        lines.filter_map(|line| User::parse(&String::from_utf8_lossy(&line), id)).next()
    }

    fn by_getent(id: u32) -> Option<User> {
        let mut command = Command::new("getent");
        command.args(["passwd", &id.to_string()]).stdin(Stdio::null()).stderr(Stdio::null());
        let answer = command.output().ok()?;
        User::parse(String::from_utf8_lossy(&answer.stdout).trim_end(), id)
    }

    /// Reads a line of passwd(5): `name:password:uid:gid:comment:home:shell`.
    fn parse(line: &str, id: u32) -> Option<User> {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        let home = fields.nth(2)?;
        (number == id && !name.is_empty()).then(|| User { name: name.to_owned(), home: PathBuf::from(home) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_passwd() {
        let alice = User { name: "alice".to_owned(), home: "/home/alice".into() };
        assert_eq!(User::parse("alice:x:1000:1000:Alice,,,:/home/alice:/bin/sh", 1000), Some(alice));
        assert_eq!(User::parse("alice:x:1000:1000:Alice,,,:/home/alice:/bin/sh", 1001), None);
        for odd in ["", "alice", "alice:x", "alice:x:1000", ":x:1000:1000::/:/bin/sh", "a:x:b:c:d:e:f"] {
            assert_eq!(User::parse(odd, 1000), None, "{odd}");
        }
    }

    #[test]
    fn root_is_known() {
        assert_eq!(User::find(0).unwrap().name, "root");
        assert_eq!(User::find(3_999_999_999), None);
    }
}
