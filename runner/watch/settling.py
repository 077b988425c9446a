"""When the loop of a watch is woken: at once for most news, after some quiet for files that come in numbers."""

from __future__ import annotations

import asyncio

QUIET = 0.025
"""Seconds of quiet after which several files are taken to be all that a checkout or an editor writes."""
PATIENCE = 1.6
"""Seconds after which changes are taken up though others follow."""


class Settling:
    """Lets a loop sleep until there is something to do."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._waiting: asyncio.TimerHandle | None = None
        self._waits_until = 0.0

    async def sleep(self) -> None:
        """Return when somebody woke the loop since this returned last."""
        await self._woken.wait()
        self._woken.clear()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def saved(self, files: int) -> None:
        """Have changes taken up: one file's at once; of several, more may come."""
        loop = asyncio.get_running_loop()
        if self._waiting is None:
            if files == 1:
                self._woken.set()
                return
            self._waits_until = loop.time() + PATIENCE
        else:
            self._waiting.cancel()
        at = min(loop.time() + QUIET, self._waits_until)
        self._waiting = loop.call_at(at, self._quiet)

    def _quiet(self) -> None:
        self._waiting = None
        self._woken.set()
