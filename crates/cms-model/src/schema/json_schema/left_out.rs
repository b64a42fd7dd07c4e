//! What of a JSON Schema a schema cannot say.

use std::fmt;

/// Something that was not taken over from a JSON Schema.
///
/// ```
/// use cms_model::schema::{Json, LeftOutReason, from_json_schema};
///
/// let document = Json::parse(r#"{"properties": {"site": {"properties": {"x": {"multipleOf": 2}}}}}"#).unwrap();
/// let left_out = from_json_schema("blog", &document).left_out;
/// assert_eq!(left_out[0].place, "/properties/site/properties/x");
/// assert_eq!(left_out[0].reason, LeftOutReason::Keyword("multipleOf".to_owned()));
/// assert_eq!(left_out[0].to_string(), "/properties/site/properties/x: `multipleOf` is not taken over");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it stands in the document.
    pub place: String,
    /// What it is, and why.
    pub reason: LeftOutReason,
}

/// Why something was not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftOutReason {
    /// There is nothing like this keyword in a schema.
    Keyword(String),
    /// A format that is no rule.
    Format(String),
    /// A pattern that cannot be used: why.
    Pattern(String),
    /// A name that no section type can have.
    NoType(String),
    /// A name that no option can have.
    NoOption(String),
    /// A condition that is more than one option having a value, or is about an option that is not described.
    Condition(String),
    /// The condition also holds where this option is not there, and what was made of it does not.
    Absent(String),
    /// A reference that leads nowhere in the document.
    Reference(String),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOutReason::Keyword(name) => write!(f, "`{name}` is not taken over"),
            LeftOutReason::Format(name) => write!(f, "the format `{name}` is not known"),
            LeftOutReason::Pattern(reason) => write!(f, "the pattern cannot be used: {reason}"),
            LeftOutReason::NoType(name) => write!(f, "`{name}` is no section type"),
            LeftOutReason::NoOption(name) => write!(f, "`{name}` is no name of an option"),
            LeftOutReason::Condition(name) => {
                write!(f, "the condition of `{name}` cannot be said by a schema")
            }
            LeftOutReason::Absent(name) => {
                write!(f, "the condition also holds where `{name}` is not there, which is not taken over")
            }
            LeftOutReason::Reference(target) => write!(f, "`{target}` leads nowhere in the document"),
        }
    }
}
