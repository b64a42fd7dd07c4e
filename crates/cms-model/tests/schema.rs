//! Schemas as people write them: what they find in packages, and what is found in them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cms_model::schema::{Access, Checker, Mode, Module, Rules, Schemas, Typed};
use cms_model::{Diagnostic, Package, Severity, Value};

fn package(text: &str) -> Package {
    Package::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

fn module(text: &str) -> Module {
    Module::read(&package(text), "schema", &Rules::default()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn line(found: &Diagnostic) -> String {
    let hint = found.hint.as_ref().map(|hint| format!(" [{hint}]")).unwrap_or_default();
    let end = found.column + found.span_len;
    format!("{} {}:{}-{end} {}{hint}", found.code, found.line, found.column, found.message)
}

fn lines(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(line).collect()
}

/// Checks a package `p` against the fields given in short, for sections of the type `s`.
#[track_caller]
fn check(fields: &str, options: &str, wanted: &[&str]) {
    let schema = format!("config module 'p'\nconfig section 's'\nconfig fields\n{fields}\n");
    check_package(&schema, &format!("config s 'a'\n{options}\n"), wanted);
}

#[track_caller]
fn check_package(schema: &str, text: &str, wanted: &[&str]) {
    let mut schemas = Schemas::default();
    schemas.insert(module(schema));
    let found = Checker::new(&schemas, &()).check("p", &package(text));
    assert_eq!(lines(&found), wanted);
}

/// Checks what is wrong with a schema.
#[track_caller]
fn check_schema(text: &str, wanted: &[&str]) {
    let faults = Module::read(&package(text), "schema", &Rules::default()).map(|_| ()).unwrap_err();
    assert_eq!(lines(&faults), wanted);
}

#[test]
fn the_example_of_the_seed_declares_a_module_and_validates_the_package_that_it_lies_in() {
    let text = include_str!("../../../examples/etc-config/example");
    let example = package(text);
    let auth = Module::embedded(&example, "example", &Rules::default()).unwrap().unwrap();
    assert_eq!(auth.name(), "auth");
    let settings = auth.settings();
    assert_eq!(settings.db_path.as_deref(), Some("/var/db/auth.db"));
    assert_eq!(settings.cache_size, Some(100 << 20));
    assert_eq!(settings.allowed_clients, ["192.168.1.100", "192.168.1.101"]);
    let username = auth.field("user", "username").unwrap();
    assert!(username.is_required() && username.is_cached());
    assert_eq!((username.size(), username.access()), (Some(32), Access::ReadWrite));
    let mut schemas = Schemas::default();
    schemas.insert(auth);

    let check = |more: &str, wanted: &[&str]| {
        let found = Checker::new(&schemas, &()).check("example", &package(&format!("{text}{more}")));
        assert_eq!(lines(&found), wanted);
    };
    check("", &[]);
    check("config user\n\toption username 'bob'\n", &[]);
    check(
        "config user 'x'\n\toption username 'bob!'\n",
        &["CMS0105 19:18-24 `example.x.username`: `bob!` is not letters from a to z and digits"],
    );
    check(
        "config user 'x'\n",
        &["CMS0103 18:1-16 `example.x.username` is missing, and required [add `option username '...'`]"],
    );
    check(
        &format!("config user x\n\toption username {}\n", "b".repeat(33)),
        &[&format!(
            "CMS0107 19:18-51 `example.x.username`: `{}` has 33 bytes, not 32 bytes or fewer",
            "b".repeat(33)
        )],
    );
    check(
        "config user 'x'\n\toption username 'bob'\n\toption usrname 'bob'\n",
        &["CMS0101 20:9-16 `example.x.usrname` is no option of `user` [did you mean `username`?]"],
    );
}

#[test]
fn the_same_file_is_a_schema_of_its_own() {
    let text = include_str!("../../../examples/etc-config/example");
    assert!(module(text).governs("auth"));
}

#[test]
fn what_is_unknown_is_told_with_what_may_be_meant() {
    check(
        "\toption port 'port'",
        "\toption prot '80'\n\toption zzz '1'",
        &[
            "CMS0101 2:9-13 `p.a.prot` is no option of `s` [did you mean `port`?]",
            "CMS0101 3:9-12 `p.a.zzz` is no option of `s`",
        ],
    );
    let schema = "config module 'p'\nconfig section 'zone'\n\toption unknown 'allow'\n";
    check_package(
        schema,
        "config zon\nconfig zone\n\toption x 1\n",
        &[
            "CMS0102 1:1-11 `p.@zon[0]` is of the type `zon`, which the schema does not know [did you mean `zone`?]",
        ],
    );
    check_package(
        "config module 'p'\n\toption strict 1\nconfig fields\n\toption a int\n",
        "config s\n\toption b 1\n",
        &["CMS0101 2:9-10 `p.@s[0].b` is no option of `s`"],
    );
}

#[test]
fn unknown_is_a_warning_unless_it_is_refused() {
    for (option, severity) in [("warn", Severity::Warning), ("error", Severity::Error)] {
        let mut schemas = Schemas::default();
        schemas.insert(module(&format!(
            "config module 'p'\n\toption unknown '{option}'\nconfig fields s\n\toption a int\n"
        )));
        let found = Checker::new(&schemas, &()).check("p", &package("config s\n\toption b 1\n"));
        assert_eq!(found[0].severity, severity);
    }
}

#[test]
fn values_are_checked_by_their_type() {
    check(
        "\toption a 'int'\n\toption b 'bool'\n\toption c 'ipv4'\n\toption d 'netmask'",
        "\toption a 'x'\n\toption b 'maybe'\n\toption c '10.0.0.300'\n\toption d '255.255.255.266'",
        &[
            "CMS0105 2:11-14 `p.a.a`: `x` is not a whole number",
            "CMS0105 3:11-18 `p.a.b`: `maybe` is not 0 or 1 (also off, on, false, true, no, yes, disabled, enabled)",
            "CMS0105 4:11-23 `p.a.c`: `10.0.0.300` is not an IPv4 address such as 192.168.1.1",
            "CMS0105 5:11-28 `p.a.d`: `255.255.255.266` is not a netmask such as 255.255.255.0",
        ],
    );
}

#[test]
fn bounds_measure_what_the_type_is() {
    check(
        "\toption a 'int|between:1,9'",
        "\toption a '10'",
        &["CMS0106 2:11-15 `p.a.a`: `10` is not a number from 1 to 9"],
    );
    check(
        "\toption a 'min:3'",
        "\toption a 'äö'",
        &["CMS0107 2:11-17 `p.a.a`: `äö` has 2 characters, not 3 characters or more"],
    );
    check(
        "\toption a 'max(3)'",
        "\toption a '3.5'",
        &["CMS0106 2:11-16 `p.a.a`: `3.5` is not a number of 3 or less"],
    );
    check(
        "\toption a 'duration|max:1h'",
        "\toption a '61m'",
        &["CMS0106 2:11-16 `p.a.a`: `61m` is not a duration of 1h or less"],
    );
    check(
        "\toption a 'size|min:1k'",
        "\toption a '1023'",
        &["CMS0106 2:11-17 `p.a.a`: `1023` is not a size of 1k or more"],
    );
    check(
        "\toption a 'float|max:1.5'",
        "\toption a '1.6'",
        &["CMS0106 2:11-16 `p.a.a`: `1.6` is not a number of 1.5 or less"],
    );
    check(
        "\toption a 'duration|unit:ms|max:1s'",
        "\toption a '1001'",
        &["CMS0106 2:11-17 `p.a.a`: `1001` is not a duration of 1s or less"],
    );
    check(
        "\toption a 'uint|size:1'\n\toption b 'int|size:1'",
        "\toption a '256'\n\toption b '-129'",
        &[
            "CMS0106 2:11-16 `p.a.a`: `256` is not a number of 8 bits",
            "CMS0106 3:11-17 `p.a.b`: `-129` is not a number of 8 bits",
        ],
    );
    check(
        "\toption a 'len:2'\n\toption b 'digits:2,3'",
        "\toption a 'abc'\n\toption b '1'",
        &[
            "CMS0107 2:11-16 `p.a.a`: `abc` has 3 characters, not 2 characters",
            "CMS0105 3:11-14 `p.a.b`: `1` is not 2 to 3 digits",
        ],
    );
}

#[test]
fn choices_and_patterns() {
    check(
        "\toption proto 'in:static,dhcp,pppoe'",
        "\toption proto 'statc'",
        &[
            "CMS0108 2:15-22 `p.a.proto`: `statc` is not one of `static`, `dhcp`, `pppoe` [did you mean `static`?]",
        ],
    );
    check(
        "\toption a 'regex:^(x|y)+$'",
        "\toption a 'xyz'",
        &["CMS0109 2:11-16 `p.a.a`: `xyz` is not a text that matches /^(x|y)+$/"],
    );
    check(
        "\toption a '!in:x,y'\n\toption b 'not_in:z'",
        "\toption a 'x'\n\toption b 'z'",
        &[
            "CMS0122 2:11-14 `p.a.a`: `x` is one of `x`, `y`, which it must not be",
            "CMS0122 3:11-14 `p.a.b`: `z` is `z`, which it must not be",
        ],
    );
    check(
        "\toption a 'starts_with:eth,wlan'",
        "\toption a 'br0'",
        &["CMS0109 2:11-16 `p.a.a`: `br0` is not a text that starts with `eth`, `wlan`"],
    );
}

#[test]
fn the_data_types_of_openwrt() {
    check("\toption a 'or(port, \"any\", range(-2,-1))'", "\toption a 'any'", &[]);
    check(
        "\toption a 'or(port,\"any\")'",
        "\toption a 'some'",
        &["CMS0105 2:11-17 `p.a.a`: `some` is not a port from 0 to 65535, or `any`"],
    );
    check(
        "\toption a 'list(neg(ipmask4))'",
        "\toption a '!10.0.0.0/8 ! 1.2.3.4'",
        &[
            "CMS0105 2:11-34 `p.a.a`: `!10.0.0.0/8 ! 1.2.3.4` is not words of which each is an IPv4 address, with /24 or /255.255.255.0 behind it if you like, with or without a `!` before it",
        ],
    );
    check(
        "\toption a 'and(uinteger,min(1))'",
        "\toption a '0'",
        &[
            "CMS0105 2:11-14 `p.a.a`: `0` is not a whole number that is not negative and a number of 1 or more",
        ],
    );
    check(
        "\toption a 'rangelength(2,3)'\n\toption b 'ip4addr(\"nomask\")'",
        "\toption a 'abcd'\n\toption b 1.2.3.4",
        &["CMS0107 2:11-17 `p.a.a`: `abcd` has 4 characters, not 2 to 3 characters"],
    );
}

#[test]
fn lists_and_words() {
    check(
        "\toption a 'int'",
        "\tlist a '1'",
        &["CMS0104 2:7-8 `p.a.a` is a list, and one value belongs there [write one `option` line]"],
    );
    check(
        "\tlist a 'int'",
        "\tlist a '1'\n\tlist a 'x'",
        &["CMS0105 3:9-12 `p.a.a`: `x` is not a whole number"],
    );
    check("\tlist a 'int'", "\tlist a 'x'\n\toption a '1'", &[]);
    check(
        "\toption a 'words|in:tcp,udp'",
        "\toption a 'tcp ucp'",
        &["CMS0108 2:16-19 `p.a.a`: `ucp` is not one of `tcp`, `udp` [did you mean `tcp`?]"],
    );
    check(
        "\tlist a 'int|items:2,3|distinct'",
        "\tlist a 1\n\tlist a 2\n\tlist a 1\n\tlist a 3",
        &[
            "CMS0120 4:9-10 `p.a.a`: `1` is in the list already",
            "CMS0117 5:7-8 `p.a.a` has 4 items, not 2 to 3 items",
        ],
    );
    check("\tlist a 'required'\n\tlist a 'ip'", "\tlist a '1.2.3.4'", &[]);
}

#[test]
fn what_has_to_be_there_and_what_may_not() {
    check(
        "\toption a 'required|default:1'",
        "",
        &["CMS0103 1:1-13 `p.a.a` is missing, and required [add `option a '1'`]"],
    );
    let fields = "\toption proto 'in:static,dhcp|default:dhcp'\n\toption ipaddr 'ipv4|required_if:proto=static'\n\toption hostid 'excludes:ipaddr'";
    check(
        fields,
        "\toption proto static",
        &[
            "CMS0112 1:1-13 `p.a.ipaddr` is missing, and required because `proto` is `static` [add `option ipaddr '...'`]",
        ],
    );
    check(fields, "", &[]);
    check(
        fields,
        "\toption ipaddr 1.2.3.4\n\toption hostid 1",
        &["CMS0113 3:9-15 `p.a.hostid` cannot stand beside `ipaddr` [remove one of the two]"],
    );
    check("\toption a 'int'\n\toption b 'required_unless:a=1'", "\toption a 1", &[]);
    check(
        "\toption a 'int'\n\toption b 'required_unless:a=1'",
        "\toption a 2",
        &["CMS0112 1:1-13 `p.a.b` is missing, and required because `a` is not `1` [add `option b '...'`]"],
    );
    check("\toption a 'int'\n\toption b 'required_with:a'", "\toption a ''", &[]);
}

#[test]
fn options_that_are_to_go() {
    check(
        "\toption ifname 'deprecated:device'\n\toption device 'string'",
        "\toption ifname eth0",
        &["CMS0114 2:9-15 `p.a.ifname` is deprecated [use `device` instead]"],
    );
}

#[test]
fn sections_are_counted_and_named() {
    let schema = "config module 'p'\nconfig section 's'\n\toption min 1\n\toption max 1\n\toption naming named\nconfig section 't'\n\toption naming anonymous\n\toption type 't-*'\n";
    check_package(
        schema,
        "config s 'a'\nconfig s 'b'\nconfig t-1\nconfig t-2 'x'\n",
        &[
            "CMS0115 2:1-13 `p.b` is one section too many [there may be 1 section of the type `s`]",
            "CMS0116 4:1-15 `p.x` has a name, and must not have one [write `config t-*` alone]",
        ],
    );
    check_package(
        schema,
        "config s\n",
        &["CMS0116 1:1-9 `p.@s[0]` has no name, and needs one [write `config s 'NAME'`]"],
    );
    check_package(
        schema,
        "",
        &["CMS0115 1:1-1 `p` has 0 sections of the type `s`, not 1 section [add a `config s`]"],
    );
    let schema = "config module 'p'\nconfig section 's'\n\toption name_rules 'max:3'\n";
    check_package(
        schema,
        "config s 'long'\n",
        &["CMS0121 1:1-16 `p.long` has a name that has 4 characters, not 3 characters or fewer"],
    );
}

#[test]
fn references_lead_to_sections_and_values() {
    let schema = "config module 'p'\nconfig section zone\nconfig fields\n\toption name 'required|unique'\nconfig section rule\nconfig fields\n\toption src 'ref:.zone.name'\n\toption net 'ref:network.interface'\n";
    let text = "config zone\n\toption name 'lan'\nconfig zone\n\toption name 'lan'\nconfig rule\n\toption src 'lam'\n\toption net 'wan'\n";
    let duplicate = "CMS0111 4:14-19 `p.@zone[1].name`: `lan` is the value of `p.@zone[0]` already";
    let dead =
        "CMS0110 6:13-18 `p.@rule[0].src`: `lam` names a `zone` that does not exist [did you mean `lan`?]";
    check_package(schema, text, &[duplicate, dead]);

    let mut schemas = Schemas::default();
    schemas.insert(module(schema));
    let network = Arc::new(package("config interface 'wan6'\nconfig device 'wan'\n"));
    let others = HashMap::from([("network".to_owned(), network)]);
    let found = Checker::new(&schemas, &others).check("p", &package(text));
    let far = "CMS0110 7:13-18 `p.@rule[0].net`: `wan` names a `interface` of `network` that does not exist [did you mean `wan6`?]";
    assert_eq!(lines(&found), [duplicate, dead, far]);
}

#[test]
fn secrets_are_not_shown() {
    let schema = "config module 'p'\nconfig fields s\n\toption key 'secret|min:8'\n";
    let mut schemas = Schemas::default();
    schemas.insert(module(schema));
    for option in ["key", "kye"] {
        let found = Checker::new(&schemas, &())
            .check("p", &package(&format!("config s\n\toption {option} 'hunter'\n")));
        assert_eq!(found.len(), 1);
        assert!(
            !format!("{found:?}").contains("hunter") && !format!("{found:?}").contains("104, 117, 110"),
            "{found:?}"
        );
    }
}

#[test]
fn fields_of_the_long_form() {
    let schema = "config module 'p'\nconfig field\n\toption section 's'\n\toption name 'wait'\n\toption type 'duration'\n\toption unit 'min'\n\toption default '5'\n\toption max '1h'\n\toption description 'How long.'\n\toption reload 'now'\nconfig field 'mode'\n\toption type 'STRING'\n\tlist enum 'a'\n\tlist enum 'b,c'\n\toption access 'write-once'\n\toption cache '0'\n";
    let module = module(schema);
    let wait = module.field("s", "wait").unwrap();
    let value = wait.effective(None).unwrap().into_owned();
    assert_eq!(wait.typed(&value), Ok(Typed::Duration(Duration::from_secs(300))));
    assert_eq!(wait.description(), Some("How long."));
    let mode = module.field("whatever", "mode").unwrap();
    assert_eq!(mode.choices().collect::<Vec<_>>(), [&b"a"[..], b"b,c"]);
    assert!(!mode.is_cached());
    assert_eq!(mode.access(), Access::WriteOnce);
    check_package(
        schema,
        "config s\n\toption wait 61\n\toption mode 'b'\n",
        &[
            "CMS0106 2:14-16 `p.@s[0].wait`: `61` is not a duration of 1h or less",
            "CMS0108 3:14-17 `p.@s[0].mode`: `b` is not one of `a`, `b,c`",
        ],
    );
}

#[test]
fn what_is_wrong_with_a_schema_has_its_place() {
    check_schema(
        "config field 'x'\n",
        &["CMS0201 1:1-1 the schema has no module [begin with `config module 'NAME'`]"],
    );
    check_schema("config module 'a'\nconfig module 'b'\n", &["CMS0202 2:1-18 a second module in one schema"]);
    check_schema(
        "config module 'a'\n\toption vresion 1.0.0\n",
        &["CMS0203 2:9-16 a `config module` has no option `vresion` [did you mean `version`?]"],
    );
    check_schema(
        "config module 'a'\nconfig feild 'x'\n",
        &["CMS0204 2:1-17 `feild` is no section of a schema [did you mean `field`?]"],
    );
    check_schema(
        "config module 'a'\nconfig fields\n\toption x 'int|betwen:1,2'\n",
        &["CMS0205 3:16-26 there is no rule `betwen` [did you mean `between`?]"],
    );
    check_schema(
        "config module 'a'\nconfig fields\n\toption x 'int|between:1'\n",
        &["CMS0206 3:16-25 `between` wants two numbers: `between:1,9`"],
    );
    check_schema(
        "config module 'a'\nconfig fields\n\toption x 'int|min:z'\n",
        &["CMS0206 3:20-21 `z` is not a whole number"],
    );
    check_schema(
        "config module 'a'\nconfig field x\nconfig field x\n",
        &[
            "CMS0207 2:1-15 `config field 'x'` stands here more than once [leave the fields without names, and write `option name 'NAME'` in each]",
        ],
    );
    check_schema(
        "config module 'a'\nconfig fields s\n\toption x int\nconfig field\n\toption name x\n\toption section s\n",
        &["CMS0207 5:14-15 `x` is declared twice for `s`"],
    );
    check_schema(
        "config module 'a'\n\toption mode 'on'\n",
        &["CMS0208 2:14-18 `mode` is `on`, not `off`, `warn` or `enforce`"],
    );
    check_schema(
        "config module 'a'\nconfig section zone\nconfig fields zon\n\toption x int\n",
        &["CMS0209 3:1-18 there is no `config section` of the type `zon` [did you mean `zone`?]"],
    );
    check_schema(
        "config module 'a'\nconfig fields s\n\toption x 'required_if:proot=1'\n\toption proto string\n",
        &["CMS0210 3:11-32 `proot` is no option of `s` [did you mean `proto`?]"],
    );
    check_schema(
        "config module 'a'\nconfig fields s\n\toption x 'int|default:y'\n",
        &["CMS0211 3:11-26 the default `y` of `x` is not a whole number"],
    );
    check_schema(
        "config module 'a'\nconfig fields s\n\toption x 'in(a'\n",
        &["CMS0212 3:14-15 this parenthesis is not closed"],
    );
    check_schema(
        "config module 'a'\nconfig fields s\n\toption x 'regex:('\n",
        &["CMS0213 3:18-19 the pattern cannot be used: unclosed group"],
    );
    check_schema(
        "config module 'a'\nconfig field\n\toption type int\n",
        &["CMS0214 2:1-13 a field without a name [write `config field 'NAME'`, or `option name 'NAME'`]"],
    );
    check_schema(
        "config module 'a'\n\toption language 2\n",
        &[
            "CMS0215 2:18-19 the schema is written in version 2 of the language; this program knows 1 [use a newer version of the program]",
        ],
    );
}

#[test]
fn an_add_on_extends_a_package_with_a_module_of_its_own() {
    let mut schemas = Schemas::default();
    schemas.insert(module("config module 'network'\n\toption mode warn\nconfig section interface\nconfig fields\n\toption proto string\n"));
    schemas.insert(module("config module 'zerotier'\n\toption package 'network'\n\toption mode enforce\n\toption unknown allow\nconfig fields interface\n\toption zt_id 'hex|len:16'\n"));
    assert_eq!(schemas.mode("network"), Mode::Enforce);
    let found = Checker::new(&schemas, &()).check(
        "network",
        &package("config interface a\n\toption proto x\n\toption zt_id 12\n\toption ztid 1\n"),
    );
    assert_eq!(
        lines(&found),
        [
            "CMS0107 3:15-17 `network.a.zt_id`: `12` has 2 characters, not 16 characters",
            "CMS0101 4:9-13 `network.a.ztid` is no option of `interface` [did you mean `zt_id`?]",
        ]
    );
}

#[test]
fn a_section_that_is_opened_again_is_one_section() {
    check_package(
        "config module p\nconfig fields s\n\toption a 'required|int'\n\toption b 'int|required'\n",
        "config s x\n\toption a z\nconfig t\nconfig s x\n\toption a 1\n\toption b y\n",
        &["CMS0105 6:11-12 `p.x.b`: `y` is not a whole number"],
    );
}

#[test]
fn values_are_read_as_what_they_are() {
    let module = module("config module p\nconfig fields s\n\tlist n 'int|words'\n\toption b bool\n\toption f float\n\toption z size\n\toption t text\n".replace("text", "string").as_str());
    let typed = |option: &str, text: &str| module.field("s", option).unwrap().typed(&Value::scalar(text));
    assert_eq!(typed("n", "1 2"), Ok(Typed::List(vec![Typed::Int(1), Typed::Int(2)])));
    assert_eq!(typed("b", "on"), Ok(Typed::Bool(true)));
    assert_eq!(typed("f", "1.5"), Ok(Typed::Float(1.5)));
    assert_eq!(typed("z", "1k"), Ok(Typed::Size(1024)));
    assert_eq!(typed("t", "x"), Ok(Typed::Text(b"x".to_vec())));
    assert_eq!(typed("b", "maybe"), Err(b"maybe".to_vec()));
}
