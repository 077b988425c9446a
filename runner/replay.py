"""The core of a replay: given cases, in a given order, in one worker; nothing else, nothing beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from .cases import CaseTable
from .commands import Command, Finish, Kill, LoadSuite, Publish, Retire, Send, StartWorker
from .events import (
    CaseFinished,
    CasesGivenUp,
    CasesPassed,
    CasesQueued,
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


class Replay:
    """Stands where a ``Session`` stands. Ids that the suite does not have are left out.

    An id may be there several times: a worker is handed it again when it is through with it.
    """

    def __init__(
        self,
        cases: CaseTable,
        host: HostName,
        profile: ProfileName,
        ids: Sequence[str],
        lane: LaneId = LaneId(0),  # noqa: B008 - a number
    ) -> None:
        self._cases = cases
        self._host = host
        self._profile = profile
        self._ids = ids
        self._lane = lane
        self._queue: deque[Row] = deque()
        self._held: set[Row] = set()
        self._ready = False
        self._opened = host == LOCAL
        self._started = False
        self._finished = False
        self._problem = ""  # what else than the worker and the suite went wrong

    def begin(self, now: float) -> list[Command]:
        """Return what starts the replay here; on another host it begins when that is ready."""
        del now
        return self._open(self._host) if self._opened else []

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
                self._queue.extend(row for row in found if row is not None)
                if not self._queue:
                    self._end("", commands)
                    return
                self._started = True
                commands.append(StartWorker(self._lane, self._host, self._profile, 0))
            case WorkerStarted():
                self._ready = True
                self._feed(commands)
            case CaseFinished(_, row):
                self._held.discard(row)
                self._feed(commands)
            case CasesPassed(_, rows):
                self._held.difference_update(rows)
                self._feed(commands)
            case CasesQueued(rows, times) if self._ready:
                self._queue.extend(list(rows) * max(times, 1))
                self._feed(commands)
            case StopAsked(_, reason, fault):
                if fault:
                    self._problem = reason
                if self._started:
                    commands.append(Kill(self._lane))
                else:
                    self._end("", commands)
            case WorkerLost():
                self._end("", commands)
            case HostReady(host, _, profiles) if not self._opened and self._profile in profiles:
                commands += self._open(host)
            case HostLost(_, reason):
                self._end(reason, commands)
            case _:
                pass

    def _open(self, host: HostName) -> list[Command]:
        self._opened, self._host = True, host
        opened = Publish(LaneOpened(self._lane, host, self._profile))
        return [opened, LoadSuite(host, self._profile)]

    def _feed(self, commands: list[Command]) -> None:
        new: list[Row] = []
        while self._queue and self._queue[0] not in self._held:
            new.append(self._queue.popleft())
            self._held.add(new[-1])
        if new:
            commands.append(Send(self._lane, tuple(new)))
        elif not self._held and not self._queue:
            self._ready = False
            commands.append(Retire(self._lane))

    def _end(self, problem: str, commands: list[Command]) -> None:
        self._finished = True
        if left := dict.fromkeys((*self._held, *self._queue)):
            gone = tuple(left)
            commands.append(Publish(CasesGivenUp(gone, "the worker that replays ended before it")))
        if self._opened:
            commands.append(Publish(LaneClosed(self._lane)))
        commands.append(Finish(self._problem or problem))
