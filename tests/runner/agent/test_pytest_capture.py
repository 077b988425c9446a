"""What tests print lands with the right test, in every lane, while it runs and after it died."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Agent, lay
from .pytest_targets import Lanes, serve, target


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    yield from serve(tmp_path / "agent")


PRINTS = {
    "test_p.py": """
import logging, os, subprocess, sys, time
import pytest
logging.basicConfig()
bound = sys.stdout
@pytest.fixture
def around():
    print("setup"); yield; print("teardown")
@pytest.mark.parametrize("n", range(5))
def test_all(n, around):
    print("print %d" % n)
    sys.stderr.write("err %d\\n" % n)
    os.write(1, b"fd %d\\n" % n)
    subprocess.run(["echo", "child %d" % n])
    logging.getLogger("x").warning("log %d", n)
    print("bound %d" % n, file=bound)
def test_silent(): pass
def test_capsys(capsys):
    print("taken")
    assert capsys.readouterr().out == "taken\\n"
    print("left")
def test_capfd(capfd):
    os.system("echo taken")
    assert capfd.readouterr().out == "taken\\n"
    with capfd.disabled():
        print("through")
def test_fails():
    print("before")
    assert 0
def test_stdin():
    with pytest.raises(OSError): sys.stdin.read(1)
def test_replaced():
    sys.stdout = open(os.devnull, "w")
    print("nowhere")
def test_after_replaced(): print("here")
def test_wait():
    print("waiting")
    while not os.path.exists("go"): time.sleep(0.01)
def test_dies():
    print("last words"); os.write(2, b"last error\\n"); os._exit(3)
def test_unicode(): print("\\u00e9 \\ud800")
def test_long(): print("x" * 300000)
""",
}


@pytest.mark.parametrize("version", ["3.8", "3.11", "3.13"])
def test_output_of_two_lanes_does_not_mix(
    here: Agent, tmp_path: Path, version: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    python = target(tmp_path_factory, version)
    lanes = Lanes(here, lay(tmp_path / "project", PRINTS), python)
    workers = [lanes.fork(), lanes.fork()]
    ids = [f"test_p.py::test_all[{n}]" for n in range(5)]
    for worker in workers:
        worker.run(*ids)
    for worker in workers:
        worker.wait(lambda worker=worker: len(worker.results) == 5)
        for n, told in enumerate(worker.results):
            assert told.status == "success"
            out = f"setup\nprint {n}\nfd {n}\nchild {n}\nbound {n}\nteardown\n"
            assert told.details["stdout"] == out
            assert told.details["stderr"].splitlines()[0] == f"err {n}"
            assert f"log {n}" in told.details["log"]


@pytest.mark.parametrize("how", ["fork", "fresh"])
def test_each_test_gets_what_it_printed(here: Agent, tmp_path: Path, how: str) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", PRINTS), sys.executable)
    worker = lanes.worker(how)
    said = {
        name: worker.one(f"test_p.py::test_{name}").details
        for name in (
            *("silent", "capsys", "capfd", "fails", "stdin", "replaced", "after_replaced"),
            *("unicode", "long"),
        )
    }
    assert said["silent"] == {}
    assert said["capsys"]["stdout"] == "left\n"
    assert said["capfd"]["stdout"] == "through\n"
    assert said["fails"]["stdout"] == "before\n"
    assert "assert 0" in said["fails"]["traceback"]
    assert said["stdin"] == {}
    assert said["replaced"] == {}
    assert said["after_replaced"]["stdout"] == "here\n"
    assert said["unicode"]["stdout"].startswith("é ")
    assert said["long"]["stdout"] == "x" * 300000 + "\n"


def test_output_can_be_followed_while_the_test_runs(here: Agent, tmp_path: Path) -> None:
    project = lay(tmp_path / "project", PRINTS)
    lanes = Lanes(here, project, sys.executable)
    worker = lanes.fork()
    worker.run("test_p.py::test_wait")
    worker.wait(lambda: "waiting\n" in worker.text("stdout"))
    assert worker.results == []
    (project / "go").touch()
    worker.wait(lambda: worker.results)
    assert worker.results[0].details["stdout"] == "waiting\n"


def test_a_test_that_dies_leaves_its_last_words_in_the_lane(here: Agent, tmp_path: Path) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", PRINTS), sys.executable)
    worker = lanes.fork()
    worker.run("test_p.py::test_dies")
    worker.end()
    assert worker.text("stdout").endswith("last words\n")
    assert worker.text("stderr").endswith("last error\n")


@pytest.mark.parametrize("mode", ["sys", "tee-sys", "no"])
def test_other_ways_to_capture_work_too(here: Agent, tmp_path: Path, mode: str) -> None:
    lanes = Lanes(here, lay(tmp_path / "project", PRINTS), sys.executable, f"--capture={mode}")
    for how in ("fork", "fresh"):
        worker = lanes.worker(how)
        told = worker.one("test_p.py::test_all[1]")
        assert told.status == "success"
        assert "print 1\n" in "".join(text for name, text in told.details.items() if "out" in name)
        assert "print 1\nfd 1\n" not in lanes.loader.text("stdout")


def test_a_crash_is_told_in_the_lanes_own_files(here: Agent, tmp_path: Path) -> None:
    """pytest's faulthandler writes to a copy of stderr, which was the loader's."""
    files = {
        "pytest.ini": "[pytest]\nfaulthandler_timeout = 0.05\n",
        "test_s.py": """
import os, time
def test_slow():
    while "Timeout" not in open(os.environ["LANE_STDERR"]).read(): time.sleep(0.01)
def test_segfault(): os.kill(os.getpid(), 11)
""",
    }
    lanes = Lanes(here, lay(tmp_path / "project", files), sys.executable)
    stderr = str(here.folder / "lane2" / "stderr")
    worker = lanes.fork(env={"LANE_STDERR": stderr})
    assert str(worker.folder / "stderr") == stderr
    told = worker.one("test_s.py::test_slow")
    assert "Timeout" in told.details["stderr"]
    worker.run("test_s.py::test_segfault")
    worker.end()
    assert "Segmentation fault" in worker.text("stacks")
    assert "Segmentation fault" not in lanes.loader.text("stderr")
