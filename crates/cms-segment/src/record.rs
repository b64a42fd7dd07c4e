//! Structs of the program bound to sections: fields to options.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use crate::{Content, Error, Kind, Result, Store};

/// Where options are read from: a store, or a snapshot of packages.
pub trait RecordSource {
    /// The value of an option by its full key; nothing if it is absent.
    fn option(&self, key: &str) -> Result<Option<Content>>;
}

/// Where options are written to: a batch of a store, or a transaction.
pub trait RecordTarget {
    /// Gives an option a value.
    fn set_option(&mut self, key: &str, value: &Content) -> Result<()>;

    /// Takes an option away, if it is there.
    fn delete_option(&mut self, key: &str) -> Result<()>;
}

/// A struct bound to a section, with `#[derive(Record)]`.
///
/// A section may hold typed values, as a [`Store`] does, or nothing but text and lists of text, as packages do: `mtu` may be
/// the number 1500 or the text `1500`, and a boolean may be any of the words UCI takes for one. A field of type
/// `Option` may be absent, a `Vec` is a list and empty if absent, and every other option is required unless it has a
/// default; see the macro for the attributes.
///
/// ```
/// use cms_segment::{Record, Store, StoreOptions};
///
/// #[derive(Record, Debug, PartialEq)]
/// struct Interface {
///     proto: String,
///     #[cms(default = 1500)]
///     mtu: u16,
///     ipaddr: Option<std::net::Ipv4Addr>,
///     dns: Vec<String>,
///     #[cms(rename = "auto", default = true)]
///     starts_at_boot: bool,
/// }
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("config");
/// let store = Store::create(path.to_str().unwrap(), &StoreOptions::new())?;
/// store.set("network.lan.proto", "static")?;
/// store.set("network.lan.ipaddr", "192.168.1.1")?;
/// store.set("network.lan.auto", "off")?;
///
/// let mut lan = Interface::read(&store, "network.lan")?;
/// assert_eq!((lan.mtu, lan.starts_at_boot), (1500, false));
///
/// lan.dns = vec!["192.168.1.1".into(), "9.9.9.9".into()];
/// store.batch(|batch| lan.write(batch, "network.lan"))?;
/// assert_eq!(Interface::read(&store, "network.lan")?, lan);
///
/// store.set("network.lan.mtu", "many")?;
/// let error = Interface::read(&store, "network.lan").unwrap_err();
/// assert_eq!(error.to_string(), "network.lan.mtu is 'many', a number from 0 to 65535 was expected");
/// # Ok::<(), cms_segment::Error>(())
/// ```
pub trait Record: Sized {
    /// The options, in the order of the fields.
    const FIELDS: &'static [FieldInfo];

    /// Reads the fields from the options of a section.
    ///
    /// # Errors
    /// [`Error::MissingOption`] and [`Error::BadOption`] name the key and what was expected.
    fn read(source: &dyn RecordSource, section: &str) -> Result<Self>;

    /// Writes the fields to the options of a section. What a field says is absent is taken away; options that no field
    /// names stay.
    fn write(&self, target: &mut dyn RecordTarget, section: &str) -> Result<()>;
}

/// What is known of a field of a [`Record`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// The option's name.
    pub name: &'static str,
    /// What its value must be, in words.
    pub expected: &'static str,
    /// Whether it must be there.
    pub required: bool,
}

/// A type of which a field of a [`Record`] can be.
pub trait Field: Sized {
    /// What a value must be, in words, for messages.
    const EXPECTED: &'static str;

    /// The field of a value; nothing if it is not one.
    fn of(value: &Content) -> Option<Self>;

    /// The value of the field.
    fn value(&self) -> Content;
}

impl Field for String {
    const EXPECTED: &'static str = "a text";

    fn of(value: &Content) -> Option<Self> {
        match value {
            Content::String(text) => String::from_utf8(text.clone()).ok(),
            other => {
                other.as_scalar().filter(|other| other.as_bytes().is_none()).map(|other| other.to_string())
            }
        }
    }

    fn value(&self) -> Content {
        Content::String(self.clone().into_bytes())
    }
}

impl Field for bool {
    const EXPECTED: &'static str = "one of 1, on, true, yes, enabled, 0, off, false, no, disabled";

