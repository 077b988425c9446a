"""What tests and fixtures leave behind is found, and told with who made it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .harness import Agent, Peer, agent, interpreter, lay


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    with agent(tmp_path / "agent") as made:
        yield made


SUITE = """
import logging, multiprocessing, os, socket, subprocess, sys, tempfile, threading, time, unittest
KEPT = []
def sleeper():
    process = subprocess.Popen(["sleep", "600"])
    print("pid", process.pid)
    KEPT.append(process)
class T(unittest.TestCase):
    def test_clean(self): pass
    def test_process(self): sleeper()
    def test_thread(self): threading.Thread(target=time.sleep, args=(600,), name="idler", daemon=True).start()
    def test_fd(self): KEPT.append(open(__file__))
    def test_socket(self):
        link = socket.socket(); link.bind(("127.0.0.1", 0)); link.listen(1); KEPT.append(link)
    def test_file(self): open(tempfile.mkdtemp() + "/x", "w").close()
    def test_environment(self): os.environ["LEFT"] = "1"
    def test_cwd(self): os.chdir("/")
    def test_handler(self): logging.getLogger("some").addHandler(logging.StreamHandler())
    def test_tidy(self):
        with tempfile.TemporaryDirectory() as folder, open(folder + "/x", "w"): pass
        process = subprocess.Popen(["sleep", "0"]); process.wait()
        thread = threading.Thread(target=int); thread.start(); thread.join()
        os.environ["A"] = "1"; del os.environ["A"]
        handler = logging.StreamHandler(); logging.root.addHandler(handler); logging.root.removeHandler(handler)
    def test_late_end(self):
        thread = threading.Thread(target=time.sleep, args=(0.001,)); thread.start()
        KEPT.append(subprocess.Popen(["true"]))
    def test_helpers(self):
        context = multiprocessing.get_context("spawn")
        lock = context.Lock()
