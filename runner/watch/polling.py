"""Look at files again and again, where nobody tells of changes: network file systems.

Not by watchfiles' own polling, which goes by whole seconds and misses a second save within one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

EVERY = 0.3
"""Seconds between two looks."""

Stamp = tuple[int, int, int]
"""(mtime in ns, bytes, inode)."""


async def looked_at(
    files: Callable[[], Iterable[str]], stop: asyncio.Event, quiet: float
) -> AsyncIterator[set[str]]:
    """Yield the paths of files that came, went or were written, once nothing changes for ``quiet`` seconds.

    ``files`` lists the files to look at, in a thread. Ends when ``stop`` is set.
    """
    known = await asyncio.to_thread(_stamps, files)
    while not await _stopped(stop, EVERY):
        changed: set[str] = set()
        while True:
            found = await asyncio.to_thread(_stamps, files)
            new = {path for path in known.keys() | found if known.get(path) != found.get(path)}
            known = found
            if not new:
                break
            changed |= new
            await asyncio.sleep(quiet)
        if changed:
            yield changed


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


def _stamps(files: Callable[[], Iterable[str]]) -> dict[str, Stamp]:
    found: dict[str, Stamp] = {}
    for path in files():
        try:
            at = Path(path).stat()
        except OSError:
            continue
        found[path] = at.st_mtime_ns, at.st_size, at.st_ino
    return found
