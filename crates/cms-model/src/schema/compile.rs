//! From rules as written to rules that can be asked.

use std::ops::Range;

use super::code::{
    ARGUMENT, CHOICE, CUSTOM, Code, EXCLUDED_FORM, LENGTH, PATTERN, RANGE, REGEX, RULE_SYNTAX, TYPE,
    UNKNOWN_RULE,
};
use super::pattern;
use super::plain::{self, Measure};
use super::quantity;
use super::rule::{Rule, Rules, Test};
use super::suggest::closest;
use super::syntax::{Argument, Call, Fault, parse};

/// Rules within rules, at most.
const DEPTH: usize = 12;

/// Rules with arguments, beside the plain types.
const WITH_ARGUMENTS: &[&str] = &[
    "min",
    "max",
    "between",
    "range",
    "len",
    "length",
    "minlength",
    "maxlength",
    "rangelength",
    "digits",
    "in",
    "not_in",
    "regex",
    "not_regex",
    "starts_with",
    "ends_with",
    "contains",
    "or",
    "and",
    "not",
    "neg",
    "list",
    "size",
];

/// Rules that are properties of the field.
pub(crate) const PROPERTIES: &[&str] = &[
    "required",
    "unique",
    "nullable",
    "sometimes",
    "optional",
    "default",
    "list",
    "array",
    "words",
    "items",
    "distinct",
    "secret",
    "read_only",
    "write_once",
    "nocache",
    "unit",
    "size",
    "ref",
    "required_if",
    "required_with",
    "required_unless",
    "excludes",
    "deprecated",
    "reload",
];

/// Says whether there is a rule of that name.
pub(crate) fn is_known(name: &str) -> bool {
    plain::find(name).is_some() || WITH_ARGUMENTS.contains(&name) || PROPERTIES.contains(&name)
}

/// All names of rules.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let plain = plain::PLAIN.iter().flat_map(|plain| plain.names.iter().copied());
    plain.chain(WITH_ARGUMENTS.iter().copied()).chain(PROPERTIES.iter().copied())
}

/// Says whether a call is about the field, not about its values.
pub(crate) fn is_property(call: &Call) -> bool {
    match call.name.as_str() {
        // `list(port)` is OpenWrt's, and about the words of a value; `size(8)` and `size:8` are the same.
        "list" => call.arguments.is_empty(),
        // A size in bytes is a type where it has no argument.
        "size" => !call.arguments.is_empty(),
        name => PROPERTIES.contains(&name),
    }
}

/// Values that a rule lists.
type Texts = Box<[Box<[u8]>]>;

/// What `min` and its like measure, and what a bare number counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub measure: Option<Measure>,
    pub bare: Option<u64>,
}

/// Rules as they can be used alone: without properties.
///
/// ```
/// use cms_model::schema::{RuleSet, Rules};
///
/// let rules = RuleSet::parse("int|between:1,9", &Rules::default()).unwrap();
/// assert!(rules.check(b"7").is_ok());
/// assert_eq!(rules.check(b"70").unwrap_err(), "is not a number from 1 to 9");
/// let error = RuleSet::parse("int|betwen:1,9", &Rules::default()).unwrap_err();
/// assert_eq!(error.hint.as_deref(), Some("did you mean `between`?"));
/// ```
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
}

/// What is wrong with the text of rules.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleError {
    /// The kind of fault.
    pub code: &'static Code,
    /// The bytes of the text that are at fault.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// How to mend it, when that is known.
    pub hint: Option<String>,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.at.start + 1)
    }
}

impl std::error::Error for RuleError {}

impl From<Fault> for RuleError {
    fn from(Fault { code, at, message, hint }: Fault) -> RuleError {
        RuleError { code, at, message, hint }
    }
}

impl RuleSet {
    /// Reads rules.
    ///
    /// # Errors
    /// If they cannot be read, or one is not known, makes no sense or is a property of fields.
    pub fn parse(text: &str, rules: &Rules) -> Result<RuleSet, RuleError> {
        let calls = parse(text)?;
        if let Some(call) = calls.iter().find(|call| is_property(call)) {
            let message = format!("`{}` is a property of fields, and means nothing here", call.name);
            return Err(Fault::new(ARGUMENT, call.at.clone(), message).into());
        }
        Ok(RuleSet { rules: compile(&calls, Scale { measure: None, bare: None }, rules, 0)? })
    }