class C(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        sleeper(); os.environ["OF_CLASS"] = "1"
        cls.folder = tempfile.mkdtemp()
    def test_1(self): pass
    def test_2(self): os.environ["OF_TEST"] = "1"
    @classmethod
    def tearDownClass(cls): os.rmdir(cls.folder)
class D(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        sleeper()
        raise RuntimeError("half way")
    def test_1(self): pass
"""


@pytest.fixture(params=["3.8", "3.11", "3.13"])
def worker(tmp_path: Path, here: Agent, request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Give a worker of the suite that reports leaks; what the suite started is ended."""
    (tmp_path / "t").mkdir()
    made = start(tmp_path, here, python=interpreter(request.param))
    yield made
    end(made)


def start(tmp_path: Path, here: Agent, **options: Any) -> Peer:
    """Start a worker of the suite."""
    known: dict[str, Any] = {"leaks": "report", "env": {"TMPDIR": str(tmp_path)}, **options}
    return here.start(lay(tmp_path / "p", {"test_l.py": SUITE}), **known)


def end(worker: Peer) -> None:
    """End what tests left."""
    for pid in pids(worker):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def pids(worker: Peer) -> list[int]:
    """Return the processes that tests printed."""
    words = [line.split() for line in worker.text("stdout").splitlines()]
    return [int(line[1]) for line in words if len(line) == 2 and line[0] == "pid"]


def leaks(worker: Peer, test: str) -> dict[str, list[str]]:
    """Run a test and return what was told of it."""
    before = len(worker.said("leaks"))
    assert worker.one(f"test_l.{test}").status == "success"
    said = worker.said("leaks")[before:]
    return said[0]["leaks"] if said else {}


def test_what_a_test_leaves_is_told_with_its_kind(worker: Peer) -> None:
    assert leaks(worker, "T.test_clean") == {}
    found = leaks(worker, "T.test_process")
    assert found == {"process": [f"{pids(worker)[0]}: sleep 600"]}
    assert leaks(worker, "T.test_thread") == {"thread": ["idler (daemon)"]}
    (fd,) = leaks(worker, "T.test_fd")["fd"]
    assert fd.endswith("test_l.py")
    (listening,) = leaks(worker, "T.test_socket")["socket"]
    assert listening.startswith("listening on port ")
    (file,) = leaks(worker, "T.test_file")["file"]
    assert Path(file).is_dir()
    assert leaks(worker, "T.test_environment") == {"environment": ["LEFT set"]}
    assert leaks(worker, "T.test_cwd") == {"state": ["working directory changed"]}
    assert leaks(worker, "T.test_handler") == {"handler": ["StreamHandler on the logger some"]}
    assert leaks(worker, "T.test_clean") == {}


def test_what_is_put_away_or_harmless_is_not_told(worker: Peer) -> None:
    for test in ("tidy", "late_end", "helpers", "tidy"):
        assert leaks(worker, f"T.test_{test}") == {}


def test_what_a_class_fixture_makes_is_its_own_until_it_goes_down(worker: Peer) -> None:
    assert leaks(worker, "C.test_1") == {}
    assert leaks(worker, "C.test_2") == {"environment": ["OF_TEST set"]}
    assert leaks(worker, "T.test_clean") == {
        "process": [f"{pids(worker)[0]}: sleep 600 (made by setUpClass (C))"],
        "environment": ["OF_CLASS set (made by setUpClass (C))"],
    }


def test_what_a_failing_class_fixture_started_is_found(worker: Peer) -> None:
    worker.ran("test_l.D.test_1")
    (said,) = worker.said("leaks")
    assert said["leaks"]["process"] == [f"{pids(worker)[0]}: sleep 600 (made by setUpClass (D))"]


def test_leaks_can_fail_their_test_and_processes_end_then(tmp_path: Path, here: Agent) -> None:
    worker = start(tmp_path, here, leaks="fail")
    told = worker.one("test_l.T.test_process")
    (pid,) = pids(worker)
    assert (told.status, told.kind) == ("fail", "error")
    assert told.details["leaks"] == f"Left behind:\n  process {pid}: sleep 600\n"
    assert worker.one("test_l.T.test_tidy").status == "success"
    worker.wait(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")


def test_what_is_allowed_is_not_told(tmp_path: Path, here: Agent) -> None:
    allow = ["process:^[0-9]+: sleep", "LEFT", "thread:^other"]
    worker = start(tmp_path, here, leaks="fail", leaks_allow=allow)
    try:
        assert leaks(worker, "T.test_process") == {}
        assert leaks(worker, "T.test_environment") == {}
        assert worker.one("test_l.T.test_thread").status == "fail"
    finally:
        end(worker)


def test_nothing_is_told_when_it_is_off(tmp_path: Path, here: Agent) -> None:
    worker = start(tmp_path, here, leaks="off")
    assert leaks(worker, "T.test_environment") == {}


FIXTURES = """
import subprocess, threading, time
import fixtures, testtools
class Server(fixtures.Fixture):
    def _setUp(self):
        process = subprocess.Popen(["sleep", "600"]); print("pid", process.pid)
        self.addCleanup(setattr, self, "process", process)
        raise RuntimeError("no answer")
class Around(fixtures.Fixture):
    def _setUp(self):
        threading.Thread(target=time.sleep, args=(600,), name="idler", daemon=True).start()
        self.useFixture(Server())
class T(testtools.TestCase):
    def test_1(self): self.useFixture(Around())
"""


def test_what_a_failing_fixture_started_is_told_with_its_name(tmp_path: Path, here: Agent) -> None:
    pytest.importorskip("fixtures")
    project = lay(tmp_path / "p", {"test_f.py": FIXTURES})
    worker = here.start(project, leaks="report")
    try:
        assert worker.one("test_f.T.test_1").status == "fail"
        (said,) = worker.said("leaks")
        assert said["leaks"] == {
            "process": [f"{pids(worker)[0]}: sleep 600 (made by Server)"],
            "thread": ["idler (daemon) (made by Around)"],
        }
    finally:
        end(worker)
