"""Changing: transactions, and the sections in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from cms import _records
from cms._errors import NotFound, TransactionEnded
from cms._records import Change, Commit, Raw

if TYPE_CHECKING:
    from cms import _native

_Scalar = Union[
    str,
    bytes,
    int,
    float,
    bool,
    timedelta,
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
]
Settable = Union[_Scalar, list[Any], tuple[Any, ...]]
"""What an option can be set to: one value, or a list or tuple of them."""


class Transaction(MutableMapping[str, Any]):
    """Changes that become one commit, or none; a mapping from the keys of options to their values that sees its own changes.

    As a context it commits at the end of the block, and rolls back when the block fails. A commit that is refused raises, and nothing
    was changed. `commit` and `rollback` end it before.
    """

    def __init__(
        self,
        native: _native.Transaction,
        guard: Callable[[], None],
        confirm: float | None,
        probe: str | None,
        volatile: bool,
    ) -> None:
        self._native = native
        self._start_guard = guard
        self._confirm = confirm
        self._probe = probe
        self._volatile = volatile
        self._result: Commit | None = None

    def __getitem__(self, key: str) -> Any:
        return self._native.value(key)

    def __setitem__(self, key: str, value: Settable) -> None:
        self._native.set(key, value)

    def __delitem__(self, key: str) -> None:
        if key.count(".") < 2:
            raise NotFound(f"{key} names no option; delete({key!r}) takes sections and packages away", key=key)
        self._native.delete(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._native.contains(key)

    def __iter__(self) -> Iterator[str]:
        for package in self._native.packages():
            for section, _, _, options in self._native.sections(package):
                for option in options:
                    yield f"{package}.{section}.{option}"

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def packages(self) -> list[str]:
        """The names of the packages as they are for the transaction."""
        return self._native.packages()

    def raw(self, key: str) -> Raw:
        """The value as it is written, whatever the schema says."""
        return self._native.raw(key)

    def section(self, key: str) -> TransactionSection:
        """A section, as a mapping whose changes are the transaction's.

        >>> with store.transaction() as tx:
        ...     tx.section("network.lan").update(mtu=1400, proto="dhcp")
        """
        found = self._native.section(key)
        if found is None:
            raise NotFound(f"{key} not found", key=key)
        return TransactionSection(self, key, found[1])

    def sections(self, package: str, type: str | None = None) -> Iterator[TransactionSection]:
        """Goes through the sections of a package, or those of a type, in their order."""
        for name, kind, _, _ in self._native.sections(package):
            if type is None or kind == type:
                yield TransactionSection(self, f"{package}.{name}", kind)

    def add(self, package: str, type: str, name: str | None = None, /, **options: Settable) -> TransactionSection:
        """Appends a section; without a name it is anonymous, and its `key` is good until the commit.

        >>> with store.transaction() as tx:
        ...     guest = tx.add("network", "interface", "guest", proto="static", mtu=1500)
        >>> guest.key
        'network.guest'
        """
        key = self._native.add(package, type, name, list(options.items()))
        return TransactionSection(self, key, type)

    def create_package(self, name: str) -> None:
        """Begins a package that is not there yet."""
        self._native.create_package(name)

    def replace(self, package: str, text: str | bytes) -> None:
        """Gives a package another text, or makes it with that text."""
        self._native.replace(package, text.encode() if isinstance(text, str) else text)

    def delete(self, key: str) -> None:
        """Deletes an option, a section or a package."""
        self._native.delete(key)

    def append(self, key: str, item: Settable) -> None:
        """Appends an item to a list."""
        self._native.append(key, item)

    def remove(self, key: str, item: Settable) -> bool:
        """Takes an item from a list, and tells whether it was there."""
        return self._native.remove(key, item)

    def rename(self, key: str, name: str) -> None:
        """Gives a section or an option another name."""
        self._native.rename(key, name)

    def retype(self, key: str, type: str) -> None:
        """Gives a section another type; makes it if it is named and not there, as `uci set` does."""
        self._native.set_type(key, type)

    def reorder(self, key: str, position: int) -> None:
        """Moves a section to a place, counted from 0."""
        self._native.reorder(key, position)

    def require(self, key: str) -> None:
        """Makes the commit depend on what is at a key now: should another commit change it, this one is a `Conflict`."""
        self._native.require(key)

    def write(self, key: str, model: object) -> None:
        """Writes a dataclass or a pydantic model that was bound to a section back to it: fields that are `None` go away."""
        from cms._binding import options

        section = self.section(key)
        for option, value in options(model).items():
            if value is None or value == [] or value == "":
                section.pop(option, None)
            else:
                section[option] = value

    @property
    def changes(self) -> tuple[Change, ...]:
        """What the transaction changes so far."""
        return _records.changes(self._native.changes())

    def savepoint(self) -> Savepoint:
        """Marks the changes so far. As a context it goes back there when the block fails.

        >>> with store.transaction() as tx:
        ...     try:
        ...         with tx.savepoint():
        ...             tx["network.lan.mtu"] = 1
        ...             raise RuntimeError("no")
        ...     except RuntimeError:
        ...         pass
        ...     tx["network.lan.mtu"]
        1500
        """
        return Savepoint(self._native)

    def commit(self, message: str | None = None) -> Commit:
        """Commits, and returns when the log and the package files have it."""
        found = self._native.commit(
            message=message, confirm=self._confirm, probe=self._probe, volatile=self._volatile
        )
        self._result = _records.commit(found)
        if self._result.pending is not None:
            self._start_guard()
        return self._result

    def rollback(self) -> None:
        """Ends the transaction without a change."""
        self._native.rollback()

    @property
    def result(self) -> Commit:
        """What the commit did."""
        if self._result is None:
            raise TransactionEnded("the transaction was not committed")
        return self._result

    @property
    def is_open(self) -> bool:
        """Whether it was neither committed nor rolled back."""
        return self._native.is_open

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.rollback()
        elif self.is_open:
            try:
                self.commit()
            finally:
                # One that is refused goes on for whoever holds it, and ends with the block.
                self.rollback()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        if not self.is_open:
            how = "rolled back" if self._result is None else f"committed as revision {self._result.revision}"
            return f"<cms.Transaction, {how}>"
        count = len(self._native.changes())
        return f"<cms.Transaction on revision {self._native.base_revision} with {count} change{'' if count == 1 else 's'}>"


class TransactionSection(MutableMapping[str, Any]):
    """A section in a transaction: a mapping from the names of its options to their values."""

    __slots__ = ("_tx", "key", "type")

    def __init__(self, tx: Transaction, key: str, type: str) -> None:
        self._tx = tx
        self.key = key
        self.type = type

    @property
    def name(self) -> str:
        """The name of the section; that of an anonymous one is good until the commit."""
        return self.key.split(".", 1)[1]

    def __getitem__(self, option: str) -> Any:
        return self._tx[f"{self.key}.{option}"]

    def __setitem__(self, option: str, value: Settable) -> None:
        self._tx[f"{self.key}.{option}"] = value

    def __delitem__(self, option: str) -> None:
        del self._tx[f"{self.key}.{option}"]

    def __contains__(self, option: object) -> bool:
        return f"{self.key}.{option}" in self._tx

    def __iter__(self) -> Iterator[str]:
        found = self._tx._native.section(self.key)
        if found is None:
            raise NotFound(f"{self.key} not found", key=self.key)
        return iter(found[3])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def append(self, option: str, item: Settable) -> None:
        """Appends an item to a list."""
        self._tx.append(f"{self.key}.{option}", item)

    def delete(self) -> None:
        """Deletes the section."""
        self._tx.delete(self.key)

    def __repr__(self) -> str:
        return f"<cms.TransactionSection {self.key} ({self.type})>"


class Savepoint:
    """A mark in a transaction, to go back to."""

    __slots__ = ("_mark", "_native")

    def __init__(self, native: _native.Transaction) -> None:
        self._native = native
        self._mark = native.savepoint()

    def rollback(self) -> None:
        """Takes back the changes made since."""
        self._native.rollback_to(self._mark)

    def release(self) -> None:
        """Forgets the mark, and those after it. The changes stay."""
        self._native.release(self._mark)

    def __enter__(self) -> Savepoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._native.is_open:
            return
        if kind is not None:
            self.rollback()
        self.release()
