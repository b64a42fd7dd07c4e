//! Rules that were compiled: what they test, and what they want.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::code::Code;
use super::pattern::Pattern;
use super::plain::Plain;
use super::quantity;

/// A rule written in Rust, for values of which no other rule can speak.
///
/// Functions of the right shape are rules.
///
/// ```
/// use cms_model::{Package, schema::{Module, Rules}};
///
/// let mut rules = Rules::default();
/// rules.register("even", |value: &[u8], _: &[String]| match value.last() {
///     Some(digit) if digit % 2 == 0 => Ok(()),
///     _ => Err("is not even".to_owned()),
/// })?;
/// let schema = Package::parse(b"config module 'm'\nconfig fields\n\toption n 'uint|even'\n").unwrap();
/// assert!(Module::read(&schema, "m", &rules).is_ok());
/// assert!(Module::read(&schema, "m", &Rules::default()).is_err());
/// # Ok::<(), cms_model::schema::NameTaken>(())
/// ```
pub trait CustomRule: Send + Sync {
    /// Looks at the arguments when a schema is read.
    ///
    /// # Errors
    /// If they make no sense: why.
    fn check_arguments(&self, _arguments: &[String]) -> Result<(), String> {
        Ok(())
    }

    /// Looks at a value.
    ///
    /// # Errors
    /// If the rule does not hold: what the value is, as `is not even`.
    fn check(&self, value: &[u8], arguments: &[String]) -> Result<(), String>;
}

impl<F> CustomRule for F
where
    F: Fn(&[u8], &[String]) -> Result<(), String> + Send + Sync,
{
    fn check(&self, value: &[u8], arguments: &[String]) -> Result<(), String> {
        self(value, arguments)
    }
}

/// The rules that a schema may use beside those that everybody has.
#[derive(Clone, Default)]
pub struct Rules {
    custom: HashMap<String, Arc<dyn CustomRule>>,
}

impl Rules {
    /// Makes a rule known under a name: small letters, digits and `_`.
    ///
    /// # Errors
    /// If there is a rule of that name, or it is no name.
    pub fn register(&mut self, name: &str, rule: impl CustomRule + 'static) -> Result<(), NameTaken> {
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_name || super::compile::is_known(name) || self.custom.contains_key(name) {
            return Err(NameTaken { name: name.to_owned() });
        }
        self.custom.insert(name.to_owned(), Arc::new(rule));
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<dyn CustomRule>> {
        self.custom.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.custom.keys().map(String::as_str)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.custom.keys()).finish()
    }
}

/// Says that a rule cannot have that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTaken {
    /// The name.
    pub name: String,
}

impl fmt::Display for NameTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` cannot name a rule: it is taken, or no name of small letters, digits and `_`",
            self.name
        )
    }
}

impl std::error::Error for NameTaken {}

/// A compiled rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub test: Test,
    /// As the schema writes it.
    pub text: Box<str>,
    pub code: &'static Code,
    /// What it holds for: `a port from 0 to 65535`.
    pub wants: Box<str>,
}

/// What a rule does.
#[derive(Clone)]
pub(crate) enum Test {
    Plain(&'static Plain),
    Int(i64, i64),
    Float(f64, f64),
    /// Milliseconds; what a bare number counts, and the bounds.
    Duration(u64, u64, u64),
    /// Bytes, the same.
    Size(u64, u64, u64),
    Length(u64, u64),
    Bytes(u64),
    Digits(u64, u64),
    /// Sorted.
    In(Box<[Box<[u8]>]>),
    Starts(Box<[Box<[u8]>]>),
    Ends(Box<[Box<[u8]>]>),
    Contains(Box<[Box<[u8]>]>),
    Matches(Box<Pattern>),
    All(Box<[Test]>),
    Any(Box<[Test]>),
    Not(Box<Test>),
    /// With or without a `!` before the value.
    Neg(Box<Test>),
    /// Each of the words.
    Words(Box<Test>),
    Custom(Arc<dyn CustomRule>, Box<[String]>),
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Test::Plain(plain) => plain.names[0],
            Test::Custom(..) => "custom",
            _ => "test",
        })
    }
}

impl Test {
    /// Says whether a value passes. Allocates nothing.
    #[inline]
    pub(crate) fn holds(&self, value: &[u8]) -> bool {
        match self {
            Test::Plain(plain) => (plain.test)(value),
            Test::Int(low, high) => {
                quantity::int(value).is_some_and(|number| (low..=high).contains(&&number))
            }
            Test::In(values) => find(values, value),
            other => other.holds_rarely(value),
        }
    }

    fn holds_rarely(&self, value: &[u8]) -> bool {
        match self {
            Test::Plain(_) | Test::Int(..) | Test::In(_) => self.holds(value),
            Test::Float(low, high) => {
                quantity::float(value).is_some_and(|number| (low..=high).contains(&&number))
            }
            Test::Duration(bare, low, high) => {
                quantity::milliseconds(value, *bare).is_none_or(|number| (low..=high).contains(&&number))
            }
            Test::Size(bare, low, high) => {
                quantity::size(value, *bare).is_none_or(|number| (low..=high).contains(&&number))
            }
            Test::Length(low, high) => (low..=high).contains(&&characters(value)),
            Test::Bytes(most) => value.len() as u64 <= *most,
            Test::Digits(low, high) => {
                (low..=high).contains(&&(value.len() as u64)) && value.iter().all(u8::is_ascii_digit)
            }
            Test::Starts(parts) => parts.iter().any(|part| value.starts_with(part)),
            Test::Ends(parts) => parts.iter().any(|part| value.ends_with(part)),
            Test::Contains(parts) => parts.iter().any(|part| memchr::memmem::find(value, part).is_some()),
            Test::Matches(regex) => regex.is_match(value),
            Test::All(tests) => tests.iter().all(|test| test.holds(value)),
            Test::Any(tests) => tests.iter().any(|test| test.holds(value)),
            Test::Not(test) => !test.holds(value),
            Test::Neg(test) => {
                test.holds(value.strip_prefix(b"!").map_or(value, |rest| rest.trim_ascii_start()))
            }
            Test::Words(test) => words(value).all(|word| test.holds(word)),
            Test::Custom(rule, arguments) => rule.check(value, arguments).is_ok(),
        }
    }
}

/// The words of a value that holds several.
pub(crate) fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn find(values: &[Box<[u8]>], value: &[u8]) -> bool {
    if values.len() <= 8 {
        return values.iter().any(|known| **known == *value);
    }
    values.binary_search_by(|known| (**known).cmp(value)).is_ok()
}

/// How many characters a value has; how many bytes, if it is not UTF-8.
pub(crate) fn characters(value: &[u8]) -> u64 {
    std::str::from_utf8(value).map_or(value.len(), |text| text.chars().count()) as u64
}

impl Rule {
    /// Says why a value does not pass, behind the value: `is not a port from 0 to 65535`.
    pub(crate) fn complaint(&self, value: &[u8]) -> String {
        match &self.test {
            Test::Custom(rule, arguments) => rule.check(value, arguments).err().unwrap_or_default(),
            Test::Not(_) => format!("is {}, which it must not be", self.wants),
            Test::Int(..) | Test::Float(..) | Test::Duration(..) | Test::Size(..) => {
                format!("is not {}", self.wants)
            }
            Test::Length(..) => format!("has {} characters, not {}", characters(value), self.wants),
            Test::Bytes(_) => format!("has {} bytes, not {}", value.len(), self.wants),
            _ => format!("is not {}", self.wants),
        }
    }
}
