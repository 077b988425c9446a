"""The core of a replay: given cases, in a given order, in one worker; nothing else, nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .cases import CaseTable
from .commands import Command, Finish, Kill, LoadSuite, Publish, Retire, Send, StartWorker
from .events import (
    CaseFinished,
    CasesGivenUp,
    CaseStarted,
    HostLost,
    HostReady,
    LaneClosed,
    LaneOpened,
    ListingEnded,
    RunEvent,
    StopAsked,
    WorkerLost,
    WorkerStarted,
)
from .ids import LOCAL, HostName, LaneId, ProfileName, Row

LANE = LaneId(0)


class Replay:
    """Stands where a ``Session`` stands. Ids that the suite does not have are left out."""

    def __init__(
        self, cases: CaseTable, host: HostName, profile: ProfileName, ids: Sequence[str]
    ) -> None:
        self._cases = cases
        self._host = host
        self._profile = profile
        self._ids = ids
        self._left: dict[Row, None] = {}
        self._running: Row | None = None
        self._started = False
        self._finished = False
        self._problem = ""

    def begin(self, now: float) -> list[Command]:
        """Return what starts the replay."""
        del now
        opened = Publish(LaneOpened(LANE, self._host, self._profile))
        return [opened, LoadSuite(self._host, self._profile)] if self._host == LOCAL else [opened]

    def step(self, events: Iterable[RunEvent], now: float) -> list[Command]:
        """Take events; return what must now be done."""
        del now
        commands: list[Command] = []
        for event in events:
            if not self._finished:
                self._take(event, commands)
        return commands

    def change_lanes(self, by: int, now: float, host: HostName = LOCAL) -> list[Command]:
        """A replay has its one lane."""
        del by, now, host
        return []

    def _take(self, event: RunEvent, commands: list[Command]) -> None:
        match event:
            case ListingEnded(profile, error) if profile == self._profile and not self._started:
                if error:
                    self._end(f"the suite could not be loaded: {error}", commands)
                    return
                found = (self._cases.find(test_id, profile) for test_id in self._ids)
                self._left = {row: None for row in found if row is not None}
                if not self._left:
                    self._end("", commands)
                    return
                self._started = True
                commands.append(StartWorker(LANE, self._host, self._profile, 0))
            case WorkerStarted():
                commands.append(Send(LANE, tuple(self._left)))
            case CaseStarted(_, row):
                self._running = row
            case CaseFinished(_, row):
                self._left.pop(row, None)
                self._running = None
                if not self._left:
                    commands.append(Retire(LANE))
            case StopAsked():
                if self._started:
                    commands.append(Kill(LANE))
                else:
                    self._end("", commands)
            case WorkerLost():
                self._end("", commands)
            case HostReady(host) if host == self._host and not self._started:
                commands.append(LoadSuite(host, self._profile))
            case HostLost(_, reason):
                self._end(reason, commands)
            case _:
                pass

    def _end(self, problem: str, commands: list[Command]) -> None:
        self._finished = True
        if self._left:
            gone = tuple(self._left)
            commands.append(Publish(CasesGivenUp(gone, "the worker that replays ended before it")))
        commands += [Publish(LaneClosed(LANE)), Finish(problem)]
