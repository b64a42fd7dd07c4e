//! What must always hold of schemas: rules against a naive reading of them, and changes against the whole.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use cms_model::schema::{Checker, Json, Module, RuleSet, Rules, Schemas, from_json_schema, infer};
use cms_model::{Diagnostic, Draft, Name, Package, Selector, TypeName, Value};
use proptest::prelude::*;

fn module(text: &str) -> Module {
    let package = Package::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
    Module::read(&package, "schema", &Rules::default()).unwrap_or_else(|faults| panic!("{faults:#?}\n{text}"))
}

/// Rules, each with what it means in the plainest words.
type Naive = fn(&str) -> bool;
const RULES: &[(&str, Naive)] = &[
    ("int", |text| text.parse::<i64>().is_ok()),
    ("uint", |text| text.parse::<i64>().is_ok_and(|number| number >= 0)),
    ("bool", |text| {
        ["0", "1", "on", "off", "yes", "no", "true", "false", "enabled", "disabled"].contains(&text)
    }),
    ("alpha", |text| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphabetic())),
    ("alpha_num", |text| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric())),
    ("in:a,bc,1", |text| ["a", "bc", "1"].contains(&text)),
    ("!in:a,bc,1", |text| !["a", "bc", "1"].contains(&text)),
    ("not_in:1", |text| text != "1"),
    ("len:2,3", |text| (2..=3).contains(&text.chars().count())),
    ("min:2", |text| text.chars().count() >= 2),
    ("max:2", |text| text.chars().count() <= 2),
    ("range(-3,70000)", |text| plain_number(text).is_some_and(|number| (-3.0..=70000.0).contains(&number))),
    ("regex:[a-c]+(1|2)?", |text| {
        let rest = text.trim_start_matches(['a', 'b', 'c']);
        rest.len() < text.len() && ["", "1", "2"].contains(&rest)
    }),
    ("port", |text| {
        text.starts_with(|digit: char| digit.is_ascii_digit())
            && text.parse::<i64>().is_ok_and(|port| port <= 65535)
    }),
    ("ipv4", |text| text.parse::<std::net::Ipv4Addr>().is_ok()),
    ("ipv6", |text| text.parse::<std::net::Ipv6Addr>().is_ok()),
    ("ip", |text| text.parse::<std::net::IpAddr>().is_ok()),
    ("hex", |text| {
        !text.is_empty() && text.len() % 2 == 0 && text.chars().all(|digit| digit.is_ascii_hexdigit())
    }),
    ("starts_with:a,1", |text| text.starts_with('a') || text.starts_with('1')),
    ("ends_with:c", |text| text.ends_with('c')),
    ("contains:b", |text| text.contains('b')),
    ("uciname", |text| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    }),
    ("digits:1,3", |text| (1..=3).contains(&text.len()) && text.chars().all(|digit| digit.is_ascii_digit())),
    ("list(uint)", |text| {
        text.split_ascii_whitespace().all(|word| word.parse::<i64>().is_ok_and(|number| number >= 0))
    }),
    ("neg(in(\"a\"))", |text| {
        text.strip_prefix('!').map_or(text, |rest| rest.trim_start_matches([' ', '\t'])) == "a"
    }),
    ("or(uint,\"a\")", |text| text == "a" || text.parse::<i64>().is_ok_and(|number| number >= 0)),
    ("and(int,not(\"1\"))", |text| text.parse::<i64>().is_ok() && text != "1"),
];

fn plain_number(text: &str) -> Option<f64> {
    let plain = text.chars().all(|letter| letter.is_ascii_digit() || "+-.eE".contains(letter));
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abc1]{0,4}",
        "[+-]?[0-9]{0,6}",
        "!? ?[a1]",
        "[0-9]{1,3}(\\.[0-9]{1,3}){3}",
        "[0-9a-f:]{0,12}",
        "(on|off|yes|no|true|enabled|1|0)",
        "[0-9 a]{0,6}",
        "\\PC{0,5}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_means_what_it_says(index in 0..RULES.len(), value in value()) {
        let (text, naive) = RULES[index];
        let rules = RuleSet::parse(text, &Rules::default()).unwrap();
        prop_assert_eq!(rules.check(value.as_bytes()).is_ok(), naive(&value), "{} {:?}", text, value);
    }

    #[test]
    fn rules_hold_together_if_each_does(first in 0..RULES.len(), second in 0..RULES.len(), value in value()) {
        // `min` and `max` mean something else beside a number.
        let measured = |index: usize| ["min:2", "max:2", "range(-3,70000)"].contains(&RULES[index].0);
        if measured(first) || measured(second) {
            return Ok(());
        }
        let together = RuleSet::parse(&format!("{}|{}", RULES[first].0, RULES[second].0), &Rules::default()).unwrap();
        let each = RULES[first].1(&value) && RULES[second].1(&value);
        prop_assert_eq!(together.check(value.as_bytes()).is_ok(), each);
    }

    #[test]
    fn no_text_of_rules_is_a_panic(text in "(\\PC|[|:,()!'\"\\\\/]|int|between|or|regex|ref|default){0,12}") {
        let _ = RuleSet::parse(&text, &Rules::default());
        let schema = format!("config module m\nconfig fields\n\toption x {}\n", String::from_utf8(cms_model::quote(text.as_bytes())).unwrap());
        if let Ok(package) = Package::parse(schema.as_bytes()) {
            let _ = Module::read(&package, "m", &Rules::default());
        }
    }
}