    /// Reads the rules of a table's column, where `required` may be among them; answers whether it is. What they measure, if they do
    /// not say it themselves, is `kind`: a column of numbers is one without a rule that says so.
    pub(crate) fn parse_column(
        text: &str,
        kind: Option<Measure>,
        rules: &Rules,
    ) -> Result<(RuleSet, bool), RuleError> {
        let mut calls = if text.trim().is_empty() { Vec::new() } else { parse(text)? };
        let count = calls.len();
        calls.retain(|call| call.name != "required" || call.negated || !call.arguments.is_empty());
        let is_required = calls.len() < count;
        if let Some(call) = calls.iter().find(|call| is_property(call)) {
            let message = format!("`{}` is a property of fields, and means nothing for a column", call.name);
            return Err(Fault::new(ARGUMENT, call.at.clone(), message).into());
        }
        let measure = measure(&calls).filter(|measure| *measure != Measure::Text).or(kind);
        let rules = compile(&calls, Scale { measure, bare: None }, rules, 0)?;
        Ok((RuleSet { rules }, is_required))
    }

    /// Tells whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the first rule that does not hold for a value, and what the value is or is not.
    pub(crate) fn broken(&self, value: &[u8]) -> Option<(&str, String)> {
        let broken = self.rules.iter().find(|rule| !rule.test.holds(value))?;
        Some((&broken.text, broken.complaint(value)))
    }

    /// Checks a value.
    ///
    /// # Errors
    /// If a rule does not hold for it: what it is or is not.
    pub fn check(&self, value: &[u8]) -> Result<(), String> {
        match self.rules.iter().find(|rule| !rule.test.holds(value)) {
            Some(rule) => Err(rule.complaint(value)),
            None => Ok(()),
        }
    }
}

/// The measure that the first type with one gives.
pub(crate) fn measure(calls: &[Call]) -> Option<Measure> {
    let mut types = calls
        .iter()
        .filter(|call| !call.negated && !is_property(call))
        .filter_map(|call| plain::find(&call.name));
    let first = types.next()?;
    Some(
        types
            .map(|plain| plain.measure)
            .fold(first.measure, |known, next| if known == Measure::Text { next } else { known }),
    )
}

/// Compiles rules that are no properties; types come first, so that their words are the ones that a finding has.
pub(crate) fn compile(calls: &[Call], scale: Scale, rules: &Rules, depth: usize) -> Result<Vec<Rule>, Fault> {
    let measure = scale.measure.or_else(|| measure(calls));
    let mut compiled = Vec::with_capacity(calls.len());
    for call in calls {
        let compiler = Compiler { call, measure, bare: scale.bare, rules, depth };
        compiled.push(compiler.rule()?);
    }
    // Whatever holds for everything is not asked.
    compiled.retain(|rule| !matches!(rule.test, Test::Plain(plain) if plain.names[0] == "string"));
    compiled.sort_by_key(|rule| !matches!(rule.test, Test::Plain(_)));
    Ok(compiled)
}

struct Compiler<'a> {
    call: &'a Call,
    measure: Option<Measure>,
    bare: Option<u64>,
    rules: &'a Rules,
    depth: usize,
}