    fn of(value: &Content) -> Option<Self> {
        match value {
            Content::Bool(truth) => Some(*truth),
            Content::Int(number @ (0 | 1)) => Some(*number == 1),
            Content::String(text) => match text.as_slice() {
                b"1" | b"on" | b"true" | b"yes" | b"enabled" => Some(true),
                b"0" | b"off" | b"false" | b"no" | b"disabled" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn value(&self) -> Content {
        Content::Bool(*self)
    }
}

macro_rules! numbers {
    ($($number:ty: $expected:literal),* $(,)?) => { $(
        impl Field for $number {
            const EXPECTED: &'static str = $expected;

            fn of(value: &Content) -> Option<Self> {
                match value {
                    Content::Int(number) => <$number>::try_from(*number).ok(),
                    other => parsed(other),
                }
            }

            fn value(&self) -> Content {
                // What no number of a store holds is kept as text.
                i64::try_from(*self).map_or_else(|_| Content::String(self.to_string().into_bytes()), Content::Int)
            }
        }
    )* };
}

numbers! {
    u8: "a number from 0 to 255",
    u16: "a number from 0 to 65535",
    u32: "a number from 0 to 4294967295",
    u64: "a number from 0 to 18446744073709551615",
    i8: "a number from -128 to 127",
    i16: "a number from -32768 to 32767",
    i32: "a number from -2147483648 to 2147483647",
    i64: "a number from -9223372036854775808 to 9223372036854775807",
}

impl Field for f64 {
    const EXPECTED: &'static str = "a number";

    fn of(value: &Content) -> Option<Self> {
        match value {
            Content::Float(number) => Some(*number),
            Content::Int(number) => Some(*number as f64),
            other => parsed(other),
        }
    }

    fn value(&self) -> Content {
        Content::Float(*self)
    }
}

macro_rules! texts {
    ($($text:ty: $expected:literal),* $(,)?) => { $(
        impl Field for $text {
            const EXPECTED: &'static str = $expected;

            fn of(value: &Content) -> Option<Self> {
                parsed(value)
            }

            fn value(&self) -> Content {
                Content::String(self.to_string().into_bytes())
            }
        }
    )* };
}

texts! {
    IpAddr: "an IP address",
    Ipv4Addr: "an IPv4 address",
    Ipv6Addr: "an IPv6 address",
}

/// A list. An option of one value is a list of one, as in UCI.
impl<T: Field> Field for Vec<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn of(value: &Content) -> Option<Self> {
        match value {
            Content::Array { elements, .. } => elements.iter().map(T::of).collect(),
            one => Some(vec![T::of(one)?]),
        }
    }

    fn value(&self) -> Content {
        let elements: Vec<Content> = self.iter().map(Field::value).collect();
        Content::Array { kind: elements.first().map_or(Kind::String, Content::kind), elements }
    }
}

/// Reads a field that must be there.
#[doc(hidden)]
pub fn required<T: Field>(source: &dyn RecordSource, section: &str, name: &str) -> Result<T> {
    optional(source, section, name)?
        .ok_or_else(|| Error::MissingOption { key: format!("{section}.{name}"), expected: T::EXPECTED })
}

/// Reads a field that may be absent.
#[doc(hidden)]
pub fn optional<T: Field>(source: &dyn RecordSource, section: &str, name: &str) -> Result<Option<T>> {
    let key = format!("{section}.{name}");
    let Some(value) = source.option(&key)? else { return Ok(None) };
    match T::of(&value) {
        Some(field) => Ok(Some(field)),
        None => {
            let found = match &value {
                Content::Array { elements, .. } => {
                    match elements.iter().find(|element| Vec::<T>::of(element).is_none()) {
                        Some(wrong) => format!("a list with {}", shown(wrong)),
                        None => "a list".into(),
                    }
                }
                other => shown(other),
            };
            Err(Error::BadOption { key, found, expected: T::EXPECTED })
        }
    }
}

/// Reads a field that has a value if absent.
#[doc(hidden)]
pub fn or_default<T: Field>(
    source: &dyn RecordSource,
    section: &str,
    name: &str,
    default: impl FnOnce() -> T,
) -> Result<T> {
    Ok(optional(source, section, name)?.unwrap_or_else(default))
}

/// Writes a field, or takes its option away.
#[doc(hidden)]
pub fn write_optional<T: Field>(
    target: &mut dyn RecordTarget,
    section: &str,
    name: &str,
    field: Option<&T>,
) -> Result<()> {
    let key = format!("{section}.{name}");
    match field {
        Some(field) => target.set_option(&key, &field.value()),
        None => target.delete_option(&key),
    }
}

/// Writes a list, which is absent if it is empty.
#[doc(hidden)]
pub fn write_list<T: Field>(
    target: &mut dyn RecordTarget,
    section: &str,
    name: &str,
    field: &Vec<T>,
) -> Result<()> {
    write_optional(target, section, name, Some(field).filter(|field| !field.is_empty()))
}

impl RecordSource for Store {
    fn option(&self, key: &str) -> Result<Option<Content>> {
        self.get(key)
    }
}

impl RecordTarget for crate::Changes<'_> {
    fn set_option(&mut self, key: &str, value: &Content) -> Result<()> {
        self.put(key, value)
    }

    fn delete_option(&mut self, key: &str) -> Result<()> {
        self.delete(key).map(drop)
    }
}

fn parsed<T: FromStr>(value: &Content) -> Option<T> {
    match value {
        Content::String(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

fn shown(value: &Content) -> String {
    match value.as_scalar() {
        Some(scalar) => scalar.to_string(),
        None => format!("of type {}", value.kind()),
    }
}

/// A field of any type that is written as text and read from it.
///
/// ```
/// use cms_segment::{Content, Field, Text};
/// let level: Text<char> = Field::of(&Content::String(b"x".to_vec())).unwrap();
/// assert_eq!(level.0, 'x');
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<T>(pub T);

impl<T: FromStr + Display> Field for Text<T> {
    const EXPECTED: &'static str = "another text";

    fn of(value: &Content) -> Option<Self> {
        parsed(value).map(Text)
    }

    fn value(&self) -> Content {
        Content::String(self.0.to_string().into_bytes())
    }
}
