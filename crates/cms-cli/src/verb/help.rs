//! `help`: the overview, and the help of each verb, with examples first and in the user's language.

use clap::{Arg, Command};

use super::{VERBS, Verb};
use crate::arguments::{self, Help};
use crate::failure::Failure;
use crate::globals;
use crate::output::Output;
use crate::text::{text, text_if_any};

/// What `cms` without words shows.
pub(crate) fn overview(output: &mut Output) -> Result<(), Failure> {
    let paint = output.paint;
    output.line(text("help-title"))?;
    section(output, "label-examples")?;
    for line in text("help-examples").lines() {
        output.line(format!("  {line}"))?;
    }
    section(output, "label-verbs")?;
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

/// Tells whether an argument belongs under a title.
type Belongs<'f> = &'f dyn Fn(&Arg) -> bool;

/// The help of one verb. Laid out here, not by the parser, whose headings are English.
pub(crate) fn of(verb: &Verb, output: &mut Output) -> Result<(), Failure> {
    output.page();
    let mut command = arguments::command(verb, Help::Wanted);
    let usage = command.render_usage().to_string();
    output.line(text(&format!("verb-{}", verb.name)))?;
    section(output, "label-examples")?;
    for line in text(&format!("examples-{}", verb.name)).lines() {
        output.line(format!("  {line}"))?;
    }
    section(output, "label-usage")?;
    output.line(format!("  {}", usage.trim_start_matches("Usage: ")))?;
    for action in command.get_subcommands_mut() {
        about_action(action, output)?;
    }
    let is_global = |argument: &Arg| argument.get_help_heading() == Some(globals::HEADING);
    let groups: [(&str, Belongs<'_>); 3] = [
        ("label-arguments", &|argument| argument.is_positional()),
        ("label-options", &|argument| !argument.is_positional() && !is_global(argument)),
        ("label-global-options", &|argument| !argument.is_positional() && is_global(argument)),
    ];
    for (title, belongs) in groups {
        let rows: Vec<(String, String)> =
            command.get_arguments().filter(|argument| belongs(argument)).map(row).collect();
        if rows.is_empty() {
            continue;
        }
        section(output, title)?;
        table(rows, output)?;
    }
    Ok(())
}

/// An action of a verb: how it is called, what it does, and what it takes.
fn about_action(action: &mut Command, output: &mut Output) -> Result<(), Failure> {
    let usage = action.render_usage().to_string();
    let title = output.paint.title(usage.trim_start_matches("Usage: "));
    output.line("")?;
    output.line(title)?;
    output.line(format!("  {}", action.get_about().map(ToString::to_string).unwrap_or_default()))?;
    let is_own = |argument: &&Arg| argument.get_help_heading() != Some(globals::HEADING);
    table(action.get_arguments().filter(is_own).map(row).collect(), output)
}

/// Two columns: what is typed, and what it means.
fn table(rows: Vec<(String, String)>, output: &mut Output) -> Result<(), Failure> {
    let paint = output.paint;
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, help) in rows {
        output.line(format!("  {}  {help}", paint.place(&format!("{name:<width$}"))))?;
    }
    Ok(())
}

fn section(output: &mut Output, title: &str) -> Result<(), Failure> {
    output.line("")?;
    let title = output.paint.title(&text_if_any(title).unwrap_or_default());
    output.line(title)
}

/// What stands for the value of an argument, if it takes one.
pub(crate) fn value_name(argument: &Arg) -> Option<String> {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    value.filter(|_| argument.is_positional() || argument.get_action().takes_values())
}

/// `-m, --message TEXT`, and what it means.
fn row(argument: &Arg) -> (String, String) {
    let value = value_name(argument);
    let short = argument.get_short().map(|letter| format!("-{letter}"));
    let long = argument.get_long().map(|name| format!("--{name}"));
    let name = match (short, long) {
        (Some(short), Some(long)) => format!("{short}, {long}"),
        (Some(short), None) => short,
        (None, Some(long)) => format!("    {long}"),
        (None, None) => String::new(),
    };
    let name = match value {
        Some(value) if name.is_empty() => value,
        Some(value) => format!("{name} {value}"),
        None => name,
    };
    (name, argument.get_help().map(ToString::to_string).unwrap_or_default())
}
