//! What is written for people: links lead somewhere, and the examples are packages.

use std::fs;
use std::path::{Path, PathBuf};

use cms_model::Package;

fn top() -> PathBuf {
    fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).expect("the workspace")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.is_file() && path.to_string_lossy().ends_with(ending)).collect()
}

/// The targets of the links `[text](target)` in a document, without those on the web and within the page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

#[test]
fn links_lead_somewhere() {
    let documents = [files(&top(), ".md"), files(&top().join("docs"), ".md")].concat();
    assert!(documents.len() > 5, "{documents:?}");
    let mut dead = Vec::new();
    for document in &documents {
        let text = fs::read_to_string(document).expect("a document");
        let folder = document.parent().expect("a folder");
        let gone = links(&text).filter(|target| !folder.join(target).exists());
        dead.extend(gone.map(|target| format!("{} -> {target}", document.display())));
    }
    assert_eq!(dead, Vec::<String>::new());
}

#[test]
fn examples_are_packages() {
    let examples = files(&top().join("examples/etc-config"), "");
    assert_eq!(examples.len(), 6, "{examples:?}");
    for example in examples {
        let text = fs::read(&example).expect("an example");
        let package =
            Package::parse(&text).unwrap_or_else(|errors| panic!("{}: {errors:?}", example.display()));
        assert!(package.len() > 1, "{}", example.display());
        assert_eq!(package.text(), text, "{}", example.display());
    }
}
