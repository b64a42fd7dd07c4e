//! What `import` reads: a document of any format becomes UCI text, package by package.

use std::fmt;

use cms::model::{Diagnostic, Export, Name, PackageName, TypeName, Value};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::structured::VERSION;
use super::{Format, Input, Text, uci_text};
use crate::base64;

/// A package as it came in: its name and its UCI text.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) package: PackageName,
    pub(crate) text: Text,
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(crate) enum FormatError {
    /// UCI text with errors.
    Text(Vec<Diagnostic>),
    /// UCI text that says not what package it is.
    NoPackage,
    /// No document of that format, or not of the right shape; in the words of its reader.
    Syntax(String),
    /// A shape that this program does not know.
    Version(u32),
    /// A part of the document that cannot be in a package, and why.
    Place(String, String),
    /// As many packages, where a name for one is given.
    NotOne(usize),
    /// The same package twice.
    Twice(PackageName),
}

/// Reads a document. With a `name`, it is one package and gets that name, whatever it is called there.
pub(crate) fn read(
    format: Format,
    input: Input,
    name: Option<&PackageName>,
) -> Result<Vec<Imported>, FormatError> {
    let packages = match format {
        Format::Uci => uci_text::split(input, name)?,
        Format::Json => {
            let bytes = input.into_bytes();
            convert(serde_json::from_slice(&bytes).map_err(|error| FormatError::Syntax(error.to_string()))?)?
        }
        Format::Yaml => convert(read_yaml(text_of(&input.into_bytes())?)?)?,
        Format::Toml => {
            let bytes = input.into_bytes();
            let text = text_of(&bytes)?;
            convert(toml::from_str(text).map_err(|error| FormatError::Syntax(error.to_string()))?)?
        }
    };
    if let Some(name) = name {
        let [package] = packages.try_into().map_err(|all: Vec<Imported>| FormatError::NotOne(all.len()))?;
        return Ok(vec![Imported { package: name.clone(), ..package }]);
    }
    let mut names: Vec<&PackageName> = packages.iter().map(|package| &package.package).collect();
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(FormatError::Twice(pair[0].clone()));
    }
    Ok(packages)
}

fn text_of(bytes: &[u8]) -> Result<&str, FormatError> {
    std::str::from_utf8(bytes).map_err(|error| FormatError::Syntax(error.to_string()))
}

/// Reads YAML with limits that follow the document's size: what it holds may be as long as it is, but
/// aliases, which let a short text stand for an endless one, are not part of the shape.
fn read_yaml(text: &str) -> Result<Document, FormatError> {
    let size = text.len().max(1024);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: size,
            max_nodes: size,
            max_total_scalar_bytes: size,
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
            max_depth: 8,
        },
        no_schema: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|e| FormatError::Syntax(e.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    cms: u32,
    packages: Vec<PackageShape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageShape {
    name: String,
    sections: Vec<SectionShape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionShape {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    #[serde(default)]
    options: Options,
}

/// Options in their order; a plain map would lose it, or a name written twice.
#[derive(Default)]
struct Options(Vec<(String, ValueShape)>);

struct ValueShape(Value);

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Options, D::Error> {
        struct OptionsVisitor;
        impl<'de> Visitor<'de> for OptionsVisitor {
            type Value = Options;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("options with their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Options, A::Error> {
                let mut options = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, ValueShape>()? {
                    options.push((name, value));
                }
                Ok(Options(options))
            }
        }
        deserializer.deserialize_map(OptionsVisitor)
    }
}

impl<'de> Deserialize<'de> for ValueShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ValueShape, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = ValueShape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A number or a boolean is refused, not guessed at: 010 and `no` have cost enough people a day.
        f.write_str("a string in quotes, a list of such, or base64 in an object")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ValueShape, E> {
        Ok(ValueShape(Value::scalar(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<ValueShape, A::Error> {
        let mut items = Vec::new();
        while let Some(ValueShape(item)) = sequence.next_element()? {
            match item {
                Value::Scalar(bytes) => items.push(bytes),
                Value::List(_) => return Err(A::Error::custom("a list cannot hold a list")),
            }
        }
        Ok(ValueShape(Value::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ValueShape, A::Error> {
        let shape = || A::Error::custom("an object as a value is { \"base64\": \"…\" }");
        let Some((key, text)) = map.next_entry::<String, String>()? else { return Err(shape()) };
        if key != "base64" || map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            return Err(shape());
        }
        let bytes = base64::decode(&text).ok_or_else(|| A::Error::custom("this is no base64"))?;
        Ok(ValueShape(Value::Scalar(bytes)))
    }
}

fn convert(document: Document) -> Result<Vec<Imported>, FormatError> {
    if document.cms != VERSION {
        return Err(FormatError::Version(document.cms));
    }
    document
        .packages
        .into_iter()
        .enumerate()
        .map(|(number, package)| convert_package(number, package))
        .collect()
}

fn convert_package(number: usize, shape: PackageShape) -> Result<Imported, FormatError> {
    let place = format!("packages[{number}]");
    let at = |place: &str, error: &dyn fmt::Display| FormatError::Place(place.to_owned(), error.to_string());
    let package = PackageName::new(&shape.name).map_err(|error| at(&format!("{place}.name"), &error))?;
    let mut export = Export::new(Vec::new());
    for (number, section) in shape.sections.into_iter().enumerate() {
        let place = format!("{place}.sections[{number}]");
        let kind = TypeName::new(&section.kind).map_err(|error| at(&format!("{place}.type"), &error))?;
        let name = section.name.as_deref().map(Name::new).transpose();
        let name = name.map_err(|error| at(&format!("{place}.name"), &error))?;
        let written = export.section(kind.as_bytes(), name.as_ref().map(|name| name.as_bytes()));
        written.map_err(|error| at(&place, &error))?;
        let mut seen = std::collections::HashSet::new();
        for (option, ValueShape(value)) in section.options.0 {
            let place = format!("{place}.options.{option}");
            let name = Name::new(&option).map_err(|error| at(&place, &error))?;
            if !seen.insert(option) {
                return Err(at(&place, &"the option is there twice"));
            }
            if value.as_bytes() == Some(b"") || matches!(&value, Value::List(items) if items.is_empty()) {
                return Err(at(&place, &"UCI has no empty values: leave the option out"));
            }
            if value.items().iter().any(|item| item.contains(&0)) {
                return Err(at(&place, &"no UCI text can hold a NUL byte"));
            }
            export.option(name.as_bytes(), &value).map_err(|error| at(&place, &error))?;
        }
    }
    export.end().map_err(|error| at(&place, &error))?;
    Ok(Imported { package, text: Text::from(export.into_inner()) })
}
