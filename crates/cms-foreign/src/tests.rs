//! Texts and what becomes of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cms_model::{Package, TypeName};
use proptest::prelude::*;

use super::*;

fn app() -> Options<'static> {
    Options { package: Some("app".parse().unwrap()), ..Options::default() }
}

/// What a text becomes, as lines like `app.main=section` and `app.main.a='1'`, or the faults as `CODE LINE:COLUMN+LENGTH`.
fn lines(format: Format, text: &[u8], options: &Options<'_>) -> Vec<String> {
    let read = match read(format, text, options) {
        Ok(read) => read,
        Err(Refused::Faults(faults)) => {
            let line = |fault: &cms_model::Diagnostic| {
                let file = fault.file.as_deref().map(|file| format!("{file}:")).unwrap_or_default();
                format!("{} {file}{}:{}+{}", fault.code, fault.line, fault.column, fault.span_len)
            };
            return faults.iter().map(line).collect();
        }
        Err(other) => return vec![format!("{other:?}")],
    };
    let mut shown = Vec::new();
    for (name, text) in &read.packages {
        let package = Package::parse(text).unwrap();
        for (number, section) in package.sections().enumerate() {
            let address = section.name().map_or_else(|| format!("@[{number}]"), str::to_owned);
            shown.push(format!("{name}.{address}={}", section.kind()));
            for (option, value) in section.options() {
                let items: Vec<_> = value.items().iter().map(|item| String::from_utf8_lossy(item)).collect();
                let value = if value.is_list() { format!("{items:?}") } else { items.concat() };
                shown.push(format!("{name}.{address}.{option}={value}"));
            }
        }
    }
    shown
}

#[track_caller]
fn check(format: Format, text: impl AsRef<[u8]>, options: &Options<'_>, expected: &[&str]) {
    let text = text.as_ref();
    assert_eq!(lines(format, text, options), expected, "{}", String::from_utf8_lossy(text));
}

#[test]
fn ini_has_sections_lists_and_quotes() {
    check(
        Format::Ini,
        "; of the app\nname = first\n\n[db]\nhost=a b \nport: 1\nlist = x\nlist = y\nonce[] = z\nempty =\n[remote \"origin\"]\n\turl = \"x # y\" # why\n\tsay='it\\n'\n[db] ; again\nlast = \"\\\"\\\\\\t\"\n",
        &app(),
        &[
            "app.main=section",
            "app.main.name=first",
            "app.db=section",
            "app.db.host=a b",
            "app.db.port=1",
            "app.db.list=[\"x\", \"y\"]",
            "app.db.once=[\"z\"]",
            "app.db.last=\"\\\t",
            "app.origin=remote",
            "app.origin.url=x # y",
            "app.origin.say=it\\n",
        ],
    );
    check(Format::Ini, "\u{feff}[a]\r\nb = c\r\n", &app(), &["app.a=section", "app.a.b=c"]);
    check(Format::Ini, "", &app(), &[]);
    check(Format::Ini, "a = 1", &Options::default(), &["NoPackage"]);
}

#[test]
fn ini_names_every_fault_with_its_place() {
    check(
        Format::Ini,
        "[a]\nkey\n= 1\nx-y = 1\nq = \"open\nz = \"a\" b\ne = \"\\q\"\nc = a ;b\nd = C:\\\n",
        &app(),
        &[
            "no-value 2:1+3",
            "no-key 3:1+1",
            "foreign-name 4:2+1",
            "unterminated-quote 5:5+1",
            "after-quote 6:9+1",
            "bad-escape 7:6+2",
            "unclear-comment 8:7+2",
            "continued-line 9:7+1",
        ],
    );
    for (header, place) in [
        ("[a", "1:1+2"),
        ("[]", "1:1+2"),
        ("[a] b", "1:4+2"),
        ("[a\"b\"]", "1:3+4"),
        ("[a \"b\"", "1:7+1"),
        ("[a \"b\"] c", "1:9+1"),
    ] {
        check(Format::Ini, format!("{header}\n"), &app(), &[&format!("bad-header {place}")]);
    }
    check(Format::Ini, "[a.b]\nx = 1\ny-z = 1\n", &app(), &["foreign-name 1:3+1", "foreign-name 3:1+3"]);
    check(Format::Ini, "[a \"b]\n", &app(), &["unterminated-quote 1:4+1"]);
    check(Format::Ini, "[a]\n[x \"a\"]\n", &app(), &["type-mismatch 2:2+1"]);
    check(Format::Ini, "[x \"a\"]\n[a]\n", &app(), &["type-mismatch 2:2+1"]);
    check(Format::Ini, "[x \"a\"]\n[y \"a\"]\n", &app(), &["type-mismatch 2:2+1"]);
    check(Format::Ini, "a = b\0c\n", &app(), &["nul-byte 1:1+1"]);
    check(Format::Ini, b"\xff\xfea\0", &app(), &["utf-16 1:1+2"]);
}

