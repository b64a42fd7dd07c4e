"""Stores, snapshots, packages and sections as mappings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Open

import cms


def test_a_store_is_a_mapping_of_options(store: cms.Store) -> None:
    assert isinstance(store, Mapping)
    assert list(store) == [
        "firewall.cfg0192bd.target",
        "firewall.cfg0192bd.port",
        "firewall.cfg0292bd.target",
        "network.lan.proto",
        "network.lan.ipaddr",
        "network.lan.mtu",
        "network.lan.dns",
        "network.wan.proto",
        "network.wan.enabled",
    ]
    assert len(store) == 9
    assert all(key in store for key in store)
    assert dict(store.items()) == {key: store[key] for key in store}


def test_values_have_the_type_of_the_schema(store: cms.Store) -> None:
    assert store["network.lan.mtu"] == 1500
    assert store["network.wan.enabled"] is False
    assert store["network.lan.dns"] == ["10.0.0.1", "10.0.0.2"]
    assert store["network.lan.proto"] == "static"
    assert store["firewall.@rule[0].port"] == "22", "no schema, no type"
    assert store.raw("network.wan.enabled") == "off"
    store.set({"network.lan.lease": "12h"})
    assert store["network.lan.lease"] == timedelta(hours=12)


def test_a_list_that_was_handed_out_is_ones_own(store: cms.Store) -> None:
    store["network.lan.dns"].append("x")
    assert store["network.lan.dns"] == ["10.0.0.1", "10.0.0.2"]


def test_what_is_not_there_is_not_found(store: cms.Store) -> None:
    for key in ["network.lan.gateway", "network.dmz.proto", "nothing.at.all"]:
        assert key not in store
        assert store.get(key) is None
        with pytest.raises(KeyError):
            store[key]
        with pytest.raises(cms.NotFound, match=key.split(".")[0]) as caught:
            store[key]
        assert "'" not in str(caught.value)


def test_a_section_and_a_package_are_no_values(store: cms.Store) -> None:
    number: object = 7
    assert "network.lan" not in store and "network" not in store and number not in store
    with pytest.raises(cms.NotFound, match=r'use section\("network.lan"\)'):
        store["network.lan"]
    with pytest.raises(cms.NotFound, match=r'use package\("network"\)'):
        store["network"]


def test_a_bad_key_says_what_is_wrong(store: cms.Store) -> None:
    with pytest.raises(cms.InvalidKey, match="`-` at position 4"):
        store["network.lan-1.mtu"]
    with pytest.raises(ValueError, match="PACKAGE.SECTION.OPTION"):
        store["a.b.c.d"]
    with pytest.raises(TypeError):
        store[7]  # type: ignore[index]


def test_a_key_may_be_of_a_class_of_its_own(store: cms.Store) -> None:
    class Key(str):
        def __hash__(self) -> int:
            raise AssertionError("the key's own code is run while a lock is held")

    assert store[Key("network.lan.mtu")] == 1500


def test_sections_and_packages_are_mappings(store: cms.Store) -> None:
    lan = store.section("network.lan")
    assert (lan.key, lan.type, lan.is_anonymous, len(lan)) == ("network.lan", "interface", False, 4)
    assert dict(lan)["mtu"] == 1500
    assert "gateway" not in lan and lan.get("gateway") is None
    network = store.packages["network"]
    assert list(network) == ["lan", "wan"]
    assert network["wan"]["enabled"] is False
    assert [rule["target"] for rule in store.sections("firewall", "rule")] == ["ACCEPT", "DROP"]
    assert list(store.sections("network", "route")) == []
    assert store.section("firewall.@rule[-1]")["target"] == "DROP"
    for missing in ["network.dmz", "nothing.here"]:
        with pytest.raises(cms.NotFound):
            store.section(missing)
    with pytest.raises(cms.NotFound):
        store.package("nothing")
    assert len(store.packages) == 2 and "nothing" not in store.packages


def test_a_section_stays_as_it_was_seen(store: cms.Store) -> None:
    lan = store.section("network.lan")
    store.set({"network.lan.mtu": 1280})
    assert lan["mtu"] == 1500
    assert store.section("network.lan")["mtu"] == 1280


def test_a_snapshot_never_changes(store: cms.Store) -> None:
    before = store.snapshot()
    revision = before.revision
    with store.transaction() as tx:
        tx["network.lan.mtu"] = 1280
    assert (before["network.lan.mtu"], store["network.lan.mtu"]) == (1500, 1280)
    assert before.revision == revision == store.revision - 1
    assert store.at(store.revision - 1)["network.lan.mtu"] == 1500
    with pytest.raises(cms.NotFound):
        store.at(99)


def test_what_another_process_commits_is_seen(store: cms.Store, open_store: Open) -> None:
    other = open_store()
    assert store["network.lan.mtu"] == 1500
    for mtu in range(1300, 1310):
        other.set({"network.lan.mtu": mtu})
        assert store["network.lan.mtu"] == mtu


def test_an_edit_of_a_file_is_seen_after_a_refresh(store: cms.Store, home: Path) -> None:
    assert store["network.lan.mtu"] == 1500
    path = home / "config" / "network"
    path.write_text(path.read_text().replace("1500", "1492"))
    assert store.snapshot()["network.lan.mtu"] == 1492
    path.write_text(path.read_text().replace("1492", "1280"))
    store.refresh()
    assert store["network.lan.mtu"] == 1280
    assert store.history(limit=1)[0].author == "external"


def test_an_edit_that_does_not_parse_is_a_warning(store: cms.Store, home: Path) -> None:
    (home / "config" / "network").write_text("config\n")
    store.refresh()
    assert "does not parse" in store.warnings[0]
    assert store["network.lan.mtu"] == 1500
    with pytest.raises(cms.ParseError) as caught, store.transaction() as tx:
        tx["network.lan.mtu"] = 1400
    assert caught.value.diagnostics[0].line == 1


def test_a_value_that_is_not_of_its_type_is_an_error(store: cms.Store, home: Path) -> None:
    (home / "config" / "network").write_text("config interface 'lan'\n\toption proto 'x'\n\toption mtu 'big'\n")
    store.refresh()
    with pytest.raises(cms.ValidationError, match="`big` is no int"):
        store["network.lan.mtu"]
    assert store.raw("network.lan.mtu") == "big"
    assert "network.lan.mtu" in store
    found = store.validate("network")
    assert [(one.key, one.line, one.is_error) for one in found] == [("network.lan.mtu", 3, True)]


def test_defaults_are_told_apart(store: cms.Store) -> None:
    mtu = store.effective("network.wan.mtu")
    assert (mtu.value, mtu.is_default, mtu.type) == (1400, True, "int")
    assert not store.effective("network.lan.mtu").is_default


def test_bytes_that_are_no_text_survive(store: cms.Store, home: Path) -> None:
    (home / "config" / "odd").write_bytes(b"config a 'b'\n\toption c '\xff\xfe'\n")
    store.refresh()
    value = store["odd.b.c"]
    assert value.encode("utf-8", "surrogateescape") == b"\xff\xfe"
    store.set({"odd.b.d": value})
    assert store["odd.b.d"] == value


def test_text_is_what_the_file_says(store: cms.Store, home: Path) -> None:
    assert store.text("network") == (home / "config" / "network").read_bytes()


def test_things_show_what_they_are(store: cms.Store) -> None:
    assert repr(store).endswith("at revision 1>")
    assert repr(store.snapshot()) == "<cms.Snapshot of revision 1: firewall, network>"
    assert repr(store.package("network")) == "<cms.Package network with 2 sections>"
    assert repr(store.section("network.wan")) == "<cms.Section network.wan (interface): proto, enabled>"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(cms.NotFound, match="nowhere"):
        cms.Store(tmp_path / "nowhere")
