"""Bad days of the real program on a real terminal: the run is stored, the terminal given back, the screen right."""

from __future__ import annotations

import os
import signal
import sys
import termios
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from .terminals import LIMIT, Program, on_terminal

COMMAND = (sys.executable, "-Im", "testlanes", "run", "-j", "2")

SUITE = """
import os
import subprocess
import time
import unittest


class SteadyTest(unittest.TestCase):
    def _work(self):
        child = subprocess.Popen(["sleep", "600"])
        with open("children", "a") as file:
            file.write("%d\\n" % child.pid)
        time.sleep(0.3)
        child.kill()
        child.wait()


for number in range(40):
    setattr(SteadyTest, "test_%02d" % number, SteadyTest._work)
"""

HOSTILE = r"""
import os
import sys
import time
import unittest

NASTY = "\x1b]0;owned\x07\x1b[2J\x1b]52;c;b3duZWQ=\x07 \u6f22\u5b57 \u202egnp.exe e\u0301\u0301 \u0645\u0631"


class HostileTest(unittest.TestCase):
    def test_a_says_much(self):
        for _ in range(100):
            os.write(1, b"x" * (1 << 20))
        os.write(1, b"\nthe long line has ended\n")
        for _ in range(20):
            os.write(1, NASTY.encode() + b"\xff\xfe \xc3( \x9b31m\r\n")
            time.sleep(0.05)
        self.fail(NASTY)


for number in range(1200):
    def test(self, number=number):
        raise ValueError("%s %d" % (NASTY, number % 40))
    setattr(HostileTest, "test_b_%04d" % number, test)
"""


def program(
    folder: Path,
    suite: str = SUITE,
    command: tuple[str, ...] = COMMAND,
    size: tuple[int, int] = (36, 120),
) -> AbstractContextManager[Program]:
    (folder / "test_suite.py").write_text(suite)
    return on_terminal(command, folder, size)


def stored(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / ".testrepository").glob("[0-9]*"))


