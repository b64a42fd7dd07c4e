//! A module: what a schema declares, once it has been read.

use std::borrow::Cow;

use hashbrown::HashMap;
use rapidhash::fast::RandomState;

use super::field::Field;
use super::migration::SchemaVersion;
use super::rule::Rule;

/// What a commit does with findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Mode {
    /// Nothing: the package is not checked.
    Off,
    /// It tells of them and goes on.
    #[default]
    Warn,
    /// It is refused if one is an error.
    Enforce,
}

/// What an option or a section type is that no schema declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unknown {
    /// Fine.
    Allow,
    /// Worth a warning.
    #[default]
    Warn,
    /// An error.
    Refuse,
}

/// Whether the sections of a type have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Naming {
    /// As one likes.
    #[default]
    Any,
    /// They have.
    Named,
    /// They have not.
    Anonymous,
}

/// A version of a schema. `Display` gives `1.2.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// Counts changes after which old configuration has to be migrated.
    pub major: u32,
    /// Counts additions.
    pub minor: u32,
    /// Counts corrections.
    pub patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// Reads `MAJOR.MINOR.PATCH`.
    ///
    /// ```
    /// use cms_model::schema::Version;
    /// assert_eq!(Version::parse("1.2.0").unwrap().to_string(), "1.2.0");
    /// assert!(Version::parse("1.2").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Version> {
        let mut parts = text
            .split('.')
            .map(|part| part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit())));
        let version = Version { major: parts.next()??, minor: parts.next()??, patch: parts.next()?? };
        parts.next().is_none().then_some(version)
    }
}

/// What a module says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The version of the schema.
    pub version: Version,
    /// What a commit does with findings.
    pub mode: Mode,
    /// What becomes of options and section types that are not declared.
    pub unknown: Unknown,
    /// The packages that it is for.
    pub packages: Vec<String>,
    /// What it is about.
    pub description: Option<String>,
    /// What has to be reloaded after a change.
    pub reload: Vec<String>,
    /// When this version was made, as it was written.
    pub created_at: Option<String>,
    /// Where the module's tables are kept.
    pub db_path: Option<String>,
    /// The key that its data is signed with: a secret.
    pub sha_key: Option<String>,
    /// How its cache makes room, as it was written.
    pub cache_policy: Option<String>,
    /// How large its cache may be, in bytes.
    pub cache_size: Option<u64>,
    /// Who may ask over the network: addresses or networks.
    pub allowed_clients: Vec<String>,
}

pub(crate) type Names = HashMap<Box<[u8]>, u32, RandomState>;

/// A schema, read and compiled once.
///
/// ```
/// use cms_model::{Package, schema::{Module, Rules}};
///
/// let text = b"config module 'blog'\n\toption version '1.2.0'\n\
///              config fields 'site'\n\toption port 'port|default:8080'\n";
/// let blog = Module::read(&Package::parse(text).unwrap(), "blog", &Rules::default()).unwrap();
/// assert_eq!(blog.name(), "blog");
/// assert_eq!(blog.settings().version.to_string(), "1.2.0");
/// let port = blog.field("site", "port").unwrap();
/// assert_eq!(port.default_value().unwrap().as_bytes(), Some(&b"8080"[..]));
/// ```
#[derive(Debug, Clone)]
pub struct Module {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) fields: Vec<Field>,
    pub(crate) types: Vec<SectionType>,
    /// The number of each type that is written out.
    pub(crate) by_type: Names,
    /// Types with a `*` at the end, longest first.
    pub(crate) by_prefix: Vec<(Box<str>, u32)>,
    /// What holds for sections whose type is not declared.
    pub(crate) anywhere: SectionType,
    /// Whether it says which types there are.
    pub(crate) declares_types: bool,
    /// Whether it lies in the package that it is for.
    pub(crate) embedded: bool,
    /// Its migrations, by the versions that they lead to.
    pub(crate) versions: Vec<SchemaVersion>,
}

/// What a schema says of the sections of a type.
#[derive(Debug, Clone, Default)]
pub struct SectionType {
    /// What `config fields` and `option section` call it.
    pub(crate) name: Box<str>,
    pub(crate) kind: Box<str>,
    pub(crate) naming: Naming,
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
    pub(crate) name_rules: Vec<Rule>,
    pub(crate) unknown: Unknown,
    pub(crate) description: Option<Box<str>>,
    pub(crate) reload: Vec<Box<str>>,
    /// Numbers of fields, in the order of the schema.
    pub(crate) fields: Vec<u32>,
    /// From an option's name to its place in `fields`.
    pub(crate) by_name: Names,
    /// The same for names with a `*` at the end, longest first.
    pub(crate) by_prefix: Vec<(Box<str>, u32)>,
    /// Places in `fields` of those that are required.
    pub(crate) required: Vec<u32>,
    /// Places in `fields` of those with conditions.
    pub(crate) related: Vec<u32>,
}

