//! Faults in a text, and findings of schemas, shown on the line where they are. The only place that knows the drawing library.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};
use cms::model::{Detail, Diagnostic, Severity};
use serde_json::{Value, json};

use crate::json;
use crate::language::Language;
use crate::paint::Paint;
use crate::text::{msg, text, text_if_any};

/// So many are drawn where nobody asked for a number: what is wrong in many places is mostly wrong in one way.
const SHOWN: usize = 20;

/// Draws the first of several diagnostics, at most `limit`, and says how many more there are.
pub(crate) fn render_all(diagnostics: &[Diagnostic], limit: Option<usize>, paint: Paint) -> String {
    let limit = limit.unwrap_or(SHOWN);
    let mut drawn: Vec<String> =
        diagnostics.iter().take(limit).map(|diagnostic| render(diagnostic, paint)).collect();
    if diagnostics.len() > limit {
        drawn.push(msg!("findings-more", count = diagnostics.len() - limit).to_string());
    }
    drawn.join("\n")
}

/// Draws a diagnostic: code, message, file, line, a caret under the fault, and what would be right.
pub(crate) fn render(diagnostic: &Diagnostic, paint: Paint) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR.with_name(text("label-error")),
        Severity::Warning => Level::WARNING.with_name(text("label-warning")),
    };
    // A library that draws works on text; what is none shows as `�`, each byte as wide as one letter.
    let line: String = diagnostic.line_text.iter().map(|byte| printable(*byte)).collect();
    let start = byte_of_letter(&line, diagnostic.column.saturating_sub(1));
    let end = byte_of_letter(&line, diagnostic.column.saturating_sub(1) + diagnostic.span_len.max(1));
    let message = message(diagnostic);
    let file = diagnostic.file.clone().unwrap_or_default();
    let hint = hint_words(diagnostic);
    let mut snippet = Snippet::source(&line).line_start(diagnostic.line.max(1));
    if !file.is_empty() {
        snippet = snippet.path(&file);
    }
    let mut group = level.primary_title(&message).id(diagnostic.code).element(
        snippet
            .annotation(AnnotationKind::Primary.span(start..end).label(hint.as_deref().unwrap_or_default())),
    );
    if let Some(detail) = &diagnostic.detail {
        let allowed = detail.allowed.as_deref().filter(|allowed| !message.contains(allowed));
        for (label, words) in [("label-allowed", allowed), ("label-rule", detail.rule.as_deref())] {
            if let Some(words) = words {
                let words = normalize_untrusted_str(&bounded(words));
                group = group.element(Level::NOTE.with_name(text(label)).message(words));
            }
        }
    }
    let renderer = if paint.is_on() { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group]).to_string()
}

/// A rule, cut off where it lists more than a line holds.
fn bounded(rule: &str) -> String {
    const WIDTH: usize = 100;
    match rule.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}...", &rule[..end]),
        None => rule.to_owned(),
    }
}

/// The diagnostic as a program reads it: `docs/json.md`. The code is the stable part. The line itself is left out: it may hold what
/// is nobody's business.
pub(crate) fn to_json(diagnostic: &Diagnostic) -> Value {
    let detail = diagnostic.detail.as_deref();
    let of = |member: fn(&Detail) -> Option<&String>| detail.and_then(member);
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity.to_string(),
        "message": message(diagnostic),
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "length": diagnostic.span_len,
        "key": detail.map(|detail| &detail.key),
        "rule": of(|detail| detail.rule.as_ref()),
        "value": detail.and_then(|detail| detail.value.as_deref()).map(json::bytes),
        "allowed": of(|detail| detail.allowed.as_ref()),
        "choices": detail.map(|detail| detail.choices.as_slice()).unwrap_or_default(),
        "hint": hint_words(diagnostic),
    })
}

/// The message in the user's language, by the diagnostic's code. What a schema finds is said by the schema, in English; in other
/// languages it is the key, the value and what is wrong with it.
pub(crate) fn message(diagnostic: &Diagnostic) -> String {
    if let Some(words) = text_if_any(&format!("diagnostic-{}", diagnostic.code)) {
        return words;
    }
    let title = match Language::of_the_user() {
        Language::English => None,
        Language::German => title(diagnostic.code),
    };
    match (title, &diagnostic.detail) {
        (Some(title), Some(detail)) => {
            let value = detail.value.as_deref().map(String::from_utf8_lossy);
            let value = value.map(|value| format!(" = `{value}`")).unwrap_or_default();
            format!("`{}`{value}: {title}", detail.key)
        }
        _ => diagnostic.message.clone(),
    }
}

/// What kind of finding a code is, in the user's language.
pub(crate) fn title(code: &str) -> Option<String> {
    text_if_any(&format!("code-{code}"))
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
    fn a_finding_says_its_code_the_rule_and_what_is_allowed() {
        let detail = Detail {
            key: "blog.home.port".to_owned(),
            rule: Some("port".to_owned()),
            value: Some(b"80000".to_vec()),
            allowed: Some("a port from 0 to 65535".to_owned()),
            choices: Vec::new(),
        };
        let finding = Diagnostic {
            code: "CMS0105",
            severity: Severity::Error,
            message: "`blog.home.port`: `80000` is wrong".to_owned(),
            file: Some("/etc/config/blog".to_owned()),
            line: 2,
            column: 15,
            line_text: b"\toption port '80000'".to_vec(),
            span_len: 5,
            hint: None,
            detail: Some(Box::new(detail)),
        };
        let drawn = render(&finding, Paint::OFF);
        for words in [
            "error[CMS0105]: `blog.home.port`",
            "/etc/config/blog:2:15",
            "^^^^^",
            "allowed: a port from",
            "rule: port",
        ] {
            assert!(drawn.contains(words), "{words}: {drawn}");
        }
        let many = vec![finding; SHOWN + 3];
        let drawn = render_all(&many, None, Paint::OFF);
        assert_eq!(drawn.matches("CMS0105").count(), SHOWN);
        assert!(drawn.ends_with("and 3 more"), "{drawn}");
        assert_eq!(to_json(&many[0])["allowed"], "a port from 0 to 65535");
        assert_eq!(to_json(&many[0])["value"], "80000");
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