#[test]
fn what_readers_of_ini_disagree_about_is_decided_by_who_asks() {
    let text = "a = b ;c\nd = e\\\n";
    let with = |inline| Options { inline_comments: Some(inline), ..app() };
    check(Format::Ini, text, &with(false), &["app.main=section", "app.main.a=b ;c", "app.main.d=e\\"]);
    check(Format::Ini, text, &with(true), &["continued-line 2:6+1"]);
    check(Format::Ini, "a = b ;c\ne = ;d\n", &with(true), &["app.main=section", "app.main.a=b"]);
}

#[test]
fn names_are_fitted_where_it_is_asked_for_and_never_made_one() {
    let fitting = Options { fit_names: true, ..app() };
    check(Format::Ini, "[a.b]\nx-y = 1\n", &fitting, &["app.a_b=section", "app.a_b.x_y=1"]);
    check(Format::Sysctl, "a.x-y = 1\na.x_y = 2\n", &fitting, &["key-twice 2:3+3"]);
    check(Format::Env, "ä-b=1\n", &fitting, &["app.main=section", "app.main.__b=1"]);
}

#[test]
fn types_are_those_of_the_text_of_the_call_of_the_store_in_this_order() {
    let known = |package: &cms_model::PackageName, name: &str| {
        (package.as_str() == "app" && name == "lan").then(|| TypeName::new("interface").unwrap())
    };
    let text = "[lan]\na = 1\n[wan]\n[x \"y\"]\n";
    check(
        Format::Ini,
        text,
        &Options { known: &known, ..app() },
        &["app.lan=interface", "app.lan.a=1", "app.wan=section", "app.y=x"],
    );
    let asked = Options {
        known: &known,
        kind: Some("t".parse().unwrap()),
        section: Some("s".parse().unwrap()),
        ..app()
    };
    check(Format::Ini, text, &asked, &["app.lan=t", "app.lan.a=1", "app.wan=t", "app.y=x"]);
    check(Format::Env, "A=1", &asked, &["app.s=t", "app.s.A=1"]);
}

#[test]
fn env_has_quotes_over_lines_and_expands_nothing() {
    let text = "# x\nA=1\nexport B = two words # why\nC='it'\\''\n";
    check(Format::Env, text, &app(), &["after-quote 4:7+3"]);
    let text =
        "A=1\r\nexport B = two words # why\r\nC=\"a\nb\\n$HOME\" # c\nD='\n'\nE=a#b\nF=\nexported=x\nG=$\n";
    check(
        Format::Env,
        text,
        &app(),
        &[
            "app.main=section",
            "app.main.A=1",
            "app.main.B=two words",
            "app.main.C=a\nb\n$HOME",
            "app.main.D=\n",
            "app.main.E=a#b",
            "app.main.exported=x",
            "app.main.G=$",
        ],
    );
    let read = read(Format::Env, text.as_bytes(), &app()).unwrap();
    assert_eq!((read.notes.variables, read.notes.empty, read.options), (1, 1, 7));
    check(
        Format::Env,
        "A\n=1\nA=\"x\ny\\q\"\nB=1\nB=2\nC.D=1\nE='\n",
        &app(),
        &[
            "no-value 1:1+1",
            "no-key 2:1+1",
            "bad-escape 4:2+2",
            // Where it began, nothing was read; the line behind is one of its own.
            "no-value 4:1+4",
            "key-twice 6:1+1",
            "foreign-name 7:2+1",
            "unterminated-quote 8:3+1",
        ],
    );
}

#[test]
fn sysctl_has_keys_with_parts() {
    check(
        Format::Sysctl,
        "# x\n; y\nnet.ipv4.ip_forward = 1\n-kernel/core_pattern=|a = b\n",
        &app(),
        &[
            "app.net=section",
            "app.net.ipv4_ip_forward=1",
            "app.kernel=section",
            "app.kernel.core_pattern=|a = b",
        ],
    );
    check(
        Format::Sysctl,
        "a = 1\nb.c\n = 1\na..b = 1\nnet.ipv4.conf.eth0/100.x = 1\nnet.*.x = 1\na.b = 1\n a.b =\n",
        &app(),
        &[
            "short-key 1:1+1",
            "no-value 2:1+3",
            "no-key 3:2+1",
            "empty-part 4:3+0",
            "foreign-name 5:19+1",
            "foreign-name 6:5+1",
        ],
    );
}

