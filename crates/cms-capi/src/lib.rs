//! `libcms`: what C calls. The interface is told in `include/cms/cms.h` and `include/uci.h`; this crate is what stands behind it.
//!
//! The border is made of few types: `text::Text` is a string of the caller's, `border::Out` a place for an answer, a reference a
//! handle that was handed out. With them the functions themselves are ordinary Rust, and `unsafe` is needed where one of these
//! types is looked into. A null is an error and never looked into; a panic ends at the border (`border::status`) and is an error, too.
//!
//! In reading order: `status` (errors), `border`, `text`, `owned` (answers that C frees). A store that stands alone: `config`. A
//! configuration with its log: `store`, `effective`, `transaction`, `manager`, `watch`, `events`, `schema`. For programs that were written for libuci: `uci`.

#![allow(
    unsafe_code,
    reason = "an exported name is unsafe by itself; blocks of it are in the files that expect them"
)]
#![deny(clippy::undocumented_unsafe_blocks)]

mod border;
mod config;
mod effective;
mod events;
mod lock;
mod manager;
mod moment;
mod owned;
mod schema;
mod status;
mod store;
mod text;
mod transaction;
mod uci;
mod watch;
