//! Steps: how one is written, which sections it is about, and under which conditions.

use std::fmt;
use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

use super::super::suggest::closest;
use super::form::Form;
use super::section::Shape;
use super::words::{Word, words};
use crate::{Name, PackageName, TypeName, Value};

/// What a pattern may take when it is compiled.
const PATTERN_LIMIT: usize = 1 << 20;

const VERBS: [&str; 13] = [
    "rename",
    "rename-type",
    "rename-section",
    "retype",
    "default",
    "set",
    "map",
    "split",
    "merge",
    "move",
    "drop",
    "drop-section",
    "unset",
];

/// One thing that a migration does.
///
/// ```
/// use cms_model::schema::Step;
///
/// let step = Step::parse("split listen.addr by : into host port if enabled=1").unwrap();
/// assert_eq!(step.to_string(), "split listen.addr by : into host port if enabled=1");
///
/// let error = Step::parse("renam listen.addr address").unwrap_err();
/// assert_eq!(error.to_string(), "there is no step `renam`");
/// assert_eq!(error.hint.as_deref(), Some("did you mean `rename`?"));
/// ```
#[derive(Debug, Clone)]
pub struct Step {
    text: String,
    /// `None` stands for all packages of the module.
    pub(super) package: Option<PackageName>,
    /// `None` stands for all types.
    pub(super) kind: Option<TypeName>,
    pub(super) action: Action,
    conditions: Vec<Condition>,
}

/// A value, and what it becomes.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// What a step does to the sections that it is about.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Rename {
        old: Name,
        new: Name,
    },
    RenameType {
        new: TypeName,
    },
    RenameSection {
        old: Name,
        new: Name,
    },
    Retype {
        option: Name,
        read: Form,
        write: Form,
    },
    Default {
        option: Name,
        change: Option<(Value, Value)>,
    },
    Set {
        option: Name,
        value: Value,
    },
    /// Removes an option that has this value.
    Unset {
        option: Name,
        value: Value,
    },
    Map {
        option: Name,
        pairs: Vec<Pair>,
    },
    Split {
        option: Name,
        cut: Cut,
        into: Vec<Name>,
    },
    Merge {
        options: Vec<Name>,
        with: Vec<u8>,
        into: Name,
    },
    Move {
        option: Name,
        target: Target,
    },
    Drop {
        option: Name,
    },
    DropSection,
}

/// Where a value is cut.
#[derive(Debug, Clone)]
pub(super) enum Cut {
    By(Vec<u8>),
    Like(Regex),
}

/// Where a moved option goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub package: Option<PackageName>,
    pub section: TargetSection,
    pub option: Name,
    /// The type of the section if it has to be made.
    pub make: Option<TypeName>,
}

#[derive(Debug, Clone)]
pub(super) enum TargetSection {
    Named(Name),
    Nth {
        kind: TypeName,
        index: i64,
    },
    /// The one with the name of the section that the option comes from.
    Same,
}

#[derive(Debug, Clone)]
enum Condition {
    Has { option: Name, negated: bool },
    Is { option: Name, value: Vec<u8>, negated: bool },
    Named { name: String, negated: bool },
}

/// What is wrong with a step, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// The bytes that are at fault.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub message: String,
    /// What to write instead, if that is known.
    pub hint: Option<String>,
}

