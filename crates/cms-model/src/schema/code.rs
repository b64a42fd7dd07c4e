//! The kinds of findings, each with a code that never changes and an explanation.

use crate::Severity;

/// A kind of finding.
///
/// ```
/// use cms_model::schema::Code;
///
/// let code = Code::find("cms0101").unwrap();
/// assert_eq!(code.id, "CMS0101");
/// assert_eq!(code.title, "unknown option");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// What [`Diagnostic::code`](crate::Diagnostic::code) says.
    pub id: &'static str,
    /// How bad it is, unless the schema says otherwise.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What it means and what to do, in a few sentences.
    pub explanation: &'static str,
}

impl Code {
    /// Finds a kind by its code, in whatever capitals.
    pub fn find(id: &str) -> Option<&'static Code> {
        Code::all().find(|code| code.id.eq_ignore_ascii_case(id))
    }

    /// Goes over all kinds: of texts, of texts from other worlds, of what a schema finds, of what is wrong with a schema.
    pub fn all() -> impl Iterator<Item = &'static Code> {
        TEXT.iter().chain(FOREIGN).chain(FOUND).chain(SCHEMA)
    }

    /// Writes the index of codes as a page.
    pub fn index() -> String {
        let parts = [
            (
                "What is wrong with a text",
                "These have words for codes. A text with any of them is not read.",
                TEXT,
            ),
            (
                "What is wrong with a text from another world",
                "What `import` finds in INI, `.env`, sysctl, CSV and dumps. Nothing of a text with any of them is imported; the rules are those of \
                 [formats.md](formats.md).",
                FOREIGN,
            ),
            (
                "What a schema finds in a package",
                "Errors keep a commit back where the schema is enforced; warnings never do.",
                FOUND,
            ),
            ("What is wrong with a schema", "A schema with an error is not used.", SCHEMA),
        ];
        let mut page = String::from(
            "# Findings\n\nEach kind of finding has a code that never changes; `cms explain CODE` prints its entry of this page. A test \
             compares the page with the program.\n",
        );
        for (title, about, codes) in parts {
            page += &format!("\n## {title}\n\n{about}\n");
            for code in codes {
                let Code { id, severity, title, explanation } = code;
                page += &format!("\n### {id}: {title}\n\nSeverity: {severity}.\n\n{explanation}\n");
            }
        }
        page
    }
}

macro_rules! codes {
    ($($list:ident { $($name:ident = $id:literal, $severity:ident, $title:literal, $explanation:literal;)* })*) => {
        $(
            $(pub(crate) const $name: &Code = &Code {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                explanation: $explanation,
            };)*
            const $list: &[Code] = &[$(*$name),*];
        )*
    };
}

