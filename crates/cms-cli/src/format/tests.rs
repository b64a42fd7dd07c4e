//! Reading back what was written gives the same, in every format, for any package.

use std::io::Read;

use cms::model::{Export, Value};
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
struct Section {
    kind: String,
    name: Option<String>,
    options: Vec<(String, Value)>,
}

fn value() -> impl Strategy<Value = Value> {
    // Bytes of all sorts, but what no UCI text holds: NUL, and the empty value.
    let bytes = prop_oneof![
        proptest::collection::vec(1u8..=255, 1..12),
        "[ -~]{1,12}".prop_map(String::into_bytes),
        "\\PC{1,6}".prop_map(String::into_bytes),
        proptest::sample::select(vec![
            "no",
            "010",
            "null",
            "~",
            "1e3",
            "- a",
            "'",
            "\"",
            "\\",
            "#x",
            "\t\n\r",
            "\u{85}\u{2028}\u{feff}"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        bytes.clone().prop_map(Value::Scalar),
        proptest::collection::vec(bytes, 1..4).prop_map(Value::List),
    ]
}

fn sections() -> impl Strategy<Value = Vec<Section>> {
    let option = ("[a-zA-Z0-9_]{1,8}", value());
    let section =
        ("[!-~]{1,6}", proptest::option::of("[a-z0-9_]{1,5}"), proptest::collection::vec(option, 0..5));
    proptest::collection::vec(section, 0..6).prop_map(|sections| {
        let mut names = std::collections::HashSet::new();
        sections
            .into_iter()
            .map(|(kind, name, options)| {
                let mut seen = std::collections::HashSet::new();
                let options = options.into_iter().filter(|(name, _)| seen.insert(name.clone())).collect();
                Section { kind, name: name.filter(|name| names.insert(name.clone())), options }
            })
            .collect()
    })
}

fn package(sections: &[Section]) -> Package {
    let mut export = Export::new(Vec::new());
    for section in sections {
        export.section(section.kind.as_bytes(), section.name.as_deref().map(str::as_bytes)).unwrap();
        for (name, value) in &section.options {
            export.option(name.as_bytes(), value).unwrap();
        }
    }
    export.end().unwrap();
    Package::parse(&export.into_inner()).unwrap()
}

fn write(format: Format, packages: &[(PackageName, Package)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, (name, package)) in packages.iter().enumerate() {
        Writer::new(format, Anonymous::Unnamed, number == 0, &mut out).package(name, package).unwrap();
    }
    Writer::new(format, Anonymous::Unnamed, packages.is_empty(), &mut out).end().unwrap();
    out
}

fn whole(text: &[u8]) -> Input {
    Input::in_pieces(text, 1 << 20)
}

fn bytes_of(mut text: Text) -> Vec<u8> {
    let mut bytes = Vec::new();
    text.read_to_end(&mut bytes).unwrap();
    bytes
}

fn check_round_trip(format: Format, packages: &[(PackageName, Package)]) {
    let text = write(format, packages);
    let shown = String::from_utf8_lossy(&text);
    let expected: Vec<_> = packages.iter().map(|(name, package)| (name.clone(), package.text())).collect();
    for size in [1, 7, 1 << 20] {
        let input = Input::in_pieces(&text, size);
        let back = read(format, input, None).unwrap_or_else(|error| panic!("{format:?} {error:?}\n{shown}"));
        let found: Vec<_> =
            back.into_iter().map(|imported| (imported.package, bytes_of(imported.text))).collect();
        assert_eq!(found, expected, "{format:?} {size}\n{shown}");
    }
}

const ALL: [Format; 4] = [Format::Uci, Format::Json, Format::Yaml, Format::Toml];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_exported_is_imported(first in sections(), second in sections()) {
        let packages = [("network".parse().unwrap(), package(&first)), ("a-b".parse().unwrap(), package(&second))];
        for format in ALL {
            check_round_trip(format, &packages);
        }
    }

    #[test]
    fn no_document_makes_the_reader_panic(bytes: Vec<u8>, text in "\\PC{0,80}") {
        for format in ALL {
            let _ = read(format, whole(&bytes), None);
            let _ = read(format, whole(text.as_bytes()), None);
        }
    }
}

#[test]
fn no_package_at_all_is_a_document_too() {
    for format in ALL {
        check_round_trip(format, &[]);
    }
}

#[test]
fn uci_text_keeps_every_byte() {
    let texts: [&[u8]; 6] = [
        b"# header\n\nconfig a 'b'   # why\n\toption x \"y\"\n\n\n",
        b"",
        b"\n",
        b"config a\n\toption x 1",
        b"# its own name\npackage 'network'\n\nconfig a\n",
        b"config a\r\n\toption x 'y'\r\n",
    ];
    for first in texts {
        for second in texts {
            let second = String::from_utf8_lossy(second).replace("'network'", "'dhcp'");
            let parse = |text: &[u8]| Package::parse(text).unwrap();
            let packages = [
                ("network".parse().unwrap(), parse(first)),
                ("dhcp".parse().unwrap(), parse(second.as_bytes())),
            ];
            check_round_trip(Format::Uci, &packages);
        }
    }
}

#[test]
fn a_text_that_names_other_packages_is_written_anew() {
    let package = Package::parse(b"package other\nconfig a\npackage more\nconfig b\n").unwrap();
    let text = write(Format::Uci, &[("network".parse().unwrap(), package)]);
    assert_eq!(text, b"package network\n\nconfig a\n\nconfig b\n\n");
}

#[test]
fn generated_names_are_written_on_request() {
    let package = Package::parse(b"config a 'x'\nconfig rule\n\toption o 1\n").unwrap();
    for format in ALL {
        let mut out = Vec::new();
        Writer::new(format, Anonymous::Generated, true, &mut out)
            .package(&"p".parse().unwrap(), &package)
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("cfg0292bd"), "{format:?} {text}");
    }
}

