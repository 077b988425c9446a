"""The state is the fold of the events: what readers see after each."""

from __future__ import annotations

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CaseFinished,
    CasesGivenUp,
    CasesListed,
    CasesQueued,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    LaneClosed,
    LaneOpened,
    OutputReceived,
    RunEvent,
    WorkerLost,
    WorkerStarted,
)
from testlanes.runner.ids import LOCAL, Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.state import DETAIL_LIMIT, TAIL_LIMIT, RunState, Standing

PY = ProfileName("py311")
OTHER = ProfileName("py312")
ONE = LaneId(0)
SECOND = 1_000_000_000


class Scene:
    """A run with one lane and these tests."""

    def __init__(self, *ids: str) -> None:
        self.cases = CaseTable()
        self.state = RunState(self.cases, self.expected)
        rows = tuple(self.cases.add(test_id, PY) for test_id in ids)
        self.tell(LaneOpened(ONE, LOCAL, PY), WorkerStarted(ONE, 0, 41, PY, -1))
        self.tell(CasesListed(PY, rows, rows))

    @staticmethod
    def expected(test_id: str, profile: ProfileName) -> float | None:
        return {"slow": 9.0, "quick": 1.0}.get(test_id)

    def tell(self, *events: RunEvent) -> None:
        for event in events:
            self.state.apply(event)

    def run(self, row: int, status: Status, seconds: float = 1.0, kind: Kind = Kind.NONE) -> None:
        self.tell(CaseStarted(ONE, Row(row), 0))
        self.tell(CaseFinished(ONE, Row(row), status, kind, int(seconds * SECOND), seconds))


def test_counts_add_up_at_every_moment() -> None:
    scene = Scene("a", "b", "c")
    state = scene.state

    scene.run(0, Status.SUCCESS)
    scene.tell(CaseStarted(ONE, Row(1), 0))

    assert (3, 1) == (state.selected, state.finished)
    assert Standing.RUNNING == state.standing_of(Row(1))
    assert 1 == state.counts[Standing.WAITING]


def test_a_case_that_is_only_told_to_have_ended_has_been_attempted() -> None:
    scene = Scene("a", "b")
    scene.run(0, Status.FAIL)
    scene.tell(CasesQueued((Row(0),)))
    for row in (0, 1):
        scene.tell(CaseFinished(ONE, Row(row), Status.SUCCESS, Kind.NONE, SECOND, 0.1))

    assert [2, 1] == list(scene.state.attempts)
    assert {Row(0)} == scene.state.flaky
    assert (2, 2) == (scene.state.selected, scene.state.finished)
    lane = scene.state.lanes[ONE]
    assert ("idle", None, 3) == (lane.phase, lane.row, lane.done)


def test_unselected_cases_count_for_nothing() -> None:
    scene = Scene("a")
    new = (scene.cases.add("b", PY), scene.cases.add("c", PY))

    scene.tell(CasesListed(PY, new, new[:1]))

    assert 2 == scene.state.selected
    assert 3 == scene.state.profiles[PY].listed


def test_profiles_count_their_own_rows_when_listings_interleave() -> None:
    scene = Scene()
    mine, other = scene.cases.add("a", PY), scene.cases.add("a", OTHER)

    scene.tell(CasesListed(OTHER, (other,), (other,)), CasesListed(PY, (mine,), (mine,)))

    counts = {
        name: profile.counts[Standing.WAITING] for name, profile in scene.state.profiles.items()
    }
    assert {PY: 1, OTHER: 1} == counts
    assert 0 == scene.state.profiles[OTHER].counts[Standing.UNSELECTED]


def test_a_failure_is_listed_with_its_details_until_it_passes() -> None:
    scene = Scene("a")
    scene.tell(CaseStarted(ONE, Row(0), 0))
    scene.tell(DetailReceived(ONE, Row(0), "traceback", "text/plain", b"Tra", eof=False))
    scene.tell(DetailReceived(ONE, Row(0), "traceback", "text/plain", b"ceback", eof=True))
    scene.tell(CaseFinished(ONE, Row(0), Status.FAIL, Kind.ASSERTION, 1, 0.5))

    assert [Row(0)] == list(scene.state.failures)
    assert ["Traceback"] == [detail.text for detail in scene.state.details[Row(0)]]
    assert Kind.ASSERTION == scene.state.kind_of(Row(0))

    scene.tell(CasesQueued((Row(0),)))
    scene.run(0, Status.SUCCESS)

    assert not scene.state.failures
    assert Row(0) not in scene.state.details
    assert {Row(0)} == scene.state.flaky


def test_what_ran_in_a_lost_worker_waits_again() -> None:
    scene = Scene("a")
    scene.tell(CaseStarted(ONE, Row(0), 0), WorkerLost(ONE, 0, "killed by SIGKILL"))

    assert Standing.WAITING == scene.state.standing_of(Row(0))
    assert ("restarting", None, 1) == (
        scene.state.lanes[ONE].phase,
        scene.state.lanes[ONE].row,
        scene.state.lanes[ONE].crashed,
    )


def test_a_worker_that_is_replaced_as_planned_did_not_die() -> None:
    scene = Scene()
    scene.tell(WorkerLost(ONE, 0, "", expected=True), WorkerStarted(ONE, 1, 42, PY, -1))

    assert (0, "idle") == (scene.state.lanes[ONE].crashed, scene.state.lanes[ONE].phase)


