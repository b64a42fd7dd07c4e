//! The forms of a value: how it is read in one, and written in another.

use super::super::quantity;
use super::step::StepError;
use super::words::quoted;
use crate::Value;

/// A way to write what a value means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    Bool(Option<(String, String)>),
    Int(u32),
    Size { unit: Option<String>, bytes: u64 },
    Duration { unit: Option<String>, milliseconds: u64 },
    Scalar(Option<String>),
    List,
    Text,
}

/// What a value means, whatever its form.
#[derive(Debug, Clone, PartialEq)]
enum Meaning {
    Bool(bool),
    Int(i64),
    Bytes(u64),
    Milliseconds(u64),
    Items(Vec<Vec<u8>>),
    Text(Vec<u8>),
}

const KINDS: &str = "there are: bool, int, size, duration, scalar, list, string";

impl Form {
    pub fn parse(text: &str, at: std::ops::Range<usize>) -> Result<Form, StepError> {
        let (kind, argument) = match text.split_once(':') {
            Some((kind, argument)) => (kind, Some(argument)),
            None => (text, None),
        };
        let wrong = |message: String| StepError::new(at.clone(), message);
        match (kind, argument) {
            ("bool", None) => Ok(Form::Bool(None)),
            ("bool", Some(pair)) => match pair.split_once(',') {
                Some((yes, no)) if !yes.is_empty() && !no.is_empty() && yes != no => {
                    Ok(Form::Bool(Some((yes.to_owned(), no.to_owned()))))
                }
                _ => Err(wrong(format!("`{pair}` is not a pair of words such as `yes,no`"))),
            },
            ("int", None) => Ok(Form::Int(10)),
            ("int", Some(base)) => match base.parse() {
                Ok(base @ (2 | 8 | 10 | 16)) => Ok(Form::Int(base)),
                _ => Err(wrong(format!("`{base}` is no base of a number")).hint("there are: 2, 8, 10, 16")),
            },
            ("size", unit) => {
                let bytes = unit.map_or(Some(1), quantity::bare_size);
                let bytes = bytes.ok_or_else(|| {
                    wrong(format!("`{}` is no unit of size", unit.unwrap_or_default()))
                        .hint("there are: k, M, G, T")
                })?;
                Ok(Form::Size { unit: unit.map(str::to_owned), bytes })
            }
            ("duration", unit) => {
                let milliseconds = unit.map_or(Some(1000), quantity::bare_time);
                let milliseconds = milliseconds.ok_or_else(|| {
                    wrong(format!("`{}` is no unit of time", unit.unwrap_or_default()))
                        .hint("there are: ms, s, min, h, d, w")
                })?;
                Ok(Form::Duration { unit: unit.map(str::to_owned), milliseconds })
            }
            ("scalar", None) => Ok(Form::Scalar(None)),
            ("scalar", Some("")) => Err(wrong("a separator is missing behind `scalar:`".to_owned())),
            ("scalar", Some(separator)) => Ok(Form::Scalar(Some(separator.to_owned()))),
            ("list", None) => Ok(Form::List),
            ("string", None) => Ok(Form::Text),
            ("list" | "string", Some(_)) => Err(wrong(format!("`{kind}` takes no argument"))),
            _ => Err(wrong(format!("there is no form `{kind}`")).hint(KINDS)),
        }
    }

    /// Whether what is read in the one can be written in the other.
    pub fn goes_with(&self, other: &Form) -> bool {
        let class = |form: &Form| match form {
            Form::Bool(_) => 0,
            Form::Int(_) => 1,
            Form::Size { .. } => 2,
            Form::Duration { .. } => 3,
            Form::Scalar(_) | Form::List => 4,
            Form::Text => 5,
        };
        class(self) == class(other) || *self == Form::Text || *other == Form::Text
    }

