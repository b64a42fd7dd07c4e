//! The entries of a dump: what etcd and Consul have in common.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::fault::{Faults, Line};
use crate::options::Options;
use crate::packages::Packages;
use crate::path;

/// Decodes base64, or notes that it is none.
pub(crate) fn decode(text: &str, what: Line<'_>, faults: &mut Faults) -> Option<Vec<u8>> {
    match STANDARD.decode(text) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            faults.add("bad-base64", what, 0..what.text.len());
            None
        }
    }
}

/// Takes an entry over, unless it is not below the prefix.
pub(crate) fn entry(
    key: Line<'_>,
    value: &[u8],
    options: &Options<'_>,
    packages: &mut Packages<'_>,
    faults: &mut Faults,
) {
    let Some(rest) = below(key.text, options.prefix.as_deref().unwrap_or_default()) else {
        packages.notes.outside += 1;
        return;
    };
    let inside = &key.text[rest..];
    // The mark of a folder, and the folder of the prefix itself.
    let is_folder = inside.is_empty() || inside == b"/" || inside.ends_with(b"/");
    if is_folder && value.is_empty() {
        return;
    }
    let mut parts = path::parts(inside);
    for part in &mut parts {
        part.place = part.place.start + rest..part.place.end + rest;
    }
    path::option_or_type(&parts, value, key, options, packages, faults);
}

/// Where a key goes on behind the prefix, if it is below it by whole parts.
fn below(key: &[u8], prefix: &[u8]) -> Option<usize> {
    let trimmed = |text: &[u8]| usize::from(text.first() == Some(&b'/'));
    let prefix = &prefix[trimmed(prefix)..];
    let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
    let start = trimmed(key);
    if prefix.is_empty() {
        return Some(0);
    }
    let rest = key[start..].strip_prefix(prefix)?;
    (rest.is_empty() || rest[0] == b'/').then_some(start + prefix.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_whole_parts() {
        let check = |key: &str, prefix: &str, expected: Option<&str>| {
            let rest = below(key.as_bytes(), prefix.as_bytes()).map(|at| &key[at..]);
            assert_eq!(rest, expected, "{key} {prefix}");
        };
        check("/config/a/b", "/config", Some("/a/b"));
        check("config/a/b", "/config/", Some("/a/b"));
        check("/config/a/b", "config", Some("/a/b"));
        check("/configuration/a", "/config", None);
        check("/config", "/config", Some(""));
        check("/config/", "/config", Some("/"));
        check("/a", "", Some("/a"));
        check("/a", "/", Some("/a"));
        check("", "/config", None);
        check("/a/b/c", "/a/b", Some("/c"));
    }
}
