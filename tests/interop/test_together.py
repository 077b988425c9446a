"""One repository used by testr or stestr and by us in turn (checks I20-I22, J1-J3, J8, J10)."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import CaseFinished
from testlanes.runner.ids import DEFAULT_PROFILE, Case, Kind, LaneId, Status
from testlanes.runner.repository import queries
from testlanes.runner.repository.base import StoredResult
from testlanes.runner.repository.directory import DirectoryRepository
from testlanes.runner.repository.stream_v2 import write_v2

Opened = Callable[..., DirectoryRepository]
Tool = Callable[..., CompletedProcess[bytes]]
Project = Callable[[Path], Path]
SECOND = 1_000_000_000
START = 1_760_000_000 * SECOND
D = DEFAULT_PROFILE
OK, FAIL = Status.SUCCESS, Status.FAIL

SUITE = """
import os, unittest

class C(unittest.TestCase):
    def test_fails(self):
        self.fail("as it should")
    def test_passes(self):
        pass
    def test_sometimes(self):
        if not os.path.exists("mended"):
            self.fail("not yet")
"""


@pytest.fixture
def suite(tmp_path: Path, project: Project) -> Path:
    """A project with two failing tests and one that passes."""
    folder = project(tmp_path / "p")
    (folder / "test_m.py").write_text(SUITE)
    return folder


def failing(repository: DirectoryRepository) -> list[str]:
    return sorted(one.test_id for one in repository.failing())


def run(
    repository: DirectoryRepository, script: Iterable[tuple[str, Status]], *, lane: int = 0
) -> int:
    """Store a partial run of ours in which each test took two seconds."""
    cases = CaseTable()
    recording = repository.begin(cases, partial=True, root="")
    for number, (test_id, status) in enumerate(script, 1):
        row = cases.add(test_id, D)
        at = START + number * 2 * SECOND
        recording.record(CaseFinished(LaneId(lane), row, status, Kind.NONE, at, 2.0))
    stored = recording.finish(interrupted=False)
    assert recording.problem == ""
    return stored


def v2(*results: StoredResult) -> bytes:
    out = io.BytesIO()
    write_v2(results, out)
    return out.getvalue()


def test_we_go_on_where_testr_was_and_it_goes_on_where_we_were(
    suite: Path, tool: Tool, opened: Opened
) -> None:
    tool(suite, "testr", "init")
    assert tool(suite, "testr", "run").returncode == 1

    repository = opened(suite / ".testrepository", "testr", create=False)
    assert failing(repository) == ["test_m.C.test_fails", "test_m.C.test_sometimes"]
    assert repository.failing()[0].traceback.startswith("Traceback (most recent call last):\n")
    assert {one.test_id: one.status for one in repository.read(0)} == {
        "test_m.C.test_fails": FAIL,
        "test_m.C.test_passes": OK,
        "test_m.C.test_sometimes": FAIL,
    }
    assert repository.times().keys() == {
        Case(f"test_m.C.test_{name}", D) for name in ("fails", "passes", "sometimes")
    }
    assert run(repository, [("test_m.C.test_fails", OK), ("test_m.C.test_passes", FAIL)]) == 1

    done = tool(suite, "testr", "last")
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"FAILED (id=1, failures=1" in done.stdout
    (suite / "mended").touch()
    done = tool(suite, "testr", "run", "--failing")
    assert b"Ran 2 " in done.stdout
    assert b"PASSED (id=2" in done.stdout
    assert failing(repository) == []
    assert run(repository, [("test_m.C.test_fails", FAIL)]) == 3
    assert queries.statuses(repository.history, Case("test_m.C.test_sometimes", D)) == [FAIL, OK]


def test_stestr_balances_and_reruns_by_what_we_stored(
    tmp_path: Path, tool: Tool, project: Project, opened: Opened
) -> None:
    folder = project(tmp_path / "p")
    (folder / "test_m.py").write_text(SUITE)
    assert tool(folder, "stestr", "run", "--serial").returncode == 1
    repository = opened(folder / ".stestr", "stestr", create=False)
    assert failing(repository) == ["test_m.C.test_fails", "test_m.C.test_sometimes"]
    assert (
        run(
            repository,
            [
                ("test_m.C.test_sometimes", OK),
                ("test_m.C.test_p[a]", OK),
                ("test_m.C.test_p[b]", OK),
            ],
        )
        == 1
    )

    done = tool(folder, "stestr", "slowest", "--all")
    assert (done.returncode, done.stderr) == (0, b"")
    rows = dict(line.rsplit(maxsplit=1) for line in done.stdout.decode().splitlines()[2:])
    assert rows == dict.fromkeys(
        ["test_m.C.test_sometimes", "test_m.C.test_p[a]", "test_m.C.test_p[b]"], "2.000"
    )
    done = tool(folder, "stestr", "run", "--failing", "--serial")
    assert b"Ran: 1 tests" in done.stdout
    assert b"test_m.C.test_fails" in done.stdout
    assert repository.latest() == 2


@pytest.mark.parametrize(
    ("name", "folder", "partial"),
    [("testr", ".testrepository", ["--partial"]), ("stestr", ".stestr", [])],
)
def test_a_load_after_us_takes_the_next_number_and_so_do_we(
    tmp_path: Path,
    tool: Tool,
    project: Project,
    name: str,
    folder: str,
    partial: list[str],
    opened: Opened,
) -> None:
    where = project(tmp_path / "p")
    repository = opened(where / folder, "testr" if name == "testr" else "stestr", create=True)
    run(repository, [("m.a", FAIL), ("m.b", OK)])
    run(repository, [("m.c", FAIL)])
    stream = v2(StoredResult("m.d", FAIL, tags=("py311",), start=START, stop=START + SECOND))
    done = tool(where, name, "load", *partial, stdin=stream)
    assert b"id=2" in done.stdout or name == "stestr"
    assert repository.run_numbers() == [0, 1, 2]
    if partial:
        assert failing(repository) == ["m.a", "m.c", "m.d"]
    assert run(repository, [("m.d", OK)]) == 3
    assert "m.d" not in failing(repository)
    assert [one.number for one in queries.runs(repository.history)] == [3, 2, 1, 0]


CONFLICT = """
import unittest
state = []