const SCHEMA: &str = "
config module 'p'
config section
	option type 'zone'
	option max '3'
	option naming 'named'
config fields
	option name 'required|uciname'
	list net 'words|in:lan,wan,dmz|items:1,2|distinct'
	option a 'int|between:0,9'
	option b 'excludes:a'
	option c 'required_if:a=1'
	option d 'required_unless:a=2|deprecated'
config section
	option type 'rule'
	option min '1'
config fields
	option src 'required|ref:.zone.name'
	option dest 'ref:.zone'
	option port 'port|required_with:dest'
	option old 'deprecated:port'
config section
	option type 'tag*'
";

const NAMES: [&str; 9] = ["name", "net", "a", "b", "c", "d", "src", "dest", "port"];
const VALUES: [&str; 10] = ["lan", "wan", "1", "2", "lan wan", "z1", "z2", "99999", "dmz", "not a name"];
const TYPES: [&str; 4] = ["zone", "rule", "tagged", "other"];
const SECTIONS: [&str; 4] = ["z1", "z2", "r1", "r2"];

#[derive(Debug, Clone)]
enum Step {
    Set(usize, usize, usize),
    Append(usize, usize, usize),
    Unset(usize, usize),
    RenameOption(usize, usize, usize),
    Add(usize, Option<usize>),
    Delete(usize),
    Rename(usize, usize),
    Retype(usize, usize),
    Reorder(usize, i64),
}

fn step() -> impl Strategy<Value = Step> {
    let section = 0..6usize;
    prop_oneof![
        6 => (section.clone(), 0..9usize, 0..10usize).prop_map(|(s, n, v)| Step::Set(s, n, v)),
        2 => (section.clone(), 0..9usize, 0..10usize).prop_map(|(s, n, v)| Step::Append(s, n, v)),
        2 => (section.clone(), 0..9usize).prop_map(|(s, n)| Step::Unset(s, n)),
        1 => (section.clone(), 0..9usize, 0..9usize).prop_map(|(s, n, m)| Step::RenameOption(s, n, m)),
        2 => (0..4usize, prop::option::of(0..4usize)).prop_map(|(k, n)| Step::Add(k, n)),
        1 => section.clone().prop_map(Step::Delete),
        1 => (section.clone(), 0..4usize).prop_map(|(s, n)| Step::Rename(s, n)),
        1 => (section.clone(), 0..4usize).prop_map(|(s, k)| Step::Retype(s, k)),
        1 => (section, -1..4i64).prop_map(|(s, to)| Step::Reorder(s, to)),
    ]
}

fn take(draft: &mut Draft, step: &Step) {
    let at = |index: &usize| Selector::Nth { kind: None, index: *index as i64 };
    let name = |index: &usize| Name::new(NAMES[*index]).unwrap();
    // What is refused changes nothing, and that is fine here.
    let _ = match step {
        Step::Set(section, option, value) => {
            draft.set_option(&at(section), &name(option), Value::scalar(VALUES[*value])).map(drop)
        }
        Step::Append(section, option, value) => {
            draft.add_list(&at(section), &name(option), VALUES[*value].as_bytes()).map(drop)
        }
        Step::Unset(section, option) => draft.delete_option(&at(section), &name(option)).map(drop),
        Step::RenameOption(section, old, new) => {
            draft.rename_option(&at(section), &name(old), &name(new)).map(drop)
        }
        Step::Add(kind, section) => {
            let section = section.map(|index| Name::new(SECTIONS[index]).unwrap());
            draft.add_section(&TypeName::new(TYPES[*kind]).unwrap(), section, Vec::new()).map(drop)
        }
        Step::Delete(section) => draft.delete_section(&at(section)).map(drop),
        Step::Rename(section, new) => {
            draft.rename_section(&at(section), &Name::new(SECTIONS[*new]).unwrap()).map(drop)
        }
        Step::Retype(section, kind) => {
            draft.set_type(&at(section), &TypeName::new(TYPES[*kind]).unwrap()).map(drop)
        }
        Step::Reorder(section, to) => draft.reorder(&at(section), *to).map(drop),
    };
}

