"""Under pytest: the log of the running test can be followed, and leaks are told with the fixture that made them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from testlanes.runner.agent import sources

from .harness import Agent, Peer, lay
from .pytest_targets import Lanes, serve

Followed: Any = cast("Any", sources).Followed


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


SUITE = {
    "test_p.py": """
import logging, os, subprocess, tempfile, time
import pytest
KEPT = []
def sleeper():
    process = subprocess.Popen(["sleep", "600"])
    KEPT.append(process)
    with open(os.environ["PIDS"], "a") as file: file.write("%d\\n" % process.pid)
@pytest.fixture(scope="module")
def server():
    sleeper()
    os.environ["SERVER"] = "1"
    folder = tempfile.mkdtemp()
    yield
    os.rmdir(folder)
@pytest.fixture
def thing():
    sleeper()
@pytest.fixture
def broken():
    sleeper()
    raise RuntimeError("half way")
def test_clean(tmp_path, caplog, capsys, monkeypatch): monkeypatch.setenv("A", "1")
def test_served(server): pass
def test_served_leaky(server): sleeper()
def test_thing(thing): pass
def test_broken(broken): pass
def test_logs():
    logging.getLogger("x").warning("a thought")
    open("thinking", "w").close()
    deadline = time.monotonic() + 30
    while not os.path.exists("seen") and time.monotonic() < deadline: time.sleep(0.01)
    assert 0
""",
}


@pytest.fixture
def lanes(here: Agent, tmp_path: Path) -> Iterator[Lanes]:
    """Give lanes that report leaks; what the suite started is ended."""
    project = lay(tmp_path / "project", SUITE)
    env = {"PIDS": str(tmp_path / "pids")}
    yield Lanes(here, project, sys.executable, env=env, leaks="report")
    for pid in pids(tmp_path):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def pids(tmp_path: Path) -> list[int]:
    """Return the processes that the suite started."""
    file = tmp_path / "pids"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def leaks(worker: Peer, test: str) -> list[dict[str, list[str]]]:
    """Run a test and return what was told."""
    before = len(worker.said("leaks"))
    worker.ran(f"test_p.py::{test}")
    return [fields["leaks"] for fields in worker.said("leaks")[before:]]


def test_a_tests_leak_and_a_fixtures_are_told_apart(lanes: Lanes, tmp_path: Path) -> None:
    worker = lanes.fork(leaks="report")
    assert leaks(worker, "test_clean") == []
    assert leaks(worker, "test_served") == []
    assert leaks(worker, "test_served_leaky") == [{"process": [f"{pids(tmp_path)[1]}: sleep 600"]}]
    worker.shut()
    assert worker.said("leaks")[1:] == [
        {
            "leaks": {
                "process": [f"{pids(tmp_path)[0]}: sleep 600 (made by server)"],
                "environment": ["SERVER set (made by server)"],
            }
        }
    ]


def test_what_a_failing_fixture_started_is_told_with_its_name(lanes: Lanes, tmp_path: Path) -> None:
    worker = lanes.fork(leaks="report")
    (found,) = leaks(worker, "test_broken")
    assert found == {"process": [f"{pids(tmp_path)[0]}: sleep 600 (made by broken)"]}
    (found,) = leaks(worker, "test_thing")
    assert found == {"process": [f"{pids(tmp_path)[1]}: sleep 600 (made by thing)"]}


def test_the_log_of_the_running_test_can_be_followed(lanes: Lanes) -> None:
    worker = lanes.fork(leaks="report")
    worker.run("test_p.py::test_logs")
    project = Path(lanes.project)
    worker.wait((project / "thinking").exists, "the first thought")
    followed = Followed(str(worker.folder / "sources"), 1)
    ((name, data),) = followed.read()
    followed.close()
    assert name == "log"
    assert b"a thought" in data
    (project / "seen").touch()
    worker.wait(lambda: worker.results, "its end")
    assert "a thought" in " ".join(worker.results[0].details.values())


GUARDED = {
    "conftest.py": """
import os
import pytest
@pytest.fixture(scope="session", autouse=True)
def no_file_is_touched_in_an_event_loop():
    def refuse(*args, **kwargs): raise RuntimeError("this blocks the event loop")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("close", "fstat", "ftruncate", "mkdir", "open", "write"): patch.setattr(os, name, refuse)
        yield
""",
    "test_p.py": """
import logging
def test_logs(): logging.getLogger("x").warning("a thought")
def test_logs_again(): logging.getLogger("x").warning("another")
""",
}


def test_a_plugin_that_forbids_blocking_calls_does_not_meet_ours(
    here: Agent, tmp_path: Path
) -> None:
    """As blockbuster does it, from a session fixture on: the live log is written by what the tests do."""
    project = lay(tmp_path / "project", GUARDED)
    worker = Lanes(here, project, sys.executable, leaks="off").fork(leaks="off")
    worker.ran("test_p.py::test_logs", "test_p.py::test_logs_again")
    assert [result.status for result in worker.results] == ["success"] * 2
    assert b"a thought" in (worker.folder / "live-1").read_bytes()
