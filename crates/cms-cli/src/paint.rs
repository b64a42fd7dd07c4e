//! Colours: when they are wanted, and what they mean.

use std::io::IsTerminal;

use clap::builder::styling::{AnsiColor, Style};

/// The answer to `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ColorChoice {
    /// Colours on a terminal that can show them.
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    pub(crate) fn for_stream(self, stream: &impl IsTerminal) -> Paint {
        Paint { on: self.decide(stream.is_terminal(), |name| std::env::var(name).ok()) }
    }

    /// An order on the command line wins over `NO_COLOR`, that over `FORCE_COLOR`, that over what
    /// the terminal can do.
    fn decide(self, terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if is_set("NO_COLOR") => false,
            ColorChoice::Auto if is_set("FORCE_COLOR") => variable("FORCE_COLOR").is_none_or(|v| v != "0"),
            ColorChoice::Auto => terminal && variable("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}

/// Paints words, or leaves them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    #[cfg(test)]
    pub(crate) const OFF: Paint = Paint { on: false };

    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    pub(crate) fn added(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    pub(crate) fn removed(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default(), text)
    }

    pub(crate) fn changed(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    pub(crate) fn place(self, text: &str) -> String {
        self.with(AnsiColor::Cyan.on_default(), text)
    }

    pub(crate) fn title(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub(crate) fn error(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default().bold(), text)
    }

    pub(crate) fn hint(self, text: &str) -> String {
        self.with(AnsiColor::Cyan.on_default().bold(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_conventions() {
        let check = |choice: ColorChoice, terminal: bool, variables: &[(&str, &str)], expected: bool| {
            let find =
                |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(choice.decide(terminal, find), expected, "{choice:?} {terminal} {variables:?}");
        };
        check(ColorChoice::Auto, true, &[], true);
        check(ColorChoice::Auto, false, &[], false);
        check(ColorChoice::Auto, true, &[("NO_COLOR", "1")], false);
        check(ColorChoice::Auto, true, &[("NO_COLOR", "")], true);
        check(ColorChoice::Auto, false, &[("FORCE_COLOR", "1")], true);
        check(ColorChoice::Auto, true, &[("FORCE_COLOR", "0")], false);
        check(ColorChoice::Auto, true, &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], false);
        check(ColorChoice::Auto, true, &[("TERM", "dumb")], false);
        check(ColorChoice::Always, false, &[("NO_COLOR", "1")], true);
        check(ColorChoice::Never, true, &[("FORCE_COLOR", "1")], false);
    }
}
