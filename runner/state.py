"""What is known of a run: the fold of its events, the one store that every reader shows.

Only ``RunState.apply`` writes. What belongs to a case stands in columns indexed by row; lanes and
hosts are few and have objects. ``version`` grows with every change, ``changed_*`` say what to redraw.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import assert_never

from .cases import CaseTable
from .events import (
    CaseFinished,
    CasesGivenUp,
    CasesListed,
    CasesQueued,
    CasesReturned,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    FilesUsed,
    FixtureChanged,
    HostLost,
    HostPhase,
    HostUp,
    ImageChanged,
    LaneClosed,
    LaneOpened,
    LaneWaits,
    LeaksFound,
    ListingEnded,
    ListingStarted,
    OutputReceived,
    PluginReported,
    RunEnded,
    RunEvent,
    RunStarted,
    StopAsked,
    Ticked,
    Usage,
    Warned,
    WorkerLost,
    WorkerStarted,
)
from .ids import HostName, Kind, LaneId, ProfileName, Row, Status

DETAIL_LIMIT = 1 << 20
"""Bytes kept in memory of one detail; the whole of it is in the journal and the repository."""

TAIL_LIMIT = 256 << 10
"""Bytes kept of a lane's live output."""


class Standing(IntEnum):
    """Where a case stands now; the value of the ``standing`` column."""

    UNSELECTED = 0
    WAITING = 1
    RUNNING = 2
    SUCCESS = 3
    FAIL = 4
    SKIP = 5
    XFAIL = 6
    UXSUCCESS = 7
    NOT_RUN = 8


STANDING_OF = {
    Status.SUCCESS: Standing.SUCCESS,
    Status.FAIL: Standing.FAIL,
    Status.SKIP: Standing.SKIP,
    Status.XFAIL: Standing.XFAIL,
    Status.UXSUCCESS: Standing.UXSUCCESS,
    Status.NOT_RUN: Standing.NOT_RUN,
}
KINDS = tuple(Kind)
KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
FAILED = frozenset({Standing.FAIL, Standing.UXSUCCESS})
ENDED = frozenset(STANDING_OF.values())

_LEAK_WORDS = {
    "process": ("process", "processes"),
    "thread": ("thread", "threads"),
    "fd": ("open file", "open files"),
    "socket": ("listening socket", "listening sockets"),
    "file": ("temporary file", "temporary files"),
    "environment": ("environment variable", "environment variables"),
    "handler": ("log handler", "log handlers"),
    "state": ("change of process state", "changes of process state"),
}


def leak_words(kind: str, count: int = 1) -> str:
    """Return what a kind of leak is called, for so many of them."""
    one, many = _LEAK_WORDS.get(kind, (kind, kind))
    return one if count == 1 else many


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
    restarts: int = 0
    busy_seconds: float = 0.0
    """Wall time of all attempts so far."""
    memory: int = 0
    cpu: float = 0.0
    waits: str = ""
    note: str = ""
    """Why the last worker was lost."""
    fixtures: dict[int, FixtureState] = field(default_factory=dict[int, FixtureState])
    tail: deque[tuple[str, bytes]] = field(default_factory=deque[tuple[str, bytes]])
    tail_size: int = 0


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


