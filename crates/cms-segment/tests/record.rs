//! Structs bound to sections.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong ends")]

use std::collections::BTreeMap;

use cms_segment::{Content, FieldInfo, Kind, Record, RecordSource, RecordTarget, Result};

/// A section as packages have it: text, and lists of text.
#[derive(Default)]
struct Texts(BTreeMap<String, Content>);

impl Texts {
    fn with(options: &[(&str, &str)]) -> Self {
        let text = |value: &str| Content::String(value.as_bytes().to_vec());
        Texts(options.iter().map(|(key, value)| (format!("network.lan.{key}"), text(value))).collect())
    }
}

impl RecordSource for Texts {
    fn option(&self, key: &str) -> Result<Option<Content>> {
        Ok(self.0.get(key).cloned())
    }
}

impl RecordTarget for Texts {
    fn set_option(&mut self, key: &str, value: &Content) -> Result<()> {
        self.0.insert(key.to_owned(), value.clone());
        Ok(())
    }

    fn delete_option(&mut self, key: &str) -> Result<()> {
        self.0.remove(key);
        Ok(())
    }
}

#[derive(Record, Debug, PartialEq, Default)]
struct Interface {
    proto: String,
    #[cms(default = 1500)]
    mtu: u16,
    ipaddr: Option<std::net::Ipv4Addr>,
    dns: Vec<String>,
    ports: Vec<u16>,
    #[cms(rename = "local-name", default = "lan")]
    name: String,
    #[cms(default)]
    metric: f64,
    r#type: Option<String>,
    #[cms(skip)]
    seen: u32,
}

#[test]
fn reads_text_defaults_and_lists() {
    let mut section = Texts::with(&[
        ("proto", "static"),
        ("ipaddr", "192.168.1.1"),
        ("dns", "9.9.9.9"),
        ("type", "bridge"),
    ]);
    let ports = ["80", "443"].map(|port| Content::String(port.as_bytes().to_vec()));
    section
        .0
        .insert("network.lan.ports".into(), Content::Array { kind: Kind::String, elements: ports.to_vec() });
    let lan = Interface::read(&section, "network.lan").unwrap();
    let expected = Interface {
        proto: "static".into(),
        mtu: 1500,
        ipaddr: Some([192, 168, 1, 1].into()),
        dns: vec!["9.9.9.9".into()],
        ports: vec![80, 443],
        name: "lan".into(),
        metric: 0.0,
        r#type: Some("bridge".into()),
        seen: 0,
    };
    assert_eq!(lan, expected);
}

#[test]
fn what_is_written_is_read() {
    let lan = Interface {
        proto: "dhcp".into(),
        mtu: 9000,
        dns: vec!["a".into(), "b".into()],
        ports: vec![1, 2],
        metric: 0.5,
        ..Interface::default()
    };
    // An option that a field says is absent goes; one that no field names stays.
    let mut section = Texts::with(&[("ipaddr", "1.2.3.4"), ("other", "x")]);
    lan.write(&mut section, "network.lan").unwrap();
    assert_eq!(Interface::read(&section, "network.lan").unwrap(), lan);
    assert!(section.0.contains_key("network.lan.other"));
    assert!(!section.0.contains_key("network.lan.ipaddr"));
}

#[test]
fn faults_name_the_key_and_what_was_expected() {
    let fault = |options: &[(&str, &str)]| {
        Interface::read(&Texts::with(options), "network.lan").unwrap_err().to_string()
    };
    assert_eq!(fault(&[]), "network.lan.proto is missing, a text was expected");
    assert_eq!(
        fault(&[("proto", "x"), ("mtu", "70000")]),
        "network.lan.mtu is '70000', a number from 0 to 65535 was expected"
    );
    assert_eq!(
        fault(&[("proto", "x"), ("ipaddr", "here")]),
        "network.lan.ipaddr is 'here', an IPv4 address was expected"
    );
    let mut section = Texts::with(&[("proto", "x")]);
    let ports = ["80", "http"].map(|port| Content::String(port.as_bytes().to_vec()));
    section
        .0
        .insert("network.lan.ports".into(), Content::Array { kind: Kind::String, elements: ports.to_vec() });
    assert_eq!(
        Interface::read(&section, "network.lan").unwrap_err().to_string(),
        "network.lan.ports is a list with 'http', a number from 0 to 65535 was expected"
    );
}

#[test]
fn fields_are_known() {
    let names: Vec<&str> = Interface::FIELDS.iter().map(|field| field.name).collect();
    assert_eq!(names, ["proto", "mtu", "ipaddr", "dns", "ports", "local-name", "metric", "type"]);
    assert_eq!(Interface::FIELDS[0], FieldInfo { name: "proto", expected: "a text", required: true });
    assert!(Interface::FIELDS[1..].iter().all(|field| !field.required));
}