def alive(folder: Path) -> list[int]:
    """Return the processes that tests started and that still run."""
    pids = [int(line) for line in (folder / "children").read_text().split()]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stores_what_ran_and_leaves_nothing_behind(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with program(tmp_path) as one:
        one.wait_for(b"Failures")
        one.wait_for_file(tmp_path / "children", "\n")
        one.process.send_signal(number)
        assert one.end() == code
        assert one.restored
    assert stored(tmp_path) == ["0"]
    assert alive(tmp_path) == []


def test_a_terminal_that_is_closed_stores_what_ran_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    with program(tmp_path) as one:
        one.wait_for(b"Failures")
        one.wait_for_file(tmp_path / "children", "\n")
        os.close(one.master)
        one.process.wait(LIMIT)
        assert one.process.returncode == 129
    assert stored(tmp_path) == ["0"]
    assert alive(tmp_path) == []


BROKEN = """
import sys
import testlanes.tui.viewmodels.lanes as lanes

def broken(self, *arguments):
    token = "secret-token"
    raise KeyError("lane")

lanes.LanesModel.BROKEN = broken
from testlanes.__main__ import main
sys.exit(main(["run", "-j", "2"]))
"""


@pytest.mark.parametrize("method", ["line", "__init__"])
def test_a_fault_of_the_dashboard_leaves_the_run_going_on_in_plain_lines(
    method: str, tmp_path: Path
) -> None:
    code = BROKEN.replace("BROKEN", method)
    with program(tmp_path, command=(sys.executable, "-Ic", code)) as one:
        assert one.end() == 0
        assert one.restored
        after = bytes(one.seen).partition(b"the dashboard broke: KeyError")[2]
        assert b"the run goes on" in after
        assert b"40 tests" in after
        assert b"secret-token" not in one.seen
        assert Path(after.partition(b"report it with ")[2].split()[0].decode()).exists()
    assert stored(tmp_path) == ["0"]


def test_sizes_may_storm_while_tests_run(tmp_path: Path) -> None:
    with program(tmp_path) as one:
        one.wait_for(b"Failures")
        for size in [(24, 80), (1, 1), (50, 220), (3, 9), (10, 300), (36, 120)] * 8:
            termios.tcsetwinsize(one.master, size)
            one.process.send_signal(signal.SIGWINCH)
            one.read(0.01)
        one.wait_for(b"PASSED")
        one.type(b"q")
        assert one.end() == 0
        assert one.restored


def test_a_size_that_no_signal_told_of_is_taken_up(tmp_path: Path) -> None:
    """Of two signals that come together Textual may tell the older size last."""
    with program(tmp_path) as one:
        one.wait_for(b"Failures")
        termios.tcsetwinsize(one.master, (3, 9))
        one.process.send_signal(signal.SIGWINCH)
        one.read(0.2)
        termios.tcsetwinsize(one.master, (36, 120))
        one.wait_for(b"PASSED")
        one.type(b"q")
        assert one.end() == 0


def test_hostile_output_and_a_thousand_failures_are_shown_and_do_no_harm(tmp_path: Path) -> None:
    command = (*COMMAND[:-1], "1")  # one lane, so that it is the one whose output is shown
    with program(tmp_path, HOSTILE, command, (36, 130)) as one:
        one.wait_for(b"gnp.exe")
        for keys in (b"2", b"]", b"v", b"v", b"z", b"\x1b", b"3", b"1"):
            one.type(keys)
            one.read(0.2)
        one.wait_for(b"1,201 of 1,201 tests failed")
        for harm in (b"owned\x07", b"\x1b]52;", b"\xc2\x9b", "\u202e".encode()):
            assert harm not in one.seen
        memory = Path(f"/proc/{one.process.pid}/statm").read_text().split()[1]
        assert int(memory) * os.sysconf("SC_PAGE_SIZE") < 400 << 20
        one.type(b"q")
        assert one.end() == 1
        assert one.restored


EMPTY = """
import time
from pathlib import Path

# The loader may be far ahead of the program, whose dashboard opens if there is something to wait for.
while not any(Path(".testrepository").glob("testlanes/*.journal")):
    time.sleep(0.02)
time.sleep(1)
"""


def test_a_suite_without_a_test_says_so(tmp_path: Path) -> None:
    with program(tmp_path, EMPTY) as one:
        one.wait_for(b"There was no test to run")
        one.type(b"q")
        assert one.end() == 4
        assert one.restored


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    command = ("env", "TERM=dumb", *COMMAND, "test_0")
    with program(tmp_path, command=command) as one:
        assert one.end() == 0
        assert b"\x1b[?1049h" not in one.seen
        assert b"10 tests" in one.seen


@pytest.mark.parametrize(
    "words", [("TERM=xterm-16color", "LANG=C.UTF-8"), ("TERM=linux", "LANG=C"), ("NO_COLOR=1",)]
)
def test_a_poor_terminal_shows_the_same(words: tuple[str, ...], tmp_path: Path) -> None:
    command = ("env", "-u", "COLORTERM", *words, *COMMAND, "test_0")
    with program(tmp_path, command=command, size=(24, 80)) as one:
        one.wait_for(b"PASSED")
        for keys in (b"2", b"3", b"4", b"5", b"1"):
            one.type(keys)
            one.read(0.2)
        one.type(b"q")
        assert one.end() == 0
        assert one.restored
    shown = bytes(one.seen)
    assert b";2;" not in shown.replace(b"\x1b[22;2t", b""), "no such terminal shows true colour"
    if "LANG=C" in words:
        assert shown.rpartition(b"\x1b[?1049l")[0].isascii()


def test_a_dashboard_that_was_left_takes_the_terminal_no_more(tmp_path: Path) -> None:
    """A terminal that hangs up sends SIGCONT to its programs, besides SIGHUP."""
    slow = SUITE.replace("time.sleep(0.3)", "time.sleep(2)").replace("range(40)", "range(2)")
    with program(tmp_path, slow) as one:
        one.wait_for(b"SteadyTest")
        one.type(b"q")
        one.wait_for(b"stop the run and leave")
        one.type(b"y")
        one.wait_for(b"\x1b[?1049l")
        one.process.send_signal(signal.SIGCONT)
        assert one.end() in (0, 130)
        assert one.restored
