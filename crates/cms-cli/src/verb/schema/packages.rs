//! The schemas that are for a package: those that are registered, and that which lies in the package itself.

use std::path::PathBuf;
use std::sync::Arc;

use cms::model::schema::Module;
use cms::model::{Diagnostic, PackageName};
use cms::{Modules, Registered};

use crate::failure::Failure;
use crate::session::Session;
use crate::spelling;
use crate::text::msg;

/// A schema, and the file that it is registered in; none if it lies in the package that it is for.
pub(super) struct Found {
    pub(super) module: Arc<Module>,
    pub(super) path: Option<PathBuf>,
}

/// Finds the schemas for a package, or else the module of that name.
pub(super) fn find(package: &PackageName, session: &mut Session) -> Result<Vec<Found>, Failure> {
    let all = Modules::from_env().list()?;
    let is_for = |module: &Module| module.governs(package.as_str());
    let mut found = registered(&all, is_for);
    found.extend(embedded(package, session).map(|module| Found { module, path: None }));
    if found.is_empty() {
        found = registered(&all, |module| module.name() == package.as_str());
    }
    if !found.is_empty() {
        return Ok(found);
    }
    Err(match all.iter().find(|registered| registered.name == package.as_str()) {
        Some(Registered { module: Err(faults), .. }) => faulty(faults.clone()),
        _ => none(package, &all),
    })
}

fn registered(all: &[Registered], is_wanted: impl Fn(&Module) -> bool) -> Vec<Found> {
    let good = all.iter().filter_map(|registered| Some((registered.module.as_ref().ok()?, &registered.path)));
    let wanted = good.filter(|(module, _)| is_wanted(module));
    wanted.map(|(module, path)| Found { module: module.clone(), path: Some(path.clone()) }).collect()
}

/// The schema that lies in the package itself. Schemas can be shown where there is no configuration, so what keeps the package from
/// being read is of no interest here.
fn embedded(package: &PackageName, session: &mut Session) -> Option<Arc<Module>> {
    if !session.globals.config.join(package.as_str()).is_file() {
        return None;
    }
    session.leaves_nothing = true;
    let mut view = session.look(Some(package), None).ok()?;
    let text = Arc::new(view.draft(package).ok()?.package().clone());
    let schemas = session.store().ok()?.schemas_of(package, Some(&text)).ok()?;
    schemas.of(package.as_str()).find(|module| module.is_embedded()).cloned()
}

fn faulty(diagnostics: Vec<Diagnostic>) -> Failure {
    cms::Error::Refused { diagnostics }.into()
}

fn none(package: &PackageName, all: &[Registered]) -> Failure {
    let known = all.iter().filter_map(|registered| registered.module.as_ref().ok());
    let known = known.flat_map(|module| module.settings().packages.iter().map(String::as_str));
    let nearest = spelling::nearest(package.as_str(), known);
    Failure::not_found(msg!("schema-none", package = package.as_str())).hint(match nearest {
        Some(name) => msg!("did-you-mean", name = name),
        None => msg!("schema-infer-hint", package = package.as_str()),
    })
}
