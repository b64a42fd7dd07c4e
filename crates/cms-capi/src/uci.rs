//! For programs that were written for libuci: the calls of `include/uci.h`, on the same files, locks and staged changes.
//!
//! A loaded package is a draft of the model, and beside it the tree of structs that programs walk through. A change goes to the draft;
//! then what it touched of the tree is brought up to it. Elements that stay keep their place in memory.
//!
//! In reading order: `layout` (the structs), `code` (errors), `files`, `delta` (what is staged); a loaded package: `room` (memory), `element`
//! (what lies in it), `table`, `index` (how it is found by name), `tree`; `context` (the calls), `lookup` (the short way of one), `stream`,
//! `exchange` (packages from streams and to them), `arguments` (words).

mod arguments;
mod code;
mod context;
mod delta;
mod element;
mod exchange;
mod files;
mod index;
mod layout;
mod lookup;
mod room;
mod stream;
mod table;
mod tree;
