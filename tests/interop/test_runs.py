"""Whole runs of ``testlanes run``, stored in testr's and stestr's repositories (checks I04, J3-J6)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from testlanes.runner.events import CaseStarted
from testlanes.runner.ids import Status
from testlanes.runner.journal import replay
from testlanes.runner.repository import queries
from testlanes.runner.repository.directory import DirectoryRepository
from testlanes.runner.repository.opening import open_repository

Tool = Callable[..., CompletedProcess[bytes]]
Project = Callable[[Path], Path]

RUN = (sys.executable, "-Im", "testlanes", "run", "--no-tui")
LIMIT = 60.0

SUITE = """
import os, signal, sys, time, unittest

class A(unittest.TestCase):
    def test_fails(self):
        self.fail("always")
    def test_passes(self):
        pass

class K(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists("mended"):
            raise RuntimeError("no class")
    def test_x(self):
        pass
    def test_y(self):
        pass

class Z(unittest.TestCase):
    def test_waits(self):
        if os.path.exists("wait"):
            with open("waiting", "w"):
                pass
            time.sleep(60)
        if not os.path.exists("mended"):
            self.fail("not mended")
"""
PROCESS = """
import os, signal, unittest

class C(unittest.TestCase):
    def test_a(self):
        pass
    def test_b(self):
        {death}
    def test_c(self):
        pass
"""


@pytest.fixture
def folder(tmp_path: Path, project: Project) -> Path:
    """A project with ``SUITE`` in it."""
    where = project(tmp_path / "p")
    (where / "test_m.py").write_text(SUITE)
    return where


def environment() -> dict[str, str]:
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    return {key: os.environ[key] for key in keep if key in os.environ} | {"PYTHON": sys.executable}


def ours(folder: Path, *arguments: str) -> CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def waits(folder: Path) -> bool:
    """Whether the journal says that the test that waits has begun (and so what ended before)."""
    (path,) = (folder / ".testrepository/testlanes").glob("*.journal")
    cases, stamped = replay(path)
    begun = [cases.test_id(event.row) for _, event in stamped if isinstance(event, CaseStarted)]
    return "test_m.Z.test_waits" in begun


@contextmanager
def waiting(folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """Start a run and hand it over when its last test waits, and what ended before is on disk."""
    (folder / "wait").touch()
    command = [*RUN, "--serial"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=quiet, stderr=quiet
    ) as run:
        try:
            deadline = time.monotonic() + LIMIT
            while not ((folder / "waiting").exists() and waits(folder)):
                assert time.monotonic() < deadline, "the last test did not start"
                assert run.poll() is None, "the run ended"
                time.sleep(0.02)
            yield run
            run.wait(LIMIT)
        finally:
            run.kill()
    for name in ("wait", "waiting"):
        (folder / name).unlink()


def opened(folder: Path) -> DirectoryRepository:
    return open_repository(folder / ".testrepository", "testr", create=False)


def failing(folder: Path) -> set[str]:
    with opened(folder) as repository:
        return {one.test_id for one in repository.failing()}


def temporary(folder: Path) -> list[str]:
    every = [
        *(folder / ".testrepository").iterdir(),
        *(folder / ".testrepository/testlanes").iterdir(),
    ]
    return [
        one.name
        for one in every
        if one.name.startswith((".", "tmp")) or one.suffix in (".new", ".journal")
    ]


def test_what_a_run_finds_failing_is_what_testr_lists_and_a_rerun_clears_it(
    folder: Path, tool: Tool
) -> None:
    """J6: a failed class fixture is rerun with its class, and its entry goes when the class has run."""
    assert ours(folder).returncode == 1
    listed = set(tool(folder, "testr", "failing", "--list").stdout.decode().splitlines())
    assert {"test_m.A.test_fails", "setUpClass (test_m.K)", "test_m.Z.test_waits"} <= listed
    assert temporary(folder) == []

    (folder / "mended").touch()
    assert ours(folder, "test_x").returncode == 0
    listed = set(tool(folder, "testr", "failing", "--list").stdout.decode().splitlines())
    assert "setUpClass (test_m.K)" not in listed
    assert {"test_m.A.test_fails", "test_m.Z.test_waits"} <= listed
    assert ours(folder, "--failing").returncode == 1
    done = tool(folder, "testr", "failing", "--list")
    assert done.stdout.decode().split() == ["test_m.A.test_fails"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_cut_short_forgets_no_failure_and_blames_no_test(
    folder: Path, tool: Tool, how: signal.Signals
) -> None:
    """I04 and J5. After SIGKILL it is the next start that stores the run."""
    assert ours(folder).returncode == 1
    known = failing(folder)
    assert "test_m.Z.test_waits" in known
    (folder / "mended").touch()
    with waiting(folder) as run:
        run.send_signal(how)
        deadline = time.monotonic() + LIMIT
        while how is signal.SIGINT and run.poll() is None and time.monotonic() < deadline:
            run.send_signal(how)  # the first lets running tests end, the second does not
            time.sleep(0.01)
    assert run.returncode != 0

    with opened(folder) as repository:
        reached = {one.test_id for one in repository.read(1)}
        record = queries.run(repository.history, 1)
    assert reached
    assert "test_m.Z.test_waits" not in reached
    wanted = known - {one for one in reached if one.startswith("test_m.K")}
    if wanted < known:  # the class ran, and its fixture was mended
        wanted -= {"setUpClass (test_m.K)"}
    assert failing(folder) == wanted
    assert temporary(folder) == []
    done = tool(folder, "testr", "failing", "--list")
    assert set(done.stdout.decode().splitlines()) == wanted
    assert record is not None
    assert record.interrupted


@pytest.mark.parametrize(
    "death", ["os._exit(3)", "os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"]
)
def test_a_crash_in_a_test_is_stored_as_its_failure_and_the_others_run(
    tmp_path: Path, project: Project, tool: Tool, death: str
) -> None:
    """J4: the exit code is not 0, and every test that was to run is accounted for."""
    folder = project(tmp_path / "p")
    (folder / "test_m.py").write_text(PROCESS.format(death=death))
    assert ours(folder).returncode == 1
    with opened(folder) as repository:
        stored = {one.test_id: one for one in repository.read(0)}
    statuses = {
        name[-1]: one.status for name, one in stored.items() if name.startswith("test_m.C.")
    }
    assert statuses == {"a": Status.SUCCESS, "b": Status.FAIL, "c": Status.SUCCESS}
    assert stored["test_m.C.test_b"].traceback
    done = tool(folder, "testr", "last")
    assert (done.returncode, done.stderr) == (1, b"")

    (folder / "test_m.py").write_text(PROCESS.format(death="pass"))
    assert ours(folder, "--failing").returncode == 0
    assert tool(folder, "testr", "failing", "--list").stdout == b""


def test_a_conflict_in_a_run_of_ours_is_found_by_testr(
    tmp_path: Path, project: Project, tool: Tool
) -> None:
    """J3: testr bisects over what our worker ran before the victim."""
    folder = project(tmp_path / "p")
    (folder / "test_m.py").write_text(
        "import unittest\nstate = []\nclass C(unittest.TestCase):\n"
        "    def test_a(self): pass\n"
        "    def test_b(self): state.append(1)\n"
        "    def test_c(self): self.assertEqual([], state)\n"
    )
    assert ours(folder, "-j2", "--group-regex", "test_m").returncode == 1
    done = tool(folder, "testr", "run", "--analyze-isolation")
    assert done.returncode == 3
    assert b"test_m.C.test_c  test_m.C.test_b" in done.stdout
