"""Prints what changes in a package, as it changes; ends after COUNT changes.

    python follow.py /etc/config 'network.**' [COUNT]
"""

from __future__ import annotations

import asyncio
import sys

import cms


async def follow(directory: str, pattern: str, count: int) -> None:
    async with cms.Store(directory).watch(pattern) as watch:
        print(f"watching {pattern}", flush=True)
        async for event in watch:
            print(f"{event.revision} {event.author}: {event.key} {event.old!r} -> {event.new!r}", flush=True)
            count -= 1
            if count == 0:
                break


def main(directory: str, pattern: str, count: str = "0") -> None:
    try:
        asyncio.run(follow(directory, pattern, int(count)))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
