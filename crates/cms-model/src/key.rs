//! Keys: `package.section.option`, and how anonymous sections are named in them.

use std::fmt;
use std::str::FromStr;

use crate::names::{Name, NameError, PackageName, TypeName};

/// Points at a section of a package: by its name, or by its place among its like.
///
/// ```
/// use cms_model::Selector;
/// let selector: Selector = "@rule[-1]".parse().unwrap();
/// assert!(matches!(selector, Selector::Nth { index: -1, .. }));
/// assert_eq!(selector.to_string(), "@rule[-1]");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selector {
    /// `lan`, or the generated name of an anonymous section: `cfg0392bd`.
    Named(Name),
    /// `@rule[2]`: the section of that type with this 0-based place; `@[2]` counts all sections.
    /// A negative index counts from the end.
    Nth {
        /// The type, or `None` for sections of all types.
        kind: Option<TypeName>,
        /// The place.
        index: i64,
    },
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// If it is neither a valid name nor of the form `@TYPE[N]`.
    pub fn parse(text: &str) -> Result<Selector, KeyError> {
        let Some(reference) = text.strip_prefix('@') else {
            return match Name::new(text) {
                Ok(name) => Ok(Selector::Named(name)),
                Err(error) => Err(KeyError::new(KeyPart::Section, text, KeyReason::Name(error))),
            };
        };
        let error = |reason| KeyError::new(KeyPart::Section, text, reason);
        let (kind, index) = reference
            .strip_suffix(']')
            .and_then(|reference| reference.split_once('['))
            .ok_or_else(|| error(KeyReason::NoIndex))?;
        let kind = match kind {
            "" => None,
            kind => Some(TypeName::new(kind).map_err(|cause| error(KeyReason::Name(cause)))?),
        };
        let digits = index.strip_prefix('-').unwrap_or(index);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error(KeyReason::BadIndex));
        }
        let index = index.parse().map_err(|_| error(KeyReason::BadIndex))?;
        Ok(Selector::Nth { kind, index })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Named(name) => f.write_str(name),
            Selector::Nth { kind, index } => write!(f, "@{}[{index}]", kind.as_deref().unwrap_or_default()),
        }
    }
}

impl FromStr for Selector {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Selector, KeyError> {
        Selector::parse(text)
    }
}

/// The address of a package, a section or an option.
///
/// ```
/// use cms_model::Key;
/// let key = Key::parse("network.lan.proto").unwrap();
/// assert_eq!(key.package, "network");
/// assert_eq!(key.option.as_deref(), Some("proto"));
/// assert!(Key::parse("network.lan.pro-to").unwrap_err().hint().is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The package.
    pub package: PackageName,
    /// The section; `None` for the package as a whole.
    pub section: Option<Selector>,
    /// The option; `None` for the section as a whole. Never without a section.
    pub option: Option<Name>,
}

impl Key {
    /// Reads `PACKAGE[.SECTION[.OPTION]]`.
    ///
    /// # Errors
    /// If a part is empty or invalid, or if there are more than three.
    pub fn parse(text: &str) -> Result<Key, KeyError> {
        let mut parts = text.split('.');
        let package = parts.next().unwrap_or_default();
        let package = PackageName::new(package)
            .map_err(|cause| KeyError::new(KeyPart::Package, package, KeyReason::Name(cause)))?;
        let section = parts.next().map(Selector::parse).transpose()?;
        let option = match parts.next() {
            None => None,
            Some(option) => Some(
                Name::new(option)
                    .map_err(|cause| KeyError::new(KeyPart::Option, option, KeyReason::Name(cause)))?,
            ),
        };
        if parts.next().is_some() {
            return Err(KeyError::new(KeyPart::Key, text, KeyReason::TooManyParts));
        }
        Ok(Key { package, section, option })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.package)?;
        if let Some(section) = &self.section {
            write!(f, ".{section}")?;
            if let Some(option) = &self.option {
                write!(f, ".{option}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        Key::parse(text)
    }
}

/// Names a part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart {
    /// The key as a whole.
    Key,
    /// The part before the first dot.
    Package,
    /// The second part.
    Section,
    /// The third part.
    Option,
}

impl fmt::Display for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyPart::Key => "key",
            KeyPart::Package => "package",
            KeyPart::Section => "section",
            KeyPart::Option => "option",
        })
    }
}

/// Says what is wrong with a part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyReason {
    /// It is no valid name.
    Name(NameError),
    /// It starts with `@` but has no `[N]` at its end.
    NoIndex,
    /// What stands in the brackets is no number.
    BadIndex,
    /// There is a fourth part.
    TooManyParts,
}

/// Says which part of a key is invalid, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError {
    /// The part.
    pub part: KeyPart,
    /// Its text.
    pub text: String,
    /// What is wrong with it.
    pub reason: KeyReason,
}

impl KeyError {
    fn new(part: KeyPart, text: &str, reason: KeyReason) -> KeyError {
        KeyError { part, text: text.to_owned(), reason }
    }

