"""What fixtures do and leave, from the suite to what the engine's readers see."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.engine import prepare
from testlanes.runner.events import CaseStarted, FixtureChanged, OutputReceived, RunEvent
from testlanes.runner.intents import Watch
from testlanes.runner.request import Request
from testlanes.runner.settings import Settings
from testlanes.runner.state import RunState

from .projects import finish, go, outcomes, pytests, unittests, write

pytest.importorskip("fixtures")

SERVED = """
    import logging, os, subprocess, sys, tempfile, time
    import fixtures, testtools
    from testtools.content import content_from_file

    tempfile.tempdir = os.getcwd()  # a test that is killed leaves its folder

    SERVER = "import time\\nprint('listening', flush=True)\\ntime.sleep(600)"

    class Server(fixtures.Fixture):
        def _setUp(self):
            path = os.path.join(self.useFixture(fixtures.TempDir()).path, "server.log")
            self.addDetail("server.log", content_from_file(path))
            with open(path, "w") as log:
                process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=log)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            limit = time.monotonic() + 30
            while not os.path.getsize(path) and time.monotonic() < limit: time.sleep(0.01)

    class T(testtools.TestCase):
        def setUp(self):
            super().setUp()
            self.useFixture(fixtures.FakeLogger())
            self.useFixture(Server())
            logging.warning("a thought")
            print("a word", flush=True)
        def test_seen(self):
            limit = time.monotonic() + 30
            while not os.path.exists("seen") and time.monotonic() < limit: time.sleep(0.01)
            self.fail("to have details")
        def test_killed(self):
            os.kill(os.getpid(), 9)
    """


def details(state: RunState, name: str) -> dict[str, str]:
    """Return the details of the failed test of that name."""
    (row,) = [row for row in state.failures if state.cases.test_id(row).endswith(name)]
    return {detail.name: detail.text for detail in state.details[row]}


async def test_a_servers_log_a_logger_and_prints_are_seen_while_the_test_runs(
    tmp_path: Path,
) -> None:
    run = prepare(unittests(write(tmp_path, test_served=SERVED), timeout=40), Request())
    seen: dict[str, bytes] = {}
    fixtures: set[tuple[str, str]] = set()
    wanted = {"server.log": b"listening", "pythonlogging:''": b"a thought", "stdout": b"a word"}

    def observe(event: RunEvent) -> None:
        if isinstance(event, CaseStarted):
            asyncio.get_running_loop().call_soon(run.supervisor.ask, Watch(event.lane, True))
        if isinstance(event, FixtureChanged):
            fixtures.add((event.name, event.phase))
        if isinstance(event, OutputReceived):
            seen[event.source] = seen.get(event.source, b"") + event.data
            if all(text in seen.get(name, b"") for name, text in wanted.items()):
                (tmp_path / "seen").touch()

    run.observers.append(observe)
    state, _ = await go(run)

    assert (tmp_path / "seen").exists()
    assert {("Server", "setup"), ("Server", "up"), ("Server", "down")} <= fixtures
    assert details(state, "test_seen") | {"traceback": ""} == {
        "server.log": "listening\n",
        "pythonlogging:''": "a thought\n",
        "stdout": "a word\n",
        "traceback": "",
    }


async def test_a_crash_keeps_the_last_bytes_of_live_sources(tmp_path: Path) -> None:
    (tmp_path / "seen").touch()
    state, _ = await finish(unittests(write(tmp_path, test_served=SERVED)))

    assert {"test_killed": "crash", "test_seen": "assertion"} == outcomes(state)
    told = details(state, "test_killed")
    assert told["server.log"] == "listening\n"
    assert told["pythonlogging:''"] == "a thought\n"
    assert told["stdout"] == "a word\n"


LEAKY = """
    import subprocess, unittest
    KEPT = []
    class T(unittest.TestCase):
        def test_clean(self): pass
        def test_leaky(self):
            kept = subprocess.Popen(["sleep", "600"])
            KEPT.append(kept)
            with open("pid", "w") as file: file.write(str(kept.pid))
    """


def gone(pid: int) -> bool:
    """Whether a process is no more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("kind", [unittests, pytests])
async def test_what_a_test_leaves_is_told_and_is_gone_after_the_run(
    tmp_path: Path, kind: Callable[[Path], Settings]
) -> None:
    state, code = await finish(kind(write(tmp_path, test_leaky=LEAKY)))

    pid = int((tmp_path / "pid").read_text())
    (found,) = state.leaks
    assert found.row is not None
    assert state.cases.test_id(found.row).endswith("test_leaky")
    assert {"process": (f"{pid}: sleep 600",)} == dict(found.leaks)
    assert 0 == code
    assert gone(pid)


@pytest.mark.parametrize("kind", [unittests, pytests])
async def test_a_leak_can_fail_its_test(tmp_path: Path, kind: Callable[..., Settings]) -> None:
    state, code = await finish(kind(write(tmp_path, test_leaky=LEAKY), leaks="fail"))

    assert {"test_clean": "success", "test_leaky": "error"} == outcomes(state)
    assert "sleep 600" in details(state, "test_leaky")["leaks"]
    assert 1 == code
