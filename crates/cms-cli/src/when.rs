//! Points in history: `--at REV|TIME`, and times as people read them.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

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
    /// Reads a revision number, `head`, `head~N`, a time of RFC 3339, or a time as people say it: `2h ago`, `yesterday 14:00`.
    /// A time without an offset is local time, a day alone is its beginning.
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
        if let Some(zoned) = spoken(text, &Zoned::now()) {
            return Some(When::Time(zoned.timestamp()));
        }
        let civil: DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(TimeZone::system()).ok()?;
        Some(When::Time(zoned.timestamp()))
    }
}

/// A time as people say it at some moment: `90m ago`, `3 days ago`, `today 8:00`, `yesterday`.
fn spoken(text: &str, now: &Zoned) -> Option<Zoned> {
    if text.ends_with("ago") {
        return now.checked_add(text.parse::<Span>().ok()?).ok();
    }
    let (day, time) = text.split_once(' ').unwrap_or((text, "00:00"));
    let date = match day {
        "today" => now.date(),
        "yesterday" => now.date().checked_sub(1.day()).ok()?,
        _ => return None,
    };
    // `8:00` is how people write what the standard wants with two digits.
    let padded = if time.find(':') == Some(1) { format!("0{time}") } else { time.to_owned() };
    date.to_datetime(padded.parse::<Time>().ok()?).to_zoned(now.time_zone().clone()).ok()
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
            ("a week ago", None),
            ("yesterday noon", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(When::parse(text), expected, "{text}");
        }
        for text in ["2026-11-22", "2h ago", "3 days ago", "yesterday", "today 00:00"] {
            assert!(matches!(When::parse(text), Some(When::Time(_))), "{text}");
        }
        assert!(matches!(When::parse("2026-11-22 14:00"), Some(When::Time(_))));
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        let utc = |text: &str| text.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap();
        let now = utc("2026-03-01T14:30:00");
        for (text, expected) in [
            ("2h ago", "2026-03-01T12:30:00"),
            ("90m ago", "2026-03-01T13:00:00"),
            ("3 days ago", "2026-02-26T14:30:00"),
            ("1w 2d ago", "2026-02-20T14:30:00"),
            ("today", "2026-03-01T00:00:00"),
            ("yesterday 8:05", "2026-02-28T08:05:00"),
            ("yesterday 14:00", "2026-02-28T14:00:00"),
        ] {
            assert_eq!(spoken(text, &now), Some(utc(expected)), "{text}");
        }
    }
}
