//! The system's log, for what its administrator must know though nobody is at a terminal.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Where syslogd or journald listens.
const SOCKET: &str = "/dev/log";
/// Facility daemon (3), severity warning (4), as syslog(3) numbers them.
const PRIORITY: u8 = 3 << 3 | 4;

/// Tells the system's log, if there is one and it has room; what is told is in the history anyway.
pub(crate) fn warn(message: &str) {
    send(Path::new(SOCKET), message);
}

fn send(socket: &Path, message: &str) {
    let Ok(sender) = UnixDatagram::unbound() else { return };
    if sender.set_nonblocking(true).is_err() {
        return;
    }
    for line in message.lines() {
        let record = format!("<{PRIORITY}>cms[{}]: {line}", std::process::id());
        let _ = sender.send_to(record.as_bytes(), socket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_record() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        let receiver = UnixDatagram::bind(&path).unwrap();
        send(&path, "one\ntwo");
        let mut buffer = [0; 256];
        for word in ["one", "two"] {
            let length = receiver.recv(&mut buffer).unwrap();
            let record = String::from_utf8_lossy(&buffer[..length]).into_owned();
            assert!(record.starts_with("<28>cms[") && record.ends_with(&format!("]: {word}")), "{record}");
        }
        send(Path::new("/nonexistent/log"), "nobody listens");
    }
}
