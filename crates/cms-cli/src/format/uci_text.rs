//! UCI text: the package's own bytes behind a `package` line, comments and layout included.

use std::io::{self, Write};

use cms::model::{Export, Package, PackageName, SliceParser, Command};

use super::Anonymous;

pub(super) fn write(
    out: &mut dyn Write,
    name: &PackageName,
    package: &Package,
    anonymous: Anonymous,
    _first: bool,
) -> io::Result<()> {
    // Generated names are not in the text; and a text that holds `package` lines itself would be read
    // back as several packages. Both are written anew, as `uci export` writes them.
    if anonymous == Anonymous::Generated || names_a_package(package) {
        let names = matches!(anonymous, Anonymous::Generated);
        return canonical(out, name, package, names);
    }
    writeln!(out, "package {name}")?;
    package.write_text(out)
}
