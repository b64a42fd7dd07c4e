//! Values of a table: their types, their order, and what they look like as text.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

/// The values of a row, one for each column.
pub type Row = Vec<Datum>;

/// One value of a row.
///
/// Values have a total order, NULL first: the one in which rows are sorted.
#[derive(Clone, Debug)]
pub enum Datum {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// A number with sign.
    Int(i64),
    /// A finite number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Bytes.
    Blob(Vec<u8>),
    /// Seconds since 1970 UTC.
    Time(i64),
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 without a NUL.
    Text,
    /// 64 bits with sign.
    Int,
    /// 64 bits, finite.
    Float,
    /// True or false.
    Bool,
    /// Bytes.
    Blob,
    /// A second of the years 1 to 9999, UTC.
    Time,
}

/// The seconds of the years 1 to 9999.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl ColumnType {
    /// All types, in the order of their numbers in the log.
    pub const ALL: [ColumnType; 6] = [
        ColumnType::Text,
        ColumnType::Int,
        ColumnType::Float,
        ColumnType::Bool,
        ColumnType::Blob,
        ColumnType::Time,
    ];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            ColumnType::Text => "TEXT",
            ColumnType::Int => "INT",
            ColumnType::Float => "FLOAT",
            ColumnType::Bool => "BOOL",
            ColumnType::Blob => "BLOB",
            ColumnType::Time => "TIME",
        }
    }

    /// Finds a type by its word, large or small.
    pub fn find(word: &str) -> Option<ColumnType> {
        ColumnType::ALL.into_iter().find(|kind| kind.word().eq_ignore_ascii_case(word))
    }

    /// Reads a value.
    ///
    /// # Errors
    /// If the text is none of the type: what it is not.
    ///
    /// ```
    /// use cms_model::table::{ColumnType, Datum};
    ///
    /// let time = ColumnType::Time.read("2026-11-23T10:30:00+01:00").unwrap();
    /// assert_eq!(time.to_string(), "2026-11-23T09:30:00Z");
    /// assert_eq!(ColumnType::Int.read("seven").unwrap_err(), "`seven` is no number of 64 bits");
    /// ```
    pub fn read(self, text: &str) -> Result<Datum, String> {
        match self {
            ColumnType::Text if text.contains('\0') => Err("the text holds a NUL byte".to_owned()),
            ColumnType::Text => Ok(Datum::Text(text.to_owned())),
            ColumnType::Int => {
                text.parse().map(Datum::Int).map_err(|_| format!("`{text}` is no number of 64 bits"))
            }
            ColumnType::Float => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Datum::Float(number + 0.0)),
                _ => Err(format!("`{text}` is no finite number")),
            },
            ColumnType::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Ok(Datum::Bool(true)),
                "false" | "0" | "no" | "off" => Ok(Datum::Bool(false)),
                _ => Err(format!("`{text}` is neither true nor false")),
            },
            ColumnType::Blob => {
                from_hex(text).map(Datum::Blob).ok_or_else(|| format!("`{text}` is no bytes in hexadecimal"))
            }
            ColumnType::Time => read_time(text)
                .map(Datum::Time)
                .ok_or_else(|| format!("`{text}` is no time to the second such as 2026-11-23T09:30:00Z")),
        }
    }

    /// Tells whether a value is one of the type. NULL is one of every type.
    ///
    /// # Errors
    /// If not: what it is instead.
    pub fn check(self, datum: &Datum) -> Result<(), String> {
        match (self, datum) {
            (_, Datum::Null) | (ColumnType::Int, Datum::Int(_)) | (ColumnType::Bool, Datum::Bool(_)) => {
                Ok(())
            }
            (ColumnType::Blob, Datum::Blob(_)) => Ok(()),
            (ColumnType::Text, Datum::Text(text)) if text.contains('\0') => {
                Err("the text holds a NUL byte".to_owned())
            }
            (ColumnType::Text, Datum::Text(_)) => Ok(()),
            (ColumnType::Float, Datum::Float(number)) if number.is_finite() => Ok(()),
            (ColumnType::Float, Datum::Float(_)) => Err("the number is not finite".to_owned()),
            (ColumnType::Time, Datum::Time(time)) if TIMES.contains(time) => Ok(()),
            (ColumnType::Time, Datum::Time(_)) => Err("the time is not of the years 1 to 9999".to_owned()),
            (_, other) => Err(format!("{other} is {}, the column is {}", other.kind(), self.word())),
        }
    }
}

