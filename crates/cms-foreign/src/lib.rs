//! What the configuration of other programs and stores is in UCI: INI, `.env`, sysctl, CSV, and dumps of etcd and Consul.
//!
//! The rules are those of `docs/formats.md`. A text is read as a whole or refused with all its faults; nothing is guessed. This crate is as
//! pure as the model: bytes go in, texts of packages come out.
//!
//! ```
//! use cms_foreign::{Format, Options, read};
//!
//! let options = Options { package: Some("net".parse()?), ..Options::default() };
//! let read_in = read(Format::Ini, b"[lan]\nproto = static\ndns = 1.1.1.1\ndns = 9.9.9.9\n", &options)?;
//! let (name, text) = &read_in.packages[0];
//! assert_eq!(name.as_str(), "net");
//! assert_eq!(
//!     text,
//!     b"\nconfig section 'lan'\n\toption proto 'static'\n\tlist dns '1.1.1.1'\n\tlist dns '9.9.9.9'\n\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

// What is asked for, and what comes of it.
mod fault;
mod fit;
mod options;
mod packages;

// Texts of lines.
mod env;
mod ini;
mod lines;
mod quoted;
mod sysctl;

// Tables.
mod csv;

// Keys with parts, and dumps of stores that have them.
mod consul;
mod dump;
mod etcd;
mod path;

#[cfg(test)]
mod tests;

pub use fault::Refused;
pub use options::{Format, Known, Options};
pub use packages::{Foreign, Notes};

use fault::Faults;
use packages::Packages;

/// Reads a text: what packages it is, or all that is wrong with it.
///
/// ```
/// use cms_foreign::{Format, Options, Refused, read};
///
/// let options = Options { package: Some("app".parse()?), ..Options::default() };
/// let Err(Refused::Faults(faults)) = read(Format::Env, b"A=1\nB\nC-D=2\n", &options) else { unreachable!() };
/// let found: Vec<_> = faults.iter().map(|fault| (fault.code, fault.line, fault.column)).collect();
/// assert_eq!(found, [("no-value", 2, 1), ("foreign-name", 3, 2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Refused::NoPackage`] and [`Refused::NoType`] where the options lack what the format does not say;
/// [`Refused::Faults`] with every fault of the text, up to a thousand.
pub fn read(format: Format, text: &[u8], options: &Options<'_>) -> Result<Foreign, Refused> {
    if options.package.is_none() && !format.names_packages() {
        return Err(Refused::NoPackage);
    }
    let (mut faults, mut packages) = (Faults::default(), Packages::new(options));
    match format {
        Format::Ini => ini::read(text, options, &mut packages, &mut faults),
        Format::Env => env::read(text, options, &mut packages, &mut faults),
        Format::Sysctl => sysctl::read(text, options, &mut packages, &mut faults),
        Format::Csv => csv::read(text, options, &mut packages, &mut faults)?,
        Format::Etcd => etcd::read(text, options, &mut packages, &mut faults),
        Format::Consul => consul::read(text, options, &mut packages, &mut faults),
    }
    faults.end()?;
    Ok(packages.end())
}
