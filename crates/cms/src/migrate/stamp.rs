//! The stamp: which version of its schema the data of a module has, as the package `cms` says.

use cms_model::schema::Version;
use cms_model::{Name, Package, PackageName, Section, Selector, TypeName, Value};

use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use crate::transaction::Transaction;

/// The package in which the stamps lie.
pub(crate) const PACKAGE: &str = "cms";

const KIND: &str = "schema";

pub(crate) fn package() -> PackageName {
    PackageName::new(PACKAGE).expect("the constant is a name")
}

/// Returns the version that the data of a module has in a state; `None` if nothing says so.
///
/// # Errors
/// [`Error::Invalid`] if what says so is no version; those of reading.
pub(crate) fn read(snapshot: &Snapshot, module: &str) -> Result<Option<Version>> {
    let name = package();
    if !snapshot.contains(&name) {
        return Ok(None);
    }
    read_from(&*snapshot.package(&name)?, module)
}

pub(crate) fn read_from(package: &Package, module: &str) -> Result<Option<Version>> {
    let Some(section) = section_of(package, module) else { return Ok(None) };
    let Some(version) = section.get("version") else { return Ok(None) };
    let text = version.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
    match text.and_then(Version::parse) {
        Some(version) => Ok(Some(version)),
        None => Err(Error::Invalid {
            key: format!("{PACKAGE}.{}.version", section.name().unwrap_or(KIND)),
            reason: "it is no version such as 1.2.0, so it is unknown which one the data has".to_owned(),
        }),
    }
}

/// Finds the section that speaks of a module: by its name, or by its option `module`.
fn section_of<'a>(package: &'a Package, module: &str) -> Option<Section<'a>> {
    let speaks = |section: &Section<'a>| match section.get("module") {
        Some(named) => named.as_bytes() == Some(module.as_bytes()),
        None => section.name() == Some(module),
    };
    let named = package.find(module).filter(|section| section.kind() == KIND && speaks(section));
    named.or_else(|| package.sections().find(|section| section.kind() == KIND && speaks(section)))
}

/// Sets the stamp of a module in a transaction.
pub(crate) fn write(tx: &mut Transaction, module: &str, version: Version) -> Result<()> {
    let name = package();
    let draft = match tx.snapshot().contains(&name) {
        true => tx.draft(&name)?,
        false => tx.create_package(&name)?,
    };
    let failed =
        |error: cms_model::DraftError| Error::Invalid { key: PACKAGE.to_owned(), reason: error.to_string() };
    let [kind, option] = [KIND, "version"];
    let kind = TypeName::new(kind).expect("the constant is a type");
    let option = Name::new(option).expect("the constant is a name");
    let value = Value::scalar(version.to_string());
    let known = section_of(draft.package(), module).map(|section| section.id());
    if let Some(id) = known {
        let selector = match draft.display_name(id) {
            Some(name) => Selector::Named(name),
            None => return Err(Error::not_found(PACKAGE)),
        };
        return draft.set_option(&selector, &option, value).map(drop).map_err(failed);
    }
    let own = Name::new(module).ok().filter(|own| draft.package().find(own).is_none());
    let mut options = vec![(option, value)];
    if own.is_none() {
        options.insert(0, (Name::new("module").expect("the constant is a name"), Value::scalar(module)));
    }
    draft.add_section(&kind, own, options).map(drop).map_err(failed)
}