impl StepError {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> StepError {
        StepError { at, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> StepError {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StepError {}

impl PartialEq for Step {
    /// Steps are the same if they say the same.
    fn eq(&self, other: &Step) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Step {
    /// Reads a step.
    ///
    /// # Errors
    /// What is wrong with it, with its place in `text`.
    pub fn parse(text: &str) -> Result<Step, StepError> {
        let words = words(text)?;
        let at_if = words.iter().position(|word| is(word, "if"));
        let (told, conditions) = words.split_at(at_if.unwrap_or(words.len()));
        let conditions = match conditions.split_first() {
            None => Vec::new(),
            Some((word, rest)) => read_conditions(word, rest)?,
        };
        let mut reader = Reader { words: told, next: 0, end: text.len() };
        let verb =
            reader.word("what to do", Some("begin with `rename`, `map`, `drop` or another step"))?.clone();
        let mut step = Step {
            text: text.trim().to_owned(),
            package: None,
            kind: None,
            action: Action::DropSection,
            conditions,
        };
        step.action = match &*verb.text {
            "rename" => {
                let old = reader.place(&mut step)?;
                Action::Rename { old, new: reader.option("the new name")? }
            }
            "rename-type" => {
                reader.section_place(&mut step)?;
                Action::RenameType { new: reader.kind("the new type")? }
            }
            "rename-section" => {
                let word = reader.word("the section", None)?.clone();
                let (package, name) = in_package(&word)?;
                step.package = package;
                let old = name_of(name, &word)?;
                Action::RenameSection { old, new: reader.option("the new name")? }
            }
            "retype" => {
                let option = reader.place(&mut step)?;
                let read = reader.form("the form that the value has")?;
                let (write, at) = (reader.form("the form that it is to have")?, reader.last());
                if !read.goes_with(&write) {
                    return Err(StepError::new(
                        at,
                        format!("what is read as `{read}` cannot be written as `{write}`"),
                    ));
                }
                Action::Retype { option, read, write }
            }
            "default" => {
                let option = reader.place(&mut step)?;
                let change = match reader.is_done() {
                    true => None,
                    false => Some((reader.value("the old default")?, reader.value("the new default")?)),
                };
                Action::Default { option, change }
            }
            "set" => Action::Set { option: reader.place(&mut step)?, value: reader.value("the value")? },
            "unset" => Action::Unset { option: reader.place(&mut step)?, value: reader.value("the value")? },
            "map" => Action::Map { option: reader.place(&mut step)?, pairs: reader.pairs()? },
            "split" => {
                let option = reader.place(&mut step)?;
                let how = reader.word("`by` or `like`", None)?.clone();
                let by = reader.word("what to split by", None)?.clone();
                let cut = match &*how.text {
                    _ if by.text.is_empty() => {
                        return Err(StepError::new(by.at, "what to split by is empty"));
                    }
                    "by" => Cut::By(by.text.clone().into_bytes()),
                    "like" => Cut::Like(pattern(&by)?),
                    other => {
                        return Err(StepError::new(how.at, format!("`{other}` is neither `by` nor `like`")));
                    }
                };
                reader.keyword("into")?;
                let into = reader.options("an option that takes a part")?;
                let groups = match &cut {
                    Cut::Like(pattern) => pattern.captures_len() - 1,
                    Cut::By(_) => into.len(),
                };
                if groups != into.len() || into.len() < 2 {
                    let message = match into.len() {
                        0 | 1 => "a value is split into two options at least".to_owned(),
                        count => format!("the pattern has {groups} groups for {count} options"),
                    };
                    return Err(StepError::new(by.at, message));
                }
                Action::Split { option, cut, into }
            }
            "merge" => {
                let mut options = vec![reader.place(&mut step)?];
                while !reader.is_done() && !reader.follows("with") {
                    options.push(reader.option("an option")?);
                }
                if options.len() < 2 {
                    return Err(StepError::new(reader.last(), "two options at least are merged"));
                }
                if let Some(twice) = twice(&options) {
                    return Err(StepError::new(reader.last(), format!("`{twice}` is there twice")));
                }
                reader.keyword("with")?;
                let with = reader.word("what to put between", None)?.text.clone().into_bytes();
                reader.keyword("into")?;
                Action::Merge { options, with, into: reader.option("the option that takes all")? }
            }
            "move" => {
                let option = reader.place(&mut step)?;
                let target = reader.target()?;
                Action::Move { option, target }
            }
            "drop" => Action::Drop { option: reader.place(&mut step)? },
            "drop-section" => {
                reader.section_place(&mut step)?;
                if step.kind.is_none() {
                    return Err(StepError::new(
                        reader.last(),
                        "sections of all types are not dropped at once",
                    ));
                }
                Action::DropSection
            }
            other => {
                let hint = closest(other, VERBS).map(|meant| format!("did you mean `{meant}`?"));
                let error = StepError::new(verb.at, format!("there is no step `{other}`"));
                return Err(error.hint(hint.unwrap_or_else(|| format!("there are: {}", VERBS.join(", ")))));
            }
        };
        if let Action::Split { into, .. } = &step.action
            && let Some(name) = twice(into)
        {
            return Err(StepError::new(reader.last(), format!("`{name}` is there twice")));
        }
        match reader.words.get(reader.next) {
            Some(word) => {
                Err(StepError::new(word.at.clone(), format!("`{}` is one word too many", word.text)))
            }
            None => Ok(step),
        }
    }

    /// Says whether the step can lose what no other step could give back.
    ///
    /// ```
    /// use cms_model::schema::Step;
    /// assert!(Step::parse("drop site.colour").unwrap().loses());
    /// assert!(!Step::parse("rename site.colour theme").unwrap().loses());
    /// ```
    pub fn loses(&self) -> bool {
        match &self.action {
            Action::Drop { .. } | Action::DropSection | Action::Split { cut: Cut::Like(_), .. } => true,
            Action::Map { pairs, .. } => {
                pairs.iter().any(|(_, new)| pairs.iter().filter(|(_, other)| other == new).count() > 1)
            }
            Action::RenameType { .. } => self.kind.is_none(),
            _ => false,
        }
    }

    /// Whether the step is taken within one section, without a look at others.
    pub(super) fn is_local(&self) -> bool {
        !matches!(self.action, Action::Move { .. } | Action::RenameSection { .. })
    }

    /// Whether it may concern sections of a type.
    pub(super) fn is_about(&self, kind: &str) -> bool {
        self.kind.as_ref().is_none_or(|own| own.as_str() == kind)
    }

    /// Whether it is taken in a section.
    pub(super) fn selects(&self, section: &Shape) -> bool {
        self.is_about(&section.kind) && self.conditions.iter().all(|condition| condition.holds(section))
    }

    /// The options that it reads or writes.
    pub(super) fn options(&self) -> Vec<&Name> {
        match &self.action {
            Action::Rename { old, new } => vec![old, new],
            Action::Retype { option, .. }
            | Action::Default { option, .. }
            | Action::Set { option, .. }
            | Action::Unset { option, .. }
            | Action::Map { option, .. }
            | Action::Move { option, .. }
            | Action::Drop { option } => vec![option],
            Action::Split { option, into, .. } => std::iter::once(option).chain(into).collect(),
            Action::Merge { options, into, .. } => options.iter().chain([into]).collect(),
            Action::RenameType { .. } | Action::RenameSection { .. } | Action::DropSection => Vec::new(),
        }
    }

    /// Goes over the packages that it names besides those of the module.
    pub fn packages(&self) -> impl Iterator<Item = &PackageName> {
        let target = match &self.action {
            Action::Move { target, .. } => target.package.as_ref(),
            _ => None,
        };
        self.package.iter().chain(target)
    }

    /// For a `default` without values: its type (none for all) and option.
    pub(crate) fn open_default(&self) -> Option<(Option<&str>, &Name)> {
        match &self.action {
            Action::Default { option, change: None } => Some((self.kind.as_deref(), option)),
            _ => None,
        }
    }

    /// The same step with the defaults of two schemas.
    pub(crate) fn with_defaults(&self, old: Value, new: Value) -> Step {
        let mut step = self.clone();
        if let Action::Default { change, .. } = &mut step.action {
            *change = Some((old, new));
        }
        step
    }
}

impl Condition {
    fn holds(&self, section: &Shape) -> bool {
        let (found, negated) = match self {
            Condition::Has { option, negated } => (section.get(option).is_some(), negated),
            Condition::Is { option, value, negated } => {
                let is = |known: &Value| known.items().len() == 1 && known.items()[0] == *value;
                (section.get(option).is_some_and(is), negated)
            }
            Condition::Named { name, negated } => (section.name.as_deref() == Some(name), negated),
        };
        found != *negated
    }
}

fn is(word: &Word, text: &str) -> bool {
    !word.quoted && word.text == text
}

fn twice(names: &[Name]) -> Option<&Name> {
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name)
}

fn name_of(text: &str, word: &Word) -> Result<Name, StepError> {
    Name::new(text).map_err(|error| {
        StepError::new(word.at.clone(), format!("`{text}` is no name: {error}")).hint(error.hint())
    })
}

fn kind_of(text: &str, word: &Word) -> Result<TypeName, StepError> {
    TypeName::new(text)
        .map_err(|error| StepError::new(word.at.clone(), format!("`{text}` is no section type: {error}")))
}

fn package_of(text: &str, word: &Word) -> Result<PackageName, StepError> {
    PackageName::new(text)
        .map_err(|error| StepError::new(word.at.clone(), format!("`{text}` is no package: {error}")))
}

/// Takes `[PACKAGE.]REST` apart.
fn in_package(word: &Word) -> Result<(Option<PackageName>, &str), StepError> {
    match word.text.split_once('.') {
        Some((package, rest)) => Ok((Some(package_of(package, word)?), rest)),
        None => Ok((None, &word.text)),
    }
}

fn pattern(word: &Word) -> Result<Regex, StepError> {
    let whole = format!(r"\A(?:{})\z", word.text);
    RegexBuilder::new(&whole).size_limit(PATTERN_LIMIT).build().map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        StepError::new(word.at.clone(), format!("the pattern cannot be read: {reason}"))
    })
}

fn read_conditions(word: &Word, rest: &[Word]) -> Result<Vec<Condition>, StepError> {
    let mut conditions = Vec::new();
    for told in rest.split(|word| is(word, "and")) {
        match told {
            [told] => conditions.push(condition(told)?),
            [_, more, ..] => {
                let error = StepError::new(more.at.clone(), format!("`{}` is one word too many", more.text));
                return Err(error.hint("conditions have `and` between; a value with blanks stands in quotes"));
            }
            [] => {
                return Err(
                    StepError::new(word.at.clone(), "a condition is missing").hint("write `if OPTION=VALUE`")
                );
            }
        }
    }
    Ok(conditions)
}

fn condition(word: &Word) -> Result<Condition, StepError> {
    let Some((left, value)) = word.text.split_once('=') else {
        let (negated, option) = match word.text.strip_prefix('!') {
            Some(option) => (true, option),
            None => (false, &*word.text),
        };
        return Ok(Condition::Has { option: name_of(option, word)?, negated });
    };
    let (negated, left) = match left.strip_suffix('!') {
        Some(left) => (true, left),
        None => (false, left),
    };
    if left == "@name" {
        return Ok(Condition::Named { name: name_of(value, word)?.to_string(), negated });
    }
    Ok(Condition::Is { option: name_of(left, word)?, value: value.as_bytes().to_vec(), negated })
}

struct Reader<'a> {
    words: &'a [Word],
    next: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    fn is_done(&self) -> bool {
        self.next >= self.words.len()
    }