#[test]
fn a_document_of_the_wrong_shape_is_refused() {
    let refused = |format, text: &str, words: &str| {
        let error = format!("{:?}", read(format, whole(text.as_bytes()), None).unwrap_err());
        assert!(error.contains(words), "{text}\n{error}");
    };
    let options = |options: &str| {
        format!(
            r#"{{"cms":1,"packages":[{{"name":"p","sections":[{{"type":"t","options":{{{options}}}}}]}}]}}"#
        )
    };
    refused(Format::Json, "{", "Syntax");
    refused(Format::Json, r#"{"cms":2,"packages":[]}"#, "Version(2)");
    refused(Format::Json, r#"{"cms":1,"packages":[],"x":1}"#, "unknown field");
    refused(Format::Json, &options(r#""a":1"#), "a string in quotes");
    refused(Format::Json, &options(r#""a":true"#), "a string in quotes");
    refused(Format::Json, &options(r#""a":[["x"]]"#), "a list cannot hold a list");
    refused(Format::Json, &options(r#""a":{"base64":"?"}"#), "no base64");
    refused(Format::Json, &options(r#""a":"""#), "no empty values");
    refused(Format::Json, &options(r#""a":[]"#), "no empty values");
    refused(Format::Json, &options(r#""a":"x","a":"y""#), "twice");
    refused(Format::Json, &options(r#""a-b":"x""#), "options.a-b");
    refused(Format::Json, &options(r#""a":"\u0000""#), "NUL");
    refused(
        Format::Yaml,
        "cms: 1\npackages:\n  - name: p\n    sections:\n      - type: t\n        options:\n          a: no\n",
        "Syntax",
    );
    refused(Format::Yaml, "a: &a [x]\nb: *a\n", "Syntax");
    refused(
        Format::Toml,
        "cms = 1\n[[packages]]\nname = 'p'\n[[packages.sections]]\ntype = 't'\n[packages.sections.options]\na = 010\n",
        "Syntax",
    );
    refused(Format::Uci, "config a\n", "NoPackage");
    refused(Format::Uci, "package a\noptoin x\n", "Text");
    refused(Format::Uci, "package a\nconfig x\npackage a\nconfig y\n", "Twice");
    refused(Format::Uci, "config x\npackage a\n", "NoPackage");
}

#[test]
fn a_name_renames_the_only_package() {
    let name = Some("q".parse().unwrap());
    let renamed = |format, text: &str| read(format, whole(text.as_bytes()), name.as_ref());
    let check = |text: &str, expected: &str| {
        let imported = renamed(Format::Uci, text).unwrap().pop().unwrap();
        assert_eq!(imported.package.as_str(), "q");
        assert_eq!(String::from_utf8(bytes_of(imported.text)).unwrap(), expected);
    };
    check("config a\n", "config a\n");
    check("package p\nconfig a\n", "config a\n");
    check("# of p\npackage p # its name\nconfig a\n", "# of p\nconfig a\n");
    check("\n\npackage p; config a\n", " config a\n");
    check("package p\nconfig a\npackage q\nconfig b\n", "package p\nconfig a\npackage q\nconfig b\n");
    check("# none\n", "# none\n");
    check("", "");
    assert!(matches!(renamed(Format::Json, r#"{"cms":1,"packages":[]}"#), Err(FormatError::NotOne(0))));
}
