"""The store: what programs begin with."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, overload

from cms import _native, _records
from cms._reading import Reading, Snapshot
from cms._records import BlameLine, Commit, HistoryEntry, Pending, Settled
from cms._transaction import Transaction
from cms._watch import Watch

T = TypeVar("T", str, int, float, bool)

if TYPE_CHECKING:
    from cms._native import Handle


class Store(_native.Store, Reading):
    """One configuration directory with its log, and a mapping from the keys of options to their values.

    >>> store["network.lan.ipaddr"]
    '192.168.1.1'
    >>> store.get("network.lan.gateway", "none")
    'none'
    >>> store["network.lan"]
    Traceback (most recent call last):
    ...
    cms._errors.NotFound: network.lan is the key of a section: use section("network.lan"), or network.lan.OPTION

    Whatever any process commits is seen at the next look. What another program writes into a package file is seen once something
    has taken it into the log: a transaction, the program `cms`, or `refresh`.

    The log lies where the owner of the directory decides, or in `state_dir`; everybody who uses a store must use the same.
    Stores may be used by any number of threads.
    """

    def _state(self) -> _native.Snapshot:
        return self.current()

    def __repr__(self) -> str:
        state = self.current()
        where = "files only" if state.revision is None else f"revision {state.revision}"
        return f"<cms.Store {self.directory} at {where}>"

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def snapshot(self) -> Snapshot:
        """Takes the newest state, edits of package files included. It never changes."""
        return Snapshot(self.look())

    def at(self, revision: int) -> Snapshot:
        """Takes the state at an older revision.

        >>> with store.transaction() as tx:
        ...     tx["network.lan.mtu"] = 1280
        >>> store.at(store.revision - 1)["network.lan.mtu"]
        1500
        """
        return Snapshot(self.state_at(revision))

    def refresh(self) -> None:
        """Takes what other programs wrote into package files into the log."""
        self.look()

    @property
    def revision(self) -> int:
        """The newest revision in the log."""
        return self.head()

    def transaction(
        self,
        message: str = "",
        *,
        author: str | None = None,
        serializable: bool = False,
        timeout: float | timedelta | None = None,
        confirm: float | timedelta | None = None,
        probe: str | None = None,
        volatile: bool = False,
    ) -> Transaction:
        """Begins a transaction: changes that become one commit, or none.

        >>> with store.transaction("a name") as tx:
        ...     tx["network.wan.hostname"] = "gw"
        ...     del tx["network.lan.mtu"]
        >>> tx.result.changes[0].key
        'network.wan.hostname'

        Another commit that changed the same meanwhile is a `Conflict`; with `serializable` also one that changed what was read
        here. With `confirm` the commit is rolled back after so many seconds unless `Store.confirm` is called, by this process or
        another, or the shell command `probe` succeeds. That takes a log that survives a reboot, unless it is `volatile`.
        """
        native = self.begin(
            message=message, author=author, serializable=serializable, timeout=_seconds(timeout)
        )
        return Transaction(native, self._guard, _seconds(confirm), probe, volatile)

    def _guard(self) -> None:
        # It is gone with the process; then the next one that opens the store rolls back what is due.
        threading.Thread(target=self.guard, name="cms-guard", daemon=True).start()

    def set(self, values: Mapping[str, Any], message: str = "") -> Commit:
        """Sets options in a transaction of their own."""
        with self.transaction(message) as tx:
            for key, value in values.items():
                tx[key] = value
        return tx.result

    def watch(self, *patterns: str, after: int | None = None) -> Watch:
        """Watches keys: `network.**` is all below `network`, `*.*.mtu` every option `mtu`, nothing is everything.

        >>> with store.watch("network.**") as watch:
        ...     _ = store.set({"network.lan.mtu": 1280})
        ...     event = next(watch)
        >>> event.key, event.old, event.new
        ('network.lan.mtu', '1500', '1280')

        A watch is an iterator that waits, and an asynchronous one: `async for event in store.watch("network.**")`. It begins now, or
        with what was committed after the revision `after`.
        """
        return Watch(self.watching(patterns or ("**",), after), patterns)

    @overload
    def handle(self, key: str) -> Handle[Any]: ...
    @overload
    def handle(self, key: str, type: type[T]) -> Handle[T | None]: ...
    @overload
    def handle(self, key: str, type: type[list[str]]) -> Handle[list[str] | None]: ...
    def handle(self, key: str, type: type[Any] | None = None) -> Handle[Any]:
        """Binds a key that is read again and again.

        >>> mtu = store.handle("network.lan.mtu", int)
        >>> mtu.value
        1500
        >>> mtu
        <cms.Handle network.lan.mtu = 1500>
        """
        return self.bound(key, "" if type is None else getattr(type, "__name__", str(type)))

    def history(
        self,
        key: str | None = None,
        *,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> list[HistoryEntry]:
        """Lists commits, the newest first: all, or those that changed something at a key."""
        return [
            HistoryEntry(revision, _records.when(time), author, tool, message, kind, _records.changes(made))
            for revision, time, author, tool, message, kind, made in self.past(key, since, until, limit)
        ]

    def blame(self, key: str) -> list[BlameLine]:
        """Tells for each option at a key which commit gave it its value.

        >>> store.blame("network.lan.mtu")[0].author
        'external'
        """
        lines = []
        for name, value, commit in self.blamed(key):
            if commit is None:
                lines.append(BlameLine(name, value, None, None, None, None))
            else:
                revision, author, time, message = commit
                lines.append(BlameLine(name, value, revision, author, _records.when(time), message))
        return lines

    def rollback(self, revision: int, key: str | None = None, message: str = "") -> Commit:
        """Makes a commit that restores the state of a revision: everything, or what is at a key."""
        return _records.commit(self.go_back(revision, key, message))

    def undo(self, first: int, last: int | None = None, message: str = "") -> Commit:
        """Makes a commit that reverses some commits, and keeps what came after."""
        return _records.commit(self.reverse(first, first if last is None else last, message))

    @property
    def pending(self) -> list[Pending]:
        """What is rolled back unless somebody confirms it."""
        return [_records.pending(found) for found in self.awaiting()]

    def confirm(self, token: str | None = None) -> Settled:
        """Says that a pending commit is good; without a token, the only one."""
        return _records.settled(self.settle(token, True))

    def cancel(self, token: str | None = None) -> Settled:
        """Rolls a pending commit back now."""
        return _records.settled(self.settle(token, False))

    def add_module(self, name: str, text: str | bytes) -> None:
        """Registers a module: the schema of packages, in the text that `docs/schema.md` describes."""
        self.register(name, text.encode() if isinstance(text, str) else text)
        self.refresh()


def _seconds(time: float | timedelta | None) -> float | None:
    return time.total_seconds() if isinstance(time, timedelta) else time

