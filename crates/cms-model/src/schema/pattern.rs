//! Regular expressions that match a whole value, and never take much time or memory.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

/// A pattern that compiles to more than this is refused.
const LIMIT: usize = 1 << 20;
/// A pattern longer than this is refused.
const LONGEST: usize = 4096;
/// How deep groups may lie in each other.
const DEEPEST: u32 = 64;
/// A pattern that weighs less stays far below [`LIMIT`]: a unit is a state or two, of less than a hundred bytes.
const LIGHT: usize = 2000;

/// A pattern that has to match all of a value.
///
/// It is read when a schema is, so that what is wrong with it is known then. It is compiled when a value is first held against it:
/// compiling takes longer than all the rest of reading a schema, and a short process asks for few of its patterns.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: Box<str>,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub fn is_match(&self, value: &[u8]) -> bool {
        let regex = self.regex.get_or_init(|| build_whole(&self.text).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(value))
    }
}

/// Reads a pattern; the error says what is wrong with it.
pub(super) fn compile(pattern: &str) -> Result<Pattern, String> {
    if pattern.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    // The pattern has to stand alone: `a)|(b` would be fine within the parentheses that are put around it.
    let mut parser = regex_syntax::ParserBuilder::new().nest_limit(DEEPEST).utf8(false).build();
    let hir = parser.parse(pattern).map_err(|error| reason(&error.to_string()))?;
    let compiled = Pattern { text: pattern.into(), regex: OnceLock::new() };
    if weight(&hir) > LIGHT {
        // Whether it becomes too large is told by trying.
        let regex = build_whole(pattern).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it would take too much memory".to_owned(),
            error => reason(&error.to_string()),
        })?;
        let _ = compiled.regex.set(Some(regex));
    }
    Ok(compiled)
}

fn build_whole(pattern: &str) -> Result<Regex, regex::Error> {
    let build = |pattern: &str| {
        // The parentheses add to the depth that was allowed.
        RegexBuilder::new(pattern).size_limit(LIMIT).dfa_size_limit(LIMIT).nest_limit(DEEPEST + 2).build()
    };
    match build(&format!(r"\A(?:{pattern})\z")) {
        // A comment at its end takes the parenthesis with it.
        Err(regex::Error::Syntax(_)) => build(&format!("\\A(?:{pattern}\n)\\z")),
        built => built,
    }
}

/// The last line of the crate's message is the reason, those before it draw the place.
fn reason(message: &str) -> String {
    message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// How much a pattern compiles to, from above and about: repetitions written out.
fn weight(hir: &Hir) -> usize {
    let sum = |parts: &[Hir]| parts.iter().fold(1_usize, |sum, part| sum.saturating_add(weight(part)));
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        // A range of characters takes up to a few sequences of bytes.
        HirKind::Class(Class::Unicode(class)) => 1 + 4 * class.ranges().len(),
        HirKind::Class(Class::Bytes(class)) => 1 + class.ranges().len(),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            weight(&repetition.sub).saturating_add(1).saturating_mul(times as usize)
        }
        HirKind::Capture(capture) => weight(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
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
        assert!(compile(&format!("{}a{}", "(".repeat(60), ")".repeat(60))).unwrap().is_match(b"a"));
        assert!(compile(r"[^a]").unwrap().is_match("\u{e4}".as_bytes()));
    }

    #[test]
    fn a_light_pattern_can_be_compiled_whatever_it_is_made_of() {
        // The dearest that the weight lets through, of each kind of part.
        for part in [
            r"\w",
            r"\W",
            r"\pL",
            r"[^a-z]",
            ".",
            r"(?s-u:.)",
            "abc",
            r"(?i)straße",
            r"\b",
            "(a|b|c)",
            "(x*)",
        ] {
            let fits = |times: &u32| {
                let hir = regex_syntax::ParserBuilder::new()
                    .utf8(false)
                    .build()
                    .parse(&format!("(?:{part}){{{times}}}"));
                hir.is_ok_and(|hir| weight(&hir) <= LIGHT)
            };
            let Some(times) = (1..=1000).rev().find(fits) else { continue };
            build_whole(&format!("(?:{part}){{{times}}}")).unwrap();
        }
    }

    #[test]
    fn what_is_too_large_or_no_pattern_is_refused() {
        assert!(compile("((((a{100}){100}){100}){100})").unwrap_err().contains("memory"));
        assert!(compile("a)|(b").is_err());
        assert!(compile("(?=a)b").unwrap_err().contains("look-around"));
        assert!(compile(&"(".repeat(100)).is_err());
    }
}
