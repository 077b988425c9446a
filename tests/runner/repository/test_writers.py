"""Several writers at a time, and a disk that is full."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.ids import DEFAULT_PROFILE, Status
from testlanes.runner.repository import queries
from testlanes.runner.repository.directory import DirectoryRepository
from testlanes.runner.repository.numbers import Numbers
from testlanes.runner.repository.times import read_times

Opened = Callable[..., DirectoryRepository]

WRITER = """
import sys
from pathlib import Path
from testlanes.runner.ids import *
from testlanes.runner.repository.base import StoredResult
from testlanes.runner.repository.opening import open_repository

where, writer = Path(sys.argv[1]), sys.argv[2]
for number in range(15):
    repository = open_repository(where, "testr", create=True)
    name = f"m.t_{writer}_{number}"
    print(repository.insert([StoredResult(name, Status.FAIL, start=10**18, stop=2 * 10**18)], partial=True))
    assert repository.warnings == []
"""


def test_eight_writers_lose_nothing(testr: Path, opened: Opened) -> None:
    """testr lost 12 of these 120 runs, and kept 29 of 120 failures."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-Ic", WRITER, str(testr), str(n)], stdout=subprocess.PIPE, text=True
        )
        for n in range(8)
    ]
    said = [writer.communicate(timeout=120)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 8
    numbers = [int(number) for text in said for number in text.split()]
    assert sorted(numbers) == list(range(120))

    repository = opened(testr, "testr", create=False)
    wanted = {f"m.t_{writer}_{number}" for writer in range(8) for number in range(15)}
    stored = [one.test_id for number in repository.run_numbers() for one in repository.read(number)]
    assert sorted(stored) == sorted(wanted)
    assert {one.test_id for one in repository.failing()} == wanted
    assert read_times(testr).keys() == wanted
    assert len(queries.runs(repository.history)) == 120
    assert (testr / "next-stream").read_text() == "120\n"
    assert [one.name for one in testr.iterdir() if one.name.startswith((".", "tmp"))] == []


def test_a_run_that_testr_puts_its_own_over_is_stored_under_the_next_number(
    testr: Path, play: Callable[..., int], monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    """testr takes a number, and moves its file there later, whatever is there by then."""
    repository = opened(testr, "testr", create=True)
    script = [("m.ours", DEFAULT_PROFILE, Status.FAIL)]
    keep = Numbers.keep

    def overwritten(numbers: Numbers, stream: Path, number: int) -> int:
        (testr / "tmptheirs").write_bytes(b"test: m.theirs\nsuccess: m.theirs\n")
        (testr / "tmptheirs").replace(testr / "0")
        return keep(numbers, stream, number)

    monkeypatch.setattr(Numbers, "keep", overwritten)
    assert play(repository, script) == 1
    assert [one.test_id for one in repository.read(0)] == ["m.theirs"]
    assert [one.test_id for one in repository.read(1)] == ["m.ours"]
    assert (testr / "next-stream").read_text() == "2\n"


# A file may not grow beyond the limit: what a write to a full disk does, for one process.
FULL = """
import resource, sys
from pathlib import Path
from testlanes.runner.cases import CaseTable
from testlanes.runner.events import *
from testlanes.runner.ids import *
from testlanes.runner.repository.opening import open_repository

repository = open_repository(Path(sys.argv[1]), "testr", create=True)
cases = CaseTable()
recording = repository.begin(cases, partial=False, root="/")
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for number in range(40):
    row = cases.add(f"m.t{number}", DEFAULT_PROFILE)
    data = b"x" * 5_000
    recording.record(DetailReceived(LaneId(0), row, "log", "text/plain", data, True))
    recording.record(CaseFinished(LaneId(0), row, Status.FAIL, Kind.ERROR, 10**18, 1.0))
    recording._flushed = 0  # as if a second had gone by
    recording.record(Ticked(0.0))
print(recording.finish(interrupted=False), recording.problem, sep="|")
"""


def test_a_full_disk_costs_what_did_not_fit_and_says_so(testr: Path, opened: Opened) -> None:
    done = subprocess.run(
        [sys.executable, "-Ic", FULL, str(testr)], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    number, problem = done.stdout.strip().split("|")
    assert number == "0"
    assert "File too large" in problem
    assert "29 results are not in the stored run" in problem

    repository = opened(testr, "testr", create=False)
    assert [one.test_id for one in repository.read(0)] == [f"m.t{n}" for n in range(11)]
    assert all(len(one.details[0][2]) == 5_000 for one in repository.read(0))
    assert (testr / "next-stream").read_text() == "1\n"


def test_a_full_disk_that_takes_nothing_of_a_retried_test_is_no_error_of_ours(testr: Path) -> None:
    script = FULL.replace("60_000", "0").replace(
        "recording._flushed", "recording.record(again)\n    recording._flushed"
    )
    script = script.replace(
        "    recording.record(Case",
        "    again = CaseFinished(LaneId(0), row, Status.SUCCESS, Kind.NONE, 10**18, 1.0)\n    recording.record(Case",
    )
    done = subprocess.run(
        [sys.executable, "-Ic", script, str(testr)], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert "40 results are not in the stored run" in done.stdout


def test_without_hard_links_runs_are_numbered_all_the_same(
    testr: Path, play: Callable[..., int], monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    """As on vfat, and on some shares."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    repository = opened(testr, "testr", create=True)
    script = [("m.a", DEFAULT_PROFILE, Status.FAIL)]
    assert [play(repository, script) for _ in range(2)] == [0, 1]
    (testr / "next-stream").write_text("0\n")
    assert play(repository, script) == 2
    assert [len(list(repository.read(number))) for number in range(3)] == [1, 1, 1]
    assert [one.name for one in testr.iterdir() if one.name.startswith(".")] == []
