"""Quick tests that pass are told many at a time: nothing of that may be lost, told twice, or come late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.engine import prepare
from testlanes.runner.events import (
    CaseFinished,
    CasesListed,
    CasesPassed,
    CasesReturned,
    CaseStarted,
    ExtraResult,
    LaneOpened,
    RunEvent,
    WorkerStarted,
)
from testlanes.runner.ids import LOCAL, Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.journal import Journal, replay
from testlanes.runner.lane import Lane
from testlanes.runner.request import Request
from testlanes.runner.settings import Settings
from testlanes.runner.state import RunState
from testlanes.runner.wire.control import RESULT

from .projects import finish, go, outcomes, pytests, unittests, write

Framework = Callable[..., Settings]
LANE, PY = LaneId(3), ProfileName("default")
SECOND = 1_000_000_000
MANY = """
    import os, time, unittest

    class A(unittest.TestCase):
        def test_300_b(self):
            BODY

    for number in range(600):
        setattr(A, "test_%03d" % number, lambda self: None)
    """
DIES = "os.kill(os.getpid(), 9)"
WAITS = 'while not os.path.exists("go"): time.sleep(0.01)'
REMOVES = "import shutil; shutil.rmtree(os.path.dirname(os.readlink('/proc/self/fd/1')), True)"
CLOSES = "os.closerange(3, 70000)"


def many(folder: Path, body: str) -> Path:
    """Write 600 tests that pass, and among them one with a body."""
    return write(folder, test_many=MANY.replace("BODY", body))


@pytest.mark.parametrize("framework", [unittests, pytests])
@pytest.mark.parametrize("before", ["pass", REMOVES, CLOSES])
async def test_a_crash_among_quick_tests_costs_the_test_that_crashed(
    tmp_path: Path, framework: Framework, before: str
) -> None:
    state, code = await finish(framework(many(tmp_path, f"{before}; {DIES}"), concurrency=1))

    told = outcomes(state)
    assert told.pop("test_300_b") == "crash"
    assert set(told.values()) == {"success"}
    assert state.finished == 601
    assert set(state.attempts) == {1}
    assert code == 1


@pytest.mark.parametrize("framework", [unittests, pytests])
async def test_a_worker_that_dies_before_it_told_a_result_died_in_that_test(
    tmp_path: Path, framework: Framework
) -> None:
    """It is still looking for what the test left when it is killed."""
    left = (
        'type("T", (threading.Thread,), {"is_alive": lambda self: os.kill(os.getpid(), 9)})'
        "(target=time.sleep, args=(9,), daemon=True).start()"
    )
    body = f'import threading; open("ran", "a").write("."); {left}; time.sleep(0.002)'

    state, code = await finish(framework(many(tmp_path, body), concurrency=1))

    told = outcomes(state)
    assert (tmp_path / "ran").read_text() == "."
    assert told.pop("test_300_b") == "crash"
    assert set(told.values()) == {"success"}
    assert state.finished == 601
    assert code == 1


@pytest.mark.parametrize("framework", [unittests, pytests])
@pytest.mark.parametrize("before", ["pass", REMOVES, CLOSES])
async def test_what_ran_before_a_long_test_is_told_while_that_runs(
    tmp_path: Path, framework: Framework, before: str
) -> None:
    """The long test waits until somebody who only listens has seen all before it end and itself begin."""
    body = f"{before}\n            {WAITS}"
    run = prepare(framework(many(tmp_path, body), concurrency=1, timeout=60), Request())
    passed: set[Row] = set()

    def observe(event: RunEvent) -> None:
        if isinstance(event, CasesPassed):
            passed.update(event.rows)
        elif isinstance(event, CaseFinished):
            passed.add(event.row)
        elif isinstance(event, CaseStarted) and run.cases.test_id(event.row).endswith("test_300_b"):
            assert len(passed) >= 300
            (tmp_path / "go").touch()

    run.observers.append(observe)
    state, code = await go(run)

    assert set(outcomes(state).values()) == {"success"}
    assert len(passed) == 601
    assert code == 0


async def test_a_folder_that_tests_remove_costs_no_result(tmp_path: Path) -> None:
    project = many(tmp_path, REMOVES)
    text = (project / "test_many.py").read_text()
    dies = f"\ndef last(self):\n    {REMOVES}; {DIES}\nA.test_z = last\n"
    (project / "test_many.py").write_text(text + dies)
    state, _ = await finish(unittests(project, concurrency=1))

    told = outcomes(state)
    assert told.pop("test_z") == "crash"
    assert {told[f"test_{number:03}"] for number in range(600)} == {"success"}


async def test_a_test_that_removed_its_lane_s_folder_has_its_time_limit(tmp_path: Path) -> None:
    body = f"{REMOVES}; time.sleep(600)"
    async with asyncio.timeout(60):
        state, _ = await finish(unittests(many(tmp_path, body), concurrency=1, timeout=0.5))

    told = outcomes(state)
    assert told.pop("test_300_b") == "timeout"
    assert set(told.values()) == {"success"}


# -- the controller's side of a lane -----------------------------------------


def lane(*ids: str) -> Lane:
    made = Lane(LANE, PY, foreign=False, generation=2, clock=lambda: 9 * SECOND)
    made.give(ids, map(Row, range(len(ids))))
    return made


def results(*places: int) -> bytes:
    """Return passes of half a second, each a second after the other."""
    return b"".join(RESULT.pack(place, SECOND // 2, place * SECOND) for place in places)


def rows(events: list[RunEvent]) -> list[int]:
    return [row for event in events if isinstance(event, CasesPassed) for row in event.rows]


def test_what_is_told_twice_counts_once() -> None:
    made = lane("a", "b", "c", "d")

    assert rows(made.ran(results(0, 1), None)) == [0, 1]
    assert rows(made.ran(results(0, 1, 2), None)) == [2]
    assert not made.ran(results(2), (1, SECOND))
    assert list(made.held) == ["d"]


def test_a_test_that_its_agent_saw_run_ends_by_its_place() -> None:
    made = lane("a", "b")

    assert made.ran(b"", (0, SECOND)) == [CaseStarted(LANE, Row(0), SECOND)]
    assert made.ran(b"", (0, SECOND)) == []
    assert made.place == 0
    ended = CaseFinished(LANE, Row(0), Status.SUCCESS, Kind.NONE, 3 * SECOND, 2.0)
    passed = CasesPassed(LANE, (Row(1),), (4 * SECOND,), (0.5,))
    told = RESULT.pack(0, 2 * SECOND, 3 * SECOND) + RESULT.pack(1, SECOND // 2, 4 * SECOND)
    assert made.ran(told, None) == [ended, passed]


def test_places_count_what_was_given_back() -> None:
    made = lane("a", "b", "c")

    assert made.gave_back(["b"]) == CasesReturned(LANE, (Row(1),))
    assert rows(made.ran(results(0, 2), None)) == [0, 2]


@pytest.mark.parametrize("told", [results(2), results(0)[:-1]])
def test_a_test_that_nobody_sent_breaks_the_lane(told: bytes) -> None:
    made = lane("a", "b")

    assert made.ran(told, None) == []
    assert made.broken


# -- readers -----------------------------------------------------------------

BEFORE = (
    LaneOpened(LANE, LOCAL, PY),
    CasesListed(PY, tuple(map(Row, range(4))), tuple(map(Row, range(4)))),
    WorkerStarted(LANE, 0, 42, PY, -1),
    CaseStarted(LANE, Row(2), 1),
    CaseFinished(LANE, Row(2), Status.FAIL, Kind.ERROR, 2, 0.5),
)
PASSED = CasesPassed(LANE, (Row(0), Row(1)), (3, 4), (0.25, 0.125))
AGAIN = CasesPassed(LANE, (Row(3), Row(2)), (5, 6), (0.25, 0.125))


def seen(*events: RunEvent) -> dict[str, object]:
    """Return all that a state says after these events."""
    cases = CaseTable()
    for name in "abcd":
        cases.add(name, PY)
    state = RunState(cases, expected=lambda test_id, _: 1.5 if test_id == "a" else None)
    for event in (*BEFORE, *events):
        state.apply(event)
    found = {name: value for name, value in vars(state).items() if name not in ("cases", "version")}
    found["remaining"] = state.remaining_seconds()
    return {name: repr(value) for name, value in found.items() if "function" not in repr(value)}


@pytest.mark.parametrize("event", [PASSED, AGAIN])
def test_the_state_is_that_of_one_event_each(event: CasesPassed) -> None:
    assert seen(event) == seen(*event.each())


def test_a_journal_keeps_them(tmp_path: Path) -> None:
    cases = CaseTable()
    journal = Journal(tmp_path / "journal", cases)
    extra = ExtraResult(LANE, "x", PY, Status.SUCCESS, 7)
    for event in (PASSED, extra):
        journal.record(event)
    journal.close()

    _, told = replay(journal.path)
    assert [event for _, event in told] == [PASSED, extra]
