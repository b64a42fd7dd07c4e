//! Points in history: `--at REV|TIME`, and times as people read them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A point in history, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A revision by its number.
    Revision(u64),
    /// `head`, or `head~N`: the N-th revision before it.
    Head(u64),
    /// A time: the newest revision that is not younger.
    Time(Timestamp),
}

impl When {
    /// Reads a revision number, `head`, `head~N`, or a time of RFC 3339; a time without an offset is
    /// local time, a day alone is its beginning.
    pub(crate) fn parse(text: &str) -> Option<When> {
        if let Ok(revision) = text.strip_prefix('r').unwrap_or(text).parse() {
            return Some(When::Revision(revision));
        }
        if let Some(rest) = text.strip_prefix("head") {
            return match rest.strip_prefix('~') {
                None if rest.is_empty() => Some(When::Head(0)),
                None => None,
                Some("") => Some(When::Head(1)),
                Some(back) => back.parse().ok().map(When::Head),
            };
        }
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Some(When::Time(timestamp));
        }
        let civil: DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(TimeZone::system()).ok()?;
        Some(When::Time(zoned.timestamp()))
    }
}

/// Microseconds since 1970 as local time for a table: `2026-11-22 14:03:21`.
pub(crate) fn local(time_us: i64) -> String {
    let zoned = Timestamp::from_microsecond(time_us).map(|time| Zoned::new(time, TimeZone::system()));
    zoned.map(|zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// Microseconds since 1970 as RFC 3339 in UTC, for programs.
pub(crate) fn rfc3339(time_us: i64) -> String {
    Timestamp::from_microsecond(time_us).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_and_times_are_told_apart() {
        let time = |text: &str| Some(When::Time(text.parse().unwrap()));
        for (text, expected) in [
            ("12", Some(When::Revision(12))),
            ("r12", Some(When::Revision(12))),
            ("head", Some(When::Head(0))),
            ("head~", Some(When::Head(1))),
            ("head~3", Some(When::Head(3))),
            ("2026-11-22T14:00:00Z", time("2026-11-22T14:00:00Z")),
            ("2026-11-22T14:00:00+02:00", time("2026-11-22T12:00:00Z")),
            ("headless", None),
            ("-1", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(When::parse(text), expected, "{text}");
        }
        assert!(matches!(When::parse("2026-11-22"), Some(When::Time(_))));
        assert!(matches!(When::parse("2026-11-22 14:00"), Some(When::Time(_))));
    }
}
