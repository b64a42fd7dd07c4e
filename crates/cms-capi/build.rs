//! Compiles the part that uses uthash's macros.

fn main() {
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rerun-if-changed=../../include/cms/cms.h");
    cc::Build::new()
        .files(["c/views.c", "c/registers.c"])
        .include("../../include")
        .warnings(true)
        .extra_warnings(true)
        .flag("-std=c99")
        .flag("-fvisibility=hidden")
        .compile("cms_views");
}
