//! Compiles the part that uses uthash's macros, and names the shared library.

fn main() {
    // The first number of the name changes when a program that was linked against an older library would break.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcms.so.0");
    println!("cargo:rerun-if-changed=c/views.c");
    println!("cargo:rerun-if-changed=../../include/cms/cms.h");
    cc::Build::new()
        .file("c/views.c")
        .include("../../include")
        .warnings(true)
        .extra_warnings(true)
        .flag("-std=c99")
        .flag("-fvisibility=hidden")
        .compile("cms_views");
}
