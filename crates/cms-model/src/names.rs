//! The three kinds of names: packages, sections and options, section types.
//!
//! Which bytes each may hold is decided here and nowhere else. All of them are ASCII, so they are
//! kept as text.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

/// Says why a text is no valid name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    Empty {
        /// What was to be named: `package`, `name` or `type`.
        what: &'static str,
    },
    /// The text holds a byte that this kind of name may not have.
    Byte {
        /// What was to be named: `package`, `name` or `type`.
        what: &'static str,
        /// The first offending byte.
        byte: u8,
        /// Where it stands, counted from 0.
        position: usize,
    },
}

impl NameError {
    /// Says which bytes would have been fine.
    pub fn hint(&self) -> &'static str {
        let (NameError::Empty { what } | NameError::Byte { what, .. }) = self;
        match *what {
            "name" => "names of sections and options are made of letters, digits and `_`",
            "type" => "types are made of visible ASCII characters",
            _ => "package names are made of visible ASCII characters without `.` and `/`",
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty { what } => write!(f, "empty {what}"),
            NameError::Byte { what, byte, position } if (33..127).contains(byte) => {
                write!(f, "`{}` at position {} is not allowed in a {what}", *byte as char, position + 1)
            }
            NameError::Byte { what, byte, position } => {
                write!(f, "byte 0x{byte:02x} at position {} is not allowed in a {what}", position + 1)
            }
        }
    }
}

impl std::error::Error for NameError {}

/// Says whether `byte` may occur in the name of a section or option.
#[inline]
pub const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Says whether `byte` may occur in a section type.
#[inline]
pub const fn is_type_byte(byte: u8) -> bool {
    matches!(byte, 33..=126)
}

/// Says whether `byte` may occur in the name of a package.
#[inline]
pub const fn is_package_byte(byte: u8) -> bool {
    is_type_byte(byte) && byte != b'.' && byte != b'/'
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks `text` and keeps it.
            ///
            /// # Errors
            /// If it is empty or holds a byte that is not allowed.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text.as_bytes(), $what, $allowed)?;
                Ok(Self(text.into()))
            }

            /// Returns the name as text.
            #[inline]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Says whether `bytes` would be accepted.
            #[inline]
            pub fn is_valid(bytes: &[u8]) -> bool {
                !bytes.is_empty() && bytes.iter().all(|byte| $allowed(*byte))
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = NameError;

            fn try_from(bytes: &[u8]) -> Result<Self, NameError> {
                check(bytes, $what, $allowed).map(|text| Self(text.into()))
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }
    };
}

name_type!(
    /// The name of a section or an option: letters, digits and `_`.
    ///
    /// ```
    /// use cms_model::Name;
    /// assert_eq!(Name::new("wan_6").unwrap().as_str(), "wan_6");
    /// assert!(Name::new("wan-6").is_err());
    /// ```
    Name, "name", is_name_byte
);

name_type!(
    /// The type of a section: any visible ASCII characters.
    ///
    /// ```
    /// use cms_model::TypeName;
    /// assert!(TypeName::new("wifi-iface").is_ok());
    /// assert!(TypeName::new("wifi iface").is_err());
    /// ```
    TypeName, "type", is_type_byte
);

name_type!(
    /// The name of a package, which is also the name of its file: visible ASCII without `.` and `/`.
    ///
    /// ```
    /// use cms_model::PackageName;
    /// assert!(PackageName::new("network").is_ok());
    /// assert!(PackageName::new("../network").is_err());
    /// ```
    PackageName, "package", is_package_byte
);

fn check<'a>(bytes: &'a [u8], what: &'static str, allowed: fn(u8) -> bool) -> Result<&'a str, NameError> {
    if let Some(position) = bytes.iter().position(|byte| !allowed(*byte)) {
        return Err(NameError::Byte { what, byte: bytes[position], position });
    }
    match std::str::from_utf8(bytes) {
        Ok("") | Err(_) => Err(NameError::Empty { what }),
        Ok(text) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_exactly_the_bytes_of_the_rules() {
        for byte in 0..=255u8 {
            let text = [byte];
            let name = byte.is_ascii_alphanumeric() || byte == b'_';
            let kind = (33..127).contains(&byte);
            assert_eq!(Name::try_from(&text[..]).is_ok(), name, "{byte}");
            assert_eq!(TypeName::try_from(&text[..]).is_ok(), kind, "{byte}");
            let package = kind && byte != b'.' && byte != b'/';
            assert_eq!(PackageName::try_from(&text[..]).is_ok(), package, "{byte}");
        }
        assert_eq!(Name::new(""), Err(NameError::Empty { what: "name" }));
    }

    #[test]
    fn an_error_names_the_byte_and_its_place() {
        let error = Name::new("my-opt").unwrap_err();
        assert_eq!(error.to_string(), "`-` at position 3 is not allowed in a name");
        assert_eq!(
            Name::new("\u{e9}").unwrap_err().to_string(),
            "byte 0xc3 at position 1 is not allowed in a name"
        );
        assert!(error.hint().contains("letters"));
    }
}
