"""How a run's events become a stored stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CaseFinished,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    HostSpeed,
    LaneOpened,
    ListingEnded,
    RunEvent,
    RunStarted,
    WorkerLost,
    WorkerStarted,
)
from testlanes.runner.ids import (
    DEFAULT_PROFILE,
    LOCAL,
    Case,
    HostName,
    Kind,
    LaneId,
    ProfileName,
    Row,
    Status,
)
from testlanes.runner.repository import queries
from testlanes.runner.repository.base import Repository, StoredResult
from testlanes.runner.repository.memory import MemoryRepository

SECOND = 1_000_000_000
START = 1_760_000_000 * SECOND
A, B, C = Row(0), Row(1), Row(2)


class Story:
    """A run of ``ids`` that is told event by event."""

    def __init__(self, repository: Repository, *ids: str, profile: str = DEFAULT_PROFILE) -> None:
        self.repository = repository
        self.cases = CaseTable()
        for test_id in ids:
            self.cases.add(test_id, ProfileName(profile))
        self.recording = repository.begin(self.cases, partial=False, root="/")
        self.tell(RunStarted(START, "/", (ProfileName(profile),), 4, False))
        self.at = START

    def tell(self, *events: RunEvent) -> None:
        for event in events:
            self.recording.record(event)

    def detail(self, row: Row, name: str, *data: bytes, lane: int = 0, live: bool = False) -> None:
        for number, one in enumerate(data, 1):
            eof = number == len(data)
            self.tell(
                DetailReceived(LaneId(lane), row, name, "text/plain;charset=utf8", one, eof, live)
            )

    def end(
        self, row: Row, status: Status, *tags: str, lane: int = 0, kind: Kind = Kind.NONE
    ) -> None:
        self.at += SECOND
        self.tell(CaseFinished(LaneId(lane), row, status, kind, self.at, 0.25, tags))

    def stored(self) -> list[StoredResult]:
        number = self.recording.finish(interrupted=False)
        assert self.recording.problem == ""
        return list(self.repository.read(number))


def names(one: StoredResult) -> dict[str, bytes]:
    return {name: data for name, _, data in one.details}


def test_the_pieces_of_a_detail_become_one_and_live_ones_are_not_recorded(
    repository: Repository,
) -> None:
    story = Story(repository, "a")
    story.detail(A, "log", b"one ", b"two")
    story.detail(A, "log", b"shown", live=True)
    story.end(A, Status.SUCCESS)
    (one,) = story.stored()
    assert names(one) == {"log": b"one two"}


def test_a_result_says_when_by_which_worker_on_which_host_and_its_own_tags(
    repository: Repository,
) -> None:
    story = Story(repository, "a", "b", profile="py 311")
    story.tell(LaneOpened(LaneId(0), HostName("box one"), ProfileName("py 311")))
    story.tell(LaneOpened(LaneId(1), LOCAL, ProfileName("py 311")))
    story.end(A, Status.SUCCESS, "slow", "worker-9", "-x")
    story.end(B, Status.SUCCESS, lane=1)
    a, b = story.stored()
    assert a.tags == ("worker-0", "py_311", "host-box_one", "slow", "worker_9", "x")
    assert (a.start, a.stop) == (START + SECOND * 3 // 4, START + SECOND)
    assert (a.worker, a.host, a.profile) == (0, "box_one", "py_311")
    assert b.tags == ("worker-1", "py_311")


def test_workers_are_numbered_without_gaps(repository: Repository) -> None:
    """stestr warns of each number that is missing."""
    story = Story(repository, "a", "b", "c")
    story.detail(A, "log", b"tags: worker-7 in a log\ntags: -worker-7\n", lane=7)
    story.end(A, Status.SUCCESS, lane=7)
    story.end(B, Status.SUCCESS, lane=12)
    story.end(C, Status.FAIL, lane=7)
    stored = story.stored()
    assert [one.tags for one in stored] == [("worker-0",), ("worker-1",), ("worker-0",)]
    assert names(stored[0]) == {"log": b"tags: worker-7 in a log\ntags: -worker-7\n"}
    assert [one.test_id for one in repository.failing()] == ["c"]


def test_of_a_retried_case_the_last_attempt_counts_and_says_what_the_others_failed_of(
    repository: Repository,
) -> None:
    story = Story(repository, "a", "b")
    story.detail(A, "traceback", b"first")
    story.end(A, Status.FAIL, kind=Kind.ERROR)
    story.end(B, Status.SUCCESS)
    story.detail(A, "traceback", b"second")
    story.end(A, Status.FAIL, kind=Kind.ERROR)
    story.detail(A, "stdout", b"fine")
    story.end(A, Status.SUCCESS)
    b, a = story.stored()
    assert (b.test_id, b.tags) == ("b", ("worker-0",))
    assert (a.test_id, a.status, a.tags) == ("a", Status.SUCCESS, ("worker-0", "flaky"))
    assert names(a) == {
        "stdout": b"fine",
        "attempt 1 traceback": b"first",
        "attempt 2 traceback": b"second",
    }
    assert repository.failing() == []
    assert [one.case for one in queries.flaky(repository.history)] == [Case("a", DEFAULT_PROFILE)]


def test_a_case_that_fails_after_it_passed_is_failing_and_not_called_flaky(
    repository: Repository,
) -> None:
    story = Story(repository, "a")
    story.end(A, Status.SUCCESS)
    story.detail(A, "traceback", b"now")
    story.end(A, Status.FAIL, kind=Kind.ERROR)
    (a,) = story.stored()
    assert (a.status, a.tags, names(a)) == (Status.FAIL, ("worker-0",), {"traceback": b"now"})


def test_details_of_an_attempt_that_died_with_its_worker_do_not_reach_the_next(
    repository: Repository,
) -> None:
    story = Story(repository, "a")
    story.tell(CaseStarted(LaneId(0), A, START))
    story.detail(A, "log", b"lost")
    story.tell(
        WorkerLost(LaneId(0), 1, "killed"), WorkerStarted(LaneId(0), 2, 7, DEFAULT_PROFILE, -1)
    )
    story.end(A, Status.SUCCESS)
    (a,) = story.stored()
    assert a.details == ()


def test_extra_results_are_recorded_as_they_are(repository: Repository) -> None:
    story = Story(repository, "m.K.a", "m.L.b")
    details = (("traceback", "text/plain;charset=utf8", b"returncode 139"),)
    story.end(B, Status.SUCCESS)
    for _ in range(2):
        story.tell(
            ExtraResult(
                LaneId(0), "process-returncode", DEFAULT_PROFILE, Status.FAIL, START, details
            )
        )
    story.tell(ExtraResult(LaneId(0), "setUpClass (m.K)", DEFAULT_PROFILE, Status.FAIL, START))
    assert [one.test_id for one in story.stored()] == [
        "m.L.b",
        "process-returncode",
        "process-returncode",
        "setUpClass (m.K)",
    ]
    failing = {one.test_id: one for one in repository.failing()}
    assert failing.keys() == {"process-returncode", "setUpClass (m.K)"}
    assert failing["process-returncode"].traceback == "returncode 139"
    assert Case("process-returncode", DEFAULT_PROFILE) not in repository.times()


@pytest.mark.parametrize("kind", [Kind.CRASH, Kind.TIMEOUT, Kind.SETUP])
def test_an_attempt_that_did_not_end_by_itself_leaves_no_time_to_estimate_from(
    repository: Repository, kind: Kind
) -> None:
    story = Story(repository, "a", "b")
    story.end(A, Status.FAIL, kind=kind)
    story.end(B, Status.FAIL, kind=Kind.ASSERTION)
    assert [one.seconds for one in story.stored()] == [0.25] * 2
    assert repository.times() == {Case("b", DEFAULT_PROFILE): 0.25}


def test_failures_of_a_suite_that_could_not_be_loaded_stay_known(repository: Repository) -> None:
    first = Story(repository, "a", profile="py311")
    first.end(A, Status.FAIL)
    first.stored()
    second = Story(repository)
    second.cases.add("b", ProfileName("py313"))
    second.tell(ListingEnded(ProfileName("py311"), "SyntaxError"))
    second.end(A, Status.SUCCESS)
    second.stored()
    assert [one.case for one in repository.failing()] == [Case("a", ProfileName("py311"))]


def test_history_knows_the_lane_the_generation_and_the_order() -> None:
    repository = MemoryRepository()
    story = Story(repository, "a", "b", "c", "d")
    story.tell(WorkerStarted(LaneId(0), 1, 7, DEFAULT_PROFILE, -1))
    story.end(A, Status.SUCCESS)
    story.tell(WorkerLost(LaneId(0), 1, "old", expected=True))
    story.tell(WorkerStarted(LaneId(0), 2, 8, DEFAULT_PROFILE, -1))
    story.end(C, Status.SUCCESS)
    story.end(B, Status.FAIL, lane=1)
    story.end(Row(3), Status.FAIL)
    story.stored()
    before = queries.ran_before(repository.history, 0, Case("d", DEFAULT_PROFILE))
    assert before == [Case("c", DEFAULT_PROFILE)]


@pytest.mark.parametrize("repository", ["testr"], indirect=True)
def test_nothing_temporary_is_left(repository: Repository, testr: Path) -> None:
    story = Story(repository, "a")
    story.end(A, Status.FAIL, lane=3)
    story.end(A, Status.FAIL, lane=2)
    story.stored()
    assert sorted(one.name for one in testr.iterdir()) == [
        *("0", "failing", "format", "next-stream", "testlanes"),
        *("times.dbm.dat", "times.dbm.dir"),
    ]
    assert sorted(one.name for one in (testr / "testlanes").iterdir()) == [
        "history.sqlite",
        "lock",
    ]


def test_what_is_expected_of_a_test_does_not_depend_on_how_slow_its_host_was(
    repository: Repository,
) -> None:
    """The stream has the real times; what is expected next time is as on this machine."""
    story = Story(repository, "a", "b")
    far = HostName("far")
    story.tell(
        LaneOpened(LaneId(0), LOCAL, DEFAULT_PROFILE), LaneOpened(LaneId(1), far, DEFAULT_PROFILE)
    )
    story.end(A, Status.SUCCESS, lane=0)
    story.end(B, Status.SUCCESS, lane=1)
    story.tell(HostSpeed(LOCAL, 1.0), HostSpeed(far, 0.25))
    one, two = story.stored()
    assert (0.25, 0.25) == (one.seconds, two.seconds)
    expected = repository.times()
    assert 0.25 == expected[Case("a", DEFAULT_PROFILE)]
    assert 0.0625 == expected[Case("b", DEFAULT_PROFILE)]
    assert {far: 0.25} == repository.speeds()