class C(unittest.TestCase):
    def test_a_innocent(self):
        pass
    def test_b_polluter(self):
        state.append(1)
    def test_c_innocent(self):
        pass
    def test_d_victim(self):
        self.assertEqual([], state)
    def test_e_innocent(self):
        pass
"""


@pytest.mark.parametrize(("name", "folder"), [("testr", ".testrepository"), ("stestr", ".stestr")])
def test_isolation_analysis_finds_a_conflict_in_a_run_of_ours(
    tmp_path: Path, tool: Tool, project: Project, name: str, folder: str, opened: Opened
) -> None:
    """Both bisect over what has the same ``worker-N`` tag before the victim in the newest run."""
    where = project(tmp_path / "p")
    (where / "test_m.py").write_text(textwrap.dedent(CONFLICT))
    repository = opened(where / folder, "testr" if name == "testr" else "stestr", create=True)
    ids = [
        f"test_m.C.test_{end}"
        for end in ("a_innocent", "b_polluter", "c_innocent", "d_victim", "e_innocent")
    ]
    script = [(test_id, FAIL if "victim" in test_id else OK) for test_id in ids]
    run(repository, script, lane=5)

    serial = ["--serial"] if name == "stestr" else []  # else it spreads what it tries over workers
    done = tool(where, name, "run", "--analyze-isolation", *serial)

    said = done.stdout.decode()
    assert done.returncode == 3, said + done.stderr.decode()
    table = [
        line.split() for line in said.splitlines() if line.startswith("test_m.C.test_d_victim")
    ]
    assert ["test_m.C.test_d_victim", "test_m.C.test_b_polluter"] in table


WRITER = """
import sys
from pathlib import Path
from testlanes.runner.ids import *
from testlanes.runner.repository.base import StoredResult
from testlanes.runner.repository.opening import open_repository

for number in range(10):
    repository = open_repository(Path(sys.argv[1]), "testr", create=True)
    one = StoredResult(f"m.t_{sys.argv[2]}_{number}", Status.FAIL, start=10**18, stop=2 * 10**18)
    repository.insert([one], partial=True)
"""


def test_a_load_of_testrs_meanwhile_costs_one_of_our_runs_at_most(
    tmp_path: Path, tool: Tool, project: Project, opened: Opened
) -> None:
    """testr takes a number and moves its file there later, over ours. If we had done with that run by then, it is gone."""
    folder = project(tmp_path / "p")
    path = folder / ".testrepository"
    opened(path, "testr", create=True)
    stream = v2(StoredResult("m.foreign", FAIL, start=START, stop=START + SECOND))
    with (
        subprocess.Popen([sys.executable, "-Ic", WRITER, str(path), "0"]) as one,
        subprocess.Popen([sys.executable, "-Ic", WRITER, str(path), "1"]) as other,
    ):
        tool(folder, "testr", "load", "--partial", stdin=stream)
        assert (one.wait(60), other.wait(60)) == (0, 0)
    repository = opened(path, "testr", create=False)
    stored = [one.test_id for number in repository.run_numbers() for one in repository.read(number)]
    ours = {f"m.t_{writer}_{number}" for writer in range(2) for number in range(10)}
    assert len(ours - set(stored)) <= 1
    assert len(stored) == len(set(stored))


def test_times_that_we_cannot_read_do_not_keep_a_run_out(
    suite: Path, tool: Tool, opened: Opened
) -> None:
    """A times.dbm of another Python's makes testr die before it updates what is failing. Not us."""
    tool(suite, "testr", "init")
    (suite / ".testrepository" / "times.dbm").write_bytes(b"\xcf\x9a\x57\x13" + bytes(60))
    repository = opened(suite / ".testrepository", "testr", create=False)
    cases = CaseTable()
    recording = repository.begin(cases, partial=False, root="")
    row = cases.add("test_m.C.test_fails", D)
    recording.record(CaseFinished(LaneId(0), row, FAIL, Kind.NONE, START, 1.0))
    assert recording.finish(interrupted=False) == 0
    assert "times.dbm" in recording.problem
    done = tool(suite, "testr", "failing", "--list")
    assert done.stdout == b"test_m.C.test_fails\n"
