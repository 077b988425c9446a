"""What every worker does, whatever runs its tests: its queue, its pulse, its health, its end."""

# The agent has no types (it runs on Python 3.8).
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testlanes.runner.agent import processes, signals, unittest_repair
from testlanes.runner.agent.channel import Channel
from testlanes.runner.agent.health import Health
from testlanes.runner.agent.lane_files import HEAD
from testlanes.runner.agent.pack import frame
from testlanes.runner.agent.tail import Pulse
from testlanes.runner.agent.worker import Worker, exception_text

from .harness import Agent, agent, interpreter, lay


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    with agent(tmp_path / "agent") as made:
        yield made


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple[Channel, socket.socket]]:
    """Give both ends of a channel."""
    with socket.socket(socket.AF_UNIX) as listener:
        path = os.path.relpath(tmp_path / "sock")
        listener.bind(path)
        listener.listen(1)
        channel = Channel(path, "token")
        other, _ = listener.accept()
        with other:
            yield channel, other
            os.close(channel.fd)


def send(other: socket.socket, **message: Any) -> None:
    """Send one command to a worker."""
    other.sendall(frame(message))


def test_a_peeked_id_is_committed(
    tmp_path: Path, ends: tuple[Channel, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs next and cannot be dropped; without waiting, an empty queue is no end."""
    monkeypatch.setattr("testlanes.runner.agent.worker.LOOK", 0)  # nothing runs here
    channel, other = ends
    worker = Worker(channel, {"dir": str(tmp_path)})
    assert worker.peek(wait=False) is None
    send(other, op="run", ids=["a", "b", "c"])
    assert worker.peek() == "a"
    send(other, op="drop", ids=["a", "c"])
    assert worker.peek() == "a"
    assert worker.take() == "a"
    assert worker.take() == "b"
    assert worker.peek(wait=False) is None
    send(other, op="shutdown")
    assert worker.take() is None


def test_a_test_is_in_the_pulse_before_it_is_told_to_have_begun_and_until_its_end_is_told(
    tmp_path: Path, ends: tuple[Channel, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it can be stopped from when it is heard of on, and a worker killed at any moment was killed in some test."""
    channel, _ = ends
    worker = Worker(channel, {"dir": str(tmp_path), "leaks": "off"})
    told: list[tuple[bool, int]] = []
    """Of each write: whether the pulse said that a test runs, and which."""

    def write(fd: int, data: bytes) -> int:
        pulse = Pulse((tmp_path / "pulse").read_bytes())
        told.append((bool(pulse.number), pulse.place))
        return os.write(fd, data)

    monkeypatch.setattr(channel, "_write", write)
    for place, name in enumerate(("one", "two")):
        worker.place = place
        worker.begin(name)
        worker.end("fail")
    channel.flush()
    # begun, ended, begun, ended
    assert told == [(True, 0), (False, 0), (True, 1), (False, 1)]


def test_process_state_is_put_back_unless_fixtures_made_it(tmp_path: Path) -> None:
    """What was raised stays: libraries raise limits once. A fixture's state is kept until it is down."""
    before, limit, recursion = (
        Path.cwd(),
        resource.getrlimit(resource.RLIMIT_NOFILE),
        sys.getrecursionlimit(),
    )
    umask = os.umask(0o22)
    os.umask(umask)
    health = Health()
    try:
        assert health.check() == ([], [])
        os.umask(0o777)
        sys.setrecursionlimit(recursion + 100)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[0] - 1, limit[1]))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        assert health.check() == (["RLIMIT_NOFILE lowered", "signals blocked", "umask changed"], [])
        assert sys.getrecursionlimit() == recursion + 100
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == limit
        sys.setrecursionlimit(recursion)
        os.chdir(tmp_path)
        health.rebase()
        os.chdir("/")
        assert health.check() == (["working directory changed"], [])
        assert Path.cwd() == tmp_path
        assert health.reset() == (["working directory changed"], [])
        assert Path.cwd() == before
    finally:
        health.reset()
        os.umask(umask)
        sys.setrecursionlimit(recursion)


def test_agent_and_worker_mean_the_same_signals() -> None:
    names = ("SIG_DUMP", "SIG_TIMEOUT", "SIG_CANCEL")
    assert [int(getattr(signals, n)) for n in names] == [int(getattr(processes, n)) for n in names]