#[test]
fn csv_has_rows() {
    let csv = |columns: &str| Options {
        kind: Some("host".parse().unwrap()),
        name_column: (!columns.is_empty()).then(|| columns.into()),
        ..app()
    };
    let text = "name,ip,tag,tag\r\na,1,x,y\r\n\r\n,\"2, \"\"3\"\"\n4\",x,\r\n";
    check(
        Format::Csv,
        text,
        &csv("name"),
        &[
            "app.a=host",
            "app.a.ip=1",
            "app.a.tag=[\"x\", \"y\"]",
            "app.@[1]=host",
            "app.@[1].ip=2, \"3\"\n4",
            "app.@[1].tag=[\"x\"]",
        ],
    );
    check(
        Format::Csv,
        "a;b\n1;2",
        &Options { separator: b';', ..csv("") },
        &["app.@[0]=host", "app.@[0].a=1", "app.@[0].b=2"],
    );
    check(Format::Csv, "a,b\n,", &csv(""), &["app.@[0]=host"]);
    check(Format::Csv, "\n\n", &csv("x"), &[]);
    check(Format::Csv, "a\n1\n", &app(), &["NoType"]);
    check(Format::Csv, "a,b\n", &csv("x"), &["no-column 1:1+3"]);
    check(Format::Csv, "a-b,c\n1,2\n", &csv(""), &["foreign-name 1:2+1"]);
    check(
        Format::Csv,
        "n,b\n1\nx,a\"b\nx,\"a\" b\nx,\"a\nb\"c\nx,1\nx,2\ny,\"",
        &csv("n"),
        &[
            "field-count 2:1+1",
            "quote-in-field 3:4+1",
            "after-quote 4:6+2",
            "after-quote 6:3+1",
            "key-twice 8:1+1",
            "unterminated-quote 9:3+1",
        ],
    );
    check(Format::Csv, "a,b\n1,x\0\n", &csv(""), &["nul-byte 2:3+2"]);
}