class RunState:
    """The store of one run."""

    def __init__(
        self,
        cases: CaseTable,
        expected: Callable[[str, ProfileName], float | None] = lambda _id, _profile: None,
    ) -> None:
        self.cases = cases
        self._expected = expected
        self.version = 0
        self.standing = bytearray()
        self.kind = bytearray()
        self.attempts = bytearray()
        self.flaky: set[Row] = set()
        self.seconds: array[float] = array("f")
        self.expected: array[float] = array("f")
        """Expected seconds from history; negative where unknown."""
        self.lane_of: array[int] = array("h")
        """The lane of the latest attempt; -1 for none."""
        self.counts: array[int] = array("l", [0] * len(Standing))
        self.lanes: dict[LaneId, LaneState] = {}
        self.hosts: dict[HostName, HostState] = {}
        self.profiles: dict[ProfileName, ProfileState] = {}
        self.failures: dict[Row, None] = {}
        """Rows that stand as failed, in the order they failed."""
        self.details: dict[Row, list[Detail]] = {}
        """Details of what runs and of what did not simply pass."""
        self.extras: list[ExtraResult] = []
        self.leaks: list[LeaksFound] = []
        self.fixture_seconds: dict[str, float] = {}
        """How long a fixture took to come up the last time, by name."""
        self.warnings: list[Warned] = []
        self.plugin_reports: list[PluginReported] = []
        self.changed_rows: set[Row] = set()
        self.changed_lanes: set[LaneId] = set()
        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self.stopping: StopAsked | None = None
        self.total_seconds = 0.0
        """The sum of all attempts' wall times."""
        self._expected_left = 0.0
        self._unknown_left = 0
        self._timed = 0

    # -- reading -------------------------------------------------------------------------------------

    @property
    def selected(self) -> int:
        """How many cases are to run, as far as they are listed."""
        return sum(self.counts) - self.counts[Standing.UNSELECTED]

    @property
    def finished(self) -> int:
        """How many cases have their status."""
        return self.selected - self.counts[Standing.WAITING] - self.counts[Standing.RUNNING]

    @property
    def failed(self) -> int:
        """How many cases stand as failed, and results of nobody's that failed."""
        return (
            self.counts[Standing.FAIL]
            + self.counts[Standing.UXSUCCESS]
            + sum(extra.status.is_failure for extra in self.extras)
        )

    @property
    def listing(self) -> bool:
        """Whether some profile's suite is not completely known yet."""
        return any(profile.listing in ("", "loading") for profile in self.profiles.values())

    def standing_of(self, row: Row) -> Standing:
        """Return where a case stands."""
        return Standing(self.standing[row])

    def kind_of(self, row: Row) -> Kind:
        """Return why a case's latest attempt failed."""
        return KINDS[self.kind[row]]

    def expected_seconds(self, row: Row) -> float | None:
        """Return how long a case took in the past, in seconds; None if nobody knows."""
        seconds = self.expected[row]
        return None if seconds < 0 else seconds

    def remaining_seconds(self) -> float | None:
        """Return about how long the run goes on, in seconds; None when nothing is known to go by."""
        lanes = sum(lane.phase != "closed" for lane in self.lanes.values())
        if not lanes or (self._unknown_left and not self._timed):
            return None
        mean = self.total_seconds / self._timed if self._timed else 0.0
        return (self._expected_left + self._unknown_left * mean) / lanes

    def drain_changes(self) -> tuple[set[Row], set[LaneId]]:
        """Return the rows and lanes that changed since the last call."""
        rows, lanes = self.changed_rows, self.changed_lanes
        self.changed_rows, self.changed_lanes = set(), set()
        return rows, lanes

    # -- writing -------------------------------------------------------------------------------------

    def apply(self, event: RunEvent) -> None:
        """Fold one event in."""
        self.version += 1
        match event:
            case CaseStarted():
                self._case_started(event)
            case CaseFinished():
                self._case_finished(event)
            case DetailReceived():
                if not event.live:
                    self._detail(event)
            case CasesListed():
                self._listed(event)
            case RunStarted():
                self.started = event
                for name in event.profiles:
                    self.profiles.setdefault(name, ProfileState(name))
            case HostUp(host, cpus, python):
                state = self._host(host)
                state.phase, state.note, state.cpus, state.python = "up", "", cpus, python
            case HostPhase(host, phase, note):
                state = self._host(host)
                state.phase, state.note = phase, note
            case HostLost(host, reason):
                state = self._host(host)
                state.phase, state.note = "lost", reason
                self.changed_lanes.update(state.lanes)
            case ListingStarted(profile):
                self._profile(profile).listing = "loading"
            case ListingEnded(profile, error, seconds):
                state = self._profile(profile)
                state.listing, state.error = "failed" if error else "listed", error
                state.listing_seconds = seconds
            case LaneOpened(lane, host, profile):
                if lane not in self.lanes:
                    self.lanes[lane] = LaneState(lane, host, profile)
                    self._host(host).lanes.append(lane)
                self.lanes[lane].profile = profile
                self.changed_lanes.add(lane)
            case WorkerStarted():
                state = self._lane(event.lane)
                if state.generation >= 0 and event.generation > state.generation:
                    state.restarts += 1
                state.phase, state.generation, state.pid = "idle", event.generation, event.pid
                state.profile = event.profile
            case ExtraResult():
                self.extras.append(event)
                if event.lane in self.lanes and event.status.is_failure:
                    self._lane(event.lane).failed += 1
            case CasesReturned(lane):
                self.changed_lanes.add(lane)
            case FixtureChanged():
                self._fixture(event)
            case OutputReceived(lane, source, data):
                state = self._lane(lane)
                state.tail.append((source, data))
                state.tail_size += len(data)
                while state.tail_size > TAIL_LIMIT and len(state.tail) > 1:
                    state.tail_size -= len(state.tail.popleft()[1])
            case LeaksFound():
                self.leaks.append(event)
            case Usage(lane, memory, cpu):
                state = self._lane(lane)
                state.memory, state.cpu = memory, cpu
            case WorkerLost(lane, _, reason, expected):
                state = self._lane(lane)
                state.phase, state.pid, state.note = "restarting", 0, "" if expected else reason
                state.crashed += not expected
                state.fixtures.clear()
                self._interrupted(state)
            case LaneClosed(lane):
                state = self._lane(lane)
                state.phase, state.waits = "closed", ""
                self._interrupted(state)
            case LaneWaits(lane, why):
                self._lane(lane).waits = why
            case Warned():
                self.warnings.append(event)
            case PluginReported():
                self.plugin_reports.append(event)
            case Ticked() | FilesUsed() | ImageChanged():
                pass
            case StopAsked():
                if self.stopping is None or event.hard:
                    self.stopping = event
            case CasesQueued(rows, _):
                for row in rows:
                    if self.standing[row] != Standing.RUNNING:
                        self._move(row, Standing.WAITING)
            case CasesGivenUp(rows, _):
                for row in rows:
                    self._move(row, Standing.NOT_RUN)
            case RunEnded():
                self.ended = event
            case _:
                assert_never(event)

    def _case_started(self, event: CaseStarted) -> None:
        row = event.row
        lane = self._lane(event.lane)
        lane.phase, lane.row, lane.started_at = "running", row, event.at
        lane.waits = ""
        self.lane_of[row] = event.lane
        self.attempts[row] = min(255, self.attempts[row] + 1)
        self.details.pop(row, None)
        self._move(row, Standing.RUNNING)

    def _case_finished(self, event: CaseFinished) -> None:
        row = event.row
        lane = self._lane(event.lane)
        lane.last_row, lane.last_status = row, event.status
        if lane.row == row:
            lane.row = None
            lane.phase = "idle"
        lane.done += 1
        failed = event.status.is_failure
        lane.failed += failed
        lane.busy_seconds += event.seconds
        self._host(lane.host).done += 1
        self.seconds[row] = event.seconds
        self.kind[row] = KIND_NUMBERS[event.kind]
        self.total_seconds += event.seconds
        self._timed += 1
        self.lane_of[row] = event.lane
        if event.status is Status.SUCCESS:
            self.details.pop(row, None)
            if row in self.failures:
                self.flaky.add(row)
        self._move(row, STANDING_OF[event.status])
        if failed:
            self.failures[row] = None
        else:
            self.failures.pop(row, None)

    def _detail(self, event: DetailReceived) -> None:
        details = self.details.setdefault(event.row, [])
        if details and details[-1].name == event.name and not details[-1].complete:
            detail = details[-1]
        else:
            detail = Detail(event.name, event.mime, bytearray())
            details.append(detail)
        detail.append(event.data)
        detail.complete = event.eof

    def _listed(self, event: CasesListed) -> None:
        profile = self._profile(event.profile)
        profile.listed += len(event.rows)
        first = len(self.standing)
        grow = event.rows[-1] + 1 - first if event.rows else 0
        if grow > 0:
            self.standing.extend(bytes(grow))
            self.kind.extend(bytes(grow))
            self.attempts.extend(bytes(grow))
            self.seconds.extend([0.0] * grow)
            self.expected.extend([-1.0] * grow)
            self.lane_of.extend([-1] * grow)
            self.counts[Standing.UNSELECTED] += grow
            for row in range(first, first + grow):
                self._profile(self.cases.profile(Row(row))).counts[Standing.UNSELECTED] += 1
        test_id, expected = self.cases.test_id, self._expected
        for row in event.selected:
            seconds = expected(test_id(row), event.profile)
            self.expected[row] = -1.0 if seconds is None else seconds
            self._move(row, Standing.WAITING)

    def _move(self, row: Row, to: Standing) -> None:
        before = self.standing[row]
        if before == to:
            return
        self.standing[row] = to
        self.counts[before] -= 1
        self.counts[to] += 1
        counts = self._profile(self.cases.profile(row)).counts
        counts[before] -= 1
        counts[to] += 1
        if (before in _LEFT) != (to in _LEFT):
            sign = 1 if to in _LEFT else -1
            expected = self.expected[row]
            if expected < 0:
                self._unknown_left += sign
            else:
                self._expected_left = max(0.0, self._expected_left + sign * expected)
        self.changed_rows.add(row)

    def _interrupted(self, lane: LaneState) -> None:
        """What ran in a lane that is gone, and has no verdict, waits again."""
        if lane.row is not None:
            if self.standing[lane.row] == Standing.RUNNING:
                self._move(lane.row, Standing.WAITING)
            lane.row = None

    def _fixture(self, event: FixtureChanged) -> None:
        fixtures = self._lane(event.lane).fixtures
        if event.phase == "up":
            self.fixture_seconds[event.name] = event.seconds
        if event.phase == "down":
            fixtures.pop(event.number, None)
            return
        known = fixtures.get(event.number)
        if known is None:
            fixtures[event.number] = FixtureState(
                event.number,
                event.parent,
                event.name,
                event.scope,
                event.phase,
                event.seconds,
                event.row,
                event.at,
            )
        else:
            known.phase, known.seconds = event.phase, event.seconds or known.seconds
            known.since = event.at

    def _lane(self, lane: LaneId) -> LaneState:
        self.changed_lanes.add(lane)
        return self.lanes[lane]

    def _host(self, host: HostName) -> HostState:
        found = self.hosts.get(host)
        if found is None:
            found = self.hosts[host] = HostState(host)
        return found

    def _profile(self, profile: ProfileName) -> ProfileState:
        found = self.profiles.get(profile)
        if found is None:
            found = self.profiles[profile] = ProfileState(profile)
        return found


_LEFT = (int(Standing.WAITING), int(Standing.RUNNING))