impl Datum {
    /// Returns the word for its type.
    pub fn kind(&self) -> &'static str {
        match self {
            Datum::Null => "NULL",
            Datum::Text(_) => "TEXT",
            Datum::Int(_) => "INT",
            Datum::Float(_) => "FLOAT",
            Datum::Bool(_) => "BOOL",
            Datum::Blob(_) => "BLOB",
            Datum::Time(_) => "TIME",
        }
    }

    /// Tells whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }

    /// Returns the value as text; NULL is empty.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Datum::Null => Cow::Borrowed(""),
            Datum::Text(text) => Cow::Borrowed(text),
            Datum::Int(number) => Cow::Owned(number.to_string()),
            Datum::Float(number) => Cow::Owned(number.to_string()),
            Datum::Bool(true) => Cow::Borrowed("true"),
            Datum::Bool(false) => Cow::Borrowed("false"),
            Datum::Blob(bytes) => Cow::Owned(to_hex(bytes)),
            Datum::Time(seconds) => Cow::Owned(write_time(*seconds)),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Datum::Null => 0,
            Datum::Bool(_) => 1,
            Datum::Int(_) => 2,
            Datum::Float(_) => 3,
            Datum::Time(_) => 4,
            Datum::Text(_) => 5,
            Datum::Blob(_) => 6,
        }
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Null => f.write_str("NULL"),
            other => f.write_str(&other.text()),
        }
    }
}

impl Ord for Datum {
    fn cmp(&self, other: &Datum) -> Ordering {
        match (self, other) {
            (Datum::Text(a), Datum::Text(b)) => a.cmp(b),
            (Datum::Int(a), Datum::Int(b)) | (Datum::Time(a), Datum::Time(b)) => a.cmp(b),
            // The two zeros are one: SQLite keeps only one of them.
            (Datum::Float(a), Datum::Float(b)) => a.partial_cmp(b).unwrap_or_else(|| a.total_cmp(b)),
            (Datum::Bool(a), Datum::Bool(b)) => a.cmp(b),
            (Datum::Blob(a), Datum::Blob(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Datum {
    fn partial_cmp(&self, other: &Datum) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Datum) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Datum {}

/// The values of a key as one word: joined by commas.
pub fn key_text(key: &[Datum]) -> String {
    key.iter().map(Datum::to_string).collect::<Vec<_>>().join(",")
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Days since 1970 of a day of the Gregorian calendar, counted from March so that the leap day comes last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn read_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || !text.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let is_spelled = bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':';
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    if !is_spelled || !(1..=longest).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = match (bytes[19], bytes.len()) {
        (b'Z' | b'z', 20) => 0,
        (sign @ (b'+' | b'-'), 25) if bytes[22] == b':' => {
            let (hours, minutes) = (number(20, 22)?, number(23, 25)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            if sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let seconds = days_of(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    TIMES.contains(&seconds).then_some(seconds)
}

fn write_time(seconds: i64) -> String {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<&str>) {
        let read = ColumnType::Time.read(text).ok().map(|time| time.to_string());
        assert_eq!(read.as_deref(), expected, "{text}");
    }

    #[test]
    fn times_are_read_and_converted() {
        check("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z"));
        check("2024-02-29T23:59:59+23:59", Some("2024-02-29T00:00:59Z"));
        check("2000-02-29 12:00:00-01:00", Some("2000-02-29T13:00:00Z"));
        check("1900-02-29T00:00:00Z", None);
        check("2026-13-01T00:00:00Z", None);
        check("2026-01-01T00:00:00.5Z", None);
        check("0001-01-01T00:00:00+01:00", None);
        check("2026-01-01T24:00:00Z", None);
        check("2026-01-01T00:00:00é", None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in TIMES, number in any::<i64>(), bytes in any::<Vec<u8>>(), fraction in any::<f64>()) {
            let back = |kind: ColumnType, datum: &Datum| kind.read(&datum.text()).ok();
            prop_assert_eq!(back(ColumnType::Time, &Datum::Time(seconds)), Some(Datum::Time(seconds)));
            prop_assert_eq!(back(ColumnType::Int, &Datum::Int(number)), Some(Datum::Int(number)));
            let blob = Datum::Blob(bytes);
            prop_assert_eq!(back(ColumnType::Blob, &blob), Some(blob.clone()));
            if fraction.is_finite() && fraction != 0.0 {
                prop_assert_eq!(back(ColumnType::Float, &Datum::Float(fraction)), Some(Datum::Float(fraction)));
            }
        }

        #[test]
        fn the_text_of_a_time_sorts_as_time_does(a in TIMES, b in TIMES) {
            prop_assert_eq!(write_time(a).cmp(&write_time(b)), a.cmp(&b));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            for kind in ColumnType::ALL {
                let _ = kind.read(&text);
            }
        }
    }
}