def test_an_exception_without_text_has_a_text() -> None:
    class Bad(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise KeyboardInterrupt

    assert "Bad" in exception_text(Bad())


def test_the_projects_own_fixtures_are_not_repaired(tmp_path: Path) -> None:
    """Unless they are installed below the project, as in a virtual environment."""

    class Module:
        __file__ = str(tmp_path / "fixtures" / "fixture.py")

    class Installed:
        __file__ = str(tmp_path / ".venv" / "lib" / "site-packages" / "fixtures" / "fixture.py")

    own = unittest_repair.belongs_to
    assert (own(Module, str(tmp_path)), own(Installed, str(tmp_path))) == (True, False)
    assert own(Module, str(tmp_path / "elsewhere")) is False


LIFE = {
    "test_l.py": """
import atexit, os, threading, unittest
class T(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): open("down", "w").close()
    def test_ok(self): pass
    def test_close(self): os.closerange(3, 65536)
    def test_exit_hangs(self): atexit.register(threading.Event().wait)
    def test_thread_hangs(self): threading.Thread(target=threading.Event().wait).start()
    def test_slow_thread(self):
        threading.Thread(target=lambda: (threading.Event().wait(0.2), print("joined", flush=True))).start()
""",
}


DOWN = {
    "test_d.py": """
import os, time, unittest
class T(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        while not os.path.exists("go"): time.sleep(0.01)
    def test_a(self): pass
class U(unittest.TestCase):
    def test_b(self): pass
"""
}


def test_a_result_is_told_before_fixtures_go_down(tmp_path: Path, here: Agent) -> None:
    """They may take long, or for ever, though the next test is waiting."""
    project = lay(tmp_path / "p", DOWN)
    worker = here.start(project)
    worker.run("test_d.T.test_a", "test_d.U.test_b")
    worker.wait(lambda: [each.status for each in worker.results] == ["success"])
    (project / "go").touch()
    worker.wait(lambda: len(worker.results) == 2)


def pulse(folder: Path) -> list[int]:
    """Return the first six numbers of a lane's pulse."""
    return list(HEAD.unpack_from((folder / "pulse").read_bytes())[:6])


def test_the_pulse_says_that_nothing_runs_and_what_has_finished(
    tmp_path: Path, here: Agent
) -> None:
    worker = here.start(lay(tmp_path / "p", LIFE))
    worker.event("hello")
    assert pulse(worker.folder) == [0, 0, 0, 0, 0, 0]
    worker.ran("test_l.T.test_ok", "test_l.T.test_ok")
    assert pulse(worker.folder) == [0, 0, 0, 0, 2, 0]


def test_a_worker_whose_channel_a_test_closed_connects_again_and_loses_nothing(
    tmp_path: Path, here: Agent
) -> None:
    worker = here.start(lay(tmp_path / "p", LIFE))
    names = ["ok", "close", "ok", "close", "ok"]
    told = worker.ran(*("test_l.T.test_" + name for name in names))
    assert [(each.test_id[14:], each.status) for each in told] == [(n, "success") for n in names]
    assert worker.connections == 3
    assert pulse(worker.folder)[4] == 5


def test_fixtures_go_down_when_the_agent_is_gone(tmp_path: Path, here: Agent) -> None:
    project = lay(tmp_path / "p", LIFE)
    worker = here.start(project)
    worker.ran("test_l.T.test_ok")
    assert worker.process is not None
    assert worker.link is not None
    worker.link.shutdown(socket.SHUT_RDWR)
    assert worker.process.wait(30) == 1
    assert (project / "down").exists()


@pytest.mark.parametrize("version", ["3.8", "3.11", "3.13"])
@pytest.mark.parametrize("what", ["exit", "thread"])
def test_what_hangs_at_the_end_is_cut_off(
    tmp_path: Path, here: Agent, version: str, what: str
) -> None:
    worker = here.start(lay(tmp_path / "p", LIFE), python=interpreter(version), exit_limit=0.3)
    assert worker.one(f"test_l.T.test_{what}_hangs").status == "success"
    assert worker.shut() == 0
    assert worker.said("bye")


def test_threads_are_joined_at_the_end(tmp_path: Path, here: Agent) -> None:
    worker = here.start(lay(tmp_path / "p", LIFE))
    worker.ran("test_l.T.test_slow_thread")
    assert worker.shut() == 0
    assert worker.text("stdout") == "joined\n"


def test_an_unknown_command_is_told_not_obeyed(tmp_path: Path, here: Agent) -> None:
    worker = here.start(lay(tmp_path / "p", LIFE))
    worker.send(op="juggle")
    assert worker.event("warning") == {"text": "the worker does not know the command 'juggle'"}
    assert worker.one("test_l.T.test_ok").status == "success"


def test_a_stop_that_comes_while_a_test_is_told_to_begin_is_not_lost(tmp_path: Path) -> None:
    """The agent sees in the pulse what runs before anything can be raised in it."""
    code = """
import os, sys
from testlanes.runner.agent.signals import SIG_CANCEL, Signals, TestCancelled
one = Signals(sys.argv[1])
one.ready()
os.kill(os.getpid(), SIG_CANCEL)
try:
    one.arm(0)
except TestCancelled:
    print("stopped")
one.disarm()
os.kill(os.getpid(), SIG_CANCEL)  # after the test
one.ready()
one.arm(0)
print("goes on")
"""
    argv = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split("\n") == ["stopped", "goes on", ""]
