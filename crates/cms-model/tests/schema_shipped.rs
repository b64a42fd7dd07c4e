//! The schemas that come with the program: real files pass without a false alarm, and typos are found.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use cms_model::schema::{Checker, Module, Rules, Schemas};
use cms_model::{Diagnostic, Package};

fn top() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn shipped() -> Schemas {
    let mut schemas = Schemas::default();
    for entry in fs::read_dir(top().join("schemas")).unwrap() {
        let path = entry.unwrap().path();
        let package = Package::parse(&fs::read(&path).unwrap()).unwrap_or_else(|errors| panic!("{errors:?}"));
        let name = path.display().to_string();
        let module =
            Module::read(&package, &name, &Rules::default()).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert!(module.governs(path.file_name().unwrap().to_str().unwrap()), "{name}");
        schemas.insert(module);
    }
    assert_eq!(schemas.iter().count(), 7);
    schemas
}

fn show(found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .map(|found| format!("{} {found} {}", found.code, found.hint.as_deref().unwrap_or_default()))
        .collect()
}

#[track_caller]
fn check(name: &str, text: &str, wanted: &[(&str, &str)]) {
    let package = Package::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"));
    let found = Checker::new(&shipped(), &()).check(name, &package);
    let short: Vec<(String, String)> =
        found.iter().map(|found| (found.code.to_owned(), found.hint.clone().unwrap_or_default())).collect();
    let wanted: Vec<(String, String)> =
        wanted.iter().map(|(code, hint)| ((*code).to_owned(), (*hint).to_owned())).collect();
    assert_eq!(short, wanted, "{:#?}", show(&found));
}

#[test]
fn the_examples_pass() {
    let schemas = shipped();
    let mut packages = HashMap::new();
    for entry in fs::read_dir(top().join("examples/etc-config")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        packages.insert(name, Arc::new(Package::parse(&fs::read(&path).unwrap()).unwrap()));
    }
    for (name, package) in &packages {
        let found = Checker::new(&schemas, &packages).check(name, package);
        assert!(found.is_empty(), "{name}: {:#?}", show(&found));
    }
}

/// The files that a device has after its first start, and some of devices that have been used.
#[test]
fn files_of_devices_pass() {
    let folder = top().join("crates/cms-model/tests/fixtures/etc-config");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let name = file.split('-').next().unwrap();
        let package =
            Package::parse(&fs::read(&path).unwrap()).unwrap_or_else(|errors| panic!("{file}: {errors:?}"));
        let found = Checker::new(&shipped(), &()).check(name, &package);
        assert!(found.is_empty(), "{file}: {:#?}", show(&found));
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn typos_in_network_are_found() {
    check(
        "network",
        "config interface 'lan'\n\toption proto 'statc'\n\toption ipadr '192.168.1.1'\n\toption netmask '255.255.255.266'\n",
        &[("CMS0108", "did you mean `static`?"), ("CMS0101", "did you mean `ipaddr`?"), ("CMS0105", "")],
    );
    check(
        "network",
        "config interfce 'lan'\n\toption proto 'static'\n",
        &[("CMS0102", "did you mean `interface`?")],
    );
    check(
        "network",
        "config interface 'lan'\n\toption prtoo 'static'\n",
        &[("CMS0103", "add `option proto '...'`"), ("CMS0101", "did you mean `proto`?")],
    );
    check(
        "network",
        "config device\n\toption name 'br-lan'\n\toption type 'brigde'\n\toption mtu '15000000'\n",
        &[("CMS0108", "did you mean `bridge`?"), ("CMS0106", "")],
    );
    check(
        "network",
        "config interface 'wan'\n\toption proto 'dhcp'\n\tlist dns '9.9.9'\n\toption peerdns 'nope'\n\toption macaddr '00:11:22:33:44'\n",
        &[("CMS0105", ""), ("CMS0105", ""), ("CMS0105", "")],
    );
    check(
        "network",
        "config route\n\toption target '10.0.0.0/33'\n\toption getway '10.0.0.1'\n",
        &[("CMS0105", ""), ("CMS0101", "did you mean `gateway`?")],
    );
    check(
        "network",
        "config interface 'vpn'\n\toption proto 'wireguard'\nconfig wireguard_vpn\n\toption public_key 'abc'\n",
        &[("CMS0112", "add `option private_key '...'`"), ("CMS0105", "")],
    );
}

#[test]
fn typos_elsewhere_are_found() {
    check(
        "firewall",
        "config zone\n\toption name 'lan'\n\toption input 'ACEPT'\nconfig forwarding\n\toption src 'lan'\n\toption dest 'wan'\n",
        &[("CMS0108", "did you mean `ACCEPT`?"), ("CMS0110", "did you mean `lan`?")],
    );
    check(
        "firewall",
        "config rule\n\toption dest_port '99999'\n\toption proto 'tpc'\n\toption targt 'ACCEPT'\n",
        &[("CMS0105", ""), ("CMS0105", ""), ("CMS0101", "did you mean `target`?")],
    );
    check(
        "wireless",
        "config wifi-device 'radio0'\n\toption type 'mac80211'\n\toption htmode 'VHT88'\nconfig wifi-iface\n\toption device 'radio1'\n\toption encryption 'psk4'\n\toption kye 'secret'\n",
        &[
            ("CMS0108", "did you mean `VHT80`?"),
            ("CMS0110", "did you mean `radio0`?"),
            ("CMS0109", ""),
            ("CMS0101", "did you mean `key`?"),
        ],
    );
    check(
        "dhcp",
        "config dhcp 'lan'\n\toption leasetime '12x'\n\toption strat '100'\n\tlist ra_flags 'managed'\n",
        &[("CMS0105", ""), ("CMS0101", "did you mean `start`?"), ("CMS0108", "")],
    );
    check(
        "system",
        "config system\n\toption hostnmae 'x'\n\toption log_size 'many'\n",
        &[("CMS0101", "did you mean `hostname`?"), ("CMS0105", "")],
    );
    check(
        "dropbear",
        "config dropbear\n\toption Prot '22'\n\toption PasswordAuth 'of'\n",
        &[("CMS0101", "did you mean `Port`?"), ("CMS0105", "")],
    );
    check("uhttpd", "config uhttpd 'main'\n\tlist listen_http '0.0.0.0:80000'\n", &[("CMS0105", "")]);
}
