"""After kill -9: the run that was cut short is stored as such at the next start, and nothing is left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import RunEvent
from testlanes.runner.ids import DEFAULT_PROFILE, Status
from testlanes.runner.journal import Journal
from testlanes.runner.repository import queries
from testlanes.runner.repository.directory import DirectoryRepository

Opened = Callable[..., DirectoryRepository]

# Runs a story up to the event number given, says so, and waits to be killed.
VICTIM = """
import sys
from pathlib import Path
from testlanes.runner.cases import CaseTable
from testlanes.runner.events import *
from testlanes.runner.ids import *
from testlanes.runner.journal import Journal
from testlanes.runner.repository import numbers
from testlanes.runner.repository.opening import open_repository

where, journalled, stop = Path(sys.argv[1]), sys.argv[2] == "journal", sys.argv[3]
repository = open_repository(where, "testr", create=True)
cases = CaseTable()
rows = [cases.add(f"m.{name}", DEFAULT_PROFILE) for name in "abc"]
recording = repository.begin(cases, partial=False, root="/p")
observers = [recording.record]
if journalled:
    observers.append(Journal(recording.journal, cases).record)
S = 10**9
told = [
    RunStarted(10 * S, "/p", (DEFAULT_PROFILE,), 1, False, "watch"),
    LaneOpened(LaneId(0), LOCAL, DEFAULT_PROFILE),
    CasesListed(DEFAULT_PROFILE, tuple(rows), tuple(rows)),
    CaseFinished(LaneId(0), rows[0], Status.SUCCESS, Kind.NONE, 11 * S, 1.0),
    DetailReceived(LaneId(0), rows[1], "traceback", "text/plain;charset=utf8", b"boo", True),
    CaseFinished(LaneId(0), rows[1], Status.FAIL, Kind.ERROR, 12 * S, 1.0),
    CaseStarted(LaneId(0), rows[2], 12 * S),
]
for event in told:
    for observe in observers:
        observe(event)
recording._draft.flush()


def wait() -> None:
    print("ready", flush=True)
    sys.stdin.read()


if stop == "running":
    wait()
elif stop == "placed":
    numbers.Numbers.set_next = lambda self, number: wait()
    recording.finish(interrupted=False)
elif stop == "numbered":
    original = numbers.Numbers.set_next
    numbers.Numbers.set_next = lambda self, number: (original(self, number), wait())
    recording.finish(interrupted=False)
"""


@pytest.fixture
def killed(testr: Path) -> Callable[[str, str], None]:
    """Return what leaves the remains of a killed process in the repository."""

    def kill(journal: str, stop: str) -> None:
        code = [sys.executable, "-Ic", VICTIM, str(testr), journal, stop]
        with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == b"ready\n"
            victim.send_signal(signal.SIGKILL)

    return kill


def left(testr: Path) -> list[str]:
    everything = [*testr.iterdir(), *(testr / "testlanes").iterdir()]
    names = [one.name for one in everything]
    return [
        name
        for name in names
        if name.startswith((".", "tmp")) or name.endswith((".journal", ".new"))
    ]


@pytest.mark.parametrize("journal", ["journal", "no journal"])
@pytest.mark.parametrize("stop", ["running", "placed", "numbered"])
def test_a_killed_run_is_stored_as_interrupted(
    testr: Path,
    killed: Callable[[str, str], None],
    play: Callable[..., int],
    journal: str,
    stop: str,
    opened: Opened,
) -> None:
    """Wherever it was killed: while it ran, or while it was being stored."""
    old = [(f"m.{name}", DEFAULT_PROFILE, Status.FAIL) for name in "abcd"]
    play(opened(testr, "testr", create=True), old)
    killed(journal, stop)
    assert left(testr), "otherwise this shows nothing"

    repository = opened(testr, "testr", create=False)

    assert left(testr) == []
    (number,) = set(repository.run_numbers()) - {0}
    assert repository.warnings == [f"A run that was cut short is stored as run {number}."]
    assert [(one.test_id, one.status) for one in repository.read(number)] == [
        ("m.a", Status.SUCCESS),
        ("m.b", Status.FAIL),
    ]
    assert sorted(one.test_id for one in repository.failing()) == ["m.b", "m.c", "m.d"]
    assert {one.test_id: one.traceback for one in repository.failing()}["m.b"] == "boo"
    run = queries.run(repository.history, number)
    assert run is not None
    assert run.interrupted
    if journal == "journal":
        assert (run.label, run.counts[Status.NOT_RUN]) == ("watch", 1)
    again = opened(testr, "testr", create=False)
    assert again.run_numbers() == [0, number]
    assert again.warnings == []
    assert play(again, old) == number + 1


def test_a_run_that_goes_on_is_left_alone(
    testr: Path, events: Callable[..., tuple[CaseTable, list[RunEvent]]], opened: Opened
) -> None:
    first = opened(testr, "testr", create=True)
    cases, told = events([("m.a", DEFAULT_PROFILE, Status.FAIL)])
    recording = first.begin(cases, partial=False, root="/")
    assert recording.journal is not None
    journal = Journal(recording.journal, cases)
    for event in told:
        recording.record(event)
        journal.record(event)

    other = opened(testr, "testr", create=False)

    assert other.run_numbers() == []
    assert other.warnings == []
    journal.close()
    assert recording.finish(interrupted=False) == 0
    assert left(testr) == []


def test_remains_of_a_run_without_results_are_removed(testr: Path, opened: Opened) -> None:
    opened(testr, "testr", create=True)
    (testr / ".testlanes-99-abc").write_bytes(b"")
    (testr / ".testlanes-99-abd").write_bytes(b"time: 2025-10-09 08:53:20.123456Z\ntest: cut o")
    (testr / ".testlanes-99-abd.2").write_bytes(b"test: half")
    (testr / ".testlanes-failing").write_bytes(b"test: half")
    (testr / "testlanes" / "99-abe.journal").write_bytes(b"\xff not a journal")
    repository = opened(testr, "testr", create=False)
    assert left(testr) == []
    assert repository.run_numbers() == []
    assert repository.warnings == []


def test_temporary_files_of_other_tools_are_not_ours_to_remove(testr: Path, opened: Opened) -> None:
    opened(testr, "testr", create=True)
    (testr / "tmpab_1cdef").write_bytes(b"test: a\n")
    opened(testr, "testr", create=False)
    assert (testr / "tmpab_1cdef").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_repository_that_cannot_be_written_can_be_read(
    testr: Path, play: Callable[..., int], opened: Opened
) -> None:
    play(opened(testr, "testr", create=True), [("m.a", DEFAULT_PROFILE, Status.FAIL)])
    testr.chmod(0o500)
    try:
        repository = opened(testr, "testr", create=False)
        assert [one.test_id for one in repository.failing()] == ["m.a"]
    finally:
        testr.chmod(0o700)
