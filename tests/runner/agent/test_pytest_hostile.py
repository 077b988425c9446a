"""Tests that would end pytest, or break it for the tests after them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testlanes.runner.agent import signals

from .harness import Agent, lay
from .pytest_targets import Lanes, serve, target


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


@pytest.fixture(params=["3.8", "3.11", "3.13"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a target interpreter that has pytest."""
    return target(tmp_path_factory, request.param)


HOSTILE = {
    "test_h.py": """
import os, signal, sys, time
import pytest
ups = []
@pytest.fixture(scope="session")
def once():
    ups.append(1); yield
@pytest.fixture
def undone():
    yield
    print("undone")
def test_sys_exit(once): sys.exit(0)
def test_pytest_exit(once, undone): pytest.exit("enough")
def test_keyboard(once, undone): raise KeyboardInterrupt
def test_sigint(once): os.kill(os.getpid(), signal.SIGINT); time.sleep(5)
@pytest.fixture
def exits(): pytest.exit("in set-up")
def test_exit_in_setup(exits): pass
@pytest.fixture
def exits_late():
    yield
    pytest.exit("in teardown")
def test_exit_in_teardown(exits_late): pass
def test_stop(request): request.session.shouldstop = "told so"
def test_fail_session(request): request.session.shouldfail = "told so"
def test_fork():
    pid = os.fork()
    if pid: assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 70
def test_fork_raises():
    pid = os.fork()
    if not pid: raise ValueError("in the child")
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 70
def test_after(once): assert len(ups) == 1
def test_close_1_2(): os.close(1); os.close(2)
def test_dup2(): os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
def test_prints(): print("seen"); os.write(1, b"too\\n")
def test_close_all(): os.closerange(3, 4096)
def test_hang():
    try:
        print("hanging")
        time.sleep(60)
    finally:
        print("cleaned up")
@pytest.fixture(scope="module")
def slow_down():
    yield
    print("hanging")
    time.sleep(60)
def test_slow_down(slow_down): pass
""",
    "test_i.py": "def test_i(): pass\n",
}


def test_nothing_in_a_test_ends_the_worker(python: str, here: Agent, tmp_path: Path) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", HOSTILE), python)
    worker = lanes.fork()
    names = ("sys_exit", "pytest_exit", "keyboard", "sigint", "exit_in_setup", "exit_in_teardown")
    names += ("after", "fork", "fork_raises", "stop", "fail_session", "prints")
    told = worker.ran(*(f"test_h.py::test_{name}" for name in names))
    assert [(each.test_id.partition("test_h.py::test_")[2], each.status) for each in told] == [
        *((name, "fail") for name in names[:6]),
        *((name, "success") for name in names[6:]),
    ]
    assert told[1].details["stdout"] == "undone\n"
    assert "enough" in told[1].details["traceback"]
    assert told[2].details["stdout"] == "undone\n"


def test_closed_output_is_opened_again_for_the_next_test(here: Agent, tmp_path: Path) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", HOSTILE), sys.executable)
    worker = lanes.fork()
    for name in ("close_1_2", "dup2"):
        assert worker.one(f"test_h.py::test_{name}").status == "success"
        assert worker.event("state")["fixed"]
        assert worker.one("test_h.py::test_prints").details["stdout"] == "seen\ntoo\n"


def test_a_worker_without_its_capture_retires(python: str, here: Agent, tmp_path: Path) -> None:
    """A test closed every file: it fails no other."""
    lanes = Lanes(here, lay(tmp_path / "project", HOSTILE), python)
    worker = lanes.fork()
    worker.run("test_h.py::test_close_all", "test_h.py::test_prints")
    worker.event("bye")
    worker.end()
    assert [told.test_id for told in worker.results] == ["test_h.py::test_close_all"]
    assert worker.event("retire")["unrun"] == ["test_h.py::test_prints"]


def test_a_test_over_its_limit_is_cleaned_up_and_fails_as_a_timeout(
    python: str, here: Agent, tmp_path: Path
) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", HOSTILE), python)
    worker = lanes.fork()
    pid = worker.said("hello")[0]["pid"]
    worker.run("test_h.py::test_hang")
    worker.wait(lambda: "hanging" in worker.text("stdout"))
    os.kill(pid, signals.SIG_TIMEOUT)
    worker.wait(lambda: worker.results)
    told = worker.results[0]
    assert (told.status, told.kind) == ("fail", "timeout")
    assert told.details["stdout"] == "hanging\ncleaned up\n"
    assert worker.one("test_h.py::test_after").status == "success"


def test_a_shared_fixture_that_hangs_going_down_is_stopped_too(here: Agent, tmp_path: Path) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", HOSTILE), sys.executable)
    worker = lanes.fork()
    pid = worker.said("hello")[0]["pid"]
    worker.ran("test_h.py::test_slow_down")
    worker.run("test_i.py::test_i")
    worker.wait(lambda: "hanging" in worker.text("stdout"))
    os.kill(pid, signals.SIG_TIMEOUT)
    worker.wait(lambda: len(worker.results) == 3)
    assert [(told.test_id, told.status) for told in worker.results[1:]] == [
        ("teardown (test_h.py)", "fail"),
        ("test_i.py::test_i", "success"),
    ]


def test_a_worker_killed_by_its_test_says_nothing_more(here: Agent, tmp_path: Path) -> None:
    files = {"test_k.py": "import os\ndef test_k(): os.kill(os.getpid(), 9)\n"}
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    worker = lanes.fork()
    worker.run(*lanes.ids)
    worker.end()
    assert worker.results == []
    assert list(worker.running) == lanes.ids
    lanes.loader.wait(lambda: lanes.loader.said("exited"))
    assert lanes.loader.said("exited")[0]["status"] == signal.SIGKILL
