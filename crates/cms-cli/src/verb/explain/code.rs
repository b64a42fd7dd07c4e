//! What a kind of finding means, and what to do about it.

use cms::model::schema::Code;
use serde_json::{Value as JsonValue, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::report;
use crate::session::Session;
use crate::spelling;
use crate::text::{msg, text, text_if_any};

/// Explains one kind, or lists all.
pub(super) fn explain(typed: Option<&str>, session: &mut Session) -> Result<Exit, Failure> {
    let codes: Vec<&Code> = match typed {
        None => Code::all().collect(),
        Some(typed) => vec![find(typed)?],
    };
    if session.globals.json {
        let codes: Vec<JsonValue> = codes.into_iter().map(to_json).collect();
        session.output.line(Json::answer("explain", json!({ "codes": codes })).to_string())?;
        return Ok(Exit::Ok);
    }
    session.output.page();
    let paint = session.output.paint;
    for code in codes {
        let title = title(code);
        if typed.is_none() {
            session.output.line(format!("{}  {title}", paint.place(&format!("{:<21}", code.id))))?;
        } else {
            let severity = text(match code.severity {
                cms::model::Severity::Error => "label-error",
                cms::model::Severity::Warning => "label-warning",
            });
            session.output.line(format!("{} ({severity}): {title}", paint.title(code.id)))?;
            session.output.line(explanation(code))?;
        }
    }
    Ok(Exit::Ok)
}

fn find(typed: &str) -> Result<&'static Code, Failure> {
    Code::find(typed).ok_or_else(|| {
        let nearest = spelling::nearest(typed, Code::all().map(|code| code.id));
        Failure::not_found(msg!("explain-unknown", code = typed))
            .hint(msg!("explain-what-hint"))
            .hint_if_any(nearest.map(|name| msg!("did-you-mean", name = name)))
    })
}

fn title(code: &Code) -> String {
    report::title(code.id).unwrap_or_else(|| code.title.to_owned())
}

/// The explanation in the user's language.
fn explanation(code: &Code) -> String {
    text_if_any(&format!("explanation-{}", code.id)).unwrap_or_else(|| code.explanation.to_owned())
}

fn to_json(code: &Code) -> JsonValue {
    json!({
        "code": code.id,
        "severity": code.severity.to_string(),
        "title": title(code),
        "explanation": explanation(code),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn the_english_catalogue_says_what_the_index_of_codes_says() {
        for code in Code::all() {
            let known = Language::English.catalogue();
            assert!(
                known.contains(&format!("explanation-{} = {}\n", code.id, code.explanation)),
                "{}",
                code.id
            );
        }
    }
}
