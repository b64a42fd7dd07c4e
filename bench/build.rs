//! Compiles the peers that are written in C.

fn main() {
    for file in ["peers/uthash.c", "peers/lmdb.c"] {
        println!("cargo::rerun-if-changed={file}");
    }
    cc::Build::new()
        .files(["peers/uthash.c", "peers/lmdb.c"])
        .opt_level(3)
        // What uthash.h does with memory that runs out is not ours to judge.
        .warnings(false)
        .compile("peers");
    println!("cargo::rustc-link-lib=lmdb");
}
