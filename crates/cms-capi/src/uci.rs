//! For programs that were written for libuci: the calls of `include/uci.h`, on the same files, locks and staged changes.
//!
//! A loaded package is a draft of the model, and beside it the tree of structs that programs walk through. A change goes to the draft;
//! then what it touched of the tree is brought up to it. Elements that stay keep their place in memory.
//!
//! In reading order: `layout` (the structs), `code` (errors), `files`, `delta` (what is staged), `tree` (a loaded package), `context`
//! (the calls), `stream`, `exchange` (packages from streams and to them), `arguments` (words).

mod arguments;
mod code;
mod context;
mod delta;
mod exchange;
mod files;
mod layout;
mod stream;
mod tree;
