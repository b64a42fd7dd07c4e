//! Which language the user reads.

use unic_langid::LanguageIdentifier;

/// A language that has a complete catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
}

impl Language {
    #[cfg(test)]
    pub(crate) const ALL: [Language; 2] = [Language::English, Language::German];

    /// The language of messages, by the rule of POSIX: the first of `LC_ALL`, `LC_MESSAGES` and
    /// `LANG` that is set and not empty.
    pub(crate) fn of_the_user() -> Language {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .map_or(Language::English, |locale| Language::of_locale(&locale))
    }

    fn of_locale(locale: &str) -> Language {
        let language = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("de") { Language::German } else { Language::English }
    }

    pub(crate) fn catalogue(self) -> &'static str {
        match self {
            Language::English => include_str!("../locales/en.ftl"),
            Language::German => include_str!("../locales/de.ftl"),
        }
    }

    pub(crate) fn id(self) -> LanguageIdentifier {
        let tag = match self {
            Language::English => "en",
            Language::German => "de",
        };
        tag.parse().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_a_language() {
        let check = |locale, expected| assert_eq!(Language::of_locale(locale), expected, "{locale}");
        check("de_DE.UTF-8", Language::German);
        check("de", Language::German);
        check("de@euro", Language::German);
        check("C", Language::English);
        check("C.UTF-8", Language::English);
        check("POSIX", Language::English);
        check("fr_FR", Language::English);
        check("den", Language::English);
    }
}
