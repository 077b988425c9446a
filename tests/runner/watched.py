"""A run in this process whose events a test waits for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from testlanes.runner.events import CaseFinished, LaneOpened, RunEvent
from testlanes.runner.frame import Run
from testlanes.runner.ids import HostName, LaneId


class Watched:
    """A run in this process, and what happened in it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.hosts: dict[LaneId, HostName] = {}
        self.finished = Counter[HostName]()
        self.seen: list[RunEvent] = []
        self._news = asyncio.Event()
        run.observers.append(self.take)

    def take(self, event: RunEvent) -> None:
        self.seen.append(event)
        match event:
            case LaneOpened(lane, host):
                self.hosts[lane] = host
            case CaseFinished(lane):
                self.finished[self.hosts[lane]] += 1
            case _:
                pass
        self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(40):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def count(self, kind: type[RunEvent], host: HostName) -> int:
        return sum(
            isinstance(each, kind) and getattr(each, "host", "") == host for each in self.seen
        )
