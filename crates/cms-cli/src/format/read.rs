//! What `import` reads: a document of any format becomes UCI text, package by package.

use cms::model::{Diagnostic, PackageName};
use serde::Deserialize;

use super::sections::Sections;
use super::structured::VERSION;
use super::{Format, Input, Text, uci_text};

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
            convert(
                serde_json::from_slice(without_mark(&bytes))
                    .map_err(|error| FormatError::Syntax(error.to_string()))?,
            )?
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

/// Takes away the byte order mark that some editors put before UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn text_of(bytes: &[u8]) -> Result<&str, FormatError> {
    std::str::from_utf8(without_mark(bytes)).map_err(|error| FormatError::Syntax(error.to_string()))
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
    sections: Sections,
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
    let package = PackageName::new(&shape.name)
        .map_err(|error| FormatError::Place(format!("packages[{number}].name"), error.to_string()))?;
    let text = shape.sections.into_text();
    let text =
        text.map_err(|(place, cause)| FormatError::Place(format!("packages[{number}].{place}"), cause))?;
    Ok(Imported { package, text: Text::from(text) })
}
