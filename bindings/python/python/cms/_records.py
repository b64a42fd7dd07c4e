"""What happened, as records that never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from cms import _native

Raw = Union[str, list[str]]
"""A value as it is written."""


@dataclass(frozen=True)
class Change:
    """One change: `action` is a word such as `set`, `unset` or `add-section`."""

    action: str
    key: str
    old: Raw | None
    new: Raw | None

    def __str__(self) -> str:
        return f"{self.action} {self.key}: {self.old!r} -> {self.new!r}"


@dataclass(frozen=True)
class Event:
    """One change of one commit, as a watch tells it."""

    revision: int
    time: datetime
    author: str
    message: str
    action: str
    key: str
    old: Raw | None
    new: Raw | None

    @property
    def package(self) -> str:
        """The package that changed."""
        return self.key.split(".", 1)[0]


@dataclass(frozen=True)
class Pending:
    """Commits that are rolled back unless somebody confirms them."""

    tokens: tuple[str, ...]
    revisions: tuple[int, ...]
    packages: tuple[str, ...]
    time_left: timedelta
    until: datetime

    @property
    def token(self) -> str:
        """The name to confirm it by."""
        return self.tokens[0]


@dataclass(frozen=True)
class Settled:
    """What became of commits that awaited confirmation."""

    tokens: tuple[str, ...]
    revisions: tuple[int, ...]
    confirmed: bool
    undone: int | None


@dataclass(frozen=True)
class Commit:
    """What a commit did. Without changes no revision was made, and `revision` is the newest there was."""

    revision: int
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    pending: Pending | None

    def __bool__(self) -> bool:
        return bool(self.changes)


@dataclass(frozen=True)
class HistoryEntry:
    """One commit of the history."""

    revision: int
    time: datetime
    author: str
    tool: str
    message: str
    kind: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class BlameLine:
    """Who gave an option its value; what the log no longer knows is `None`."""

    key: str
    value: Raw
    revision: int | None
    author: str | None
    time: datetime | None
    message: str | None


@dataclass(frozen=True)
class Effective:
    """What holds for an option: its value, or the schema's default."""

    key: str
    value: object
    is_default: bool
    type: str | None
    is_secret: bool


def when(microseconds: int) -> datetime:
    """The time that the log notes."""
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=microseconds)


def changes(found: Sequence[_native._Change]) -> tuple[Change, ...]:
    return tuple(Change(*one) for one in found)


def pending(found: _native._Armed) -> Pending:
    tokens, revisions, packages, left, until = found
    return Pending(tuple(tokens), tuple(revisions), tuple(packages), timedelta(seconds=left), when(until))


def settled(found: _native._Outcome) -> Settled:
    tokens, revisions, confirmed, undone = found
    return Settled(tuple(tokens), tuple(revisions), confirmed, undone)


def commit(found: _native._Commit) -> Commit:
    revision, made, warnings, armed = found
    return Commit(revision, changes(made), tuple(warnings), pending(armed) if armed else None)
