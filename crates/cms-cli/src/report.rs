//! Faults in a text, shown on the line where they are. The only place that knows the drawing library.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use cms::model::{Diagnostic, Severity};
use serde_json::{Value, json};

use crate::paint::Paint;
use crate::text::{msg, text_if_any};

/// Draws a diagnostic: message, file, line, and a caret under the fault.
pub(crate) fn render(diagnostic: &Diagnostic, paint: Paint) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    // A library that draws works on text; what is none shows as `�`, each byte as wide as one letter.
    let line: String = diagnostic.line_text.iter().map(|byte| printable(*byte)).collect();
    let start = byte_of_letter(&line, diagnostic.column.saturating_sub(1));
    let end = byte_of_letter(&line, diagnostic.column.saturating_sub(1) + diagnostic.span_len.max(1));
    let message = localized(diagnostic);
    let file = diagnostic.file.clone().unwrap_or_default();
    let hint = hint_words(diagnostic);
    let mut snippet = Snippet::source(&line).line_start(diagnostic.line.max(1));
    if !file.is_empty() {
        snippet = snippet.path(&file);
    }
    let group = level.primary_title(&message).element(
        snippet
            .annotation(AnnotationKind::Primary.span(start..end).label(hint.as_deref().unwrap_or_default())),
    );
    let renderer = if paint.is_on() { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group]).to_string()
}

/// The diagnostic as a program reads it. The code is the stable part.
pub(crate) fn to_json(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity.to_string(),
        "message": localized(diagnostic),
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "hint": hint_words(diagnostic),
    })
}

/// The message in the user's language, by the diagnostic's code.
fn localized(diagnostic: &Diagnostic) -> String {
    let id = format!("diagnostic-{}", diagnostic.code);
    text_if_any(&id).unwrap_or_else(|| diagnostic.message.clone())
}

/// What helps: a word that the diagnostic itself suggests, or the advice that goes with its code.
fn hint_words(diagnostic: &Diagnostic) -> Option<String> {
    let hint = diagnostic.hint.as_deref();
    let suggested = hint.and_then(|hint| hint.strip_prefix("did you mean `")?.strip_suffix("`?"));
    if let Some(word) = suggested {
        return Some(msg!("did-you-mean", name = word).to_string());
    }
    text_if_any(&format!("advice-{}", diagnostic.code)).or_else(|| hint.map(str::to_owned))
}

fn printable(byte: u8) -> char {
    match byte {
        b'\t' => ' ',
        32..127 => char::from(byte),
        _ => char::REPLACEMENT_CHARACTER,
    }
}

fn byte_of_letter(line: &str, letter: usize) -> usize {
    line.char_indices().nth(letter).map_or(line.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_shown_where_it_is() {
        let text = b"config interface 'lan'\n\toptoin proto 'static'\n";
        let error = cms::model::SliceParser::new(text).find_map(Result::err).unwrap();
        let drawn = render(&error.diagnostic().in_file("network"), Paint::OFF);
        assert!(drawn.contains("network:2:2"), "{drawn}");
        assert!(drawn.contains(" optoin proto 'static'"), "{drawn}");
        assert!(drawn.contains("^^^^^^"), "{drawn}");
    }

    #[test]
    fn bytes_that_are_no_text_and_empty_lines_are_drawn() {
        for line_text in [b"\xff\xfe'".to_vec(), Vec::new()] {
            let diagnostic = Diagnostic {
                code: "unterminated-quote",
                severity: Severity::Error,
                message: "x".to_owned(),
                file: None,
                line: 1,
                column: 3,
                line_text,
                span_len: 9,
                hint: None,
                detail: None,
            };
            assert!(!render(&diagnostic, Paint::OFF).is_empty());
        }
    }
}
