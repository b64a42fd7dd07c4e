//! Lengths of time as people type them: `90s`, `5m`, `1h`.

use std::time::Duration;

use cms::Confirm;

use crate::failure::Failure;
use crate::text::msg;

/// Reads how much time there is to confirm a commit.
pub(crate) fn parse(text: &str) -> Result<Duration, Failure> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        _ => None,
    };
    let number =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    let window = factor.zip(number).and_then(|(factor, number)| number.checked_mul(factor));
    window
        .map(Duration::from_secs)
        .filter(|window| (Confirm::SHORTEST..=Confirm::LONGEST).contains(window))
        .ok_or_else(|| Failure::usage(msg!("confirm-window", text = text)).hint(msg!("confirm-window-hint")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
