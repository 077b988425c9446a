"""What a run consists of besides its cases: details, fixtures, lanes, hosts, profiles."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass, field

from ..frozen import frozen
from ..ids import HostName, LaneId, ProfileName, Row, Status
from .standing import Standing

DETAIL_LIMIT = 1 << 20
"""Bytes kept in memory of one detail; the whole of it is in the journal and the repository."""

TAIL_LIMIT = 256 << 10
"""Bytes kept of a lane's live output."""


BEGAN = ""
"""What stands for the source of a piece of live output that is none: the row of the test that began here."""


@dataclass(slots=True)
class Detail:
    """A named content of an attempt. ``dropped`` counts the bytes left out of the middle."""

    name: str
    mime: str
    data: bytearray
    dropped: int = 0
    complete: bool = False

    @property
    def text(self) -> str:
        """The content as text; what is no UTF-8 is shown as escapes."""
        return self.data.decode("utf-8", "backslashreplace")

    def append(self, data: bytes) -> None:
        """Add bytes; beyond ``DETAIL_LIMIT`` the first half and the newest are kept."""
        self.data += data
        if (over := len(self.data) - DETAIL_LIMIT) > 0:
            half = DETAIL_LIMIT // 2
            del self.data[half : half + over]
            self.dropped += over


@dataclass(slots=True)
class FixtureState:
    """A fixture that is alive in a lane, or that just failed."""

    number: int
    parent: int
    name: str
    scope: str
    phase: str
    seconds: float = 0.0
    row: Row | None = None
    since: int = 0
    """When its present phase began: UTC, ns since the epoch; 0 if nobody knows."""


@frozen
class Surroundings:
    """When a failed attempt began and ended, what ran before it in its worker, and beside it in other lanes."""

    began: int
    """UTC, ns since the epoch; so is ``ended``."""
    ended: int
    ran: array[int]
    """Rows that the worker ran, in order, also after this one: the first ``before`` ran before it."""
    before: int
    beside: tuple[tuple[LaneId, Row], ...]

    @property
    def rows_before(self) -> list[Row]:
        """What the same worker ran before, in that order."""
        return [Row(row) for row in self.ran[: self.before]]


@dataclass(slots=True)
class LaneState:
    """One lane. ``phase`` is ``starting``, ``idle``, ``running``, ``restarting`` or ``closed``."""

    lane: LaneId
    host: HostName
    profile: ProfileName
    phase: str = "starting"
    generation: int = -1
    pid: int = 0
    row: Row | None = None
    started_at: int = 0
    """When the running attempt began: UTC, ns since the epoch."""
    last_row: Row | None = None
    last_status: Status | None = None
    done: int = 0
    failed: int = 0
    crashed: int = 0
    """How many of its workers died, with a test in them or without."""
    died: bool = False
    """Whether the test that ended last took its worker with it."""
    busy_seconds: float = 0.0
    """Wall time of all attempts so far."""
    memory: int = 0
    cpu: float = 0.0
    waits: str = ""
    note: str = ""
    """Why the last worker died; empty if it went as it was to."""
    lost: str = ""
    """Why the last of those that died did, though others came after it."""
    fixtures: dict[int, FixtureState] = field(default_factory=dict[int, FixtureState])
    tail: deque[tuple[str, bytes]] = field(default_factory=deque[tuple[str, bytes]])
    """Live output as (source, bytes), and where tests began in it (see ``BEGAN``)."""
    tail_size: int = 0
    ran: array[int] = field(default_factory=lambda: array("I"))
    """Rows that its present worker ran, in order."""


@dataclass(slots=True)
class HostState:
    """One host. ``phase`` is what it is busy with before it is ``up``, or ``lost``."""

    host: HostName
    phase: str = "connecting"
    note: str = ""
    cpus: int = 0
    python: str = ""
    lanes: list[LaneId] = field(default_factory=list[LaneId])
    done: int = 0
    root: str = ""
    """The project's folder there; empty for this machine."""
    clock_offset: float = 0.0
    """Seconds that its clock is ahead of ours."""
    again: float | None = None
    """Of a lost one: seconds after its loss when it is tried again; None: it is given up."""
    speed: float = 1.0
    """Expected seconds over measured ones, at the end of a run on several hosts."""


@dataclass(slots=True)
class ProfileState:
    """The listing of one profile and its counts by standing."""

    profile: ProfileName
    listing: str = ""
    """``""`` (not begun), ``loading``, ``listed`` or ``failed``."""
    error: str = ""
    listed: int = 0
    listing_seconds: float = 0.0
    counts: array[int] = field(default_factory=lambda: array("l", [0] * len(Standing)))
