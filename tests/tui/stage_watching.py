"""A stage for a watch: some cycles, the last of them red."""

from __future__ import annotations

from dataclasses import replace

from testlanes.runner.events import CaseStarted, ImageChanged, RunEnded, RunStarted
from testlanes.runner.ids import Case, Kind, LaneId, Status
from testlanes.runner.state.board import Board
from testlanes.runner.watching import (
    Cycle,
    CycleBegan,
    CycleEnded,
    Failure,
    FilesSaved,
    KnownFailure,
    WatchBegan,
    Ways,
)

from .stage import MISMATCH, MODULES, PY311, Stage

SERVERS = MODULES[0][0]
QUOTA = Case(f"{SERVERS}.test_quota_exceeded", PY311)
SHELVE = Case(f"{SERVERS}.test_shelve", PY311)


class WatchStage(Stage):
    """A stage whose state is a board. ``cycle`` plays a whole one."""

    def __init__(self) -> None:
        super().__init__((PY311,))
        self.board = Board()
        self.state = self.board
        self.cases = self.board.cases
        self.notes.state = self.board
        self.notes.offers |= {"watching"}
        self.failing: dict[Case, None] = {}
        self.number = 0

    def begin_watch(self, *failures: KnownFailure) -> WatchStage:
        """Begin with what failed before."""
        self.failing = dict.fromkeys(failure.case for failure in failures)
        self.board.tell(WatchBegan(1204, Ways(), failures))
        return self

    def save(self, path: str, at: float) -> WatchStage:
        """Save a file."""
        ignored = {"lib/.quota.py.swp": "an editor's or compiler's own"}
        self.board.tell(FilesSaved(self.at(at), (path,), (path,), 1204, ignored))
        return self

    def cycle(self, path: str, at: float, **statuses: Status) -> WatchStage:
        """Run the named tests of the first module because of a file."""
        self.number += 1
        began = Cycle(self.number, self.at(at), changed=(path,))
        self.board.tell(CycleBegan(began))
        self.say(RunStarted(self.at(at), self.settings.root, (PY311,), 2, True, "watch 1a2b"))
        names = [f"{SERVERS}.{name}" for name in statuses]
        self.list_tests(ids=names)
        self.open_lanes(2, 0)
        for number, (name, status) in enumerate(statuses.items()):
            row, lane = self.row(name, PY311), LaneId(number % 2)
            self.say(CaseStarted(lane, row, self.at(at)))
            kind, details = Kind.NONE, ()
            if status.is_failure:
                kind = Kind.ASSERTION
                details = (("traceback", "text/x-traceback", MISMATCH.encode()),)
            self.end(lane, row, at + 0.1, status, kind, 0.1, details)
            case = Case(f"{SERVERS}.{name}", PY311)
            self.failing.pop(case, None)
            if status.is_failure:
                self.failing[case] = None
        self.say(RunEnded(self.at(at + 0.3), False))
        statuses_ = [str(status) for status in statuses.values()]
        ended = replace(
            began,
            seconds=0.31,
            first=0.05,
            reasons={path: ("tests/api/test_servers.py", "tests/test_quota.py")},
            failures=tuple(
                Failure(case, Kind.ASSERTION, "403 != 413", "", 0)
                for name, status in statuses.items()
                if status.is_failure and (case := Case(f"{SERVERS}.{name}", PY311))
            ),
            counts={status: statuses_.count(status) for status in statuses_},
            failing=len(self.failing),
            unseen=212,
            run=self.number,
        )
        self.board.tell(CycleEnded(ended, frozenset(self.failing)))
        self.pass_time(at + 0.3)
        return self


def stage_watching() -> WatchStage:
    """Return a watch between two cycles: one test failed before it began, one in its last cycle."""
    before = KnownFailure(SHELVE, Kind.NONE, (("traceback", "text/x-traceback", b"Boom: x\n"),))
    stage = WatchStage().begin_watch(before)
    stage.board.tell(ImageChanged(PY311, "ready", "", 41 << 20, 900))
    stage.save("lib/quota.py", 5).cycle("lib/quota.py", 5, test_resize=Status.SUCCESS)
    stage.save("lib/quota.py", 9)
    stage.cycle("lib/quota.py", 9, test_resize=Status.SUCCESS, test_quota_exceeded=Status.FAIL)
    return stage
