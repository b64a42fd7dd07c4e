//! What `cms` says: messages by id, from a Fluent catalogue in the user's language.
//!
//! The catalogues are in the binary, and a message is parsed when it is said: a call that says nothing
//! pays nothing.

use std::fmt;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};

use crate::language::Language;

/// A message: an id of the catalogue and what fills its variables.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    id: &'static str,
    arguments: Vec<(&'static str, Argument)>,
}

/// What a variable of a message holds.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    /// Words: a key, a path, a value.
    Text(String),
    /// A count, which chooses the plural.
    Count(usize),
}

/// Makes a [`Message`]: `msg!("commit-nothing")`, `msg!("no-package", name = "netwrk")`.
///
/// A test finds every use of this macro and checks its id against the catalogues.
macro_rules! msg {
    ($id:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::text::Message::new($id)$(.with(stringify!($name), $value))*
    };
}
pub(crate) use msg;

impl Message {
    pub(crate) fn new(id: &'static str) -> Message {
        Message { id, arguments: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Argument>) -> Message {
        self.arguments.push((name, value.into()));
        self
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(self.id, &self.arguments))
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Argument {
        Argument::Text(text.to_owned())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Argument {
        Argument::Text(text)
    }
}

impl From<&String> for Argument {
    fn from(text: &String) -> Argument {
        Argument::Text(text.clone())
    }
}

impl From<&std::path::Path> for Argument {
    fn from(path: &std::path::Path) -> Argument {
        Argument::Text(path.display().to_string())
    }
}

impl From<usize> for Argument {
    fn from(count: usize) -> Argument {
        Argument::Count(count)
    }
}

/// The text of an id that has no variables.
pub(crate) fn text(id: &str) -> String {
    render(id, &[])
}

/// The text of an id, if the catalogue has it: for ids made from a code that comes from elsewhere.
pub(crate) fn text_if_any(id: &str) -> Option<String> {
    render_in(Language::of_the_user(), id, &[])
}

/// The English text of an id that has no variables, whatever the user's language.
pub(crate) fn english(id: &str) -> String {
    render_in(Language::English, id, &[]).unwrap_or_else(|| id.to_owned())
}

fn render(id: &str, arguments: &[(&'static str, Argument)]) -> String {
    // An id without a text is a fault that a test excludes; the id itself still says something.
    render_in(Language::of_the_user(), id, arguments).unwrap_or_else(|| id.to_owned())
}

fn render_in(language: Language, id: &str, arguments: &[(&'static str, Argument)]) -> Option<String> {
    // Only the message asked for is parsed: a call says one or two, and parsing all of them would take
    // a good part of its time. So no message may refer to another.
    let entry = entry(language.catalogue(), id)?;
    // A resource with errors still holds what parsed; a test refuses any error.
    let resource = match FluentResource::try_new(entry.to_owned()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    let mut bundle = FluentBundle::new(vec![language.id()]);
    // The marks that isolate variables are for mixed writing directions; terminals show them as noise.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    let mut values = FluentArgs::with_capacity(arguments.len());
    for (name, argument) in arguments {
        match argument {
            Argument::Text(text) => values.set(*name, text.as_str()),
            Argument::Count(count) => values.set(*name, FluentValue::from(*count)),
        }
    }
    let mut errors = Vec::new();
    let pattern = bundle.get_message(id)?.value()?;
    Some(bundle.format_pattern(pattern, Some(&values), &mut errors).into_owned())
}

/// The lines of a catalogue that hold a message: from its id to the next line that begins another.
fn entry<'c>(catalogue: &'c str, id: &str) -> Option<&'c str> {
    let start = catalogue.match_indices(id).map(|(at, _)| at).find(|at| {
        let begins_line = *at == 0 || catalogue.as_bytes()[at - 1] == b'\n';
        begins_line && catalogue[at + id.len()..].starts_with(" =")
    })?;
    let body = &catalogue[start..];
    let goes_on = |byte: u8| matches!(byte, b' ' | b'\n' | b'}');
    let end = body
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .find(|at| body.as_bytes().get(*at).is_none_or(|next| !goes_on(*next)));
    Some(&body[..end.unwrap_or(body.len())])
}

#[cfg(test)]
mod tests;
