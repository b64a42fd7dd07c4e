//! Numbers, durations and sizes: how they are written, and what they mean.

use std::time::Duration;

/// Reads a whole number: decimal digits, with a sign if it likes.
#[inline]
pub(crate) fn int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i64 = 0;
    for byte in digits {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        // Counted downward, because there is one negative number more.
        number = number.checked_mul(10)?.checked_sub(digit)?;
    }
    if negative { Some(number) } else { number.checked_neg() }
}

/// Reads a number with a point or an exponent; neither infinite nor no number.
pub(crate) fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

/// Reads a truth value, as UCI's readers do.
#[inline]
pub(crate) fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"on" | b"true" | b"yes" | b"enabled" => Some(true),
        b"0" | b"off" | b"false" | b"no" | b"disabled" => Some(false),
        _ => None,
    }
}

/// Milliseconds of the units of time.
const TIME: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1000),
    ("sec", 1000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Bytes of the units of size. Like everywhere in UCI's world, `k` means 1024.
const BYTES: &[(&str, u64)] = &[
    ("B", 1),
    ("K", 1 << 10),
    ("KB", 1 << 10),
    ("KiB", 1 << 10),
    ("M", 1 << 20),
    ("MB", 1 << 20),
    ("MiB", 1 << 20),
    ("G", 1 << 30),
    ("GB", 1 << 30),
    ("GiB", 1 << 30),
    ("T", 1 << 40),
    ("TB", 1 << 40),
    ("TiB", 1 << 40),
];

fn time_unit(unit: &str) -> Option<u64> {
    TIME.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

fn byte_unit(unit: &str) -> Option<u64> {
    BYTES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor)
}

/// What a bare number counts, in milliseconds or bytes: the meaning of a field's `unit`.
pub(crate) fn bare_time(unit: &str) -> Option<u64> {
    time_unit(unit)
}

/// The same for sizes.
pub(crate) fn bare_size(unit: &str) -> Option<u64> {
    byte_unit(unit)
}

/// Takes the digits at the start of a text.
fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

/// Reads a duration in milliseconds: `90`, `90s`, `1h30m`, `500ms`. A bare number counts `bare` milliseconds.
///
/// ```
/// use cms_model::schema::parse_duration;
/// use std::time::Duration;
///
/// assert_eq!(parse_duration(b"1h30m"), Some(Duration::from_secs(5400)));
/// assert_eq!(parse_duration(b"90"), Some(Duration::from_secs(90)));
/// assert_eq!(parse_duration(b"soon"), None);
/// ```
pub fn parse_duration(text: &[u8]) -> Option<Duration> {
    milliseconds(text, 1000).map(Duration::from_millis)
}

pub(crate) fn milliseconds(text: &[u8], bare: u64) -> Option<u64> {
    let mut rest = std::str::from_utf8(text).ok()?;
    let mut total = 0u64;
    let mut last = u64::MAX;
    loop {
        let (number, after) = digits(rest)?;
        if after.is_empty() && last == u64::MAX {
            return number.checked_mul(bare);
        }
        let end = after.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let factor = time_unit(unit).filter(|factor| *factor < last)?;
        total = total.checked_add(number.checked_mul(factor)?)?;
        last = factor;
        rest = after;
        if rest.is_empty() {
            return Some(total);
        }
    }
}

/// Reads a size in bytes: `4096`, `100M`, `1GiB`. A `k` is 1024, whatever stands behind it.
///
/// ```
/// use cms_model::schema::parse_size;
///
/// assert_eq!(parse_size(b"100M"), Some(100 << 20));
/// assert_eq!(parse_size(b"1.5G"), None);
/// ```
pub fn parse_size(text: &[u8]) -> Option<u64> {
    size(text, 1)
}

pub(crate) fn size(text: &[u8], bare: u64) -> Option<u64> {
    let (number, unit) = digits(std::str::from_utf8(text).ok()?)?;
    let factor = if unit.is_empty() { bare } else { byte_unit(unit)? };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_sums_of_falling_units() {
        let check = |text: &str, milliseconds: Option<u64>| {
            assert_eq!(super::milliseconds(text.as_bytes(), 1000), milliseconds, "{text}");
        };
        check("0", Some(0));
        check("12h", Some(12 * 3_600_000));
        check("1w2d", Some(9 * 86_400_000));
        check("1m500ms", Some(60_500));
        check("5min", Some(300_000));
        check("", None);
        check("h", None);
        check("1m1h", None);
        check("1h30", None);
        check("-1s", None);
        check("99999999999999999999", None);
        check("9999999999999999w", None);
    }

    #[test]
    fn sizes_have_units_in_whatever_capitals() {
        let check = |text: &str, bytes: Option<u64>| assert_eq!(size(text.as_bytes(), 1), bytes, "{text}");
        check("512k", Some(512 << 10));
        check("1gib", Some(1 << 30));
        check("7B", Some(7));
        check("7X", None);
        check("", None);
        check("M", None);
        check("18446744073709551615T", None);
    }

    proptest! {
        #[test]
        fn whole_numbers_are_read_as_rust_reads_them(text in "[+-]?[0-9]{0,20}|[ 0-9a-]{0,4}") {
            prop_assert_eq!(int(text.as_bytes()), text.parse::<i64>().ok());
        }
    }
}