    fn follows(&self, keyword: &str) -> bool {
        self.words.get(self.next).is_some_and(|word| is(word, keyword))
    }

    /// The place of the word that was read last.
    fn last(&self) -> Range<usize> {
        self.words.get(self.next.saturating_sub(1)).map_or(0..self.end, |word| word.at.clone())
    }

    fn word(&mut self, what: &str, hint: Option<&str>) -> Result<&'a Word, StepError> {
        match self.words.get(self.next) {
            Some(word) => {
                self.next += 1;
                Ok(word)
            }
            None => {
                let error = StepError::new(self.last(), format!("{what} is missing"));
                Err(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), StepError> {
        let word = self.word(&format!("`{keyword}`"), None)?;
        if is(word, keyword) {
            return Ok(());
        }
        Err(StepError::new(word.at.clone(), format!("`{}` where `{keyword}` belongs", word.text)))
    }

    /// `[PACKAGE.]TYPE.OPTION`; the option is the answer.
    fn place(&mut self, step: &mut Step) -> Result<Name, StepError> {
        let word = self.word("the option", Some("write `TYPE.OPTION`"))?;
        let parts: Vec<&str> = word.text.split('.').collect();
        let (package, kind, option) = match parts[..] {
            [kind, option] => (None, kind, option),
            [package, kind, option] => (Some(package), kind, option),
            _ => {
                let error =
                    StepError::new(word.at.clone(), format!("`{}` is no place of an option", word.text));
                return Err(error.hint("write `TYPE.OPTION` or `PACKAGE.TYPE.OPTION`"));
            }
        };
        step.package = package.map(|package| package_of(package, word)).transpose()?;
        step.kind = if kind == "*" { None } else { Some(kind_of(kind, word)?) };
        name_of(option, word)
    }

    /// `[PACKAGE.]TYPE`.
    fn section_place(&mut self, step: &mut Step) -> Result<(), StepError> {
        let word = self.word("the section type", None)?;
        let (package, kind) = in_package(word)?;
        step.package = package;
        step.kind = if kind == "*" { None } else { Some(kind_of(kind, word)?) };
        Ok(())
    }

    fn option(&mut self, what: &str) -> Result<Name, StepError> {
        let word = self.word(what, None)?;
        name_of(&word.text, word)
    }

    fn options(&mut self, what: &str) -> Result<Vec<Name>, StepError> {
        let mut options = vec![self.option(what)?];
        while !self.is_done() {
            options.push(self.option(what)?);
        }
        Ok(options)
    }

    fn kind(&mut self, what: &str) -> Result<TypeName, StepError> {
        let word = self.word(what, None)?;
        kind_of(&word.text, word)
    }

    fn form(&mut self, what: &str) -> Result<Form, StepError> {
        let word = self.word(what, None)?;
        Form::parse(&word.text, word.at.clone())
    }

    fn value(&mut self, what: &str) -> Result<Value, StepError> {
        let word = self.word(what, None)?;
        match word.text.is_empty() {
            false => Ok(Value::scalar(word.text.as_bytes())),
            true => {
                Err(StepError::new(word.at.clone(), format!("{what} is empty: no option has such a value")))
            }
        }
    }

    fn pairs(&mut self) -> Result<Vec<Pair>, StepError> {
        let mut pairs: Vec<Pair> = Vec::new();
        while pairs.is_empty() || !self.is_done() {
            let word = self.word("a pair of values", Some("write `OLD=NEW`"))?;
            let pair = word.text.split_once('=').filter(|(old, new)| !old.is_empty() && !new.is_empty());
            let Some((old, new)) = pair else {
                let error = StepError::new(word.at.clone(), format!("`{}` is no pair of values", word.text));
                return Err(error.hint("write `OLD=NEW`; in quotes if there are blanks in it"));
            };
            if pairs.iter().any(|(known, _)| known == old.as_bytes()) {
                return Err(StepError::new(word.at.clone(), format!("`{old}` is mapped twice")));
            }
            pairs.push((old.as_bytes().to_vec(), new.as_bytes().to_vec()));
        }
        Ok(pairs)
    }

    /// `[PACKAGE.]SECTION.OPTION [as TYPE]`.
    fn target(&mut self) -> Result<Target, StepError> {
        const HINT: &str =
            "write `SECTION.OPTION` or `PACKAGE.SECTION.OPTION`; SECTION is a name, `@TYPE[N]` or `*`";
        let word = self.word("where to", Some(HINT))?;
        let wrong =
            || StepError::new(word.at.clone(), format!("`{}` is no place to move to", word.text)).hint(HINT);
        let parts: Vec<&str> = word.text.split('.').collect();
        let (package, section, option) = match parts[..] {
            [section, option] => (None, section, option),
            [package, section, option] => (Some(package), section, option),
            _ => return Err(wrong()),
        };
        let package = package.map(|package| package_of(package, word)).transpose()?;
        let option = name_of(option, word)?;
        let section = match section.strip_prefix('@') {
            _ if section == "*" && package.is_none() => {
                return Err(
                    wrong().hint("two sections of one name are in two packages: write `PACKAGE.*.OPTION`")
                );
            }
            _ if section == "*" => TargetSection::Same,
            Some(nth) => {
                let (kind, index) =
                    nth.strip_suffix(']').and_then(|nth| nth.rsplit_once('[')).ok_or_else(wrong)?;
                let index = index.parse().map_err(|_| wrong())?;
                TargetSection::Nth { kind: kind_of(kind, word)?, index }
            }
            None => TargetSection::Named(name_of(section, word)?),
        };
        let make = if self.follows("as") {
            self.next += 1;
            Some(self.kind("the type of the section")?)
        } else {
            None
        };
        if let (TargetSection::Nth { kind, .. }, Some(made)) = (&section, &make)
            && kind != made
        {
            return Err(StepError::new(
                self.last(),
                format!("a section of the type `{made}` would not be `@{kind}`"),
            ));
        }
        Ok(Target { package, section, option, make })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_wrong_with_a_step_has_its_place() {
        let check = |text: &str, at: &str, message: &str| {
            let error = Step::parse(text).unwrap_err();
            assert_eq!((&text[error.at.clone()], &*error.message), (at, message), "{text}");
        };
        check("", "", "what to do is missing");
        check("renam a.b c", "renam", "there is no step `renam`");
        check("rename a.b", "a.b", "the new name is missing");
        check("rename b c", "b", "`b` is no place of an option");
        check("rename a.b c-d", "c-d", "`c-d` is no name: `-` at position 2 is not allowed in a name");
        check("rename a.b c d", "d", "`d` is one word too many");
        check("retype a.b bool colour", "colour", "there is no form `colour`");
        check("retype a.b bool int", "int", "what is read as `bool` cannot be written as `int`");
        check("map a.b x", "x", "`x` is no pair of values");
        check("map a.b x=1 x=2", "x=2", "`x` is mapped twice");
        check("split a.b at : into c d", "at", "`at` is neither `by` nor `like`");
        check("split a.b by : into c", ":", "a value is split into two options at least");
        check("split a.b like (x) into c d", "(x)", "the pattern has 1 groups for 2 options");
        check("split a.b like ( into c d", "(", "the pattern cannot be read: unclosed group");
        check("split a.b by : into c c", "c", "`c` is there twice");
        check("split a.b by : onto c d", "onto", "`onto` where `into` belongs");
        check("merge a.b with : into c", "a.b", "two options at least are merged");
        check("move a.b *.c", "*.c", "`*.c` is no place to move to");
        check("move a.b @t[x].c", "@t[x].c", "`@t[x].c` is no place to move to");
        check("move a.b @t[0].c as u", "u", "a section of the type `u` would not be `@t`");
        check("default a.b 1", "1", "the new default is missing");
        check("set a.b \"\"", "\"\"", "the value is empty: no option has such a value");
        check("drop-section *", "*", "sections of all types are not dropped at once");
        check("drop a.b if", "if", "a condition is missing");
        check("drop a.b if x=1 y", "y", "`y` is one word too many");
        check("drop a.b if x-=1", "x-=1", "`x-` is no name: `-` at position 2 is not allowed in a name");
        check("drop \"a", "\"a", "a quote is not closed");
    }

    #[test]
    fn every_form_of_a_step_is_read() {
        for text in [
            "rename interface.ifname device",
            "rename network.interface.ifname device",
            "rename *.ifname device if proto=static and !type and @name!=loopback",
            "rename-type network.alias interface",
            "rename-section lan home",
            "rename-section network.lan home",
            "retype a.b bool:yes,no bool",
            "retype a.b \"scalar: \" list",
            "default a.b",
            "default a.b 1500 1492",
            "set a.b \"two words\" if c",
            "unset a.b 1",
            "map a.b x=y \"a b=c d\"",
            "split a.b by : into c d e",
            r#"split a.b like "(\d+)-(\d+)" into low high"#,
            "merge a.b c d with \"\" into e",
            "move a.b system.@system[0].c",
            "move a.b home.c as zone",
            "move a.b dhcp.*.c as dhcp",
            "drop a.b",
            "drop-section a",
        ] {
            assert_eq!(Step::parse(text).unwrap().to_string(), text);
        }
    }
}
