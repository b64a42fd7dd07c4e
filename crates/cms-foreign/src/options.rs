//! What is asked for.

use cms_model::{Name, PackageName, TypeName};

/// A format that is read and not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// INI files, those of git included.
    Ini,
    /// `.env` files.
    Env,
    /// `sysctl.conf` and its like.
    Sysctl,
    /// Tables in the shape of RFC 4180.
    Csv,
    /// `etcdctl get --prefix '' -w json`.
    Etcd,
    /// `consul kv export`.
    Consul,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] =
        [Format::Ini, Format::Env, Format::Sysctl, Format::Csv, Format::Etcd, Format::Consul];

    /// Returns the name by which it is asked for.
    ///
    /// ```
    /// assert!(cms_foreign::Format::ALL.iter().all(|format| cms_foreign::Format::from_name(format.name()) == Some(*format)));
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Format::Ini => "ini",
            Format::Env => "env",
            Format::Sysctl => "sysctl",
            Format::Csv => "csv",
            Format::Etcd => "etcd",
            Format::Consul => "consul",
        }
    }

    /// Returns the format of a name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Says whether its texts say which packages they are.
    pub fn names_packages(self) -> bool {
        matches!(self, Format::Etcd | Format::Consul)
    }
}

/// Says what type a section has that is there already.
pub type Known<'a> = &'a dyn Fn(&PackageName, &str) -> Option<TypeName>;

/// What a text does not say. The default is nothing, and refuses most texts.
#[derive(Clone)]
pub struct Options<'a> {
    /// The package that all becomes.
    pub package: Option<PackageName>,
    /// The part of the keys that is no part of ours: only keys below it are read. For formats of keys with parts.
    pub prefix: Option<Vec<u8>>,
    /// The type of sections whose type the text does not say.
    pub kind: Option<TypeName>,
    /// The section of keys that are in none.
    pub section: Option<Name>,
    /// The column with the names of the sections. For CSV.
    pub name_column: Option<Vec<u8>>,
    /// What separates the fields. For CSV.
    pub separator: u8,
    /// Whether characters that no name may have become `_`.
    pub fit_names: bool,
    /// Whether ` ;` and ` #` behind a value begin a comment; where it is not said, such lines are refused. For INI.
    pub inline_comments: Option<bool>,
    /// The types of the sections that are there already.
    pub known: Known<'a>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            package: None,
            prefix: None,
            kind: None,
            section: None,
            name_column: None,
            separator: b',',
            fit_names: false,
            inline_comments: None,
            known: &|_, _| None,
        }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("package", &self.package)
            .field("prefix", &self.prefix)
            .field("kind", &self.kind)
            .field("section", &self.section)
            .field("name_column", &self.name_column)
            .field("separator", &self.separator)
            .field("fit_names", &self.fit_names)
            .field("inline_comments", &self.inline_comments)
            .finish_non_exhaustive()
    }
}
