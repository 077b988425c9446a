"""What a run costs before its first test: an agent at once, and nothing imported that only other runs need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from testlanes.runner import launch
from testlanes.runner.cli.entry import run_command_line

SPARED = (
    *("runner.hosts.bring_up", "runner.hosts.instances", "runner.watching", "runner.plan", "tui"),
    *("runner.config.tox", "runner.repository.stream_v2"),
)
"""Ours that a plain run without a screen has no need of …"""
SPARED_STANDARD = ("difflib", "platform", "random", "shutil", "statistics", "tempfile", "tomllib")
"""… and the standard library's, which are not quick to import."""


def test_a_plain_run_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "import unittest\nclass Case(unittest.TestCase):\n    def test_it(self): pass\n"
    )
    script = (
        "import sys; before = set(sys.modules)\n"  # what a .pth file imported is not ours
        "from testlanes.__main__ import main; code = main(['run', '--no-tui'])\n"
        "print(code, *(set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    code, *imported = done.stdout.splitlines()[-1].split()

    assert code == "0", done.stdout + done.stderr
    assert "testlanes.runner.engine" in imported
    spared = {*(f"testlanes.{name}" for name in SPARED), *SPARED_STANDARD}
    assert spared.intersection(imported) == set()


def test_words_that_are_wrong_leave_no_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is started before the words are looked at."""
    started: list[launch.Launch] = []

    class Noted(launch.Launch):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(launch, "Launch", Noted)
    monkeypatch.chdir(tmp_path)

    code = run_command_line(["run", "--no-such-option"])

    assert code != 0
    assert "--no-such-option" in capsys.readouterr().err
    assert [one.process.returncode is not None for one in started] == [True]
