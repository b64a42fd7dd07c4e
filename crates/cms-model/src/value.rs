//! The value of an option: one string of bytes, or a list of them.

/// The value of an option. Values are bytes: nothing says that they are UTF-8.
///
/// ```
/// use cms_model::Value;
/// let value = Value::list(["10.0.0.1", "10.0.0.2"]);
/// assert_eq!(value.items().len(), 2);
/// assert_eq!(Value::scalar("static").as_bytes(), Some(&b"static"[..]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// A string, as `option` writes it.
    Scalar(Vec<u8>),
    /// A list of strings, as one or more `list` lines write it; empty only until it is written out.
    List(Vec<Vec<u8>>),
}

impl Value {
    /// Makes a string value.
    pub fn scalar(bytes: impl Into<Vec<u8>>) -> Value {
        Value::Scalar(bytes.into())
    }

    /// Makes a list value.
    pub fn list<I>(items: I) -> Value
    where
        I: IntoIterator,
        I::Item: Into<Vec<u8>>,
    {
        Value::List(items.into_iter().map(Into::into).collect())
    }

    /// Returns the items of a list, or the string as the only item.
    pub fn items(&self) -> &[Vec<u8>] {
        match self {
            Value::Scalar(bytes) => std::slice::from_ref(bytes),
            Value::List(items) => items,
        }
    }

    /// Returns the bytes of a string value; a list has none.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Scalar(bytes) => Some(bytes),
            Value::List(_) => None,
        }
    }

    /// Says whether this is a list.
    pub fn is_list(&self) -> bool {
        matches!(self, Value::List(_))
    }
}

/// Says whether `bytes` may be given as a value on a command line or in a delta: no control bytes
/// except tab, line feed and carriage return. Values read from package files are not checked.
pub fn is_valid_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, 32..|b'\t'| b'\n' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_on_the_command_line_hold_no_control_bytes() {
        for byte in 0..=255u8 {
            assert_eq!(is_valid_value(&[byte]), byte >= 32 || [9, 10, 13].contains(&byte), "{byte}");
        }
        assert!(is_valid_value(b""));
    }

    #[test]
    fn a_scalar_is_its_own_only_item() {
        assert_eq!(Value::scalar("a").items(), [b"a".to_vec()]);
        assert_eq!(Value::list(["a", "b"]).as_bytes(), None);
        assert!(Value::list(["a"]).is_list());
    }
}
