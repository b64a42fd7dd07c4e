"""What can go wrong, by what the caller can do about it.

Every class is an `Error`, and where Python has an exception of the same meaning, that too: who looks up a key that is not there may
catch `KeyError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Diagnostic:
    """One finding in a package, with its place."""

    code: str
    is_error: bool
    message: str
    file: str | None
    line: int
    column: int
    hint: str | None = None
    key: str | None = None
    rule: str | None = None
    value: str | None = None
    allowed: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.file else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{hint}"


class Error(Exception):
    """Anything that the engine refused or could not do."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        # `KeyError` would put it in quotes.
        return self.message


class NotFound(Error, KeyError):
    """There is no such package, section, option or revision."""

    def __init__(self, message: str = "", key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class NotPending(NotFound):
    """Nothing of that name awaits confirmation, or nothing at all."""


class Compacted(NotFound):
    """The log no longer has the commits after `after`.

    Take the state at `resume`, with `Store.at`; the watch that raised this goes on with the events after it.
    """

    def __init__(self, message: str = "", after: int = 0, resume: int = 0) -> None:
        super().__init__(message)
        self.after = after
        self.resume = resume


class InvalidKey(Error, ValueError):
    """The text is no key, name or pattern."""


class InvalidValue(Error, ValueError):
    """The change makes no sense for what is there, or text cannot express the value."""

    def __init__(self, message: str = "", key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class Exists(Error):
    """There is something at that key already."""

    def __init__(self, message: str = "", key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class Conflict(Error):
    """Another commit changed what this one builds on; nothing was committed.

    `keys` are what both changed, `revision` and `author` tell the other commit. Begin again on the newest state.
    """

    def __init__(
        self, message: str = "", keys: Sequence[str] = (), revision: int | None = None, author: str | None = None
    ) -> None:
        super().__init__(message)
        self.keys = tuple(keys)
        self.revision = revision
        self.author = author


class _WithDiagnostics(Error, ValueError):
    def __init__(
        self, message: str = "", diagnostics: Sequence[Mapping[str, Any]] = (), key: str | None = None
    ) -> None:
        super().__init__(message)
        self.diagnostics = tuple(Diagnostic(**found) for found in diagnostics)
        self.key = key

    def __str__(self) -> str:
        if len(self.diagnostics) < 2:
            return self.message
        return "\n".join([self.message, *(f"  {found}" for found in self.diagnostics)])


class ValidationError(_WithDiagnostics):
    """A schema does not allow it; `diagnostics` has every finding. Nothing was changed."""


class ParseError(_WithDiagnostics):
    """A text does not parse; `diagnostics` has every fault."""


class PermissionDenied(Error, PermissionError):
    """Only the owner of the configuration directory, or root, may do this."""


class StorageError(Error, OSError):
    """The log, a file or the segment refused or failed."""


class Expired(Error, TimeoutError):
    """The deadline of the transaction has passed; nothing was committed."""


class TransactionEnded(Error, RuntimeError):
    """The transaction was committed or rolled back already."""


class FilesPending(Error):
    """The commit is in the log as `revision`; its files could not be written yet, and the next use tries again."""

    def __init__(self, message: str = "", revision: int | None = None) -> None:
        super().__init__(message)
        self.revision = revision


class SeveralPending(Error):
    """Several commits await confirmation: one of `tokens` has to be named."""

    def __init__(self, message: str = "", tokens: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.tokens = tuple(tokens)


class AlreadySettled(Error):
    """It was confirmed, or rolled back, already."""