    /// Says how to write it right, when that is known.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match &self.reason {
            KeyReason::Name(error) => error.hint(),
            KeyReason::NoIndex | KeyReason::BadIndex => {
                "write @TYPE[N] for the N-th section of a type, counted from 0, or from the end with -1"
            }
            KeyReason::TooManyParts => "a key is PACKAGE, PACKAGE.SECTION or PACKAGE.SECTION.OPTION",
        })
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {} `{}`: ", self.part, self.text)?;
        match &self.reason {
            KeyReason::Name(error) => error.fmt(f),
            KeyReason::NoIndex => f.write_str("no index in brackets at the end"),
            KeyReason::BadIndex => f.write_str("the index is not a number"),
            KeyReason::TooManyParts => f.write_str("more than three parts"),
        }
    }
}

impl std::error::Error for KeyError {}

/// Computes the 16 bits that a generated name takes from the type.
///
/// ```
/// assert_eq!(cms_model::type_hash(b"rule"), 0x92bd);
/// ```
pub fn type_hash(kind: &[u8]) -> u16 {
    let hash = kind.iter().fold(5381u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)));
    hash as u16
}

/// Makes the name of an anonymous section: `ordinal` counts the sections of the package as they are
/// created, from 1.
///
/// ```
/// assert_eq!(cms_model::generated_name(3, b"rule"), "cfg0392bd");
/// ```
pub fn generated_name(ordinal: usize, kind: &[u8]) -> Name {
    let text = format!("cfg{ordinal:02x}{:04x}", type_hash(kind));
    Name::new(&text).expect("`cfg` and hexadecimal digits are letters and digits")
}

/// Takes a generated name apart: the ordinal and the hash of the type.
///
/// ```
/// assert_eq!(cms_model::parse_generated("cfg0392bd"), Some((3, 0x92bd)));
/// assert_eq!(cms_model::parse_generated("lan"), None);
/// ```
pub fn parse_generated(name: &str) -> Option<(usize, u16)> {
    let digits = name.strip_prefix("cfg")?;
    let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() < 6 || !digits.bytes().all(lower_hex) {
        return None;
    }
    let (ordinal, hash) = digits.split_at(digits.len() - 4);
    if ordinal.len() > 2 && ordinal.starts_with('0') {
        return None;
    }
    let ordinal = usize::from_str_radix(ordinal, 16).ok().filter(|ordinal| *ordinal > 0)?;
    Some((ordinal, u16::from_str_radix(hash, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_and_print() {
        for text in ["network", "network.lan", "network.@rule[-1].name", "a-b.@[0]", "p.@wifi-iface[12].x_1"]
        {
            assert_eq!(Key::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_invalid_key_says_which_part_and_why() {
        let check = |text: &str, part, message: &str| {
            let error = Key::parse(text).unwrap_err();
            assert_eq!((error.part, error.to_string().as_str()), (part, message), "{text}");
            assert!(error.hint().is_some());
        };
        check("", KeyPart::Package, "invalid package ``: empty package");
        check("a.b.c.d", KeyPart::Key, "invalid key `a.b.c.d`: more than three parts");
        check("a.", KeyPart::Section, "invalid section ``: empty name");
        check("a.b.", KeyPart::Option, "invalid option ``: empty name");
        check(
            "a.lan-1",
            KeyPart::Section,
            "invalid section `lan-1`: `-` at position 4 is not allowed in a name",
        );
        check("a.@x", KeyPart::Section, "invalid section `@x`: no index in brackets at the end");
        check("a.@x[0", KeyPart::Section, "invalid section `@x[0`: no index in brackets at the end");
        check("a.@x[0]y", KeyPart::Section, "invalid section `@x[0]y`: no index in brackets at the end");
        check("a.@x[a]", KeyPart::Section, "invalid section `@x[a]`: the index is not a number");
        check("a.@x[]", KeyPart::Section, "invalid section `@x[]`: the index is not a number");
        check("a.@x[--1]", KeyPart::Section, "invalid section `@x[--1]`: the index is not a number");
        check(
            "a.@x[99999999999999999999]",
            KeyPart::Section,
            "invalid section `@x[99999999999999999999]`: the index is not a number",
        );
    }

    #[test]
    fn generated_names_follow_the_hash_of_the_type() {
        for (kind, hash) in [("rule", 0x92bd), ("interface", 0x6d96), ("a", 0xb606), ("wifi-iface", 0x3579)] {
            assert_eq!(type_hash(kind.as_bytes()), hash, "{kind}");
        }
        assert_eq!(generated_name(3, b"rule"), "cfg0392bd");
        assert_eq!(generated_name(256, b"rule"), "cfg10092bd");
        assert_eq!(parse_generated("cfg10092bd"), Some((256, 0x92bd)));
        for name in ["cfg", "cfg0392b", "cfg0092bd", "cfg00392bd", "cfg0392BD", "cfg039_bd", "xcfg0392bd"] {
            assert_eq!(parse_generated(name), None, "{name}");
        }
    }
}
