"""What is known of tests over run after run: what a watch shows, where each run knows of its own cases only."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from ..cases import CaseTable
from ..events import (
    CaseFinished,
    CasesGivenUp,
    CasesListed,
    CasesPassed,
    CasesQueued,
    CasesReturned,
    CaseStarted,
    DetailReceived,
    FixtureChanged,
    LaneOpened,
    LeaksFound,
    RunEvent,
    RunStarted,
)
from ..ids import Case, ProfileName, Row, Status
from ..watching import CycleEnded, KnownFailure, WatchBegan, WatchEvent
from .parts import Detail
from .run import RunState
from .standing import FAILED, KIND_NUMBERS, Standing
from .watch import WatchState


class Board(RunState):
    """A ``RunState`` for one run after another. What failed stays, with its details, until it passes or is gone.

    Its rows are its own: ``follow`` gives what takes the events of one run, and ``tell`` takes a watch's.
    """

    def __init__(self) -> None:
        super().__init__(CaseTable(), self._expects)
        self.watch = self.watched = WatchState()
        self._times: Callable[[str, ProfileName], float | None] = lambda _id, _profile: None
        self._kept: dict[Row, list[Detail]] = {}
        """Failures from before the run that goes on -> their details."""

    def tell(self, event: WatchEvent) -> None:
        """Take an event of the watch."""
        self.version += 1
        self.watched.apply(event)
        match event:
            case WatchBegan():
                for failure in event.failures:
                    self._know(failure)
            case CycleEnded():
                self._settle(event.failing)
            case _:
                pass

    def follow(self, run: RunState) -> Callable[[RunEvent], None]:
        """Return what takes the events of a run."""
        self._times = run.expects
        cases = run.cases
        rows: dict[Row, Row] = {}

        def own(row: Row) -> Row:
            found = rows.get(row)
            if found is None:
                found = rows[row] = self.cases.add(*cases.case(row))
            return found

        def take(event: RunEvent) -> None:
            match event:
                case CaseStarted() | CaseFinished() | DetailReceived():
                    self.apply(replace(event, row=own(event.row)))
                case CasesListed():
                    listed = tuple(map(own, event.rows))
                    self._grow(event.profile)
                    selected = tuple(map(own, event.selected))
                    self.apply(replace(event, rows=listed, selected=selected, groups={}))
                case CasesPassed() | CasesReturned() | CasesQueued() | CasesGivenUp():
                    self.apply(replace(event, rows=tuple(map(own, event.rows))))
                case FixtureChanged() | LeaksFound():
                    row = None if event.row is None else own(event.row)
                    self.apply(replace(event, row=row))
                case _:
                    self.apply(event)

        return take

    def apply(self, event: RunEvent) -> None:
        """See ``RunState``."""
        match event:
            case RunStarted():
                self._begin_again()
            case LaneOpened() if event.lane in self.lanes:
                self._open_again(event)
            case CaseFinished(_, row, Status.SUCCESS) if row in self._kept:
                self.failures.pop(row, None)  # mended: that is not what flaky means
            case CasesPassed(_, rows):
                for row in self._kept.keys() & rows:
                    self.failures.pop(row, None)
            case _:
                pass
        super().apply(event)

    # -- from run to run -----------------------------------------------------------------------------

    def _begin_again(self) -> None:
        """Forget how the last run went, but for what failed."""
        self.ended, self.stopping = None, None
        self.total_seconds, self._timed = 0.0, 0
        self._kept = {row: self.details.get(row, []) for row in self.failures}
        self.flaky.clear()
        for row, standing in enumerate(self.standing):
            self.attempts[row] = 0
            if standing and standing not in FAILED:
                self._move(Row(row), Standing.UNSELECTED)
        for profile in self.profiles.values():
            profile.listing, profile.error, profile.listed = "", "", 0
        self.leaks.clear()

    def _open_again(self, event: LaneOpened) -> None:
        lane = self.lanes[event.lane]
        lane.phase, lane.generation, lane.row = "starting", -1, None
        lane.waits = lane.note = ""
        lane.fixtures.clear()

    def _settle(self, failing: Collection[Case]) -> None:
        """The run is over: what is known to fail stands as failed, and nothing else does."""
        for row in list(self.failures):
            if self.cases.case(row) not in failing:
                del self.failures[row]
                self.details.pop(row, None)
                if self.standing[row] in FAILED:
                    self._move(row, Standing.UNSELECTED)
                self.changed_rows.append(row)
            elif self.standing[row] not in FAILED:  # it was stopped
                self._move(row, Standing.FAIL)
                self.details.setdefault(row, self._kept.get(row, []))
        last = {
            Case(one.test_id, one.profile): number
            for number, one in self.extras.items()
            if one.status.is_failure
        }
        stands = {number for case, number in last.items() if case in failing}
        self.extras_gone += len(self.extras) - len(stands)
        self.extras = {number: one for number, one in self.extras.items() if number in stands}

    def _know(self, failure: KnownFailure) -> None:
        case = failure.case
        row = self.cases.add(*case)
        self._grow(case.profile)
        self.kind[row] = KIND_NUMBERS[failure.kind]
        self.failures[row] = None
        self.details[row] = [
            Detail(name, mime, bytearray(data), complete=True)
            for name, mime, data in failure.details
        ]
        self._move(row, Standing.FAIL)

    def _grow(self, profile: ProfileName) -> None:
        """Make room for all rows: the next listing need not bring the new ones in order."""
        rows = tuple(map(Row, range(len(self.standing), len(self.cases))))
        if rows:
            self._list(CasesListed(profile, rows, ()))
            self._profile(profile).listed -= len(rows)

    def _expects(self, test_id: str, profile: ProfileName) -> float | None:
        return self._times(test_id, profile)
