"""The terminal never holds the run up, and is given back however the dashboard ends."""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from .terminals import LIMIT, RESTORED, Program, on_terminal

HERE = Path(__file__).parent


def program(way: str, notes: Path) -> AbstractContextManager[Program]:
    """Run the staged dashboard."""
    return on_terminal(
        [sys.executable, "-I", str(HERE / "show_stage.py"), way, str(notes)], notes.parent
    )


def test_q_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with program("ended", tmp_path / "notes") as one:
        one.wait_for(b"Summary")
        one.type(b"q")
        assert one.end() == 0
        assert one.restored


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_leaves_the_terminal_as_it_was_and_stops_the_run(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with program("running", tmp_path / "notes") as one:
        one.wait_for(b"Failures")
        one.process.send_signal(number)
        assert one.end() == code
        assert one.restored
        assert "StopRun(hard=True)" in (tmp_path / "notes").read_text()


def test_a_fault_of_ours_gives_the_terminal_back_without_any_variable(tmp_path: Path) -> None:
    """A traceback with locals would print the environment's tokens."""
    with program("broken", tmp_path / "notes") as one:
        assert one.end() == 70
        assert one.restored
        last = bytes(one.seen).rpartition(RESTORED[1])[2]
        assert b"the dashboard broke: ZeroDivisionError" in last
        assert b"secret-token" not in one.seen
        assert b"the run goes on" in last
        log = Path(last.decode().rpartition(" ")[2].strip())
        assert "ZeroDivisionError" in log.read_text()


def test_a_terminal_that_is_gone_ends_the_dashboard(tmp_path: Path) -> None:
    """Nobody sees it any more; Textual itself would read the dead terminal for ever."""
    with program("deaf", tmp_path / "notes") as one:
        one.wait_for(b"Failures")
        os.close(one.master)
        one.process.wait(LIMIT)
        assert one.process.returncode == 129


@pytest.mark.parametrize("way", ["busy", "busy, then over"])
def test_a_terminal_that_does_not_read_holds_nothing_up(way: str, tmp_path: Path) -> None:
    """The loop beats on while the terminal stalls, and the screen is right afterwards."""
    notes = tmp_path / "notes"
    with program(way, notes) as one:
        one.wait_for(b"Failures")
        # Read nothing until the program says that it has written more than any buffer holds.
        end = time.monotonic() + LIMIT
        while not notes.exists() or "stalled" not in notes.read_text():
            assert time.monotonic() < end, "the loop stands still"
            time.sleep(0.05)  # only looks at the file: reading the terminal would end the stall
        one.wait_for_file(notes, "up to date")
        one.type(b"q")
        if way == "busy":
            one.wait_for(b"go on")
            one.type(b"y")
        assert one.end() == 0
        assert one.restored


def test_ctrl_c_is_a_key_that_stops_the_run_first(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with program("running", notes) as one:
        one.wait_for(b"Failures")
        one.type(b"\x03")
        one.wait_for_file(notes, "StopRun(hard=False)")
        one.type(b"\x03")
        one.wait_for_file(notes, "StopRun(hard=True)")
        one.type(b"\x03")
        assert one.end() == 130
        assert one.restored


def test_a_program_gets_the_terminal_and_the_dashboard_comes_back(tmp_path: Path) -> None:
    """While another program has the terminal the loop goes on."""
    notes = tmp_path / "notes"
    with program("lend", notes) as one:
        one.wait_for(b"Failures")
        one.type(b"D")
        one.wait_for(b"the guest speaks")
        beats = len(one.wait_for_file(notes, "beat"))
        one.wait_for_file(notes, "beat\n" * (beats // 5 + 3))
        seen = len(one.seen)
        one.type(b"bye\n")
        one.wait_for(b"the guest heard bye")
        one.type(b"q")
        one.wait_for(b"go on")
        assert b"\x1b[?1049h" in one.seen[seen:]
        one.type(b"y")
        assert one.end() == 0
        assert one.restored


def test_ctrl_z_stops_the_program_and_fg_brings_it_back(tmp_path: Path) -> None:
    """Job control works as for any program; the screen is drawn anew."""
    with program("running", tmp_path / "notes") as one:
        one.wait_for(b"Failures")
        one.type(b"\x1a")
        end = time.monotonic() + LIMIT
        stat = Path(f"/proc/{one.process.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < end, "it was not stopped"
            one.read()
        while one.read():
            pass  # what it wrote last
        assert one.restored
        seen = len(one.seen)
        one.process.send_signal(signal.SIGCONT)
        while b"Failures" not in one.seen[seen:]:
            assert time.monotonic() < end, bytes(one.seen[seen:])
            one.read()
        one.type(b"\x03\x03\x03")
        assert one.end() == 130
        assert one.restored


def test_a_storm_of_sizes_is_survived(tmp_path: Path) -> None:
    with program("ended", tmp_path / "notes") as one:
        one.wait_for(b"Summary")
        for size in [(24, 80), (10, 20), (3, 10), (1, 1), (50, 200), (36, 120)] * 3:
            termios.tcsetwinsize(one.master, size)
            one.process.send_signal(signal.SIGWINCH)
            one.read(0.02)
        one.type(b"q")
        assert one.end() == 0
        assert one.restored
