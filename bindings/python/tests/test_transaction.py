"""Transactions: one commit, or none."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from conftest import Open

import cms


def test_a_block_is_a_commit(store: cms.Store, home: Path) -> None:
    with store.transaction("two things") as tx:
        tx["network.lan.mtu"] = 1492
        tx["network.lan.ipaddr"] = IPv4Address("10.0.0.1")
        del tx["network.wan.enabled"]
        assert tx["network.lan.mtu"] == 1492, "it sees its own changes"
        assert "network.wan.enabled" not in tx
        assert store["network.lan.mtu"] == 1500, "nobody else does"
    assert (store["network.lan.mtu"], store["network.lan.ipaddr"]) == (1492, "10.0.0.1")
    assert tx.result.revision == store.revision == 2
    assert {change.key for change in tx.result.changes} == {
        "network.lan.mtu",
        "network.lan.ipaddr",
        "network.wan.enabled",
    }
    assert not tx.is_open and "committed as revision 2" in repr(tx)
    text = (home / "config" / "network").read_text()
    assert "option mtu '1492'" in text and text.startswith("# the house")


def test_a_block_that_fails_changes_nothing(store: cms.Store) -> None:
    with pytest.raises(RuntimeError, match="no"), store.transaction() as tx:
        tx["network.lan.mtu"] = 1
        raise RuntimeError("no")
    assert (store["network.lan.mtu"], store.revision) == (1500, 1)
    assert not tx.is_open
    with pytest.raises(cms.TransactionEnded):
        tx["network.lan.mtu"] = 2
    with pytest.raises(cms.TransactionEnded):
        _ = tx.result


def test_nothing_to_do_is_no_revision(store: cms.Store) -> None:
    with store.transaction() as tx:
        tx["network.lan.mtu"] = 1500
    assert not tx.result and store.revision == 1


def test_savepoints_nest(store: cms.Store) -> None:
    with store.transaction() as tx:
        tx["network.lan.mtu"] = 1400
        outer = tx.savepoint()
        tx["network.lan.mtu"] = 1300
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            tx["network.lan.mtu"] = 1200
            _ = 1 / 0
        assert tx["network.lan.mtu"] == 1300
        outer.rollback()
        assert tx["network.lan.mtu"] == 1400
    assert store["network.lan.mtu"] == 1400


def test_two_who_change_the_same_are_in_conflict(store: cms.Store, open_store: Open) -> None:
    first, second = store.transaction(), open_store().transaction()
    first["network.lan.mtu"] = 1400
    second["network.lan.mtu"] = 1300
    first.commit()
    with pytest.raises(cms.Conflict) as caught:
        second.commit()
    assert caught.value.keys == ("network.lan.mtu",)
    assert caught.value.revision == 2 and caught.value.author
    assert second.is_open, "whoever is refused can look at what he wanted"
    assert second.changes[0].new == "1300"
    second.rollback()
    assert store["network.lan.mtu"] == 1400


def test_two_who_change_different_things_are_not(store: cms.Store, open_store: Open) -> None:
    first, second = store.transaction(), open_store().transaction()
    first["network.lan.mtu"] = 1400
    second["network.wan.mtu"] = 1300
    first.commit()
    second.commit()
    assert (store["network.lan.mtu"], store["network.wan.mtu"]) == (1400, 1300)


def test_what_was_read_counts_if_asked_for(store: cms.Store, open_store: Open) -> None:
    reader = store.transaction(serializable=True)
    assert reader["network.lan.proto"] == "static"
    reader["network.lan.ipaddr"] = "10.0.0.1"
    open_store().set({"network.lan.proto": "dhcp"})
    with pytest.raises(cms.Conflict):
        reader.commit()
    required = store.transaction()
    required.require("network.lan.proto")
    required["network.lan.ipaddr"] = "10.0.0.1"
    open_store().set({"network.lan.proto": "none"})
    with pytest.raises(cms.Conflict):
        required.commit()


def test_a_schema_refuses(store: cms.Store) -> None:
    with pytest.raises(cms.ValidationError) as caught, store.transaction() as tx:
        tx["network.lan.mtu"] = 9
    assert [found.key for found in caught.value.diagnostics] == ["network.lan.mtu"]
    assert isinstance(caught.value, ValueError)
    assert not tx.is_open
    assert store["network.lan.mtu"] == 1500


def test_sections_come_and_go(store: cms.Store) -> None:
    with store.transaction() as tx:
        guest = tx.add("network", "interface", "guest", proto="static", dns=["10.0.0.3"])
        guest["mtu"] = 1300
        guest.append("dns", "10.0.0.4")
        rule = tx.add("firewall", "rule", target="REJECT")
        assert rule.key in [section.key for section in tx.sections("firewall")]
        tx.reorder(rule.key, 0)
        assert rule["target"] == "REJECT"
        rule["port"] = 80
        tx.delete("firewall.@rule[1]")
        tx.rename("network.wan", "uplink")
        assert len(guest) == 3 and dict(guest)["mtu"] == 1300
    assert store["network.guest.dns"] == ["10.0.0.3", "10.0.0.4"]
    assert [dict(rule) for rule in store.sections("firewall")] == [
        {"target": "REJECT", "port": "80"},
        {"target": "DROP"},
    ]
    assert list(store.package("network")) == ["lan", "uplink", "guest"]


def test_packages_come_and_go(store: cms.Store, home: Path) -> None:
    with store.transaction() as tx:
        tx.create_package("dhcp")
        tx.add("dhcp", "dnsmasq", "main", port=53)
        tx.replace("system", "config system 'main'\n\toption hostname 'gw'\n")
        tx.delete("firewall")
        assert tx.packages == ["dhcp", "network", "system"]
        assert tx["dhcp.main.port"] == "53"
    assert sorted(path.name for path in (home / "config").iterdir()) == ["dhcp", "network", "system"]
    assert store["system.main.hostname"] == "gw"
    with pytest.raises(cms.Exists), store.transaction() as tx:
        tx.create_package("dhcp")
    with pytest.raises(cms.Exists), store.transaction() as tx:
        tx.add("network", "interface", "lan")
    with pytest.raises(cms.ParseError), store.transaction() as tx:
        tx.replace("system", "confg\n")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a b", "a b"),
        (7, "7"),
        (-1, "-1"),
        (True, "1"),
        (False, "0"),
        (1.5, "1.5"),
        (b"x", "x"),
        (["a", 1, True], ["a", "1", "1"]),
        (("a",), ["a"]),
        ("it's \\ \"quoted\"", "it's \\ \"quoted\""),
        ("two\nlines", "two\nlines"),
    ],
)
def test_values_are_written_as_they_are(store: cms.Store, open_store: Open, value: Any, written: Any) -> None:
    store.set({"firewall.@rule[0].x": value})
    assert store["firewall.@rule[0].x"] == written
    assert open_store()["firewall.@rule[0].x"] == written


@pytest.mark.parametrize(("value", "error"), [("", ValueError), ([], ValueError), (None, TypeError), ({}, TypeError), ("a\0", ValueError), ([[]], TypeError)])
def test_values_that_cannot_be_written_are_refused(store: cms.Store, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="network.lan.x"), store.transaction() as tx:
        tx["network.lan.x"] = value
    assert store.revision == 1


def test_keys_that_lead_nowhere(store: cms.Store) -> None:
    tx = store.transaction()
    with pytest.raises(cms.NotFound):
        tx["network.dmz.mtu"] = 1
    with pytest.raises(KeyError):
        del tx["network.lan.gateway"]
    with pytest.raises(cms.NotFound, match="delete"):
        del tx["network.lan"]
    with pytest.raises(cms.InvalidKey):
        tx["network.lan"] = "x"
    with pytest.raises(cms.NotFound):
        tx.section("network.dmz")
    assert not tx.remove("network.lan.dns", "1.1.1.1") and tx.remove("network.lan.dns", "10.0.0.1")
    assert tx.raw("network.lan.dns") == ["10.0.0.2"]
    tx.rollback()


def test_a_deadline_ends_it(store: cms.Store) -> None:
    tx = store.transaction(timeout=0)
    with pytest.raises(cms.Expired) as caught:
        tx["network.lan.mtu"] = 1400
    assert isinstance(caught.value, TimeoutError)


def test_history_blame_and_going_back(store: cms.Store) -> None:
    store.set({"network.lan.mtu": 1400}, "slower")
    store.set({"network.lan.proto": "dhcp"}, "no address")
    entry = store.history("network.lan.mtu")[0]
    assert (entry.message, entry.kind, entry.tool, entry.revision) == ("slower", "normal", "python", 2)
    assert (entry.changes[0].old, entry.changes[0].new) == ("1500", "1400")
    assert [one.revision for one in store.history()] == [3, 2, 1]
    assert [one.revision for one in store.history(since=1, limit=1)] == [3]
    lines = {line.key: line.message for line in store.blame("network.lan")}
    assert lines["network.lan.mtu"] == "slower" and lines["network.lan.proto"] == "no address"
    assert store.undo(2)
    assert (store["network.lan.mtu"], store["network.lan.proto"]) == (1500, "dhcp")
    assert store.rollback(1, message="back")
    assert store["network.lan.proto"] == "static"
    with pytest.raises(cms.NotFound):
        store.rollback(99)


def test_a_commit_waits_to_be_confirmed(store: cms.Store) -> None:
    with store.transaction(confirm=60, volatile=True) as tx:
        tx["network.lan.mtu"] = 1400
    pending = tx.result.pending
    assert pending is not None and pending.packages == ("network",)
    assert 0 < pending.time_left.total_seconds() <= 60
    assert [one.token for one in store.pending] == [pending.token]
    assert not store.cancel(pending.token).confirmed
    assert store["network.lan.mtu"] == 1500 and store.pending == []
    with pytest.raises(cms.NotPending):
        store.confirm()
    with store.transaction(confirm=60, volatile=True) as tx:
        tx["network.lan.mtu"] = 1300
    assert store.confirm().confirmed
    assert store["network.lan.mtu"] == 1300


def test_what_nobody_confirms_is_rolled_back(store: cms.Store) -> None:
    with store.watch("network.lan.mtu") as watch:
        with store.transaction(confirm=1, volatile=True) as tx:
            tx["network.lan.mtu"] = 1400
        news = [watch.next(10), watch.next(10)]
    assert [event.new for event in news if event] == ["1400", "1500"]


def test_threads_lose_nothing(store: cms.Store) -> None:
    def work(number: int) -> None:
        for turn in range(20):
            while True:
                try:
                    # Two who set the same value agree: it takes what was read to tell them apart.
                    with store.transaction(serializable=True) as tx:
                        tx[f"network.lan.t{number}"] = turn + 1
                        tx["network.lan.sum"] = int(tx.get("network.lan.sum", 0)) + 1
                    break
                except cms.Conflict:
                    continue

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store["network.lan.sum"] == "80"
    assert [store[f"network.lan.t{number}"] for number in range(4)] == ["20"] * 4


def test_a_dataclass_is_written_back(store: cms.Store) -> None:
    @dataclass
    class Interface:
        proto: str
        mtu: int | None = None
        dns: list[str] | None = None

    lan = store.bind(Interface, "network.lan")
    lan.mtu, lan.dns = 1400, None
    with store.transaction() as tx:
        tx.write("network.lan", lan)
    assert store["network.lan.mtu"] == 1400 and "network.lan.dns" not in store