fn etcd(entries: &[(&[u8], &[u8])]) -> String {
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| {
            format!(r#"{{"key":"{}","mod_revision":2,"value":"{}"}}"#, encode(key), encode(value))
        })
        .collect();
    format!(r#"{{"header":{{"revision":2}},"kvs":[{}],"count":{}}}"#, entries.join(","), entries.len())
}

#[test]
fn a_dump_of_etcd_has_packages_sections_and_options() {
    let dump = etcd(&[
        (b"/network/lan", b"interface"),
        (b"/network/lan/proto", b"static"),
        (b"/network/lan/a/b", b"\xff\n"),
        (b"/network/wan/", b""),
        (b"/dhcp/lan/start", b"1"),
    ]);
    check(
        Format::Etcd,
        &dump,
        &Options::default(),
        &[
            "network.lan=interface",
            "network.lan.proto=static",
            "network.lan.a_b=\u{fffd}\n",
            "dhcp.lan=section",
            "dhcp.lan.start=1",
        ],
    );
    let below = Options { prefix: Some(b"/network".to_vec()), ..app() };
    check(
        Format::Etcd,
        &dump,
        &below,
        &["app.lan=interface", "app.lan.proto=static", "app.lan.a_b=\u{fffd}\n"],
    );
    assert_eq!(read(Format::Etcd, dump.as_bytes(), &below).unwrap().notes.outside, 1);
    check(
        Format::Etcd,
        etcd(&[
            (b"/a", b"1"),
            (b"/a//b", b"1"),
            (b"/a/b/c-d", b"1"),
            (b"/a/b/n", b"\0"),
            (b"\xff/b/c", b"1"),
            (b"", b"1"),
            (b"/x/y/", b"1"),
            (b"/x/y", b"a b"),
        ]),
        &Options::default(),
        &[
            "short-key kvs[0]:1:1+2",
            "empty-part kvs[1]:1:4+0",
            "foreign-name kvs[2]:1:7+1",
            "nul-byte kvs[3]:1:6+1",
            "foreign-package kvs[4]:1:1+1",
            "empty-part kvs[5]:1:1+0",
            "empty-part kvs[6]:1:6+0",
            "foreign-type kvs[7]:1:2+1",
        ],
    );
}

#[test]
fn a_dump_that_is_none_or_not_whole_is_refused() {
    let none = Options::default();
    for text in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"header":{},"kvs":[{"value":""}]}"#,
        r#"{"header":1,"kvs":[{"key":1}]}"#,
        "\0",
    ] {
        let found = lines(Format::Etcd, text.as_bytes(), &none);
        assert!(found.len() == 1 && found[0].starts_with("bad-json 1:"), "{text} {found:?}");
    }
    check(Format::Etcd, r#"{"header":{}}"#, &none, &[]);
    check(Format::Etcd, r#"{"header":{},"more":true}"#, &none, &["part-of-dump kvs[0]:1:1+0"]);
    check(Format::Etcd, r#"{"header":{},"count":3}"#, &none, &["part-of-dump kvs[0]:1:1+0"]);
    check(Format::Etcd, r#"{"header":{},"kvs":[{"key":"?"}]}"#, &none, &["bad-base64 kvs[0]:1:1+1"]);
    check(Format::Consul, r#"[{"key":"a/b/c","value":"?"}]"#, &none, &["bad-base64 [0]:1:1+5"]);
    let deep = "[".repeat(100_000);
    assert!(lines(Format::Consul, deep.as_bytes(), &none)[0].starts_with("bad-json"));
    assert!(
        lines(Format::Etcd, format!(r#"{{"header":{deep}"#).as_bytes(), &none)[0].starts_with("bad-json")
    );
}

#[test]
fn a_dump_of_consul_has_flags_and_folders() {
    let dump = r#"[{"key":"app/","flags":0,"value":""},{"key":"app/db/","flags":0,"value":null},
        {"key":"app/db/h\u00f6st","flags":42,"value":"YQ=="},{"key":"app/db/e","value":""}]"#;
    check(Format::Consul, dump, &Options::default(), &["foreign-name [2]:1:9+1"]);
    let fitting = Options { fit_names: true, ..Options::default() };
    check(Format::Consul, dump, &fitting, &["app.db=section", "app.db.h_st=a"]);
    let notes = read(Format::Consul, dump.as_bytes(), &fitting).unwrap().notes;
    assert_eq!((notes.marked, notes.empty), (1, 1));
}

#[test]
fn so_many_faults_are_enough() {
    let text = "x\n".repeat(5000);
    assert_eq!(lines(Format::Ini, text.as_bytes(), &app()).len(), 1000);
}

#[test]
fn many_options_of_a_section_are_found_again() {
    let text: String = (0..200).chain([7]).map(|number| format!("k{number}=1\n")).collect();
    check(Format::Env, text, &app(), &["key-twice 201:1+2"]);
}

/// A value as each format writes it.
fn quoted(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{}\"", value.replace('\t', "\\t"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes in, what comes out is packages that parse or faults that have a place.
    #[test]
    fn no_text_is_too_strange(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            "[\\[\\]\"'=:;#\\\\ \t\r\na-c.,/$-]{0,60}".prop_map(String::into_bytes),
        ],
        fit_names: bool,
        inline_comments: Option<bool>,
        entries in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..8), proptest::collection::vec(any::<u8>(), 0..4)), 0..4),
    ) {
        let entries: Vec<(&[u8], &[u8])> = entries.iter().map(|(key, value)| (&key[..], &value[..])).collect();
        for format in Format::ALL {
            for text in [&bytes[..], etcd(&entries).as_bytes()] {
                let options = Options { kind: Some("t".parse().unwrap()), fit_names, inline_comments, ..app() };
                match read(format, text, &options) {
                    Ok(read) => {
                        let count: usize = read.packages.iter().map(|(_, text)| Package::parse(text).unwrap().option_count()).sum();
                        prop_assert!(count <= read.options);
                    }
                    Err(Refused::Faults(faults)) => {
                        prop_assert!(!faults.is_empty());
                        prop_assert!(faults.iter().all(|fault| fault.line > 0 && fault.column > 0));
                        let unknown = faults.iter().find(|fault| cms_model::schema::Code::find(fault.code).is_none());
                        prop_assert!(unknown.is_none(), "{unknown:?}");
                    }
                    Err(other) => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }

    /// What is written in quotes is read as it was.
    #[test]
    fn quoted_values_come_back(values in proptest::collection::vec("[^\0]{1,8}", 1..5)) {
        let expected: Vec<(String, &String)> = values.iter().enumerate().map(|(n, value)| (format!("k{n}"), value)).collect();
        let text: String = expected.iter().map(|(key, value)| format!("{key}={}\n", quoted(value))).collect();
        let cells: Vec<String> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
        let names: Vec<&str> = expected.iter().map(|(key, _)| key.as_str()).collect();
        let table = format!("{}\n{}\n", names.join(","), cells.join(","));
        let keys: Vec<String> = names.iter().map(|name| format!("/app/main/{name}")).collect();
        let entries: Vec<(&[u8], &[u8])> = keys.iter().zip(&values).map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
        for (format, text) in [(Format::Ini, &text), (Format::Env, &text), (Format::Csv, &table), (Format::Etcd, &etcd(&entries))] {
            let package = (format != Format::Etcd).then(|| "app".parse().unwrap());
            let options = Options { package, kind: Some("t".parse().unwrap()), ..Options::default() };
            let read = read(format, text.as_bytes(), &options).unwrap();
            let package = Package::parse(&read.packages[0].1).unwrap();
            let section = package.sections().next().unwrap();
            for (key, value) in &expected {
                let found = section.get(key).unwrap();
                prop_assert_eq!(found.as_bytes().unwrap(), value.as_bytes(), "{:?} {}", format, text);
            }
        }
    }
}
