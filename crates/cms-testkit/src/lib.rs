//! What the tests of `cms` bring along: a private home for the real program, and a disk that fails when told to.
//!
//! ```no_run
//! use cms_testkit::{Fault, Home};
//!
//! let home = Home::new("target/debug/cms");
//! home.write("system", "config system 'main'\n\toption hostname 'attic'\n");
//! home.cms(["set", "system.main.hostname=cellar"]).run().success();
//!
//! // The disk is full from the third changing call on: the commit says so, and the file is the old one.
//! home.cms(["commit"]).fault(Fault::full(3, cms_testkit::Errno::NOSPC)).run().fails();
//! assert!(home.read("system").contains("attic"));
//!
//! home.cms(["commit"]).run().success();
//! assert!(home.read("system").contains("cellar"));
//! ```
//!
//! For tests only: its functions report what they did not expect by panicking.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test helper reports by panicking")]

pub mod backend_suite;
mod command;
pub mod fault;
pub mod history;
mod home;
mod ledger;
mod mount;
mod pending;
mod random;
pub mod table_suite;

pub use backend_suite::backend_suite;
pub use command::{Answer, Command, Running};
pub use fault::{Call, Fault};
pub use home::Home;
pub use ledger::{Ledger, Seen};
pub use mount::Mount;
pub use pending::alter_pending;
pub use random::Random;
pub use rustix::io::Errno;
