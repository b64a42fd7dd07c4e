//! The manual pages of the commands: made of the parser and of the texts that the help shows, so that they
//! cannot disagree with it, and of prose that a help on a screen has no room for.

mod prose;
mod roff;

use clap::{Arg, Command};

use crate::arguments::{self, Help};
use crate::globals;
use crate::text::english;
use crate::verb::{VERBS, Verb, help};
use roff::Roff;

/// The pages that are written by hand, and live in `docs/man`.
const FILE_PAGES: [&str; 3] = ["cms-config", "cms-schema", "cms-trigger"];

/// Every page of section 1: the name of its file, and its text.
pub(crate) fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("cms.1".to_owned(), overview())];
    for verb in visible() {
        pages.push((format!("cms-{}.1", verb.name), page(verb)));
        for alias in verb.aliases {
            pages.push((format!("cms-{alias}.1"), format!(".so man1/cms-{}.1\n", verb.name)));
        }
    }
    pages
}

fn visible() -> impl Iterator<Item = &'static Verb> {
    VERBS.iter().filter(|verb| !verb.hidden)
}

/// `cms(1)`: what there is, and where the rest is told.
fn overview() -> String {
    let mut page = Roff::new("cms", 1);
    let title = english("help-title");
    page.name("cms", title.strip_prefix("cms - ").unwrap_or(&title));
    page.section("SYNOPSIS");
    page.usage("cms [OPTIONS] <COMMAND> [ARGUMENTS]...");
    page.usage("cms help [COMMAND]");
    page.usage("cms --version");
    page.section("DESCRIPTION");
    page.prose(prose::of("cms"));
    page.section("COMMANDS");
    for verb in visible() {
        page.term(&Roff::bold(&format!("cms {}", verb.name)), &english(&format!("verb-{}", verb.name)));
    }
    page.section("OPTIONS");
    for option in &globals::options(Help::English) {
        describe(option, &mut page);
    }
    page.term(&Roff::option(None, Some("version"), None), "Show the version");
    page.section("EXAMPLES");
    page.example(&english("help-examples"));
    closing(&mut page, None);
    page.into_text()
}

/// The page of one verb.
fn page(verb: &Verb) -> String {
    let mut command = arguments::command(verb, Help::English);
    let title = format!("cms-{}", verb.name);
    let summary = english(&format!("verb-{}", verb.name));
    let mut page = Roff::new(&title, 1);
    page.name(&title, &summary);
    page.section("SYNOPSIS");
    let usage = command.render_usage().to_string();
    // What the parser calls a command below a command is an action in our words.
    page.usage(&usage.trim_start_matches("Usage: ").replace("COMMAND", "ACTION"));
    let usages: Vec<String> = command.get_subcommands_mut().map(usage_of).collect();
    usages.iter().for_each(|usage| page.usage(usage));

    page.section("DESCRIPTION");
    page.paragraph(&format!("{summary}."));
    page.prose(prose::of(verb.name));
    for alias in verb.aliases {
        page.paragraph(&format!("`cms {alias}` is the same command."));
    }
    if verb.uci {
        page.paragraph(&format!(
            "`uci` has this command, too; called under that name the program does what `uci {}` does.",
            verb.name
        ));
    }
    page.section("OPTIONS");
    let own: Vec<&Arg> = command.get_arguments().filter(|argument| is_own(argument)).collect();
    for argument in own.iter().filter(|argument| argument.is_positional()) {
        describe(argument, &mut page);
    }
    for argument in own.iter().filter(|argument| !argument.is_positional()) {
        describe(argument, &mut page);
    }
    page.subsection("Options of every command");
    for option in command.get_arguments().filter(|argument| !is_own(argument)) {
        describe(option, &mut page);
    }
    if command.has_subcommands() {
        page.section("ACTIONS");
        for (action, usage) in command.get_subcommands().zip(&usages) {
            about_action(action, usage, &mut page);
        }
    }
    page.section("EXAMPLES");
    page.example(&english(&format!("examples-{}", verb.name)));
    closing(&mut page, Some(verb));
    page.into_text()
}

fn usage_of(action: &mut Command) -> String {
    action.render_usage().to_string().trim_start_matches("Usage: ").to_owned()
}

fn about_action(action: &Command, usage: &str, page: &mut Roff) {
    page.subsection(&usage.replace(['<', '>'], ""));
    page.paragraph(&format!("{}.", action.get_about().map(ToString::to_string).unwrap_or_default()));
    for argument in action.get_arguments().filter(|argument| is_own(argument)) {
        describe(argument, page);
    }
}

fn is_own(argument: &Arg) -> bool {
    argument.get_help_heading() != Some(globals::HEADING)
}

/// An argument and what it means, as the help says it.
fn describe(argument: &Arg, page: &mut Roff) {
    let value = help::value_name(argument);
    let title = match &value {
        Some(value) if argument.is_positional() => Roff::italic(value),
        value => Roff::option(argument.get_short(), argument.get_long(), value.as_deref()),
    };
    page.term(&title, &argument.get_help().map(ToString::to_string).unwrap_or_default());
}

/// The sections that are the same for all commands.
fn closing(page: &mut Roff, verb: Option<&Verb>) {
    for (title, id) in [("EXIT STATUS", "exit-status"), ("ENVIRONMENT", "environment"), ("FILES", "files")] {
        page.section(title);
        page.prose(prose::of(id));
    }
    page.section("SEE ALSO");
    let mut others: Vec<(String, u8)> = match verb {
        None => visible().map(|verb| (format!("cms-{}", verb.name), 1)).collect(),
        Some(verb) => {
            let beside = prose::of(&format!("{} beside", verb.name)).split_whitespace();
            let known = beside.filter(|name| VERBS.iter().any(|verb| verb.name == *name));
            std::iter::once(("cms".to_owned(), 1))
                .chain(known.map(|name| (format!("cms-{name}"), 1)))
                .collect()
        }
    };
    others.extend(FILE_PAGES.map(|name| (name.to_owned(), 5)));
    page.see_also(&others);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_about_what_there_is() {
        let shared = ["cms", "exit-status", "environment", "files"];
        for id in prose::ids() {
            let name = id.strip_suffix(" beside").unwrap_or(id);
            assert!(shared.contains(&name) || visible().any(|verb| verb.name == name), "{id}");
        }
        for id in shared {
            assert!(!prose::of(id).is_empty(), "{id}");
        }
        for verb in visible() {
            for name in prose::of(&format!("{} beside", verb.name)).split_whitespace() {
                assert!(visible().any(|verb| verb.name == name), "{}: {name}", verb.name);
            }
        }
    }
}
