"""Handles: keys that are read again and again."""

from __future__ import annotations

import pytest
from conftest import Open

import cms


def test_a_handle_follows_commits(store: cms.Store, open_store: Open) -> None:
    mtu = store.handle("network.lan.mtu")
    other = open_store()
    assert mtu.value == 1500 and not mtu.changed()
    other.set({"network.wan.mtu": 1400})
    assert not mtu.changed(), "that was another option"
    other.set({"network.lan.mtu": 1400})
    assert mtu.changed() and not mtu.changed()
    assert mtu.value == 1400
    with other.transaction() as tx:
        del tx["network.lan.mtu"]
    assert mtu.value is None
    other.set({"network.lan.mtu": 1300})
    assert mtu.value == 1300 and mtu.changed()


def test_a_handle_reads_a_type(store: cms.Store) -> None:
    assert store.handle("network.lan.mtu", int).value == 1500
    assert store.handle("network.lan.mtu", float).value == 1500.0
    assert store.handle("network.lan.mtu", str).value == "1500"
    assert store.handle("network.wan.enabled", bool).value is False
    dns = store.handle("network.lan.dns", list[str])
    assert dns.value == ["10.0.0.1", "10.0.0.2"]
    dns.value.append("x")
    assert dns.value == ["10.0.0.1", "10.0.0.2"]
    assert store.handle("network.lan.proto", list[str]).value == ["static"]
    with pytest.raises(cms.ValidationError, match="'static' is no int"):
        _ = store.handle("network.lan.proto", int).value


def test_what_is_bound_is_the_section(store: cms.Store) -> None:
    drop = store.handle("firewall.@rule[1].target")
    with store.transaction() as tx:
        tx.delete("firewall.@rule[0]")
    assert drop.value == "DROP"


def test_a_handle_wants_a_section(store: cms.Store) -> None:
    with pytest.raises(cms.NotFound):
        store.handle("network.dmz.mtu")
    with pytest.raises(cms.InvalidKey):
        store.handle("network.lan")
    with pytest.raises(ValueError, match="not bytes"):
        store.handle("network.lan.mtu", bytes)  # type: ignore[type-var]
    assert store.handle("network.lan.gateway").value is None


def test_a_handle_shows_its_value(store: cms.Store) -> None:
    mtu = store.handle("network.lan.mtu", int)
    assert repr(mtu) == "<cms.Handle network.lan.mtu = 1500>"
    assert (mtu.key, mtu.type) == ("network.lan.mtu", int)