codes! {
    TEXT {
    INVALID_COMMAND = "invalid-command", Error, "no command",
        "A line begins with `package`, `config`, `option` or `list` (or their first letters). Comments begin with `#`.";
    MISSING_WORD = "missing-word", Error, "a word is missing",
        "`config` wants a type, `option` and `list` want a name. A quoted empty word counts as missing here.";
    EXTRA_WORD = "extra-word", Error, "a word too many",
        "A command has at most two words behind it. Put quotes around a value with blanks in it.";
    INVALID_TYPE = "invalid-type", Error, "invalid section type",
        "Types are made of visible ASCII characters.";
    INVALID_NAME = "invalid-name", Error, "invalid name",
        "Names of sections and options are made of letters, digits and `_`. A dash is the usual culprit.";
    OPTION_BEFORE_SECTION = "option-before-section", Error, "an option outside of any section",
        "Every option belongs to the `config` line above it; here there is none yet.";
    TYPE_MISMATCH = "type-mismatch", Error, "one name, two types",
        "Sections of one name are one section, so they must be of one type. Give one of them another name.";
    UNTERMINATED = "unterminated-quote", Error, "a quote is not closed",
        "The text ends within quotes. The place shown is where they were opened; the mistake is often a line or two below.";
    MISSING_PACKAGE = "missing-package", Error, "no package",
        "What `import` reads begins with a line `package NAME`, unless the name is given.";
    NUL_BYTE = "nul-byte", Error, "a NUL byte",
        "No configuration text holds one: the file is damaged, or something else than text. A disk that lost power does that.";
    SECTION_TOO_LONG = "section-too-long", Error, "a section of more than 4 GiB",
        "Split it in two.";

    }
    FOREIGN {
    NO_VALUE = "no-value", Error, "a key without a value",
        "A line of such a file has a key, `=` and a value.";
    NO_KEY = "no-key", Error, "a value without a key",
        "A line of such a file has a key before its `=`.";
    FOREIGN_NAME = "foreign-name", Error, "no name for a section or an option",
        "Names are made of letters, digits and `_`. With `--fit-names`, `_` takes the place of any other character.";
    FOREIGN_TYPE = "foreign-type", Error, "no type for a section",
        "Types are made of visible ASCII characters. With `--fit-names`, `_` takes the place of any other character.";
    FOREIGN_PACKAGE = "foreign-package", Error, "no name for a package",
        "Names of packages are made of visible ASCII characters without `.` and `/`. `--package` puts all into one package of another name.";
    SHORT_KEY = "short-key", Error, "a key with too few parts",
        "A key is PACKAGE/SECTION/OPTION, or SECTION/OPTION where `--package` names the package. `--prefix` must leave these parts.";
    EMPTY_PART = "empty-part", Error, "a key with an empty part",
        "Two separators follow each other, or the key ends with one and has a value.";
    KEY_TWICE = "key-twice", Error, "the same a second time",
        "An option has one value, and a section one name. With `--fit-names`, two names may have become one. Only `ini` and `csv` have lists.";
    BAD_HEADER = "bad-header", Error, "no header of a section",
        "A header is `[NAME]` or `[TYPE \"NAME\"]`, and nothing but a comment is behind it.";
    AFTER_QUOTE = "after-quote", Error, "a word behind the quotes",
        "Only a comment, in a table only a separator, may be behind the closing quote: put all of the value in quotes.";
    BAD_ESCAPE = "bad-escape", Error, "an unknown escape",
        "Behind a backslash in double quotes are `\\\\`, `\\\"`, `n`, `r`, `t`, in `.env` also `$`. In single quotes a backslash is one.";
    UNCLEAR_COMMENT = "unclear-comment", Error, "a comment or a part of the value",
        "Readers of INI disagree. Put the value in quotes, or say `--inline-comments yes` or `no`.";
    CONTINUED_LINE = "continued-line", Error, "a line that goes on, or ends with a backslash",
        "Readers of INI disagree. Write the value in one line and in quotes.";
    UTF_16 = "utf-16", Error, "a text in UTF-16",
        "Its letters are no bytes. Convert it: `iconv -f UTF-16 -t UTF-8`.";
    FIELD_COUNT = "field-count", Error, "a row of another length",
        "A row has as many fields as the first one. A field with a separator in it is in quotes.";
    NO_COLUMN = "no-column", Error, "no such column",
        "`--name-column` names none of the columns in the first row.";
    QUOTE_IN_FIELD = "quote-in-field", Error, "a quote within a field",
        "A field with quotes in it is in quotes itself, and those in it are doubled.";
    BAD_BASE64 = "bad-base64", Error, "no base64",
        "The dump is damaged, or was not made by `etcdctl get -w json` or `consul kv export`.";
    PART_OF_DUMP = "part-of-dump", Error, "a part of a dump",
        "It was made with a limit and holds not all keys. Importing it would drop the others.";
    BAD_JSON = "bad-json", Error, "not the JSON of a dump",
        "It is no JSON, or another document than `etcdctl get -w json` or `consul kv export` print.";
    }
    FOUND {
    UNKNOWN_OPTION = "CMS0101", Warning, "unknown option",
        "The schema declares no such option for sections of this type. Either it is mistyped (the finding then names what comes closest), or the \
         schema does not know it yet: declare it with a `config field`, or in a module of your own that extends the package. `option unknown` \
         of the module or section decides whether this is allowed, a warning or an error.";
    UNKNOWN_TYPE = "CMS0102", Warning, "unknown section type",
        "The schema declares section types, and this is none of them. A mistyped type means that no program reads the section.";
    MISSING = "CMS0103", Error, "a required option is missing",
        "Sections of this type are of no use without that option. An option with an empty value is the same as no option.";
    LIST = "CMS0104", Error, "a list where one value belongs",
        "The option is written with `list`, and whoever reads it takes a single value. Write one `option` line.";
    TYPE = "CMS0105", Error, "not of the right form",
        "The value is not what the rule wants: a number, an address, a name and so on. The finding says what would be right.";
    RANGE = "CMS0106", Error, "out of range",
        "The value is of the right form, and too small or too large.";
    LENGTH = "CMS0107", Error, "too long or too short",
        "The value has more or fewer characters (or bytes, for `size`) than are allowed.";
    CHOICE = "CMS0108", Error, "not one of the values that there are",
        "Only some values have a meaning here. Capitals matter.";
    PATTERN = "CMS0109", Error, "does not match the pattern",
        "The whole value has to match the regular expression, or must not match it.";
    REFERENCE = "CMS0110", Error, "refers to something that does not exist",
        "The value is the name of a section, or stands in an option of one, in this package or another; after this change there is none. It \
         is found from both ends: when the reference is made, and when what it refers to is taken away or renamed.";
    DUPLICATE = "CMS0111", Error, "not unique",
        "Another section of the same type has the same value, and the two must differ.";
    CONDITION = "CMS0112", Error, "required beside another option",
        "The option is only required under a condition, and the condition holds.";
    EXCLUDED = "CMS0113", Error, "two options exclude each other",
        "The two have no meaning together. Remove one.";
    DEPRECATED = "CMS0114", Warning, "the option is to go",
        "It works still, and will not for ever. The finding names what to use instead, if there is such a thing.";
    COUNT = "CMS0115", Error, "too many or too few sections",
        "The schema says how many sections of this type there may be.";
    NAMING = "CMS0116", Error, "a section with a name, or without one",
        "Some types are looked up by name and need one; of others each is read in turn, and a name would suggest otherwise.";
    ITEMS = "CMS0117", Error, "too many or too few items",
        "The schema says how many items the list may have.";
    READ_ONLY = "CMS0118", Error, "the option may not be changed",
        "Its access is `read-only`, or `write-once` and it has been written.";
    CUSTOM = "CMS0119", Error, "a rule of the program's own does not hold",
        "The rule was written in Rust and registered by the program. The finding carries its words.";
    REPEATED = "CMS0120", Error, "an item twice in a list",
        "The items of the list must differ.";
    SECTION_NAME = "CMS0121", Error, "a section's name is not of the right form",
        "The schema has rules for the names of these sections.";
    EXCLUDED_FORM = "CMS0122", Error, "a value that is not allowed",
        "A rule with `!` or `not` says what the value must not be.";
    NEWER_DATA = "CMS0130", Warning, "the data belongs to a newer schema",
        "The package `cms` says that a newer version of the module migrated this data. What the schema that is installed says of it may be \
         wrong. Install the newer module again, or roll the data back while that is installed: `cms schema rollback`.";

    }
    SCHEMA {
    NO_MODULE = "CMS0201", Error, "no module",
        "A schema begins with `config module 'NAME'`.";
    TWO_MODULES = "CMS0202", Error, "more than one module",
        "A file declares one module. Split it in two.";
    SCHEMA_OPTION = "CMS0203", Error, "unknown option in a schema",
        "`config module`, `config section` and `config field` have the options that docs/schema.md lists, and no others.";
    SCHEMA_TYPE = "CMS0204", Error, "unknown section type in a schema",
        "A schema file has sections of the types `module`, `section`, `fields`, `field` and `migration`.";
    UNKNOWN_RULE = "CMS0205", Error, "unknown rule",
        "There is no rule of that name, or the program that has it has not registered it.";
    ARGUMENT = "CMS0206", Error, "a rule has an argument that makes no sense",
        "There are too many arguments or too few, or one is not of the right form.";
    FIELD_TWICE = "CMS0207", Error, "a field is declared twice",
        "UCI joins sections of one name: two `config field 'x'` are one field. Leave the fields without names and write `option name 'x'`, or \
         declare them in `config fields` of their section types.";
    SCHEMA_VALUE = "CMS0208", Error, "a property has a value that makes no sense",
        "The finding says which values it may have.";
    NO_SUCH_SECTION = "CMS0209", Error, "a field belongs to a section type that is not declared",
        "The schema declares section types, and this is none of them.";
    NO_SUCH_FIELD = "CMS0210", Error, "a condition names an option that is not declared",
        "`required_if`, `excludes` and `replaced_by` are about options of the same section type.";
    DEFAULT = "CMS0211", Error, "a default breaks the rules of its own field",
        "What holds when nothing is written has to be something that could be written.";
    RULE_SYNTAX = "CMS0212", Error, "rules that cannot be read",
        "A parenthesis or quote is not closed, or a rule is empty. See the grammar in docs/schema.md.";
    REGEX = "CMS0213", Error, "a pattern that cannot be read",
        "The pattern is no regular expression, uses look-around or back references, or would take too much memory.";
    NO_NAME = "CMS0214", Error, "a field or section type without a name",
        "Give it one: `config field 'NAME'`, or `option name 'NAME'`.";
    LANGUAGE = "CMS0215", Error, "a schema in a newer language",
        "It was written for a newer version of this program.";
    STEP = "CMS0230", Error, "a step of a migration that cannot be read",
        "A step is a verb and what it is about, such as `rename TYPE.OPTION NEW`. docs/migrations.md lists them.";
    MIGRATION = "CMS0231", Error, "a migration that leads nowhere",
        "A migration says in `to` which version the data has afterwards: above `from`, not above the module's own, and no two to the same.";
    SQL = "CMS0232", Error, "SQL of a migration that cannot be read",
        "`sql` and `rollback_sql` hold scripts that change rows, in the SQL that docs/tables.md allows, or one of `create table`, `alter table` \
         and `drop table` each, as docs/migrations.md writes them.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_explain() {
        let mut ids: Vec<_> = Code::all().map(|code| code.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        for code in Code::all() {
            assert!(code.explanation.ends_with('.') && !code.title.ends_with('.'), "{}", code.id);
        }
    }

    #[test]
    fn every_reason_of_the_parser_is_in_the_index() {
        for reason in [
            crate::Reason::InvalidCommand,
            crate::Reason::InsufficientArguments,
            crate::Reason::TooManyArguments,
            crate::Reason::InvalidType,
            crate::Reason::InvalidName,
            crate::Reason::BeforeFirstSection,
            crate::Reason::TypeMismatch,
            crate::Reason::UnterminatedSingle,
            crate::Reason::NoPackage,
            crate::Reason::Nul,
            crate::Reason::TooLong,
        ] {
            assert!(Code::find(reason.code()).is_some(), "{reason}");
        }
    }
}
