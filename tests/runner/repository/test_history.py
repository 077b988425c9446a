"""History answers from what runs stored, follows what other tools do, and is made anew when it is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.ids import DEFAULT_PROFILE, Case, Kind, Status
from testlanes.runner.repository import queries
from testlanes.runner.repository.base import StoredResult
from testlanes.runner.repository.directory import DirectoryRepository
from testlanes.runner.repository.filing import About, Outcome
from testlanes.runner.repository.history import History
from testlanes.runner.repository.memory import MemoryRepository

Opened = Callable[..., DirectoryRepository]

OK, FAIL, SKIP = Status.SUCCESS, Status.FAIL, Status.SKIP
D = DEFAULT_PROFILE
START = 1_760_000_000_000_000_000
Play = Callable[..., int]


def case(name: str) -> Case:
    return Case(name, D)


def took(test_id: str, seconds: float, status: Status = OK, worker: int = 0) -> StoredResult:
    stop = START + round(seconds * 1e9)
    return StoredResult(test_id, status, tags=(f"worker-{worker}",), start=START, stop=stop)


@pytest.fixture
def directory(testr: Path, opened: Opened) -> DirectoryRepository:
    return opened(testr, "testr", create=True)


def test_a_run_is_summed_up(play: Play) -> None:
    repository = MemoryRepository()
    script = [
        ("a", D, OK),
        ("b", D, FAIL),
        ("c", D, SKIP),
        ("d", D, None),
        ("e", D, Status.UXSUCCESS),
    ]
    play(repository, script, partial=True, interrupted=True)
    (run,) = queries.runs(repository.history)
    assert (run.number, run.total, run.failures, run.seconds) == (0, 4, 2, 4.0)
    assert (run.partial, run.interrupted, run.green) == (True, True, False)
    assert run.counts == {
        OK: 1,
        FAIL: 1,
        SKIP: 1,
        Status.XFAIL: 0,
        Status.UXSUCCESS: 1,
        Status.NOT_RUN: 1,
    }
    assert run.profiles == ("default",)
    assert queries.run(repository.history, 0) == run
    assert queries.run(repository.history, 1) is None


def test_the_last_green_run_ran_everything(play: Play) -> None:
    repository = MemoryRepository()
    assert queries.last_green(repository.history) is None
    play(repository, [("a", D, OK)])
    play(repository, [("a", D, FAIL)])
    play(repository, [("a", D, OK)], partial=True)
    play(repository, [("a", D, OK), ("b", D, None)])
    assert queries.last_green(repository.history) == 0
    play(repository, [("a", D, OK)])
    assert queries.last_green(repository.history) == 4
    assert queries.last_green(repository.history, before=4) == 0


def test_a_cases_last_statuses_end_with_the_newest() -> None:
    repository = MemoryRepository()
    for seconds, status in ((1, OK), (2, FAIL), (3, SKIP)):
        repository.insert([took("a", seconds, status)], partial=False)
    repository.insert([took("b", 1)], partial=True)
    history = repository.history
    assert queries.statuses(history, case("a")) == [OK, FAIL, SKIP]
    assert queries.statuses(history, case("a"), 2) == [FAIL, SKIP]
    assert queries.statuses(history, case("unheard")) == []


@pytest.mark.parametrize("new", [(), ("new",)])
def test_a_time_is_of_the_last_run_in_which_the_test_ended_by_itself(new: tuple[str, ...]) -> None:
    """Also where a run is of tests that are all known already, and where one of them is new."""
    history = History(None)

    def store(number: int, *outcomes: Outcome) -> None:
        history.add(number, 0, About(START, 1.0, partial=False), lambda: outcomes)

    store(1, Outcome("a", D, OK, seconds=1.0), Outcome("b", D, OK, seconds=2.0))
    store(
        2,
        Outcome("a", D, FAIL, seconds=3.0),
        Outcome("b", D, FAIL, Kind.TIMEOUT, seconds=60.0),
        *(Outcome(name, D, OK, seconds=4.0) for name in new),
    )
    store(1, Outcome("a", D, OK, seconds=5.0))  # again, but it is not the newest

    wanted = {case("a"): 3.0, case("b"): 2.0} | {case(name): 4.0 for name in new}
    assert queries.latest_seconds(history) == wanted
    store(3, Outcome("a", D, OK, seconds=2.0, speed=2.0))
    assert queries.latest_seconds(history) == wanted | {case("a"): 4.0}


def test_a_test_s_time_is_that_of_its_latest_run() -> None:
    repository = MemoryRepository()
    repository.insert([took("old", 9)], partial=False)
    for seconds in (100, 1, 2, 3, 50, 4):
        repository.insert([took("a", seconds)], partial=True)
    assert queries.latest_seconds(repository.history) == {case("a"): 4.0, case("old"): 9.0}


def test_the_slowest_come_first() -> None:
    repository = MemoryRepository()
    repository.insert([took("a", 1), took("b", 3), took("c", 2)], partial=False)
    assert queries.slowest(repository.history, 0, 2) == [(case("b"), 3.0), (case("c"), 2.0)]


def test_flaky_cases_are_ordered_by_how_often_they_change() -> None:
    repository = MemoryRepository()
    for a, b, c in ((OK, OK, FAIL), (FAIL, OK, FAIL), (OK, FAIL, FAIL)):
        repository.insert([took("a", 1, a), took("b", 1, b), took("c", 1, c)], partial=False)
    assert queries.flaky(repository.history) == [
        queries.Flaky(case("a"), 2, 3, failures=1, last_failed=1),
        queries.Flaky(case("b"), 1, 3, failures=1, last_failed=2),
    ]


def test_a_comparison_puts_each_case_where_it_belongs() -> None:
    repository = MemoryRepository()
    old = {"both": FAIL, "broke": OK, "fixed": FAIL, "gone": OK, "same": OK, "skips": OK}
    new = {
        "both": FAIL,
        "broke": FAIL,
        "fixed": OK,
        "new": OK,
        "new fails": FAIL,
        "same": OK,
        "skips": SKIP,
    }
    repository.insert([took(name, 1.0, status) for name, status in old.items()], partial=False)
    repository.insert([took(name, 1.2, status) for name, status in new.items()], partial=False)
    repository.insert([took("same", 2.0), took("both", 9.0)], partial=False)
    found = queries.compare(repository.history, 0, 1)
    assert found == queries.Comparison(
        newly_failing=(case("broke"), case("new fails")),
        fixed=(case("fixed"),),
        still_failing=(case("both"),),
        new=(case("new"),),
        gone=(case("gone"),),
        slower=(),
    )
    slower = queries.compare(repository.history, 1, 2).slower
    assert slower == (
        queries.Change(case("both"), 1.2, 9.0),
        queries.Change(case("same"), 1.2, 2.0),
    )


def test_what_the_same_worker_ran_before_comes_in_its_order() -> None:
    repository = MemoryRepository()
    several = [took("a", 1), took("x", 1, worker=1), took("b", 1), took("c", 1), took("d", 1)]
    repository.insert(several, partial=False)
    assert queries.ran_before(repository.history, 0, case("c")) == [case("a"), case("b")]


def test_runs_that_other_tools_stored_or_removed_are_followed(
    directory: DirectoryRepository, testr: Path, play: Play, opened: Opened
) -> None:
    play(directory, [("a", D, OK)])
    (testr / "1").write_bytes((testr / "0").read_bytes().replace(b"successful", b"failure"))
    (testr / "0").unlink()
    history = opened(testr, "testr", create=False).history
    assert [one.number for one in queries.runs(history)] == [1]
    assert queries.statuses(history, case("a")) == [FAIL]


@pytest.mark.parametrize("damage", [b"", b"not a database, " * 100, None])
def test_a_lost_or_damaged_file_is_made_anew_from_the_streams(
    directory: DirectoryRepository, testr: Path, play: Play, damage: bytes | None, opened: Opened
) -> None:
    both = {"profiles": ("py311", "py313")}
    play(directory, [("a", "py311", FAIL), ("a", "py313", OK)], **both)
    directory.history.close()
    path = testr / "testlanes" / "history.sqlite"
    path.unlink() if damage is None else path.write_bytes(damage)

    repository = opened(testr, "testr", create=False)

    (run,) = queries.runs(repository.history)
    assert (run.total, run.failures, run.profiles) == (2, 1, ("py311", "py313"))
    assert repository.warnings == []
    assert play(repository, [("a", "py311", OK)], **both) == 1


def test_a_page_that_is_damaged_later_costs_no_run(
    directory: DirectoryRepository, testr: Path, play: Play, opened: Opened
) -> None:
    script = [(f"m.test_number_{number}", D, OK) for number in range(500)]
    play(directory, script)
    directory.history.close()
    path = testr / "testlanes" / "history.sqlite"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)

    repository = opened(testr, "testr", create=False)
    assert play(repository, script) == 1
    assert [one.number for one in queries.runs(repository.history)] == [1, 0]


def test_a_place_where_no_file_can_be_is_a_warning(
    directory: DirectoryRepository, testr: Path, play: Play, opened: Opened
) -> None:
    directory.history.close()
    path = testr / "testlanes" / "history.sqlite"
    path.unlink()
    path.mkdir()
    repository = opened(testr, "testr", create=False)
    assert len(queries.runs(repository.history)) == 0
    assert str(path) in repository.warnings[0]
