"""What is known of a run: the fold of its events, the one store that every reader shows.

Only ``RunState.apply`` writes. What belongs to a case stands in columns indexed by row; lanes and
hosts are few and have objects. ``version`` grows with every change, ``changed_*`` say what to redraw.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never, cast

from ..cases import CaseTable
from ..events import (
    CaseFinished,
    CasesAbsent,
    CasesGivenUp,
    CasesListed,
    CasesPassed,
    CasesQueued,
    CasesReturned,
    CasesSuspected,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    FilesUsed,
    FixtureChanged,
    HostLost,
    HostPhase,
    HostReady,
    HostSpeed,
    HostsProvisioned,
    HostStrained,
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
    SuiteLoaded,
    Ticked,
    Usage,
    Warned,
    WorkerLost,
    WorkerStarted,
)
from ..ids import HostName, Kind, LaneId, ProfileName, Row, Status
from .columns import Columns
from .parts import (
    BEGAN,
    TAIL_LIMIT,
    Detail,
    FixtureState,
    HostState,
    LaneState,
    ProfileState,
    Surroundings,
)
from .standing import KIND_NUMBERS, STANDING_OF, Standing

if TYPE_CHECKING:
    from .watch import WatchState

# What every test needs; to look a member up in its enumeration takes Python 3.11 as long as a call.
_RUNNING, _SUCCESS, _CRASH = Standing.RUNNING, Status.SUCCESS, Kind.CRASH


class RunState(Columns):
    """The store of one run."""

    def __init__(
        self,
        cases: CaseTable,
        expected: Callable[[str, ProfileName], float | None] | None = None,
        *,
        known_flaky: Callable[[str], bool] = lambda _id: False,
        flaky_fails: bool = False,
    ) -> None:
        """``known_flaky``: whether failures of a test are told without failing the run.

        ``flaky_fails``: whether a test fails the run that failed and then passed on a retry.
        """
        super().__init__(cases, expected)
        self.known_flaky = known_flaky
        self._flaky_fails = flaky_fails
        self.excused: set[Row] = set()
        """Rows that stand as failed and are known to come and go."""
        self.version = 0
        self.lanes: dict[LaneId, LaneState] = {}
        self.hosts: dict[HostName, HostState] = {}
        self.failures: dict[Row, None] = {}
        """Rows that stand as failed, in the order they failed."""
        self.details: dict[Row, list[Detail]] = {}
        """Details of what runs and of what did not simply pass."""
        self.surroundings: dict[Row, Surroundings] = {}
        """Of each row whose latest attempt failed."""
        self.tags: dict[Row, tuple[str, ...]] = {}
        """Tags that tests gave their results themselves."""
        self.extras: dict[int, ExtraResult] = {}
        """By the number under which each came, which is nobody else's when it is gone."""
        self.extras_gone = 0
        """How many came and stand no more."""
        self.watch: WatchState | None = None
        """The watch that these runs belong to, if they do."""
        self.leaks: list[LeaksFound] = []
        self.fixture_seconds: dict[str, float] = {}
        """How long a fixture took to come up the last time, by name."""
        self.warnings: list[Warned] = []
        self.plugin_reports: list[PluginReported] = []
        self.changed_lanes: set[LaneId] = set()
        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self.stopping: StopAsked | None = None
        self.total_seconds = 0.0
        """The sum of all attempts' wall times."""
        self._timed = 0
        self._tag_sets: dict[tuple[str, ...], tuple[str, ...]] = {}

    # -- reading -------------------------------------------------------------------------------------

    @property
    def failed(self) -> int:
        """How many cases stand as failed, and results of nobody's that failed."""
        return (
            self.counts[Standing.FAIL]
            + self.counts[Standing.UXSUCCESS]
            + sum(extra.status.is_failure for extra in self.extras.values())
        )

    @property
    def tolerated(self) -> int:
        """How many of what failed do not make the run fail."""
        extras = (extra for extra in self.extras.values() if extra.status.is_failure)
        return len(self.excused) + sum(self.known_flaky(extra.test_id) for extra in extras)

    @property
    def red(self) -> bool:
        """Whether tests make the run fail."""
        if self.failed > self.tolerated:
            return True
        test_id = self.cases.test_id
        return self._flaky_fails and not all(self.known_flaky(test_id(row)) for row in self.flaky)

    @property
    def listing(self) -> bool:
        """Whether some profile's suite is not completely known yet."""
        return any(profile.listing in ("", "loading") for profile in self.profiles.values())

    def remaining_seconds(self) -> float | None:
        """Return about how long the run goes on, in seconds; None when nothing is known to go by."""
        lanes = sum(lane.phase != "closed" for lane in self.lanes.values())
        if not lanes or (self._unknown_left and not self._timed):
            return None
        mean = self.total_seconds / self._timed if self._timed else 0.0
        return (self._expected_left + self._unknown_left * mean) / lanes

    def drain_changes(self) -> tuple[set[Row], set[LaneId]]:
        """Return the rows and lanes that changed since the last call."""
        rows, lanes = cast("set[Row]", set(self.changed_rows)), self.changed_lanes
        self.changed_rows, self.changed_lanes = array("I"), set()
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
            case CasesPassed():
                self._cases_passed(event)
            case DetailReceived():
                if not event.live:
                    self._detail(event)
            case CasesListed():
                self._list(event)
            case RunStarted():
                self.started = event
                for name in event.profiles:
                    self.profiles.setdefault(name, ProfileState(name))
            case HostUp(host, cpus, python):
                state = self._host(host)
                state.phase, state.note, state.cpus, state.python = "up", "", cpus, python
                state.clock_offset = event.clock_offset
            case HostReady(host):
                state = self._host(host)
                state.phase, state.note, state.root = "up", "", event.root
            case HostsProvisioned(pool, _, hosts, last):
                for host in hosts:
                    self._host(host)
                if last:
                    self.hosts.pop(pool, None)
            case HostPhase(host, phase, note):
                state = self._host(host)
                state.phase, state.note = phase, note
            case HostLost(host, reason, again):
                state = self._host(host)
                state.phase, state.note, state.again = "lost", reason, again
                self.changed_lanes.update(state.lanes)
            case HostStrained(host, why, fewer):
                text = f"{why}; there is a lane less" if fewer else why
                self.warnings.append(Warned(host, text))
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
                state.phase, state.generation, state.pid = "idle", event.generation, event.pid
                state.profile = event.profile
                state.ran = array("I")
            case ExtraResult():
                self.extras[len(self.extras) + self.extras_gone] = event
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
                    source, data = state.tail.popleft()
                    state.tail_size -= len(data) if source != BEGAN else 0
            case LeaksFound():
                self.leaks.append(event)
            case Usage(lane, memory, cpu):
                state = self._lane(lane)
                state.memory, state.cpu = memory, cpu
            case WorkerLost(lane, _, reason, expected):
                state = self._lane(lane)
                died = state.died or not expected
                state.phase, state.pid, state.note = "restarting", 0, reason if died else ""
                state.crashed += died
                state.lost = reason if died else state.lost
                state.died = False
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
            case HostSpeed(host, speed):
                self._host(host).speed = speed
            case Ticked() | FilesUsed() | ImageChanged():
                pass
            case SuiteLoaded() | CasesAbsent() | CasesSuspected():
                pass
            case StopAsked():
                if self.stopping is None or event.hard:
                    self.stopping = event
            case CasesQueued(rows):
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
        self.lane_of[row] = event.lane
        self._begin(lane, row)
        self._move(row, _RUNNING)

    def _begin(self, lane: LaneState, row: Row) -> None:
        self._mark(lane, row)
        self.attempts[row] = min(255, self.attempts[row] + 1)
        self.details.pop(row, None)

    def _mark(self, lane: LaneState, row: Row) -> None:
        """What the lane prints from here on is this test's."""
        lane.waits = ""
        if lane.tail and lane.tail[-1][0] == BEGAN:
            lane.tail.pop()  # that one said nothing
        lane.tail.append((BEGAN, str(row).encode()))

    def _case_finished(self, event: CaseFinished) -> None:
        row = event.row
        lane = self._lane(event.lane)
        if self.standing[row] != _RUNNING:
            self._begin(lane, row)
        lane.last_row, lane.last_status = row, event.status
        if lane.row == row:
            lane.row = None
            lane.phase = "idle"
        lane.done += 1
        lane.died = event.kind is _CRASH
        failed = event.status.is_failure
        lane.failed += failed
        lane.busy_seconds += event.seconds
        self._host(lane.host).done += 1
        self.seconds[row] = event.seconds
        self.kind[row] = KIND_NUMBERS[event.kind]
        self.total_seconds += event.seconds
        self._timed += 1
        self.lane_of[row] = event.lane
        if event.status is _SUCCESS:
            self.details.pop(row, None)
            if row in self.failures:
                self.flaky.add(row)
        self._move(row, STANDING_OF[event.status])
        if event.tags:
            self.tags[row] = self._tag_sets.setdefault(event.tags, event.tags)
        if failed:
            self.failures[row] = None
            self.surroundings[row] = self._around(event, lane)
            if self.known_flaky(self.cases.test_id(row)):
                self.excused.add(row)
        else:
            self.failures.pop(row, None)
            self.surroundings.pop(row, None)
            self.excused.discard(row)
        lane.ran.append(row)

    def _cases_passed(self, event: CasesPassed) -> None:
        lane = self._lane(event.lane)
        if any(self.attempts[row] for row in event.rows):
            for each in event.each():
                self._case_finished(each)
            return
        self._first_passes(event)
        count, seconds = len(event.rows), sum(event.seconds)
        lane.last_row, lane.last_status = event.rows[-1], Status.SUCCESS
        self._mark(lane, event.rows[-1])
        lane.died = False
        lane.done += count
        lane.busy_seconds += seconds
        lane.ran.extend(event.rows)
        self._host(lane.host).done += count
        self.total_seconds += seconds
        self._timed += count

    def _around(self, event: CaseFinished, lane: LaneState) -> Surroundings:
        beside = tuple(
            (other.lane, other.row)
            for other in self.lanes.values()
            if other.row is not None and other is not lane
        )
        began = event.at - round(event.seconds * 1e9)
        return Surroundings(began, event.at, lane.ran, len(lane.ran), beside)

    def _detail(self, event: DetailReceived) -> None:
        details = self.details.setdefault(event.row, [])
        if details and details[-1].name == event.name and not details[-1].complete:
            detail = details[-1]
        else:
            detail = Detail(event.name, event.mime, bytearray())
            details.append(detail)
        detail.append(event.data)
        detail.complete = event.eof

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
