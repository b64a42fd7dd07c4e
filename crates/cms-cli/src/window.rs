//! Lengths of time as people type them: `90s`, `5m`, `1h`.

use std::time::Duration;

use cms::Confirm;

use crate::failure::Failure;
use crate::text::msg;

/// Reads how much time there is to confirm a commit.
pub(crate) fn parse(text: &str) -> Result<Duration, Failure> {
    let units = [("", 1), ("s", 1), ("m", 60), ("h", 60 * 60)];
    read(text, &units)
        .filter(|window| (Confirm::SHORTEST..=Confirm::LONGEST).contains(window))
        .ok_or_else(|| Failure::usage(msg!("confirm-window", text = text)).hint(msg!("confirm-window-hint")))
}

/// Reads how old something may be: `12h`, `90d`, `8w`.
pub(crate) fn age(text: &str) -> Option<Duration> {
    const DAY: u64 = 24 * 60 * 60;
    read(text, &[("s", 1), ("m", 60), ("h", 60 * 60), ("d", DAY), ("w", 7 * DAY)])
}

/// Reads how large something may be: `64M`, `1G`. Not without a unit: who leaves it out does not mean bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    number(text, &[("M", 1 << 20), ("G", 1 << 30)]).filter(|size| *size > 0)
}

/// A number and one of some units, each of so many seconds.
fn read(text: &str, units: &[(&str, u64)]) -> Option<Duration> {
    number(text, units).map(Duration::from_secs)
}

/// A number and one of some units, each of so many.
fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let (_, factor) = units.iter().find(|(unit, _)| *unit == &text[digits.len()..])?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        assert_eq!(["90d", "2w", "0d", "48h"].map(age), [days(90), days(14), days(0), days(2)]);
        assert_eq!(["", "90", "d", "-1d", "1.5d", "1y", "99999999999999999999d"].map(age), [None; 7]);
    }

    #[test]
    fn sizes() {
        assert_eq!(["64M", "1G"].map(size), [64 << 20, 1 << 30].map(Some));
        assert_eq!(["", "M", "1m", "1.5G", "-1M", "99999999999G", "64", "0M", "64K"].map(size), [None; 9]);
    }

    #[test]
    fn lengths_of_time() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(parse(text).ok(), seconds.map(Duration::from_secs), "{text}");
        };
        check("90s", Some(90));
        check("90", Some(90));
        check("5m", Some(300));
        check("24h", Some(86_400));
        for odd in [
            "",
            "s",
            "0",
            "0s",
            "25h",
            "86401",
            "-5",
            "+5",
            "5 m",
            "5d",
            "5ms",
            "m5",
            "1h30m",
            "1.5h",
            "9999999999999999999h",
            "٣s",
            "5ü",
        ] {
            check(odd, None);
        }
    }
}
