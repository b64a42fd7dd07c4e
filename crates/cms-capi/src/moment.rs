//! Dates and times as schemas write them, in the seconds that C counts.

/// Seconds since 1970 of a date (`2026-11-01`, `20261101`), or of a date and time (`2026-11-01T12:00:00Z`, `... 12:00:00.5+01:00`); a date
/// begins in UTC. Texts of another form have none.
pub fn seconds(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    let (day, rest) = match text {
        [_, _, _, _, b'-', _, _, b'-', _, _, ..] => {
            let (day, rest) = text.split_at(10);
            ([&day[..4], &day[5..7], &day[8..]], rest)
        }
        _ if text.len() == 8 => ([&text[..4], &text[4..6], &text[6..]], &[][..]),
        _ => return None,
    };
    let midnight = days(number(day[0])?, number(day[1])?, number(day[2])?)?.checked_mul(86_400)?;
    let Some((_, rest)) = rest.split_first() else { return Some(midnight) };
    let (clock, rest) = rest.split_at_checked(8)?;
    let time = clock_seconds(&clock[..5])? + number(&clock[6..])?;
    // What is left is a fraction, which is dropped, and the zone.
    let zone = rest.iter().position(|byte| b"Zz+-".contains(byte)).map(|at| &rest[at..])?;
    let offset = match zone.split_first()? {
        (b'Z' | b'z', _) => 0,
        (b'-', ahead) => -clock_seconds(ahead)?,
        (_, ahead) => clock_seconds(ahead)?,
    };
    Some(midnight + time - offset)
}

/// Seconds of `HH:MM`.
fn clock_seconds(text: &[u8]) -> Option<i64> {
    match text {
        [h1, h2, b':', m1, m2] => Some(number(&[*h1, *h2])? * 3600 + number(&[*m1, *m2])? * 60),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(digits).ok()?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Days from the first of 1970 to a day, by counting years from March on, so that the leap day is the last of them.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn days_and_times_are_counted_from_1970() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("19700102", Some(86_400)),
            ("2000-02-29", Some(951_782_400)),
            ("2026-11-01", Some(1_793_491_200)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("2026-11-01T12:00:00Z", Some(1_793_534_400)),
            ("2026-11-01 12:00:00.25+01:30", Some(1_793_529_000)),
            ("2026-11-01t12:00:00-01:00", Some(1_793_538_000)),
            ("", None),
            ("2026-11", None),
            ("2026-13-01", None),
            ("2026-11-01T12:00", None),
            ("2026-11-01T12:00:00", None),
            ("2026-11-01T12:00:00+1", None),
            ("two thousand", None),
            ("2026-1é-01", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
