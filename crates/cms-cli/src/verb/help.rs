//! `help`: the overview, and the help of each verb, with examples first and in the user's language.

use super::{VERBS, Verb};
use crate::arguments::{self, Help};
use crate::failure::Failure;
use crate::output::Output;
use crate::text::text;

/// What `cms` without words shows.
pub(crate) fn overview(output: &mut Output) -> Result<(), Failure> {
    let paint = output.paint;
    output.line(text("help-title"))?;
    output.line("")?;
    output.line(paint.title(&text("label-examples")))?;
    for line in text("help-examples").lines() {
        output.line(format!("  {line}"))?;
    }
    output.line("")?;
    output.line(paint.title(&text("label-verbs")))?;
    for verb in VERBS.iter().filter(|verb| !verb.hidden) {
        let summary = text(&format!("verb-{}", verb.name));
        output.line(format!("  {}  {summary}", paint.place(&format!("{:<10}", verb.name))))?;
    }
    output.line("")?;
    for line in text("help-end").lines() {
        output.line(line)?;
    }
    Ok(())
}

/// The help of one verb.
pub(crate) fn of(verb: &Verb, output: &mut Output) -> Result<(), Failure> {
    output.page();
    let mut command = arguments::command(verb, Help::Wanted);
    let help = command.render_long_help();
    let help = if output.paint.is_on() { help.ansi().to_string() } else { help.to_string() };
    output.write(help.as_bytes())
}
