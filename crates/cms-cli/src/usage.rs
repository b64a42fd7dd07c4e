//! What is wrong with a call, in our words: those of the parser are English only.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::arguments::{self, Help};
use crate::failure::Failure;
use crate::spelling;
use crate::text::msg;
use crate::verb::Verb;

/// Says in our words what the parser found wrong.
pub(crate) fn failure(verb: &Verb, error: &clap::Error) -> Failure {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" "),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        _ => String::new(),
    };
    if error.kind() == ErrorKind::InvalidSubcommand {
        return unknown_action(verb, &context(ContextKind::InvalidSubcommand));
    }
    let argument = context(ContextKind::InvalidArg);
    let message = match error.kind() {
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            msg!("extra-word", name = argument.clone(), verb = verb.name)
        }
        ErrorKind::UnknownArgument => msg!("unknown-option", name = argument.clone()),
        ErrorKind::MissingRequiredArgument => {
            msg!("missing-words", names = argument.clone(), verb = verb.name)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation
            if context(ContextKind::InvalidValue).is_empty() =>
        {
            msg!("missing-value", name = argument.clone())
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            msg!("invalid-value", name = argument.clone(), value = context(ContextKind::InvalidValue))
        }
        ErrorKind::ArgumentConflict => {
            msg!("not-together", name = argument.clone(), other = context(ContextKind::PriorArg))
        }
        _ => msg!("wrong-words", verb = verb.name),
    };
    let suggestion = spelling::nearest(&argument, known_options(verb).iter().map(String::as_str));
    let valid = context(ContextKind::ValidValue);
    let hint = if error.kind() == ErrorKind::InvalidValue && !valid.is_empty() {
        Some(msg!("one-of", names = valid))
    } else {
        suggestion
            .filter(|_| error.kind() == ErrorKind::UnknownArgument)
            .map(|name| msg!("did-you-mean", name = name))
    };
    Failure::usage(message).hint(msg!("see-help-of", verb = verb.name)).hint_if_any(hint)
}

fn unknown_action(verb: &Verb, typed: &str) -> Failure {
    let command = arguments::command(verb, Help::Unwanted);
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let hint = match spelling::nearest(typed, names.iter().copied()) {
        Some(name) => msg!("did-you-mean", name = name),
        None => msg!("one-of", names = names.join(" ")),
    };
    Failure::usage(msg!("unknown-action", verb = verb.name, name = typed)).hint(hint)
}

fn known_options(verb: &Verb) -> Vec<String> {
    let command = arguments::command(verb, Help::Unwanted);
    let all = std::iter::once(&command).chain(command.get_subcommands());
    let options = all.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long);
    options.map(|name| format!("--{name}")).collect()
}
