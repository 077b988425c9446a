"""What holds of every kind of repository."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.errors import UserError
from testlanes.runner.events import RunStarted
from testlanes.runner.ids import DEFAULT_PROFILE, Case, ProfileName, Status
from testlanes.runner.repository import queries
from testlanes.runner.repository.base import Repository, Stats, StoredResult
from testlanes.runner.repository.recording import NOT_STORED

OK, FAIL, SKIP = Status.SUCCESS, Status.FAIL, Status.SKIP
D = DEFAULT_PROFILE
Play = Callable[..., int]


def failing(repository: Repository) -> list[tuple[str, str]]:
    return [(one.test_id, one.profile) for one in repository.failing()]


def test_a_new_one_is_empty(repository: Repository) -> None:
    assert repository.run_numbers() == []
    assert repository.latest() is None
    assert repository.failing() == []
    assert repository.times() == {}
    assert repository.stats() == Stats(runs=0, failing=0)


def test_a_closed_one_has_no_file_open(
    repository: Repository,
    play: Play,
    tmp_path: Path,
    open_below: Callable[..., list[str]],
) -> None:
    with repository:
        play(repository, [("m.a", D, FAIL)])
        assert len(queries.runs(repository.history)) == 1
    assert open_below(tmp_path) == []
    repository.close()


def test_runs_are_numbered_from_0_and_read_back_in_order(
    repository: Repository, play: Play
) -> None:
    assert play(repository, [("m.a", D, OK), ("m.b", D, FAIL), ("m.c", D, SKIP)]) == 0
    assert play(repository, [("m.a", D, OK)]) == 1

    read = list(repository.read(0))
    assert [(one.test_id, one.status, one.worker) for one in read] == [
        ("m.a", OK, 0),
        ("m.b", FAIL, 1),
        ("m.c", SKIP, 0),
    ]
    assert [one.seconds for one in read] == [1.0, 1.0, 1.0]
    assert read[1].traceback == "Traceback: no\n"
    assert repository.run_numbers() == [0, 1]
    assert repository.stats() == Stats(runs=2, failing=0)


def test_a_number_is_not_used_again_after_its_run_is_removed(
    repository: Repository, play: Play
) -> None:
    for _ in range(2):
        play(repository, [("m.a", D, OK)])
    repository.remove(0)
    assert repository.run_numbers() == [1]
    assert play(repository, [("m.a", D, OK)]) == 2
    with pytest.raises(UserError, match="no run 0"):
        repository.read(0)
    with pytest.raises(UserError, match="no run 0"):
        repository.remove(0)
    assert [one.number for one in queries.runs(repository.history)] == [2, 1]


def test_a_full_run_replaces_what_is_failing(repository: Repository, play: Play) -> None:
    play(repository, [("m.a", D, FAIL), ("m.gone", D, FAIL)])
    play(repository, [("m.a", D, OK), ("m.b", D, FAIL)])
    assert failing(repository) == [("m.b", D)]


def test_a_partial_run_keeps_other_failures(repository: Repository, play: Play) -> None:
    play(repository, [("m.a", D, FAIL), ("m.b", D, FAIL), ("m.c", D, OK)])
    play(repository, [("m.b", D, OK), ("m.c", D, FAIL)], partial=True)
    assert failing(repository) == [("m.a", D), ("m.c", D)]


def test_an_interrupted_run_keeps_what_it_did_not_reach(repository: Repository, play: Play) -> None:
    play(repository, [("m.a", D, FAIL), ("m.b", D, FAIL), ("m.c", D, OK)])
    play(repository, [("m.a", D, OK), ("m.b", D, None), ("m.c", D, None)], interrupted=True)
    assert failing(repository) == [("m.b", D)]
    assert [one.test_id for one in repository.read(1)] == ["m.a"]


def test_a_case_that_was_to_run_and_did_not_is_no_failure_and_stays_one(
    repository: Repository, play: Play
) -> None:
    """Also in a run of everything that ended by itself: a host was lost, or ``--max-fail`` reached."""
    play(repository, [("m.a", D, FAIL), ("m.b", D, OK)])
    play(repository, [("m.a", D, None), ("m.b", D, None), ("m.c", D, OK)])
    assert failing(repository) == [("m.a", D)]
    assert queries.runs(repository.history)[0].counts[Status.NOT_RUN] == 2


def test_one_id_under_two_profiles_is_two_cases(repository: Repository, play: Play) -> None:
    both = {"profiles": ("py311", "py313")}
    play(repository, [("m.a", "py311", FAIL), ("m.a", "py313", FAIL), ("m.b", "py311", OK)], **both)
    play(repository, [("m.a", "py311", OK)], partial=True, **both)
    assert failing(repository) == [("m.a", "py313")]
    assert [(one.test_id, one.profile) for one in repository.read(0)] == [
        ("m.a", "py311"),
        ("m.a", "py313"),
        ("m.b", "py311"),
    ]
    assert repository.profiles == {"default", "py311", "py313"}
    assert repository.times().keys() >= {
        Case("m.a", ProfileName("py311")),
        Case("m.a", ProfileName("py313")),
    }


def test_a_failure_from_before_there_were_profiles_is_superseded_by_any(
    repository: Repository, play: Play
) -> None:
    play(repository, [("m.a", D, FAIL), ("m.b", D, FAIL)])
    play(repository, [("m.a", "py311", OK)], profiles=("py311",), partial=True)
    assert failing(repository) == [("m.b", D)]


def test_an_unexpected_success_is_run_again_with_the_failing(
    repository: Repository, play: Play
) -> None:
    play(repository, [("m.a", D, Status.UXSUCCESS), ("m.b", D, Status.XFAIL)])
    assert failing(repository) == [("m.a", D)]


@pytest.mark.parametrize(
    ("pseudo", "ran"),
    [
        ("setUpClass (m.n.K)", "m.n.K.test_x"),
        ("tearDownClass (m.n.K)", "m.n.K.test_x"),
        ("setUpModule (m.n)", "m.n.L.test_y"),
        ("unittest.loader._FailedTest.m.n", "m.n.K.test_x"),
        ("unittest.loader._FailedTest.test_x", "m.n.K.test_x"),
        ("process-returncode", "other"),
        ("tests/test_m.py", "tests/test_m.py::test_x"),
    ],
)
@pytest.mark.parametrize("repository", ["testr"], indirect=True)
def test_a_failure_of_no_test_clears_when_what_it_stands_for_has_run(
    repository: Repository, play: Play, pseudo: str, ran: str
) -> None:
    def put(interrupted: bool = False) -> None:
        repository.insert([StoredResult(pseudo, FAIL)], partial=interrupted)

    put()
    play(repository, [("m.nn.K.other", D, OK)], partial=True, interrupted=True)
    assert failing(repository) == [(pseudo, D)], "an unrelated test says nothing"
    play(repository, [(ran, D, OK)], partial=True)
    assert failing(repository) == []


def test_a_failure_of_no_test_that_happens_again_stays_once(repository: Repository) -> None:
    again = StoredResult("setUpClass (m.K)", FAIL)
    repository.insert([again], partial=False)
    repository.insert([again, StoredResult("m.L.x", OK)], partial=True)
    assert failing(repository) == [("setUpClass (m.K)", D)]


def test_nothing_is_stored_of_a_run_in_which_nothing_ran(
    repository: Repository, play: Play
) -> None:
    """A selection that matches nothing must not empty the list of failures."""
    play(repository, [("m.a", D, FAIL)])
    assert play(repository, [("m.a", D, None)]) == NOT_STORED
    assert repository.run_numbers() == [0]
    assert failing(repository) == [("m.a", D)]


def test_an_abandoned_run_leaves_nothing(repository: Repository) -> None:
    recording = repository.begin(CaseTable(), partial=False, root="/")
    recording.record(RunStarted(0, "/", (D,), 1, False))
    recording.abandon()
    assert recording.finish(interrupted=False) == NOT_STORED
    assert repository.run_numbers() == []


def test_inserted_results_are_kept_with_their_tags(repository: Repository) -> None:
    one = StoredResult("m.a", FAIL, tags=("worker-3", "x"), start=10**18, stop=10**18 + 5000,
                       details=(("log", "text/plain;charset=utf8", b"hi"),))  # fmt: skip
    assert repository.insert([one], partial=False) == 0
    assert list(repository.read(0)) == [one]
    assert repository.failing() == [one]
    assert repository.insert([], partial=False) == 1
    assert repository.failing() == [one], "an empty stream says nothing of any test"


def test_a_profile_is_a_tag_and_a_tag_of_that_name_a_profile(repository: Repository) -> None:
    repository.insert([StoredResult("a", OK, ProfileName("py311"))], partial=True)
    repository.insert([StoredResult("a", OK, tags=("py311",))], partial=True)
    for number in (0, 1):
        (one,) = repository.read(number)
        assert (one.profile, one.tags) == ("py311", ("py311",))


def test_the_last_duration_of_each_case_is_its_time(repository: Repository) -> None:
    for seconds in (3, 2):
        stop = 10**18 + seconds * 10**9
        repository.insert([StoredResult("m.a", OK, start=10**18, stop=stop)], partial=False)
    assert repository.times()[Case("m.a", D)] == 2.0


def test_v2_can_be_had_of_a_run_and_of_what_is_failing(repository: Repository, play: Play) -> None:
    play(repository, [("m.a", D, OK), ("m.b", D, FAIL)])
    run, failed = io.BytesIO(), io.BytesIO()
    repository.subunit_v2(0, run)
    repository.subunit_v2(None, failed)
    assert b"m.a" in run.getvalue()
    assert b"m.a" not in failed.getvalue()
    assert b"m.b" in failed.getvalue()
    assert run.getvalue()[:1] == failed.getvalue()[:1] == b"\xb3"
