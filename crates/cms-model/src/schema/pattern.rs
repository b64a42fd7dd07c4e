//! Regular expressions that match a whole value, and never take much time or memory.

use regex::bytes::{Regex, RegexBuilder};

/// A pattern that compiles to more than this is refused.
const LIMIT: usize = 1 << 20;
/// A pattern longer than this is refused.
const LONGEST: usize = 4096;

/// Compiles a pattern that has to match all of a value.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    // The pattern has to stand alone: `a)|(b` would be fine within the parentheses that follow.
    let build = |pattern: &str| {
        RegexBuilder::new(pattern).size_limit(LIMIT).dfa_size_limit(LIMIT).nest_limit(64).build()
    };
    build(pattern)
        .and_then(|_| {
            build(&format!(r"\A(?:{pattern})\z")).or_else(|_| build(&format!("\\A(?:{pattern}\n)\\z")))
        })
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it would take too much memory".to_owned(),
            // The last line of the crate's message is the reason, those before it draw the place.
            error => {
                error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_or_not_at_all() {
        let pattern = compile("a|bc").unwrap();
        for (text, whether) in [("a", true), ("bc", true), ("ab", false), ("a\n", false), ("", false)] {
            assert_eq!(pattern.is_match(text.as_bytes()), whether, "{text:?}");
        }
        assert!(compile("(?x) a # one").unwrap().is_match(b"a"));
    }

    #[test]
    fn what_is_too_large_or_no_pattern_is_refused() {
        assert!(compile("((((a{100}){100}){100}){100})").unwrap_err().contains("memory"));
        assert!(compile("a)|(b").is_err());
        assert!(compile("(?=a)b").unwrap_err().contains("look-around"));
        assert!(compile(&"(".repeat(100)).is_err());
    }
}
