"""What ends a run before its time: signals, lost processes, a full disk. The results stay true, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .projects import environment, left_lying, left_running, project, tell

LIMIT = 30.0
"""Seconds to wait for anything."""


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


class Project:
    """A project with two tests that run until they are told to end."""

    def __init__(self, folder: Path) -> None:
        self.folder = project(folder, "slow_unittest.py")

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a run in a session of its own, as a shell does."""
        return subprocess.Popen(
            [sys.executable, "-m", "testlanes", "run", "--no-tui", "-j3", *words],
            cwd=self.folder,
            env=environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def start_slow(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a run, and wait until both slow tests are running."""
        run = self.start(*words)
        until(lambda: len(list(self.folder.glob("running-*"))) == 2)
        read_until(run, b"FAIL")
        return run

    def go_on(self) -> None:
        """Let the slow tests end."""
        (self.folder / "go-on").touch()

    def tell(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another of our commands there."""
        return self.other(sys.executable, "-m", "testlanes", *words)

    def other(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another program there."""
        return tell(self.folder, *words, limit=LIMIT)

    def agent(self) -> int:
        """Return the process id of the agent: the parent of what runs the tests."""
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = status.read_bytes().split(b"\0")
                if b"testlanes_agent" in b"".join(words) and b"-I" in words:
                    name = (status.parent / "environ").read_bytes()
                    if str(self.folder).encode() in name:
                        return int(status.parent.name)
            except OSError:
                continue
        raise AssertionError("there is no agent")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.go_on()
    until(lambda: left_running(tmp_path) == [])
    assert left_lying(tmp_path) == []


def read_until(run: subprocess.Popen[bytes], text: bytes) -> None:
    """Read the lines that a run says up to one that contains a text."""
    assert run.stdout is not None
    while text not in (line := run.stdout.readline()):
        assert line, "it ended"


def end(run: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for the end of a run; return its exit code and all it said."""
    output, _ = run.communicate(timeout=LIMIT)
    return run.returncode, output.decode()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["Quick", "-E", "fails"], 0),
        (["fails"], 1),
        (["--no-such-option"], 2),
        (["-c", "no-such-file.toml"], 2),
        (["--framework", "pytest", "-s", "no-such-folder"], 2),
        (["nothing-matches-this"], 4),
    ],
)
def test_exit_codes(here: Project, words: list[str], code: int) -> None:
    got, said = end(here.start(*words))

    assert got == code, said
    assert "Internal" not in said


def test_ctrl_c_lets_what_runs_end_and_blames_nobody(here: Project) -> None:
    run = here.start_slow()
    run.send_signal(signal.SIGINT)
    read_until(run, b"stopping")
    here.go_on()
    code, said = end(run)

    assert code == 130, said
    failing = here.tell("failing", "--list").stdout.split()
    assert set(failing) <= {"test_hostile.Quick.test_fails"}
    assert "test_hostile.ASlow.test_x" in here.tell("last", "--subunit").stdout


def test_ctrl_c_twice_ends_at_once_and_blames_nobody(here: Project) -> None:
    run = here.start_slow()
    run.send_signal(signal.SIGINT)
    read_until(run, b"stopping")  # the kernel makes one signal of two that nobody took yet
    run.send_signal(signal.SIGINT)
    code, said = end(run)

    assert code == 130, said
    assert set(here.tell("failing", "--list").stdout.split()) <= {"test_hostile.Quick.test_fails"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_it_at_once(here: Project, number: signal.Signals) -> None:
    run = here.start_slow()
    run.send_signal(number)
    code, said = end(run)

    assert code in (128 + number, -number, 130), said
    assert set(here.tell("failing", "--list").stdout.split()) <= {"test_hostile.Quick.test_fails"}


def test_what_a_killed_run_had_done_is_stored_at_the_next_start(here: Project) -> None:
    run = here.start_slow()
    run.kill()
    run.communicate()
    until(lambda: left_running(here.folder) == [])
    shown = here.tell("history", "list")

    assert "interrupted" in shown.stdout + shown.stderr
    assert here.tell("failing", "--list").stdout.split() == ["test_hostile.Quick.test_fails"]
    testr = Path(sys.executable).parent / "testr"
    if testr.exists():
        (here.folder / ".testr.conf").write_text("[DEFAULT]\ntest_command=true\n")
        assert "Quick.test_fails" in here.other(str(testr), "failing", "--list").stdout


def test_a_killed_agent_is_told_and_what_did_not_run_too(here: Project) -> None:
    run = here.start_slow()
    os.kill(here.agent(), signal.SIGKILL)
    code, said = end(run)

    assert code == 3, said
    assert "not run" in said


def test_a_reader_that_goes_away_does_not_stop_the_run(here: Project) -> None:
    run = here.start_slow()
    assert run.stdout is not None
    run.stdout.close()
    here.go_on()

    assert run.wait(LIMIT) == 1
    assert "test_hostile.ASlow.test_x" in here.tell("last", "--subunit").stdout


def test_output_that_does_not_fit_on_its_disk_is_told_and_costs_nothing_else(here: Project) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "testlanes", "run", "--no-tui", "-j1", "test_0"],
            cwd=here.folder,
            env=environment(here.folder),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            check=False,
        )
    assert b"not all of the output could be written: No space left on device" in run.stderr
    assert b"internal error" not in run.stderr
    assert run.returncode == 3
    assert "Ran 10 tests" in here.tell("last").stdout


def test_errors_that_do_not_fit_on_their_disk_change_nothing(here: Project) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "testlanes", "run", "--no-tui", "-j1", "test_0"],
            cwd=here.folder,
            env=environment(here.folder),
            stdout=subprocess.PIPE,
            stderr=full,
            timeout=LIMIT,
            check=False,
        )
    assert b"10 passed" in run.stdout
    assert run.returncode == 0