impl SectionType {
    /// Returns the type, as it stands behind `config`; a `*` at its end stands for anything.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the name that it has in the schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says whether such sections have names.
    pub fn naming(&self) -> Naming {
        self.naming
    }

    /// Returns how few and how many of them there may be.
    pub fn count(&self) -> (u64, Option<u64>) {
        (self.min, self.max)
    }

    /// Returns what it is about.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Says what an option is that is not declared.
    pub fn unknown(&self) -> Unknown {
        self.unknown
    }

    /// Returns what has to be reloaded after a change.
    pub fn reload(&self) -> impl Iterator<Item = &str> {
        self.reload.iter().map(|text| &**text)
    }

    /// Finds the place of an option among the fields.
    #[inline]
    pub(crate) fn place(&self, option: &[u8]) -> Option<u32> {
        if let Some(place) = self.by_name.get(option) {
            return Some(*place);
        }
        self.by_prefix
            .iter()
            .find(|(prefix, _)| option.starts_with(prefix.as_bytes()))
            .map(|(_, place)| *place)
    }
}

impl Module {
    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what it says of itself.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the versions to which it has a migration, from the oldest.
    pub fn versions(&self) -> &[SchemaVersion] {
        &self.versions
    }

    /// Says whether it is for a package.
    pub fn governs(&self, package: &str) -> bool {
        self.settings.packages.iter().any(|name| name == package)
    }

    /// Goes over the section types that it declares.
    pub fn section_types(&self) -> impl Iterator<Item = &SectionType> {
        self.types.iter()
    }

    /// Finds what it says of the sections of a type.
    pub fn section_type(&self, kind: &str) -> Option<&SectionType> {
        self.number_of(kind).map(|number| &self.types[number as usize])
    }

    /// Returns what holds for sections of types that are not declared, where the module declares none at all. Its type is empty.
    pub fn undeclared(&self) -> Option<&SectionType> {
        (!self.declares_types).then_some(&self.anywhere)
    }

    /// Says whether it lies in the package that it is for.
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }

    /// Goes over the fields of a section type.
    pub fn fields_of<'a>(&'a self, section_type: &'a SectionType) -> impl Iterator<Item = &'a Field> {
        section_type.fields.iter().filter_map(|number| self.fields.get(*number as usize))
    }

    /// Goes over all fields, in the order of the schema.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter()
    }

    /// Finds the field for an option of the sections of a type.
    pub fn field(&self, kind: &str, option: &str) -> Option<&Field> {
        let shape = self.shape(kind);
        let place = shape.place(option.as_bytes())?;
        self.field_at(shape, place)
    }

    /// Says whether a section type is one of the schema itself, where that lies in the package.
    pub fn is_own(&self, kind: &str) -> bool {
        self.embedded && matches!(kind, "module" | "section" | "fields" | "field")
    }

    /// Names an option of the sections of a type together with its default: what holds when nothing is written.
    pub fn defaults<'a>(&'a self, kind: &str) -> impl Iterator<Item = (Cow<'a, str>, &'a crate::Value)> {
        let fields = self.shape(kind).fields.iter().filter_map(|number| self.fields.get(*number as usize));
        fields.filter_map(|field| Some((Cow::Borrowed(field.name()), field.default_value()?)))
    }

    #[inline]
    pub(crate) fn number_of(&self, kind: &str) -> Option<u32> {
        if let Some(number) = self.by_type.get(kind.as_bytes()) {
            return Some(*number);
        }
        self.by_prefix.iter().find(|(prefix, _)| kind.starts_with(&**prefix)).map(|(_, number)| *number)
    }

    pub(crate) fn shape(&self, kind: &str) -> &SectionType {
        self.number_of(kind).map_or(&self.anywhere, |number| &self.types[number as usize])
    }

    #[inline]
    pub(crate) fn field_at(&self, shape: &SectionType, place: u32) -> Option<&Field> {
        self.fields.get(*shape.fields.get(place as usize)? as usize)
    }
}
