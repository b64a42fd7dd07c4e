//! Names: as they are, or with `_` for what no name may have.

use std::borrow::Cow;

use cms_model::{is_name_byte, is_package_byte, is_type_byte};

/// What is to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Package,
    Type,
    Name,
}

impl What {
    /// The code of the fault that it cannot be named so.
    pub(crate) fn code(self) -> &'static str {
        match self {
            What::Package => "foreign-package",
            What::Type => "foreign-type",
            What::Name => "foreign-name",
        }
    }

    fn allows(self, byte: u8) -> bool {
        match self {
            What::Package => is_package_byte(byte),
            What::Type => is_type_byte(byte),
            What::Name => is_name_byte(byte),
        }
    }

    /// Returns the name that some bytes are, or the place of the first that it may not have.
    pub(crate) fn fit(self, bytes: &[u8], fit_names: bool) -> Result<Cow<'_, str>, usize> {
        let wrong = bytes.iter().position(|byte| !self.allows(*byte));
        let Some(wrong) = wrong.or(bytes.is_empty().then_some(0)) else {
            // What is allowed is ASCII.
            return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| 0);
        };
        if !fit_names || bytes.is_empty() {
            return Err(wrong);
        }
        // A character is one `_`, of however many bytes it is.
        let fitted = |text: &str| {
            text.chars().map(|c| if c.is_ascii() && self.allows(c as u8) { c } else { '_' }).collect()
        };
        Ok(Cow::Owned(fitted(&String::from_utf8_lossy(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_name_may_have_is_found_or_replaced() {
        let check = |what: What, bytes: &[u8], strict: Result<&str, usize>, fitted: Result<&str, usize>| {
            assert_eq!(what.fit(bytes, false).as_deref().map_err(|at| *at), strict, "{bytes:?}");
            assert_eq!(what.fit(bytes, true).as_deref().map_err(|at| *at), fitted, "{bytes:?}");
        };
        check(What::Name, b"proto", Ok("proto"), Ok("proto"));
        check(What::Name, b"br-lan.1", Err(2), Ok("br_lan_1"));
        check(What::Name, "größe".as_bytes(), Err(2), Ok("gr__e"));
        check(What::Name, b"a\xffb", Err(1), Ok("a_b"));
        check(What::Name, b"", Err(0), Err(0));
        check(What::Package, b"my-app", Ok("my-app"), Ok("my-app"));
        check(What::Package, b"my.app", Err(2), Ok("my_app"));
        check(What::Type, b"a b", Err(1), Ok("a_b"));
    }
}