    /// Converts a value; `None` if it is not of this form, or the other has no exact equivalent.
    pub fn convert(&self, value: &Value, to: &Form) -> Option<Value> {
        let meaning = self.read(value)?;
        // A text is what its bytes mean in the other form.
        match (meaning, to) {
            (Meaning::Text(bytes), to) if *to != Form::Text => {
                let value = Value::Scalar(bytes);
                to.write(to.read(&value)?)
            }
            (_, Form::Text) => value.as_bytes().map(Value::scalar),
            (meaning, to) => to.write(meaning),
        }
    }

    fn read(&self, value: &Value) -> Option<Meaning> {
        let bytes = value.as_bytes();
        Some(match self {
            Form::Bool(words) => {
                let text = bytes?;
                let own = words.as_ref().and_then(|(yes, no)| match text {
                    _ if text == yes.as_bytes() => Some(true),
                    _ if text == no.as_bytes() => Some(false),
                    _ => None,
                });
                Meaning::Bool(own.or_else(|| quantity::boolean(text))?)
            }
            Form::Int(base) => Meaning::Int(integer(std::str::from_utf8(bytes?).ok()?, *base)?),
            Form::Size { bytes: bare, .. } => Meaning::Bytes(quantity::size(bytes?, *bare)?),
            Form::Duration { milliseconds, .. } => {
                Meaning::Milliseconds(quantity::milliseconds(bytes?, *milliseconds)?)
            }
            Form::Scalar(None) => Meaning::Items(vec![bytes?.to_vec()]),
            Form::Scalar(Some(separator)) => {
                let parts = split(bytes?, separator.as_bytes());
                // An empty item is none that a list could hold and give back.
                Meaning::Items(parts).non_empty()?
            }
            Form::List => Meaning::Items(value.items().to_vec()),
            Form::Text => Meaning::Text(bytes?.to_vec()),
        })
    }

