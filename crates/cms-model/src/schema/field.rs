//! A field: what a schema says of an option.

use std::borrow::Cow;
use std::time::Duration;

use crate::Value;

use super::quantity;
use super::rule::{Rule, words};

/// What an option may be.
#[derive(Debug, Clone, Default)]
pub struct Field {
    pub(crate) name: Box<str>,
    /// Names of sections in the schema; empty for all.
    pub(crate) sections: Vec<Box<str>>,
    pub(crate) kind: Kind,
    pub(crate) type_name: Box<str>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) list: bool,
    pub(crate) words: bool,
    pub(crate) items: Option<(u64, u64)>,
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    pub(crate) choices: Vec<Box<[u8]>>,
    pub(crate) size: Option<u64>,
    pub(crate) unit: Option<Box<str>>,
    pub(crate) reference: Option<Reference>,
    /// Values that refer to nothing and are fine.
    pub(crate) beside_reference: Vec<Box<[u8]>>,
    pub(crate) required_if: Vec<Condition>,
    pub(crate) excludes: Vec<Box<str>>,
    pub(crate) unique: bool,
    pub(crate) distinct: bool,
    pub(crate) secret: bool,
    pub(crate) deprecated: Option<Deprecation>,
    pub(crate) access: Access,
    pub(crate) uncached: bool,
    pub(crate) reload: Vec<Box<str>>,
    pub(crate) description: Option<Box<str>>,
}

/// What the values of a field are to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Kind {
    /// Text.
    #[default]
    Text,
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A duration; a bare number counts so many milliseconds.
    Duration(u64),
    /// A size; a bare number counts so many bytes.
    Size(u64),
}

/// A value as its field reads it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Typed {
    /// Text, or anything that is not of the field's type.
    Text(Vec<u8>),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A duration.
    Duration(Duration),
    /// A size in bytes.
    Size(u64),
    /// The items of a list.
    List(Vec<Typed>),
}

/// Who may change an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Access {
    /// Whoever may write the package.
    #[default]
    ReadWrite,
    /// Nobody.
    ReadOnly,
    /// Whoever is the first.
    WriteOnce,
}

/// Why an option is to go, and what to use instead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deprecation {
    /// Why.
    pub reason: Option<Box<str>>,
    /// The option to use instead.
    pub replacement: Option<Box<str>>,
}

/// What the value of an option names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The package; none for the one that the option is in.
    pub package: Option<Box<str>>,
    /// The type of the section; none for all types.
    pub kind: Option<Box<str>>,
    /// The option that has the same value; none if the value is the section's name.
    pub option: Option<Box<str>>,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kind.as_deref().unwrap_or("*");
        write!(f, "{}.{kind}", self.package.as_deref().unwrap_or_default())?;
        match &self.option {
            Some(option) => write!(f, ".{option}"),
            None => Ok(()),
        }
    }
}

/// When an option is required.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Condition {
    /// When that option is there.
    Present(Box<str>),
    /// When that option has this value.
    Equal(Box<str>, Box<[u8]>),
    /// When that option has not this value, or is not there.
    Different(Box<str>, Box<[u8]>),
}

impl Condition {
    /// Returns the option that it asks.
    pub fn option(&self) -> &str {
        let (Condition::Present(option) | Condition::Equal(option, _) | Condition::Different(option, _)) =
            self;
        option
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Condition::Present(option) => write!(f, "`{option}` is there"),
            Condition::Equal(option, value) => {
                write!(f, "`{option}` is `{}`", String::from_utf8_lossy(value))
            }
            Condition::Different(option, value) => {
                write!(f, "`{option}` is not `{}`", String::from_utf8_lossy(value))
            }
        }
    }
}

