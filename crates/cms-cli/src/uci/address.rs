//! What a command points at: `PACKAGE[.SECTION[.OPTION]][=VALUE]`, in the reference's reading.

use cms::model::{Name, TypeName, is_valid_value};

use super::failure::Failure;

/// An address as it was typed.
#[derive(Debug, Clone)]
pub struct Address {
    /// The package's name, or the path of its file.
    pub package: Vec<u8>,
    /// The section.
    pub section: Option<SectionRef>,
    /// The option.
    pub option: Option<Vec<u8>>,
    /// What stands behind the `=`.
    pub value: Option<Vec<u8>>,
}

/// A section by name or by place.
#[derive(Debug, Clone)]
pub enum SectionRef {
    /// A valid name.
    Name(Vec<u8>),
    /// Anything else: a reference by place, or a mistake that shows only once the package is loaded.
    Extended(Vec<u8>),
}

impl Address {
    /// Takes an address apart.
    pub fn parse(text: &[u8]) -> Result<Address, Failure> {
        let (key, value) = match text.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&text[..equals], Some(&text[equals + 1..])),
            None => (text, None),
        };
        let mut parts = key.split(|byte| *byte == b'.').map(<[u8]>::to_vec);
        let package = parts.next().unwrap_or_default();
        let section = parts.next();
        let option = parts.next();
        let valid = parts.next().is_none()
            && TypeName::is_valid(&package)
            && option.as_deref().is_none_or(Name::is_valid)
            && value.is_none_or(is_valid_value);
        if !valid {
            return Err(Failure::Parse(None));
        }
        let section = section.map(|section| {
            if Name::is_valid(&section) { SectionRef::Name(section) } else { SectionRef::Extended(section) }
        });
        Ok(Address { package, section, option, value: value.map(<[u8]>::to_vec) })
    }
}

/// Reads `@TYPE[N]`, or `@[N]` for sections of all types.
pub fn parse_place(text: &[u8]) -> Result<(Option<&[u8]>, i64), Failure> {
    let reference = text.strip_prefix(b"@").ok_or(Failure::Invalid)?;
    let open = reference.iter().position(|byte| *byte == b'[').ok_or(Failure::Invalid)?;
    let (kind, index) = (&reference[..open], &reference[open + 1..]);
    let index = index.strip_suffix(b"]").ok_or(Failure::Invalid)?;
    let kind = Some(kind).filter(|kind| !kind.is_empty());
    let index = if index.is_empty() {
        Some(0)
    } else {
        leading_number(index).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
    };
    Ok((kind, index.ok_or(Failure::Invalid)?))
}

/// Reads the number at the start of a text, as C does: blanks, a sign, digits. Returns what is left
/// behind it.
pub fn leading_number(text: &[u8]) -> Option<(i64, &[u8])> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let number = digits[..length]
        .iter()
        .fold(0i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some((if negative { -number } else { number }, &digits[length..]))
}
