//! Topics: which keys somebody asks for.

use std::fmt;
use std::str::FromStr;

use crate::describe::{ChangeAction, DisplayChange};

/// A key has a package, a section and an option.
const PARTS_OF_A_KEY: usize = 3;

/// Which keys somebody asks for: parts with dots between them, with the wildcards `*` and `**`.
///
/// ```
/// use cms::Pattern;
///
/// assert!(Pattern::new("network.wlan*.**")?.matches("network.wlan0.ssid"));
/// assert!(Pattern::new("network")?.matches("network.lan.mtu"), "a key stands for what is below it");
/// assert!(!Pattern::new("network.*")?.matches("network.lan.mtu"), "a wildcard for one part");
/// let error = Pattern::new("network..mtu").unwrap_err();
/// assert_eq!(error.to_string(), "the pattern network..mtu: an empty part at position 9");
/// # Ok::<(), cms::PatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    text: Box<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Part {
    /// Any number of parts.
    Any,
    /// One part, in which `*` stands for any characters.
    One(Box<str>),
}

/// Why a text is no [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The text.
    pub pattern: String,
    /// The byte at which it cannot go on, counted from 0.
    pub at: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the pattern {}: {} at position {}", self.pattern, self.reason, self.at + 1)
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] names the place from which on nothing can match.
    pub fn new(text: &str) -> Result<Pattern, PatternError> {
        let error = |at, reason| PatternError { pattern: text.to_owned(), at, reason };
        let mut parts = Vec::new();
        let mut at = 0;
        for part in text.split('.') {
            if part.is_empty() {
                return Err(error(at, "an empty part"));
            }
            // Names are visible ASCII, so nothing else can match.
            if let Some(odd) = part.bytes().position(|byte| !(33..127).contains(&byte) || byte == b'/') {
                return Err(error(at + odd, "a character that no key has"));
            }
            if part != "**"
                && let Some(odd) = part.find("**")
            {
                return Err(error(at + odd, "`**` beside something else; it stands for whole parts,"));
            }
            match part {
                // Several say no more than one, and would take longer.
                "**" if parts.last() == Some(&Part::Any) => {}
                "**" => parts.push(Part::Any),
                _ => parts.push(Part::One(part.into())),
            }
            let named = parts.iter().filter(|part| **part != Part::Any).count();
            if named > PARTS_OF_A_KEY {
                return Err(error(at, "more parts than the three of a key"));
            }
            at += part.len() + 1;
        }
        if !text.contains('*') {
            parts.push(Part::Any);
        }
        Ok(Pattern { text: text.into(), parts })
    }

    /// Returns the text that it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether it takes a key.
    pub fn matches(&self, key: &str) -> bool {
        let mut parts = key.split('.');
        parts.clone().count() <= PARTS_OF_A_KEY && matches(&self.parts, &mut parts)
    }

    /// Tells whether it takes a key or may take one below it.
    ///
    /// ```
    /// assert!(cms::Pattern::new("*.*.mtu")?.reaches("network"));
    /// # Ok::<(), cms::PatternError>(())
    /// ```
    pub fn reaches(&self, key: &str) -> bool {
        reaches(&self.parts, &mut key.split('.'))
    }

    /// Tells whether it takes a change. Of a rename two keys change, and what is found below them.
    pub(crate) fn takes(&self, change: &DisplayChange) -> bool {
        let is_rename = matches!(change.action, ChangeAction::RenameSection | ChangeAction::RenameOption);
        if !is_rename {
            return self.matches(&change.key);
        }
        let renamed = change.key.rsplit_once('.').and_then(|(above, _)| {
            let name = change.new.as_ref().and_then(|new| std::str::from_utf8(new.as_bytes()?).ok())?;
            // Of an option the key is that of the section and the option.
            Some(format!("{above}.{name}"))
        });
        self.reaches(&change.key) || renamed.is_some_and(|key| self.reaches(&key))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Pattern, PatternError> {
        Pattern::new(text)
    }
}

fn matches<'k>(parts: &[Part], key: &mut (impl Iterator<Item = &'k str> + Clone)) -> bool {
    match parts.split_first() {
        None => key.next().is_none(),
        Some((Part::One(glob), rest)) => {
            key.next().is_some_and(|part| is_like(part.as_bytes(), glob.as_bytes())) && matches(rest, key)
        }
        Some((Part::Any, [])) => true,
        Some((Part::Any, rest)) => loop {
            if matches(rest, &mut key.clone()) {
                return true;
            }
            if key.next().is_none() {
                return false;
            }
        },
    }
}

