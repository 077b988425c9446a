"""Which lanes there are and how each one's worker stands: part of a session, as pure as that.

A lane's worker goes ``wanted -> starting -> ready -> leaving`` and back to ``wanted`` when it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .commands import Command, Kill, Publish, Retire, StartWorker, TakeBack
from .dispatch import Dispatcher
from .events import TEARING_DOWN, LaneClosed, LaneOpened, LaneWaits, Warned
from .frozen import frozen
from .ids import HostName, LaneId, ProfileName

LEAVING_LIMIT = 300.0
"""Seconds that a worker may take to tear its fixtures down before it is killed."""


@frozen
class LanePlace:
    """A lane to open: where, and under which profile at first."""

    lane: LaneId
    host: HostName
    profile: ProfileName
    latency: float = 0.0
    """Seconds between handing a case out and its start, which queued work has to hide."""
    batches: bool = False
    """Whether its worker takes one batch and ends (a foreign lane)."""


@dataclass(slots=True)
class LaneRecord:
    """A lane and its worker."""

    place: LanePlace
    profile: ProfileName
    phase: str = "wanted"
    generation: int = -1
    finished: int = 0
    """Cases that the present worker finished."""
    closing: bool = False
    leaving_since: float = 0.0
    waits: str = ""


class Staff:
    """The lanes of a run. What a method returns are the commands that carry it out."""

    def __init__(self, dispatcher: Dispatcher, places: Iterable[LanePlace]) -> None:
        self._dispatcher = dispatcher
        self._lanes: dict[LaneId, LaneRecord] = {}
        self._patterns: dict[HostName, LanePlace] = {}
        self._next = 0
        for place in places:
            self._patterns.setdefault(place.host, place)
            self._lanes[place.lane] = LaneRecord(place, place.profile)
            self._next = max(self._next, place.lane + 1)

    def __getitem__(self, lane: LaneId) -> LaneRecord:
        return self._lanes[lane]

    def __iter__(self) -> Iterator[LaneRecord]:
        return iter(tuple(self._lanes.values()))

    def __len__(self) -> int:
        return len(self._lanes)

    def get(self, lane: LaneId) -> LaneRecord | None:
        """Return a lane, or None if it is closed."""
        return self._lanes.get(lane)

    def of_host(self, host: HostName) -> list[LaneRecord]:
        """Return the lanes of a host."""
        return [record for record in self._lanes.values() if record.place.host == host]

    @property
    def idle(self) -> bool:
        """Whether no lane has a worker, or is to have one just now."""
        return all(record.phase == "wanted" for record in self._lanes.values())

    def starting(self) -> list[LaneId]:
        """Return the lanes whose workers come up."""
        return [lane for lane, record in self._lanes.items() if record.phase == "starting"]

    # -- lanes ---------------------------------------------------------------------------------------

    def open(self, record: LaneRecord) -> Command:
        """Open a lane, or let one without a worker serve another profile."""
        place = record.place
        self._dispatcher.open_lane(
            place.lane, place.host, record.profile, latency=place.latency, batches=place.batches
        )
        return Publish(LaneOpened(place.lane, place.host, record.profile))

    def add(self, pattern: LanePlace) -> Command:
        """Open one more lane like ``pattern``, under the next number."""
        self._patterns.setdefault(pattern.host, pattern)
        place = replace(pattern, lane=LaneId(self._next))
        self._next += 1
        record = self._lanes[place.lane] = LaneRecord(place, place.profile)
        return self.open(record)

    def change(self, host: HostName, by: int) -> list[Command]:
        """Open ``by`` more lanes on a host that has some, or let that many (the newest, but one) go."""
        pattern = self._patterns.get(host)
        if pattern is None:
            return []
        if by > 0:
            return [self.add(pattern) for _ in range(by)]
        commands: list[Command] = []
        staying = [record for record in self.of_host(host) if not record.closing]
        staying.sort(key=lambda record: -record.place.lane)
        for record in staying[: min(-by, len(staying) - 1)]:
            record.closing = True
            if record.phase == "ready":
                if held := self._dispatcher.drain(record.place.lane):
                    commands.append(TakeBack(record.place.lane, held))
                commands.append(self.leave(record))
        return commands

    def close(self, record: LaneRecord, now: float) -> Command:
        """Close a lane; what it held returns to the queue."""
        lane = record.place.lane
        self._dispatcher.close_lane(lane, now)
        del self._lanes[lane]
        return Publish(LaneClosed(lane))

    def lose(self, host: HostName) -> list[Command]:
        """Close all lanes of a host that is gone."""
        self._patterns.pop(host, None)
        return [self.close(record, 0.0) for record in self.of_host(host)]

    def forget(self, lane: LaneId) -> None:
        """A lane was closed."""
        self._lanes.pop(lane, None)

    # -- workers -------------------------------------------------------------------------------------

    def start(self, record: LaneRecord) -> Command:
        """Put a worker into a lane."""
        record.generation += 1
        record.phase = "starting"
        place = record.place
        return StartWorker(place.lane, place.host, record.profile, record.generation)

    def leave(self, record: LaneRecord) -> Command:
        """Let a lane's worker tear down and end."""
        record.phase, record.leaving_since = "leaving", 0.0
        return Retire(record.place.lane)

    def move(self, record: LaneRecord, profile: ProfileName) -> list[Command]:
        """Let a lane serve another profile; the dispatcher has decided that."""
        record.profile = profile
        commands = [self.leave(record)] if record.phase == "ready" else []
        return [*commands, Publish(LaneOpened(record.place.lane, record.place.host, profile))]

    def hurry(self, now: float) -> list[Command]:
        """Kill workers that tear down for too long."""
        commands: list[Command] = []
        for record in self._lanes.values():
            if record.phase != "leaving":
                continue
            if not record.leaving_since:
                record.leaving_since = now
            elif now - record.leaving_since > LEAVING_LIMIT:
                record.leaving_since = now
                lane = record.place.lane
                text = f"its worker was still tearing down after {LEAVING_LIMIT:.0f} seconds and is killed"
                commands += [Publish(Warned(f"lane {lane}", text)), Kill(lane)]
        return commands

    def waits(self) -> list[Command]:
        """Tell of lanes that begin or end to wait, and for what."""
        commands: list[Command] = []
        for lane, record in self._lanes.items():
            why = TEARING_DOWN if record.phase == "leaving" else ""
            # Of one that has lost its worker, too: without anything to run it gets no other.
            if record.phase == "ready" or (record.phase == "wanted" and record.generation >= 0):
                why = self._dispatcher.waiting(lane)
            if why != record.waits:
                record.waits = why
                commands.append(Publish(LaneWaits(lane, why)))
        return commands