def test_given_up_cases_are_not_run() -> None:
    scene = Scene("a", "b")
    scene.tell(CasesGivenUp((Row(1),), "interrupted"))

    assert 1 == scene.state.counts[Standing.NOT_RUN]
    assert scene.state.selected == 2


def test_a_failing_result_of_nobodys_fails_the_run() -> None:
    scene = Scene("a")
    scene.run(0, Status.SUCCESS)
    scene.tell(ExtraResult(ONE, "tearDownClass (m.C)", PY, Status.FAIL, 0))

    assert 1 == scene.state.failed


def test_the_rest_is_estimated_from_history_and_from_what_ran() -> None:
    scene = Scene("slow", "quick", "new")
    assert scene.state.remaining_seconds() is None

    scene.run(1, Status.SUCCESS, seconds=2.0)

    assert scene.state.remaining_seconds() == pytest.approx(9.0 + 2.0)


def test_a_huge_detail_keeps_its_ends() -> None:
    scene = Scene("a")
    scene.tell(CaseStarted(ONE, Row(0), 0))
    for part in (b"head", b"x" * DETAIL_LIMIT, b"tail"):
        scene.tell(DetailReceived(ONE, Row(0), "log", "text/plain", part, eof=part == b"tail"))

    (detail,) = scene.state.details[Row(0)]
    assert len(detail.data) == DETAIL_LIMIT
    assert detail.data.startswith(b"head")
    assert detail.data.endswith(b"tail")
    assert detail.dropped == 8


def test_live_output_is_bounded() -> None:
    scene = Scene()
    for _ in range(10):
        scene.tell(OutputReceived(ONE, "stdout", b"y" * (TAIL_LIMIT // 4)))

    tail = scene.state.lanes[ONE].tail
    assert sum(len(data) for _, data in tail) <= TAIL_LIMIT


def test_changes_are_drained_once() -> None:
    scene = Scene("a")
    scene.state.drain_changes()
    scene.run(0, Status.SKIP)

    assert ({Row(0)}, {ONE}) == scene.state.drain_changes()
    assert (set(), set()) == scene.state.drain_changes()


def test_a_closed_lane_stays_known() -> None:
    scene = Scene()
    scene.tell(LaneClosed(ONE))

    assert "closed" == scene.state.lanes[ONE].phase


def test_a_failure_knows_what_ran_before_it_in_its_worker_and_beside_it() -> None:
    two = LaneId(1)
    scene = Scene("a", "b", "c", "d", "e")
    state = scene.state
    scene.tell(LaneOpened(two, LOCAL, PY), WorkerStarted(two, 0, 42, PY, -1))
    scene.run(0, Status.SUCCESS)
    scene.tell(WorkerLost(ONE, 0, "killed"), WorkerStarted(ONE, 1, 43, PY, -1))
    scene.run(1, Status.SUCCESS)
    scene.tell(CaseStarted(two, Row(4), 0))

    scene.run(2, Status.FAIL, 2.0)
    scene.run(3, Status.SUCCESS)

    around = state.surroundings[Row(2)]
    assert around.rows_before == [Row(1)]
    assert around.beside == ((two, Row(4)),)
    assert (around.began, around.ended) == (0, 2 * SECOND)

    scene.run(2, Status.SUCCESS)
    assert Row(2) not in state.surroundings


def test_the_tags_of_a_result_are_kept() -> None:
    scene = Scene("a", "b")
    scene.tell(
        CaseStarted(ONE, Row(0), 0),
        CaseFinished(ONE, Row(0), Status.SUCCESS, Kind.NONE, SECOND, 1.0, ("db", "slow")),
    )
    scene.run(1, Status.SUCCESS)
    assert scene.state.tags == {Row(0): ("db", "slow")}


def test_a_worker_that_a_test_took_with_it_is_counted_as_dead() -> None:
    scene = Scene("a", "b")
    scene.run(0, Status.FAIL, kind=Kind.CRASH)
    scene.tell(WorkerLost(ONE, 0, "was killed by SIGSEGV", expected=True))
    lane = scene.state.lanes[ONE]
    assert (lane.crashed, lane.note) == (1, "was killed by SIGSEGV")
    scene.tell(WorkerStarted(ONE, 1, 42, PY, -1))
    scene.run(1, Status.SUCCESS)
    scene.tell(WorkerLost(ONE, 1, "has ended", expected=True))
    assert (lane.crashed, lane.note) == (1, "")


def test_tests_that_say_nothing_leave_nothing_in_the_live_output() -> None:
    scene = Scene("a", "b", "c")
    for row in (0, 1, 2) * 50:
        scene.run(row, Status.SUCCESS)
    assert len(scene.state.lanes[ONE].tail) == 1


def test_what_is_listed_counts_the_same_all_at_once_and_one_by_one() -> None:
    ids = ["a", "b", "c", "d"]
    seconds = {"a": 1.0, "c": 2.0}
    states: list[RunState] = []
    for parts in ([ids], [[each] for each in ids]):
        cases = CaseTable()
        state = RunState(cases, lambda test_id, _: seconds.get(test_id))
        for part in parts:
            rows = cases.add_new(part, PY)
            state.apply(CasesListed(PY, rows, tuple(row for row in rows if row != 3)))
        states.append(state)
    whole, single = states
    assert whole.selected == single.selected == 3
    assert list(whole.counts) == list(single.counts)
    assert list(whole.profiles[PY].counts) == list(single.profiles[PY].counts)
    assert whole.standing == single.standing
    assert set(whole.changed_rows) == set(single.changed_rows) == {0, 1, 2}
