//! The words of a step: blanks between, double quotes around what has blanks in it.

use std::ops::Range;

use super::step::StepError;

/// A word, and where it stands in the step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub text: String,
    pub at: Range<usize>,
    /// Whether a quote is in it: then it is no keyword.
    pub quoted: bool,
}

/// Takes a step apart.
pub(super) fn words(text: &str) -> Result<Vec<Word>, StepError> {
    let mut words: Vec<Word> = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<usize> = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        let end = at + letter.len_utf8();
        if quote.is_none() && letter.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let current = word.get_or_insert_with(|| Word { text: String::new(), at: at..end, quoted: false });
        current.at.end = end;
        match (letter, quote) {
            ('"', None) => {
                quote = Some(at);
                current.quoted = true;
            }
            ('"', Some(_)) => quote = None,
            ('\\', Some(_)) => match letters.next() {
                Some((at, escaped @ ('"' | '\\'))) => {
                    current.text.push(escaped);
                    current.at.end = at + 1;
                }
                // A pattern is full of backslashes; all but these two stand for themselves.
                Some((at, other)) => {
                    current.text.push('\\');
                    current.text.push(other);
                    current.at.end = at + other.len_utf8();
                }
                None => current.text.push('\\'),
            },
            _ => current.text.push(letter),
        }
    }
    if let Some(start) = quote {
        return Err(StepError::new(start..text.len(), "a quote is not closed").hint("close it with `\"`"));
    }
    words.extend(word);
    Ok(words)
}

/// Writes a word so that it is read as one.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty() && !text.chars().any(|letter| letter.is_whitespace() || letter == '"');
    if is_plain {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_have_places() {
        let found = words(r#"split a.b by ": \"" into"#).unwrap();
        let texts: Vec<&str> = found.iter().map(|word| &*word.text).collect();
        assert_eq!(texts, ["split", "a.b", "by", ": \"", "into"]);
        assert_eq!(found[3].at, 13..19);
        assert!(words("a \"b").is_err());
        assert_eq!(words(r#""\d+""#).unwrap()[0].text, r"\d+");
    }

    proptest! {
        #[test]
        fn a_quoted_word_is_read_back(text in "\\PC{0,12}") {
            let read = words(&quoted(&text)).unwrap();
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(&read[0].text, &text);
        }
    }
}
