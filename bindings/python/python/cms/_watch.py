"""Being told of commits, by waiting or asynchronously."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING

from cms import _records
from cms._records import Event

if TYPE_CHECKING:
    from cms import _native

_SLICE = 0.25
"""How long a thread waits before it looks whether anybody still does, in seconds."""


class Watch:
    """The events of some keys, one after the other: an iterator that waits, and an asynchronous one.

    It holds nothing up: what was not asked for yet is in the log. Should the log have given that up, `Compacted` is raised, once, and
    the watch goes on at the oldest state that there is. A watch is for one reader; it ends with `close`, or with its block.
    """

    def __init__(self, native: _native.Watch, patterns: Sequence[str]) -> None:
        self._native = native
        self._patterns = tuple(patterns)
        self._ready: deque[Event] = deque()
        self._thread: ThreadPoolExecutor | None = None
        self._asked: Future[_native._Told | None] | None = None

    def next(self, timeout: float | None = None) -> Event | None:
        """Waits for the next event; `None` after `timeout` seconds, or once the watch is closed."""
        if not self._ready:
            self._take(self._native.next(timeout))
        return self._ready.popleft() if self._ready else None

    def _take(self, told: _native._Told | None) -> None:
        if told is not None:
            revision, time, author, message, changes = told
            at = _records.when(time)
            self._ready.extend(Event(revision, at, author, message, *change) for change in changes)

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> Event:
        event = self.next()
        if event is None:
            raise StopIteration
        return event

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            if self._native.is_closed:
                raise StopAsyncIteration
            if self._asked is None:
                if self._thread is None:
                    self._thread = ThreadPoolExecutor(1, thread_name_prefix="cms-watch")
                self._asked = self._thread.submit(self._native.next, _SLICE)
            # Whoever is cancelled here leaves the question standing, so that the next one gets its answer.
            told = await asyncio.shield(asyncio.wrap_future(self._asked))
            self._asked = None
            self._take(told)
        return self._ready.popleft()

    @property
    def revision(self) -> int:
        """The revision up to which everything was told."""
        return self._native.revision

    def close(self) -> None:
        """Ends the watch; whoever waits for it is let go."""
        self._native.close()
        if self._thread is not None:
            self._thread.shutdown(wait=False)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        what = ", ".join(self._patterns) or "everything"
        return f"<cms.Watch of {what}{', closed' if self._native.is_closed else ''}>"