impl Compiler<'_> {
    fn rule(&self) -> Result<Rule, Fault> {
        let call = self.call;
        let (test, code, wants) = self.test()?;
        let (test, code) =
            if call.negated { (Test::Not(Box::new(test)), EXCLUDED_FORM) } else { (test, code) };
        Ok(Rule { test, text: call.text.as_str().into(), code, wants: wants.into() })
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(ARGUMENT, self.call.at.clone(), message)
    }

    fn test(&self) -> Result<(Test, &'static Code, String), Fault> {
        let name = self.call.name.as_str();
        if let Some(plain) =
            plain::find(name).filter(|_| !matches!(name, "size" | "list") || self.call.arguments.is_empty())
        {
            // LuCI's `ip4addr("nomask")` and its like say what is so here anyway.
            let nomask = self.call.parenthesized
                && matches!(&self.call.arguments[..], [one] if matches!(one.text.as_str(), "nomask" | "true" | "1"));
            if !nomask && !self.call.arguments.is_empty() {
                return Err(self.fault(format!("`{name}` takes no arguments")));
            }
            return Ok((Test::Plain(plain), TYPE, plain.wants.to_owned()));
        }
        match name {
            "min" | "max" | "between" | "range" => self.bounds(),
            "len" | "length" | "rangelength" | "minlength" | "maxlength" => self.length(),
            "digits" => {
                let (low, high) = self.counts()?;
                Ok((Test::Digits(low, high), TYPE, amount(low, high, "digit")))
            }
            "in" | "not_in" => {
                let values = self.texts()?;
                let wants = choices(&values);
                let mut values = values;
                values.sort_unstable();
                let test = Test::In(values.into());
                Ok(self.turned(name == "not_in", test, CHOICE, wants))
            }
            "starts_with" => self.parts(Test::Starts, "a text that starts with"),
            "ends_with" => self.parts(Test::Ends, "a text that ends with"),
            "contains" => self.parts(Test::Contains, "a text that contains"),
            "regex" | "not_regex" => {
                let [argument] = &self.call.arguments[..] else {
                    return Err(self.fault("a pattern is one argument"));
                };
                let regex = pattern::compile(&argument.text).map_err(|reason| {
                    Fault::new(REGEX, argument.at.clone(), format!("the pattern cannot be used: {reason}"))
                })?;
                let wants = format!("a text that matches /{}/", argument.text);
                Ok(self.turned(name == "not_regex", Test::Matches(Box::new(regex)), PATTERN, wants))
            }
            "or" | "and" => {
                if self.call.arguments.is_empty() {
                    return Err(self.fault(format!("`{name}` wants rules in parentheses")));
                }
                let parts: Result<Vec<_>, _> =
                    self.call.arguments.iter().map(|argument| self.nested(argument)).collect();
                let (tests, wants): (Vec<_>, Vec<_>) = parts?.into_iter().unzip();
                let tests = tests.into_boxed_slice();
                if name == "or" {
                    Ok((Test::Any(tests), TYPE, wants.join(", or ")))
                } else {
                    Ok((Test::All(tests), TYPE, wants.join(" and ")))
                }
            }
            "not" | "neg" | "list" => {
                let [argument] = &self.call.arguments[..] else {
                    return Err(self.fault(format!("`{name}` wants one rule in parentheses")));
                };
                let (test, wants) = self.nested(argument)?;
                let test = Box::new(test);
                Ok(match name {
                    "not" => (Test::Not(test), EXCLUDED_FORM, wants),
                    "neg" => (Test::Neg(test), TYPE, format!("{wants}, with or without a `!` before it")),
                    _ => (Test::Words(test), TYPE, format!("words of which each is {wants}")),
                })
            }
            _ => self.custom(),
        }
    }

    fn turned(
        &self,
        not: bool,
        test: Test,
        code: &'static Code,
        wants: String,
    ) -> (Test, &'static Code, String) {
        if not { (Test::Not(Box::new(test)), EXCLUDED_FORM, wants) } else { (test, code, wants) }
    }

    fn custom(&self) -> Result<(Test, &'static Code, String), Fault> {
        let name = self.call.name.as_str();
        if PROPERTIES.contains(&name) {
            return Err(self
                .fault(format!("`{name}` is a property of the field, and cannot be part of another rule")));
        }
        let Some(rule) = self.rules.find(name) else {
            let fault = Fault::new(UNKNOWN_RULE, self.call.at.clone(), format!("there is no rule `{name}`"));
            let mut known: Vec<&str> = names().collect();
            known.extend(self.rules.names());
            return Err(match closest(name, known) {
                Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
                None => fault,
            });
        };
        let arguments: Box<[String]> =
            self.call.arguments.iter().map(|argument| argument.text.clone()).collect();
        rule.check_arguments(&arguments).map_err(|reason| self.fault(format!("`{name}`: {reason}")))?;
        Ok((Test::Custom(rule.clone(), arguments), CUSTOM, format!("what `{}` wants", self.call.text)))
    }

    /// Compiles an argument that is a rule itself; a quoted text stands for itself.
    fn nested(&self, argument: &Argument) -> Result<(Test, String), Fault> {
        if argument.quoted {
            let values: Box<[Box<[u8]>]> = [Box::from(argument.text.as_bytes())].into();
            return Ok((Test::In(values), format!("`{}`", argument.text)));
        }
        let shift = |mut fault: Fault| {
            fault.at = argument.at.start + fault.at.start..argument.at.start + fault.at.end;
            fault
        };
        if self.depth >= DEPTH {
            return Err(Fault::new(
                RULE_SYNTAX,
                argument.at.clone(),
                format!("rules nest deeper than {DEPTH}"),
            ));
        }
        let calls = parse(&argument.text).map_err(shift)?;
        let scale = Scale { measure: None, bare: self.bare };
        let mut compiled = Vec::new();
        let measure = measure(&calls);
        for call in &calls {
            let scale = Scale { measure, ..scale };
            let compiler = Compiler {
                call,
                measure: scale.measure,
                bare: self.bare,
                rules: self.rules,
                depth: self.depth + 1,
            };
            compiled.push(compiler.rule().map_err(shift)?);
        }
        let wants: Vec<_> = compiled
            .iter()
            .map(|rule| {
                if matches!(rule.test, Test::Not(_)) {
                    format!("not {}", rule.wants)
                } else {
                    rule.wants.to_string()
                }
            })
            .collect();
        let mut tests: Vec<_> = compiled.into_iter().map(|rule| rule.test).collect();
        let test = match (tests.len(), tests.pop()) {
            (1, Some(test)) => test,
            (_, last) => {
                tests.extend(last);
                Test::All(tests.into())
            }
        };
        Ok((test, wants.join(" and ")))
    }

    fn texts(&self) -> Result<Vec<Box<[u8]>>, Fault> {
        if self.call.arguments.is_empty() {
            return Err(self.fault(format!("`{0}` wants values: `{0}:a,b`", self.call.name)));
        }
        Ok(self.call.arguments.iter().map(|argument| argument.text.as_bytes().into()).collect())
    }

    fn parts(&self, test: fn(Texts) -> Test, wants: &str) -> Result<(Test, &'static Code, String), Fault> {
        let texts = self.texts()?;
        let wants = format!("{wants} {}", choices(&texts).trim_start_matches("one of "));
        Ok((test(texts.into()), PATTERN, wants))
    }

    /// The two arguments of a rule with bounds, each with its place; a rule with one bound has one.
    fn pair(&self) -> Result<(Option<&Argument>, Option<&Argument>), Fault> {
        let name = self.call.name.as_str();
        match (name, &self.call.arguments[..]) {
            ("min" | "minlength", [low]) => Ok((Some(low), None)),
            ("max" | "maxlength", [high]) => Ok((None, Some(high))),
            ("min" | "max" | "minlength" | "maxlength", _) => {
                Err(self.fault(format!("`{name}` wants one number: `{name}:1`")))
            }
            ("len" | "length" | "digits", [exact]) => Ok((Some(exact), Some(exact))),
            ("len" | "length" | "digits", [low, high]) => Ok((Some(low), Some(high))),
            ("len" | "length" | "digits", _) => {
                Err(self.fault(format!("`{name}` wants one number or two: `{name}:1,9`")))
            }
            (_, [low, high]) => Ok((Some(low), Some(high))),
            _ => Err(self.fault(format!("`{name}` wants two numbers: `{name}:1,9`"))),
        }
    }

    fn bounds(&self) -> Result<(Test, &'static Code, String), Fault> {
        let call = self.call;
        let untyped = if call.parenthesized || call.name == "range" { Measure::Float } else { Measure::Text };
        let measure = match self.measure {
            Some(Measure::Text) if call.parenthesized || call.name == "range" => Measure::Float,
            Some(measure) => measure,
            None => untyped,
        };
        let (low, high) = self.pair()?;
        let texts = (low.map(|argument| argument.text.as_str()), high.map(|argument| argument.text.as_str()));
        Ok(match measure {
            Measure::Text => {
                let (low, high) = self.counts()?;
                (Test::Length(low, high), LENGTH, amount(low, high, "character"))
            }
            Measure::Number => {
                let (low, high) =
                    self.limits(low, high, i64::MIN, i64::MAX, "a whole number", quantity::int)?;
                (Test::Int(low, high), RANGE, span("a number", texts))
            }
            Measure::Float => {
                let (low, high) = self.limits(low, high, f64::MIN, f64::MAX, "a number", quantity::float)?;
                (Test::Float(low, high), RANGE, span("a number", texts))
            }
            Measure::Duration => {
                let bare = self.bare.unwrap_or(1000);
                let read = |text: &[u8]| quantity::milliseconds(text, bare);
                let (low, high) = self.limits(low, high, 0, u64::MAX, "a duration", read)?;
                (Test::Duration(bare, low, high), RANGE, span("a duration", texts))
            }
            Measure::Size => {
                let bare = self.bare.unwrap_or(1);
                let read = |text: &[u8]| quantity::size(text, bare);
                let (low, high) = self.limits(low, high, 0, u64::MAX, "a size", read)?;
                (Test::Size(bare, low, high), RANGE, span("a size", texts))
            }
        })
    }

    fn limits<T: PartialOrd + Copy>(
        &self,
        low: Option<&Argument>,
        high: Option<&Argument>,
        least: T,
        most: T,
        what: &str,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<(T, T), Fault> {
        let one = |argument: Option<&Argument>, otherwise: T| match argument {
            None => Ok(otherwise),
            Some(argument) => read(argument.text.as_bytes()).ok_or_else(|| {
                Fault::new(ARGUMENT, argument.at.clone(), format!("`{}` is not {what}", argument.text))
            }),
        };
        let (low, high) = (one(low, least)?, one(high, most)?);
        if low > high { Err(self.fault("the lower bound is above the upper one")) } else { Ok((low, high)) }
    }

    fn counts(&self) -> Result<(u64, u64), Fault> {
        let (low, high) = self.pair()?;
        let read = |text: &[u8]| quantity::int(text).and_then(|number| u64::try_from(number).ok());
        self.limits(low, high, 0, u64::MAX, "a count", read)
    }

    fn length(&self) -> Result<(Test, &'static Code, String), Fault> {
        let (low, high) = self.counts()?;
        Ok((Test::Length(low, high), LENGTH, amount(low, high, "character")))
    }
}

