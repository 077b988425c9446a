"""``testlanes flaky``, from stored runs, and what reports say of known flaky tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testlanes.runner.cli.entry import run_command_line

from ..projects import write

SUITE = """
    import os, unittest

    class T(unittest.TestCase):
        def test_by_turns(self):
            if os.path.exists("seen"):
                os.unlink("seen")
            else:
                open("seen", "w").close()
                self.fail("every other time")
        def test_good(self):
            pass
        def test_bad(self):
            self.fail("always")
"""
TURNS = "test_t.T.test_by_turns"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path, test_t=SUITE)
    (tmp_path / "testlanes.toml").write_text('framework = "unittest"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return run_command_line(["run", "--no-tui", "-j1", *words])


def test_flaky_tests_are_found_in_history(project: Path, capsys: Captured) -> None:
    assert run() == 1
    assert run() == 1
    assert run("--retries", "1") == 1
    capsys.readouterr()

    assert run_command_line(["flaky"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split()[:2] == ["changes", "failed"]
    assert [line.split() for line in table[1:]] == [["3", "1", "1", "3", "run", "2", TURNS]]
    run_command_line(["flaky", "--list"])
    assert capsys.readouterr().out == f"{TURNS}\n"
    run_command_line(["flaky", "nothing-like-it"])
    assert "nothing passed and failed by turns" in capsys.readouterr().out


def test_known_ones_are_marked(project: Path, capsys: Captured) -> None:
    with (project / "testlanes.toml").open("a") as file:
        file.write(f'known_flaky = ["{TURNS}"]\n')
    assert run("-E", "bad") == 0
    told = capsys.readouterr().out
    assert "(known flaky)" in told
    assert "2 tests in" in told
    assert "1 passed, 1 known flaky" in told
    assert run("-E", "bad") == 0
    capsys.readouterr()

    run_command_line(["flaky", "--json"])
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["id"], found["known"], found["failed"], found["last_failed"]) == (
        TURNS,
        True,
        1,
        0,
    )
    assert run("-E", "bad", "--junit", "r.xml") == 0
    capsys.readouterr()
    report = (project / "r.xml").read_text()
    assert 'failures="0" errors="0" skipped="1"' in report
    assert "known flaky: AssertionError: every other time" in report
    assert run_command_line(["failing"]) == 1
    assert "1 failing, 1 of them known flaky" in capsys.readouterr().out
