"""One store, many threads, and code that runs where nobody expects it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from conftest import Open

import cms

REENTERS = """
import gc, sys
import cms
home = sys.argv[1]
store = cms.Store(home + "/config", state_dir=home + "/state", run_dir=home + "/run", modules=[])
handle = store.handle("network.lan.dns")

class Cycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        global count
        count += len(store["network.lan.dns"]) + len(handle.value)

count, kept = 0, []
gc.set_threshold(2)
for turn in range(200):
    Cycle()
    # A list that is kept takes the place of no older one, and so counts for the collector.
    kept.append(store["network.lan.dns"])
    kept.append(handle.value)
gc.collect()
print(count)
"""


def test_garbage_may_read_the_store_it_is_collected_in(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REENTERS, str(home)], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "800\n"


def test_threads_read_one_state_each(store: cms.Store, open_store: Open) -> None:
    """Two options that are always changed together are never seen apart in a snapshot."""
    other = open_store()
    other.set({"network.lan.a": 0, "network.lan.b": 0})
    done = threading.Event()
    faults: list[str] = []

    def read() -> None:
        last = 0
        while not done.is_set():
            lan = store.section("network.lan")
            a, b, alone = int(lan["a"]), int(lan["b"]), int(store["network.lan.a"])
            if a != b or a < last or alone < a:
                faults.append(f"{last}: {a} {b} {alone}")
            last = a

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 60):
        other.set({"network.lan.a": number, "network.lan.b": number})
    done.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert store["network.lan.b"] == "59"