/// `a number from 1 to 9`.
fn span(what: &str, (low, high): (Option<&str>, Option<&str>)) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{what} from {low} to {high}"),
        (Some(low), None) => format!("{what} of {low} or more"),
        (None, Some(high)) => format!("{what} of {high} or less"),
        (None, None) => what.to_owned(),
    }
}

/// `3 to 9 characters`.
pub(crate) fn amount(low: u64, high: u64, what: &str) -> String {
    let plural = |number: u64| if number == 1 { "" } else { "s" };
    match (low, high) {
        (low, high) if low == high => format!("{low} {what}{}", plural(low)),
        (low, u64::MAX) => format!("{low} {what}{} or more", plural(low)),
        (0, high) => format!("{high} {what}{} or fewer", plural(high)),
        (low, high) => format!("{low} to {high} {what}s"),
    }
}

/// `one of a, b, c`, cut off when there are many.
pub(crate) fn choices(values: &[Box<[u8]>]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<_> =
        values.iter().take(SHOWN).map(|value| format!("`{}`", String::from_utf8_lossy(value))).collect();
    let more =
        if values.len() > SHOWN { format!(" and {} more", values.len() - SHOWN) } else { String::new() };
    let one_of = if values.len() > 1 { "one of " } else { "" };
    format!("{one_of}{}{more}", shown.join(", "))
}