fn texts(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(|found| format!("{} {found}", found.code)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn changes_of_a_good_package_find_what_the_whole_finds(steps in prop::collection::vec(step(), 1..30)) {
        const GOOD: &str = "config zone z1\n\toption name 'lan'\n\tlist net 'lan'\n\toption a '2'\n\
                            config zone z2\n\toption name 'wan'\n\toption net 'wan dmz'\n\toption a '2'\n\
                            config rule r1\n\toption src 'lan'\n\toption dest 'z2'\n\toption port '80'\n\
                            config rule\n\toption src 'wan'\nconfig tagx\n";
        let mut schemas = Schemas::default();
        schemas.insert(module(SCHEMA));
        let checker = Checker::new(&schemas, &());
        let base = Package::parse(GOOD.as_bytes()).unwrap();
        prop_assert_eq!(texts(&checker.check("p", &base)), Vec::<String>::new());
        let mut draft = Draft::new(base, 7);
        for step in &steps {
            take(&mut draft, step);
        }
        let whole = texts(&checker.check("p", draft.package()));
        let changed = texts(&checker.check_changes("p", draft.package(), draft.changes()));
        prop_assert_eq!(changed, whole, "{}", String::from_utf8_lossy(&draft.package().text()));
    }
}

fn top() -> std::path::PathBuf {
    std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn what_is_drafted_from_a_package_reads_and_lets_it_pass() {
    let folders = ["examples/etc-config", "crates/cms-model/tests/fixtures/etc-config"];
    for folder in folders {
        for entry in std::fs::read_dir(top().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let package = Package::parse(&std::fs::read(&path).unwrap()).unwrap();
            let text = infer("some-package", &[&package]);
            let mut schemas = Schemas::default();
            schemas.insert(module(&text));
            let found = Checker::new(&schemas, &()).check("some-package", &package);
            assert_eq!(texts(&found), Vec::<String>::new(), "{}\n{text}", path.display());
        }
    }
}

#[test]
fn what_is_exported_can_be_imported() {
    for entry in std::fs::read_dir(top().join("schemas")).unwrap() {
        let path = entry.unwrap().path();
        let original = module(&std::fs::read_to_string(&path).unwrap());
        let document = original.to_json_schema();
        assert_eq!(Json::parse(&document.pretty()).unwrap(), document);
        let imported = from_json_schema(original.name(), &document);
        assert_eq!(imported.left_out, Vec::new(), "{}", path.display());
        let again = module(&imported.text);
        assert_eq!(original.section_types().count(), again.section_types().count());
        for old in original.section_types() {
            let new = again.section_types().find(|new| new.kind() == old.kind()).unwrap();
            assert_eq!((old.naming(), old.count()), (new.naming(), new.count()), "{}", old.kind());
            let names = |module: &Module, kind: &str| -> Vec<(String, bool, bool, bool)> {
                let shape = module.section_types().find(|shape| shape.kind() == kind).unwrap();
                let fields = module.fields_of(shape);
                fields
                    .map(|field| {
                        (field.name().to_owned(), field.is_list(), field.is_required(), field.is_secret())
                    })
                    .collect()
            };
            assert_eq!(names(&original, old.kind()), names(&again, old.kind()));
        }
        // What is exported says all that a schema says, so nothing was lost if it is the same.
        assert_eq!(
            again.to_json_schema().pretty(),
            document.pretty(),
            "{}\n{}",
            path.display(),
            imported.text
        );
    }
}

/// Exports a schema, imports that, and compares what is exported then.
#[track_caller]
fn comes_back(text: &str) -> (String, String) {
    let original = module(text);
    let document = original.to_json_schema();
    let imported = from_json_schema(original.name(), &document);
    assert_eq!(imported.left_out, Vec::new());
    assert_eq!(module(&imported.text).to_json_schema().pretty(), document.pretty(), "{}", imported.text);
    (document.to_string(), imported.text)
}

#[test]
fn every_property_of_a_schema_survives_json_schema() {
    let of_module = "config module 'm'\n\toption version '1.2.3'\n\toption mode 'enforce'\n\toption unknown 'allow'\n\tlist package 'a-b'\n\
                     \tlist package 'c'\n\toption description 'd'\n\tlist reload 'x y'\n\toption created_at '2026-11-23'\n\toption db_path '/x'\n\
                     \toption cache_policy 'LRU'\n\toption cache_size '10M'\n\tlist allowed_clients '10.0.0.0/8'\n";
    let (document, text) = comes_back(&format!("{of_module}\toption sha_key 'hunter2'\n"));
    assert!(!document.contains("hunter2"));
    assert!(text.contains("list package 'a-b'"), "{text}");
    let of_sections = "config section\n\toption type 's'\n\toption naming 'named'\n\toption min '1'\n\toption max '4'\n\toption name_rules 'alpha|max:9'\n\
                       \toption unknown 'error'\n\toption description 'e'\n\tlist reload 'z'\nconfig fields\n\toption a 'bool'\n\
                       config section\n\toption type 'anonymous'\n\toption naming 'anonymous'\n\toption max '1'\n\
                       config section\n\toption type 'either_*'\n\toption min '2'\n\toption unknown 'warn'\n";
    comes_back(&format!("{of_module}{of_sections}"));
    comes_back(&format!(
        "config module 'm'\n\toption strict '1'\nconfig fields\n\toption all 'port'\n{of_sections}"
    ));
    comes_back(
        "config module 'm'\nconfig fields 's'\n\toption a 'port'\n\toption b 'string|required_if:a=80'\nconfig fields 't'\n\tlist b 'email'\n",
    );
    comes_back("config module 'm'\n\toption unknown 'error'\nconfig fields\n\toption everywhere 'semver'\n");
    for rules in [
        "port|max:1024|default:80",
        "required|uint|between:3,9|unique",
        "int|min:-5|size:2",
        "float|min:0.5",
        "ufloat",
        "leasetime|default:12h",
        "duration|unit:ms|min:500|default:1s",
        "size|unit:M|max:1G",
        "hex|len:4,8",
        "hostname|starts_with:a,b",
        "ip|in:10.0.0.1,10.0.0.2",
        "in:b,a,\"x,y\",\"q\\\"uote\"",
        "not_in:x,y|regex:/a|b\\/c/|not_regex:/d/",
        "regex:/a+/|regex:/.{2,}/",
        "or(port,\"any\")|!uint",
        "ref:.s.name,*,\"a b\"",
        "ref:other.*|nocache|write_once",
        "secret|read_only|deprecated",
        "words|ip|items:1,3|distinct|default:1.1.1.1",
        "list|mac|items:,4|distinct",
        "string|size:10|maxlength(8)|minlength(2)",
        "digits:4|ascii",
        "deprecated:a|reload:now",
        "required_with:a",
        "required_if:a,a=1,a!=x|excludes:b,c",
        "required_unless:a=1",
    ] {
        comes_back(&format!(
            "config module 'm'\nconfig section 's'\nconfig fields\n\toption a 'string'\n\toption b 'bool'\n\toption c 'int'\n\toption x '{rules}'\n"
        ));
    }
    comes_back(
        "config module 'm'\nconfig section 's'\nconfig fields\n\toption a 'string'\nconfig field\n\toption name 'x_*'\n\toption description 'Many.'\n\
         \tlist required_if 'a=1'\n\tlist excludes 'a'\nconfig field\n\toption name 'l'\n\toption list '1'\n\tlist default 'a b'\n\tlist default 'c,d'\n\
         config field\n\toption name 'old'\n\toption deprecated 'because'\n\toption replaced_by 'a'\n\tlist enum 'a,b'\n\tlist enum 'c'\n\toption pattern 'a,b|c'\n\
         config field\n\toption name '*'\n\toption type 'int'\n",
    );
}

#[test]
fn conditions_of_other_peoples_documents_are_taken_over_or_named() {
    let check = |members: &str, wanted: &[&str], left: &[&str]| {
        let text = format!(
            r#"{{"properties": {{"s": {{"additionalProperties": {{"properties": {{"a": {{}}, "b": {{}}, "c": {{}}}}, {members}}}}}}}}}"#
        );
        let imported = from_json_schema("m", &Json::parse(&text).unwrap());
        let found: Vec<String> = imported.left_out.iter().map(ToString::to_string).collect();
        let found: Vec<&str> =
            found.iter().map(|found| found.strip_prefix("/properties/s").unwrap()).collect();
        assert_eq!(found, left, "{members}");
        module(&imported.text);
        let lines: Vec<&str> =
            imported.text.lines().map(str::trim).filter(|line| line.starts_with("list ")).collect();
        let lines: Vec<&str> = lines.into_iter().filter(|line| !line.contains("validation")).collect();
        assert_eq!(lines, wanted, "{members}\n{}", imported.text);
    };
    check(
        r#""dependentRequired": {"a": ["b", "c"]}"#,
        &["list required_if 'a'", "list required_if 'a'"],
        &[],
    );
    let is = r#""if": {"properties": {"a": {"const": 1}}, "required": ["a"]}"#;
    check(
        &format!(r#"{is}, "then": {{"required": ["b"]}}, "else": {{"required": ["c"]}}"#),
        &["list required_if 'a=1'", "list required_if 'a!=1'"],
        &[],
    );
    check(
        r#""if": {"properties": {"a": {"enum": ["x", true]}}, "required": ["a"]}, "then": {"required": ["b"]}"#,
        &["list required_if 'a=x'", "list required_if 'a=1'"],
        &[],
    );
    check(
        r#""if": {"properties": {"a": {"const": "x"}}}, "then": {"required": ["b"]}"#,
        &["list required_if 'a=x'"],
        &["/then: the condition also holds where `a` is not there, which is not taken over"],
    );
    check(
        r#""if": {"required": ["a"]}, "then": {"required": ["b"], "maxProperties": 3}"#,
        &["list required_if 'a'"],
        &["/then: `maxProperties` is not taken over"],
    );
    check(
        r#""allOf": [{"not": {"required": ["a", "b"]}}, {"anyOf": []}, {"if": {"minProperties": 2}, "then": {"required": ["a"]}}]"#,
        &["list excludes 'b'"],
        &[
            "/allOf/1: `anyOf` is not taken over",
            "/allOf/2/then: the condition of `a` cannot be said by a schema",
        ],
    );
    check(r#""not": {"type": "string"}"#, &[], &[": `not` is not taken over"]);
    check(
        r#""dependentRequired": {"z": ["a"]}, "oneOf": []"#,
        &[],
        &[
            ": `oneOf` is not taken over",
            "/dependentRequired: the condition of `a` cannot be said by a schema",
        ],
    );
}

#[test]
fn references_within_a_document_are_followed() {
    let text = r##"{"$defs": {"site": {"properties": {"port": {"$ref": "#/$defs/port"}, "lost": {"$ref": "#/$defs/none"}, "loop": {"$ref": "#/$defs/loop"}}},
        "port": {"type": "integer", "minimum": 1}, "loop": {"$ref": "#/$defs/loop"}},
        "properties": {"site": {"additionalProperties": {"$ref": "#/$defs/site"}}}}"##;
    let imported = from_json_schema("m", &Json::parse(text).unwrap());
    assert!(imported.text.contains("option port 'int|min:1'"), "{}", imported.text);
    assert!(imported.text.contains("option naming 'named'"), "{}", imported.text);
    let left: Vec<String> = imported.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        left,
        [
            "/properties/site/properties/lost: `#/$defs/none` leads nowhere in the document",
            "/properties/site/properties/loop: `#/$defs/loop` leads nowhere in the document",
        ]
    );
}

#[test]
fn many_values_that_must_differ_are_looked_up_in_a_table() {
    let mut schemas = Schemas::default();
    schemas.insert(module("config module 'p'\nconfig fields host\n\toption ip 'ipv4|unique'\n"));
    let checker = Checker::new(&schemas, &());
    let text: String =
        (0..40).map(|number| format!("config host\n\toption ip '10.0.0.{number}'\n")).collect();
    let mut draft = Draft::new(Package::parse(text.as_bytes()).unwrap(), 3);
    let ip = Name::new("ip").unwrap();
    let mut set = |index: i64, ip_of: i64| {
        let at = Selector::Nth { kind: None, index };
        draft.set_option(&at, &ip, Value::scalar(format!("10.0.0.{ip_of}"))).unwrap();
        let found = checker.check_changes("p", draft.package(), draft.changes());
        let whole = checker.check("p", draft.package());
        (found.len(), whole.len(), draft.changes().len())
    };
    assert_eq!(set(3, 4), (1, 1, 1));
    assert_eq!(set(3, 3), (0, 0, 2));
    for number in 5..30 {
        set(number, 100 + number);
    }
    // The table finds what the single looks found, from whichever end.
    let (found, whole, changes) = set(3, 2);
    assert!(changes > 16);
    assert_eq!((found, whole), (1, 1));
}
