//! cms
fn main() {}
