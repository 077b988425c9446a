"""A made-up run: its events go to the state and to the reporters under test, in that order."""

from __future__ import annotations

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CaseFinished,
    CasesListed,
    CaseStarted,
    DetailReceived,
    LaneOpened,
    ListingEnded,
    RunEnded,
    RunEvent,
    RunStarted,
    WorkerStarted,
)
from testlanes.runner.ids import LOCAL, Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.report.reporter import Reporter
from testlanes.runner.state import RunState

START = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
TRACEBACK = 'text/x-traceback;charset="utf8";language="python"'


class Story:
    """Tells a run; ``now`` is its clock."""

    def __init__(self) -> None:
        self.cases = CaseTable()
        self.state = RunState(self.cases)
        self.reporters: list[Reporter] = []
        self.now = START

    def clock(self) -> int:
        return self.now

    def tell(self, *events: RunEvent) -> None:
        for event in events:
            self.state.apply(event)
            for reporter in self.reporters:
                reporter.record(event)

    def begin(self, ids: list[str], profile: str = "default", lanes: int = 2) -> list[Row]:
        name = ProfileName(profile)
        if self.state.started is None:
            self.tell(RunStarted(self.now, "/project", (name,), lanes, partial=False))
        rows = tuple(self.cases.add(one, name) for one in ids)
        first = len(self.state.lanes)
        for number in range(first, first + lanes):
            self.tell(
                LaneOpened(LaneId(number), LOCAL, name),
                WorkerStarted(LaneId(number), 0, 100 + number, name, -1),
            )
        self.tell(CasesListed(name, rows, rows), ListingEnded(name, "", 0.5))
        return list(rows)

    def start(self, row: Row, lane: int = 0) -> None:
        self.tell(CaseStarted(LaneId(lane), row, self.now))

    def detail(
        self, row: Row, name: str, data: bytes, mime: str = "text/plain", lane: int = 0
    ) -> None:
        self.tell(DetailReceived(LaneId(lane), row, name, mime, data, eof=True))

    def finish_case(
        self,
        row: Row,
        status: Status = Status.SUCCESS,
        kind: Kind = Kind.NONE,
        seconds: float = 1.0,
        lane: int = 0,
    ) -> None:
        self.now += int(seconds * SECOND)
        self.tell(CaseFinished(LaneId(lane), row, status, kind, self.now, seconds))

    def run(
        self, row: Row, status: Status = Status.SUCCESS, kind: Kind = Kind.NONE, lane: int = 0
    ) -> None:
        self.start(row, lane)
        self.finish_case(row, status, kind, lane=lane)

    def fail(
        self,
        row: Row,
        traceback: str | bytes = "Traceback\nValueError: bad",
        kind: Kind = Kind.ERROR,
        lane: int = 0,
    ) -> None:
        self.start(row, lane)
        data = traceback.encode() if isinstance(traceback, str) else traceback
        self.detail(row, "traceback", data, TRACEBACK, lane)
        self.finish_case(row, Status.FAIL, kind, lane=lane)

    def end(self, problem: str = "") -> None:
        self.tell(RunEnded(self.now, interrupted=False, problem=problem))
        for reporter in self.reporters:
            reporter.finish()


@pytest.fixture
def story() -> Story:
    return Story()
