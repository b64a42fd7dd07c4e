"""Reads options of a package of 1,000 again and again, from a store and from what a Python program would use instead.

    read.py HOME ROUNDS

Prints a line for each round: nanoseconds of a read from the store, from a dict, through a handle, and of an attribute; and of a read
after which the whole JSON file is read again for the next.
"""

import json
import sys
import time
from pathlib import Path

import cms

OPTIONS = 1000
TURNS = 200


class Attribute:
    value = None


def nanoseconds(read, count):
    """The time of a read on a core: others may have the machine meanwhile."""
    start = time.thread_time_ns()
    read()
    return (time.thread_time_ns() - start) / count


def keyed(what, keys):
    def read():
        for _ in range(TURNS):
            for key in keys:
                what[key]

    return read


def loop(keys):
    def read():
        for _ in range(TURNS):
            for key in keys:
                key

    return read


def held(what):
    def read():
        for _ in range(OPTIONS * TURNS):
            what.value

    return read


def idle():
    for _ in range(OPTIONS * TURNS):
        pass


def main(home, rounds):
    home = Path(home)
    store = cms.Store(home / "config", state_dir=home / "state", run_dir=home / "run", modules=[])
    values = {f"bench.main.option{number}": f"value {number}" for number in range(OPTIONS)}
    with store.transaction() as tx:
        tx.create_package("bench")
        tx.add("bench", "main", "main", **{key.split(".")[2]: value for key, value in values.items()})
    keys = list(store)
    assert {key: store[key] for key in keys} == values
    document = home / "values.json"
    document.write_text(json.dumps(values))
    handle = store.handle(keys[7])
    attribute = Attribute()
    attribute.value = handle.value

    def again():
        for key in keys[:20]:
            json.loads(document.read_text())[key]

    count = OPTIONS * TURNS
    for _ in range(int(rounds)):
        around, empty = nanoseconds(loop(keys), count), nanoseconds(idle, count)
        print(
            nanoseconds(keyed(store, keys), count) - around,
            nanoseconds(keyed(values, keys), count) - around,
            nanoseconds(held(handle), count) - empty,
            nanoseconds(held(attribute), count) - empty,
            nanoseconds(again, 20),
        )


main(*sys.argv[1:])