fn reaches<'k>(parts: &[Part], key: &mut impl Iterator<Item = &'k str>) -> bool {
    for part in parts {
        let Part::One(glob) = part else { return true };
        match key.next() {
            Some(name) if is_like(name.as_bytes(), glob.as_bytes()) => {}
            Some(_) => return false,
            // What is left of the pattern is below the key.
            None => return true,
        }
    }
    key.next().is_none()
}

/// Compares a part with one in which `*` stands for any characters.
fn is_like(mut part: &[u8], mut glob: &[u8]) -> bool {
    // Where to go on if what follows the last `*` does not fit here.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (part.split_first(), glob.split_first()) {
            (_, Some((b'*', rest))) => {
                again = Some((part, rest));
                glob = rest;
            }
            (Some((byte, part_rest)), Some((wanted, rest))) if byte == wanted => {
                (part, glob) = (part_rest, rest);
            }
            (None, None) => return true,
            _ => {
                let Some((start, rest)) = again else { return false };
                let Some((_, start)) = start.split_first() else { return false };
                again = Some((start, rest));
                (part, glob) = (start, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let check = |pattern: &str, taken: &[&str], left: &[&str]| {
            let pattern = Pattern::new(pattern).unwrap();
            for key in taken {
                assert!(pattern.matches(key), "{pattern} {key}");
                assert!(pattern.reaches(key), "{pattern} {key}");
            }
            for key in left {
                assert!(!pattern.matches(key), "{pattern} {key}");
            }
        };
        check("network", &["network", "network.lan", "network.lan.mtu"], &["net", "network2", "x.network"]);
        check("network.lan", &["network.lan", "network.lan.mtu"], &["network", "network.lan2.mtu"]);
        check("*", &["network"], &["network.lan"]);
        check("**", &["network", "network.lan", "network.lan.mtu"], &[]);
        check("network.*", &["network.lan"], &["network", "network.lan.mtu", "system.lan"]);
        check("network.**", &["network", "network.lan", "network.lan.mtu"], &["system.lan"]);
        check("**.mtu", &["network.lan.mtu", "mtu"], &["network.lan.mtu2", "network.mtu.x"]);
        check("*.*.mtu", &["network.lan.mtu"], &["network.mtu"]);
        check("network.wlan*.ssid", &["network.wlan0.ssid", "network.wlan.ssid"], &["network.lan.ssid"]);
        check("n*w*k", &["network", "nwk"], &["network.lan", "networ", "nwkx"]);
        check("**.lan.**", &["network.lan", "network.lan.mtu", "lan"], &["network.wan.mtu"]);
        check("**.**.a*a", &["a.b.aba", "aa"], &["a.b.a"]);
        check(&["**"; 100].join("."), &["a.b.c"], &["a.b.c.d", "......"]);
    }

    #[test]
    fn what_can_match_below() {
        let reaches = |pattern: &str, key: &str| Pattern::new(pattern).unwrap().reaches(key);
        assert!(reaches("network.lan.mtu", "network"));
        assert!(reaches("network.lan.mtu", "network.lan"));
        assert!(reaches("*.*.mtu", "network.wan"));
        assert!(reaches("**.mtu", "network"));
        assert!(!reaches("network.lan.mtu", "network.wan"));
        assert!(!reaches("system.**", "network"));
        assert!(!reaches("network.*", "network.lan.mtu"));
    }

    #[test]
    fn errors_name_the_place() {
        let at = |text: &str| Pattern::new(text).unwrap_err().at;
        assert_eq!(at(""), 0);
        assert_eq!(at("a..b"), 2);
        assert_eq!(at("a.b."), 4);
        assert_eq!(at("a.b c"), 3);
        assert_eq!(at("a.x**"), 3);
        assert_eq!(at("a.b.c.d"), 6);
        assert_eq!(at("ü"), 0);
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = Pattern::new(&"*a".repeat(1000)).unwrap();
        assert!(!pattern.matches(&("a".repeat(5000) + "b")));
    }
}
