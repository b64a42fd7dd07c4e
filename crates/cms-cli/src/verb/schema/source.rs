//! Where a document comes from: a file, or stdin.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;

use crate::failure::Failure;

/// What stands in the place of a file's name.
pub(in crate::verb) const STDIN: &str = "stdin";

/// Reads a file, or with `-` stdin. Answers with its name as well.
pub(in crate::verb) fn read(word: &OsStr) -> Result<(String, Vec<u8>), Failure> {
    if word == "-" {
        let (name, mut text) = (STDIN, Vec::new());
        let read = std::io::stdin().lock().read_to_end(&mut text);
        return read.map(|_| (name.to_owned(), text)).map_err(|error| Failure::file(name.as_ref(), &error));
    }
    let path = Path::new(word);
    let text = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    Ok((path.display().to_string(), text))
}
