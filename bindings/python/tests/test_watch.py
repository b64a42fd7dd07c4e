"""Watching, by waiting and asynchronously."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from conftest import Open

import cms


def test_events_come_in_order(store: cms.Store, open_store: Open) -> None:
    other = open_store()
    with store.watch("network.**") as watch:
        assert watch.next(0) is None
        other.set({"firewall.@rule[0].port": 23})
        other.set({"network.lan.mtu": 1400}, "slower")
        with other.transaction() as tx:
            tx["network.lan.mtu"] = 1300
            tx["network.wan.mtu"] = 1300
        events = [watch.next(5) for _ in range(3)]
        assert watch.next(0.05) is None
    keys = [(event.revision, event.key, event.old, event.new) for event in events if event]
    assert keys == [
        (3, "network.lan.mtu", "1500", "1400"),
        (4, "network.lan.mtu", "1400", "1300"),
        (4, "network.wan.mtu", None, "1300"),
    ]
    assert events[0] is not None
    assert (events[0].message, events[0].package, events[0].action) == ("slower", "network", "set")
    assert events[0].time.tzinfo is not None
    assert watch.next(1) is None, "it is closed"


def test_a_watch_begins_where_it_is_told(store: cms.Store) -> None:
    store.set({"network.lan.mtu": 1400})
    store.set({"network.lan.mtu": 1300})
    with store.watch("*.*.mtu", after=1) as watch:
        assert [next(watch).new, next(watch).new] == ["1400", "1300"]
        assert watch.revision == 3
    with pytest.raises(cms.NotFound):
        store.watch(after=99)
    with pytest.raises(cms.InvalidKey, match="empty part"):
        store.watch("network..mtu")


def test_who_waits_holds_nobody_up(store: cms.Store) -> None:
    """The interpreter's lock is given up while a watch waits."""
    watch = store.watch("network.lan.mtu")
    seen: list[str] = []

    def wait() -> None:
        seen.extend(str(event.new) for event in watch)

    thread = threading.Thread(target=wait)
    thread.start()
    for mtu in range(1300, 1305):
        store.set({"network.lan.mtu": mtu})
    deadline = time.monotonic() + 5
    while len(seen) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    watch.close()
    thread.join(5)
    assert not thread.is_alive()
    assert seen == [str(mtu) for mtu in range(1300, 1305)]


def test_async_for(store: cms.Store, open_store: Open) -> None:
    async def run() -> list[str]:
        seen = []
        async with store.watch("network.**") as watch:
            other = open_store()

            async def write() -> None:
                for mtu in range(1300, 1303):
                    await asyncio.to_thread(other.set, {"network.lan.mtu": mtu})

            writer = asyncio.create_task(write())
            async for event in watch:
                seen.append(str(event.new))
                if len(seen) == 3:
                    break
            await writer
        return seen

    assert asyncio.run(asyncio.wait_for(run(), 20)) == ["1300", "1301", "1302"]


def test_cancelling_loses_no_event(store: cms.Store) -> None:
    async def run() -> str | None:
        watch = store.watch("network.**")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(watch.__anext__(), 0.05)
        store.set({"network.lan.mtu": 1300})
        await asyncio.sleep(0.05)
        event = await asyncio.wait_for(watch.__anext__(), 5)
        watch.close()
        return str(event.new)

    assert asyncio.run(run()) == "1300"


def test_closing_ends_async_for(store: cms.Store) -> None:
    async def run() -> int:
        watch = store.watch()

        async def close() -> None:
            await asyncio.sleep(0.05)
            watch.close()

        closer = asyncio.create_task(close())
        count = 0
        async for _ in watch:
            count += 1
        await closer
        return count

    assert asyncio.run(asyncio.wait_for(run(), 5)) == 0


def test_a_watch_shows_what_it_is(store: cms.Store) -> None:
    watch = store.watch("network.**", "firewall")
    assert repr(watch) == "<cms.Watch of network.**, firewall>"
    watch.close()
    assert "closed" in repr(watch)