impl Field {
    /// Returns the option that it is about; a `*` at its end stands for anything.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the section types that it belongs to, as the schema calls them; none at all means every type.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|name| &**name)
    }

    /// Returns the type, as the schema names it: `port`, `string`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// Returns what its values are to a program.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns its rules as the schema writes them, without properties such as `required`.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| &*rule.text)
    }

    /// Says whether it may be a list.
    pub fn is_list(&self) -> bool {
        self.list
    }

    /// Says whether a value holds several items with blanks between.
    pub fn has_words(&self) -> bool {
        self.words
    }

    /// Returns how few and how many items it has, if it says so.
    pub fn item_count(&self) -> Option<(u64, u64)> {
        self.items
    }

    /// Says whether no item may be there twice.
    pub fn is_distinct(&self) -> bool {
        self.distinct
    }

    /// Says whether it has to be there.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Returns the conditions under which it has to be there.
    pub fn required_if(&self) -> &[Condition] {
        &self.required_if
    }

    /// Returns the options that it excludes.
    pub fn excludes(&self) -> impl Iterator<Item = &str> {
        self.excludes.iter().map(|name| &**name)
    }

    /// Returns the values that there are, if they are listed.
    pub fn choices(&self) -> impl Iterator<Item = &[u8]> {
        self.choices.iter().map(|value| &**value)
    }

    /// Returns what its value names.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Says whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Says whether no two sections of a type may have the same value.
    pub fn is_unique(&self) -> bool {
        self.unique
    }

    /// Says whether, and why, it is to go.
    pub fn deprecation(&self) -> Option<&Deprecation> {
        self.deprecated.as_ref()
    }

    /// Says who may change it.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Says whether the value may be cached.
    pub fn is_cached(&self) -> bool {
        !self.uncached
    }

    /// Returns how large a value may be, in bytes.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Returns what its numbers count.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// Returns what has to be reloaded when it changes.
    pub fn reload(&self) -> impl Iterator<Item = &str> {
        self.reload.iter().map(|text| &**text)
    }

    /// Returns what it is about.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns what holds when the option is not there.
    pub fn default_value(&self) -> Option<&Value> {
        self.default.as_ref()
    }

    /// Returns what holds: the value, or else the default.
    ///
    /// ```
    /// # use cms_model::{Package, Value, schema::{Module, Rules, Typed}};
    /// let schema = Package::parse(b"config module 'm'\nconfig fields 's'\n\toption wait 'duration|default:90s'\n").unwrap();
    /// let module = Module::read(&schema, "m", &Rules::default()).unwrap();
    /// let wait = module.field("s", "wait").unwrap();
    /// let value = wait.effective(None).unwrap();
    /// assert_eq!(wait.typed(&value).unwrap(), Typed::Duration(std::time::Duration::from_secs(90)));
    /// ```
    pub fn effective<'a>(&'a self, value: Option<&'a Value>) -> Option<Cow<'a, Value>> {
        value.or(self.default_value()).map(Cow::Borrowed)
    }

    /// Reads a value as what it is; a list item by item.
    ///
    /// # Errors
    /// If it, or an item of it, is not of the field's kind: that text.
    pub fn typed(&self, value: &Value) -> Result<Typed, Vec<u8>> {
        let one = |text: &[u8]| self.typed_item(text).ok_or_else(|| text.to_vec());
        if !self.list {
            return match value {
                Value::Scalar(text) => one(text),
                Value::List(items) => {
                    items.iter().map(|item| one(item)).collect::<Result<_, _>>().map(Typed::List)
                }
            };
        }
        let items = value.items().iter();
        let typed: Result<Vec<_>, _> = if self.words {
            items.flat_map(|item| words(item)).map(one).collect()
        } else {
            items.map(|item| one(item)).collect()
        };
        typed.map(Typed::List)
    }

    fn typed_item(&self, text: &[u8]) -> Option<Typed> {
        Some(match self.kind {
            Kind::Text => Typed::Text(text.to_vec()),
            Kind::Bool => Typed::Bool(quantity::boolean(text)?),
            Kind::Int => Typed::Int(quantity::int(text)?),
            Kind::Float => Typed::Float(quantity::float(text)?),
            Kind::Duration(bare) => {
                Typed::Duration(Duration::from_millis(quantity::milliseconds(text, bare)?))
            }
            Kind::Size(bare) => Typed::Size(quantity::size(text, bare)?),
        })
    }
}