    fn write(&self, meaning: Meaning) -> Option<Value> {
        match (self, meaning) {
            (Form::Bool(words), Meaning::Bool(truth)) => {
                let (yes, no) = words.as_ref().map_or(("1", "0"), |(yes, no)| (yes, no));
                Some(Value::scalar(if truth { yes } else { no }))
            }
            (Form::Int(base), Meaning::Int(number)) => {
                let (sign, size) = (if number < 0 { "-" } else { "" }, number.unsigned_abs());
                Some(Value::scalar(match base {
                    2 => format!("{sign}0b{size:b}"),
                    8 if size == 0 => "0".to_owned(),
                    8 => format!("{sign}0{size:o}"),
                    16 => format!("{sign}0x{size:x}"),
                    _ => format!("{sign}{size}"),
                }))
            }
            (Form::Size { bytes: unit, .. }, Meaning::Bytes(count))
            | (Form::Duration { milliseconds: unit, .. }, Meaning::Milliseconds(count)) => {
                count.is_multiple_of(*unit).then(|| Value::scalar((count / unit).to_string()))
            }
            (Form::List, Meaning::Items(items)) => (!items.is_empty()).then_some(Value::List(items)),
            (Form::Scalar(None), Meaning::Items(mut items)) => {
                let only = items.pop().filter(|item| items.is_empty() && !item.is_empty());
                only.map(Value::Scalar)
            }
            (Form::Scalar(Some(separator)), Meaning::Items(items)) => {
                let separator = separator.as_bytes();
                let fits =
                    |item: &Vec<u8>| !item.is_empty() && memchr::memmem::find(item, separator).is_none();
                (!items.is_empty() && items.iter().all(fits)).then(|| Value::Scalar(items.join(separator)))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Form::Bool(None) => "bool".to_owned(),
            Form::Bool(Some((yes, no))) => format!("bool:{yes},{no}"),
            Form::Int(10) => "int".to_owned(),
            Form::Int(base) => format!("int:{base}"),
            Form::Size { unit: None, .. } => "size".to_owned(),
            Form::Size { unit: Some(unit), .. } => format!("size:{unit}"),
            Form::Duration { unit: None, .. } => "duration".to_owned(),
            Form::Duration { unit: Some(unit), .. } => format!("duration:{unit}"),
            Form::Scalar(None) => "scalar".to_owned(),
            Form::Scalar(Some(separator)) => format!("scalar:{separator}"),
            Form::List => "list".to_owned(),
            Form::Text => "string".to_owned(),
        };
        f.write_str(&quoted(&text))
    }
}

impl Meaning {
    fn non_empty(self) -> Option<Meaning> {
        match &self {
            Meaning::Items(items) if items.iter().any(Vec::is_empty) => None,
            _ => Some(self),
        }
    }
}

/// Takes a value apart at each separator, which is not empty.
pub(super) fn split(bytes: &[u8], separator: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in memchr::memmem::find_iter(bytes, separator) {
        parts.push(bytes[start..at].to_vec());
        start = at + separator.len();
    }
    parts.push(bytes[start..].to_vec());
    parts
}

fn integer(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixes: &[&str] = match base {
        2 => &["0b", "0B"],
        8 => &["0o", "0O"],
        16 => &["0x", "0X"],
        _ => &[],
    };
    let digits = prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix)).unwrap_or(digits);
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let size = i128::from_str_radix(digits, base).ok()?;
    i64::try_from(if negative { -size } else { size }).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_change_their_form_or_stay() {
        let check = |from: &str, to: &str, value: Value, expected: Option<Value>| {
            let [from, to] = [from, to].map(|text| Form::parse(text, 0..text.len()).unwrap());
            assert!(from.goes_with(&to));
            assert_eq!(from.convert(&value, &to), expected, "{from} {to} {value:?}");
        };
        let one = |text: &str| Value::scalar(text);
        let list = |items: &[&str]| Value::list(items.iter().copied());
        check("bool", "bool", one("enabled"), Some(one("1")));
        check("bool:on,off", "bool:yes,no", one("off"), Some(one("no")));
        check("bool:up,down", "bool", one("up"), Some(one("1")));
        check("bool", "bool", one("maybe"), None);
        check("int", "int:16", one("255"), Some(one("0xff")));
        check("int:16", "int", one("0xFF"), Some(one("255")));
        check("int:16", "int", one("ff"), Some(one("255")));
        check("int", "int:8", one("420"), Some(one("0644")));
        check("int:8", "int", one("0644"), Some(one("420")));
        check("int", "int:2", one("-5"), Some(one("-0b101")));
        check("int", "int:16", one("9223372036854775808"), None);
        check("int", "int:16", one("--1"), None);
        check("int", "int:16", one(""), None);
        check("size:k", "size", one("100"), Some(one("102400")));
        check("size", "size:M", one("3M"), Some(one("3")));
        check("size", "size:M", one("3000"), None);
        check("duration:h", "duration", one("2"), Some(one("7200")));
        check("duration", "duration:ms", one("1m30s"), Some(one("90000")));
        check("scalar", "list", one("a b"), Some(list(&["a b"])));
        check("scalar: ", "list", one("a b"), Some(list(&["a", "b"])));
        check("scalar:, ", "list", one("a, b"), Some(list(&["a", "b"])));
        check("scalar:,", "list", one("a,,b"), None);
        check("list", "scalar:,", list(&["a", "b"]), Some(one("a,b")));
        check("list", "scalar:,", list(&["a", "b,c"]), None);
        check("list", "scalar", list(&["a"]), Some(one("a")));
        check("list", "scalar", list(&["a", "b"]), None);
        check("string", "bool", one("yes"), Some(one("1")));
    }

    #[test]
    fn forms_of_different_things_do_not_go_together() {
        let form = |text: &str| Form::parse(text, 0..text.len()).unwrap();
        assert!(!form("bool").goes_with(&form("int")));
        assert!(form("scalar:,").goes_with(&form("list")));
        for wrong in ["bool:x", "int:7", "size:X", "duration:y", "scalar:", "list:x", "colour"] {
            assert!(Form::parse(wrong, 0..1).is_err(), "{wrong}");
        }
    }
}
