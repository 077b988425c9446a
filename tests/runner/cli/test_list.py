"""``testlanes list`` on a real suite, with a real agent on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testlanes.runner.cli.entry import run_command_line
from testlanes.runner.wire.subunit import Packet, encode

SUITE = """
import unittest
class A(unittest.TestCase):
    def test_one(self): raise RuntimeError("must not run")
    def test_two(self): raise RuntimeError("must not run")
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "test_listed.py").write_text(SUITE)
    (tmp_path / "testlanes.toml").write_text('framework = "unittest"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_ids_are_listed_one_a_line_and_nothing_is_run_or_stored(
    project: Path, capsys: Captured
) -> None:
    assert run_command_line(["list"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "test_listed.A.test_one\ntest_listed.A.test_two\n"
    assert captured.err == ""
    assert not (project / ".testrepository").exists()


def test_filters_select_as_they_do_for_run(project: Path, capsys: Captured) -> None:
    assert run_command_line(["list", "two$", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "test_listed.A.test_two": {"profiles": ["default"]}
    }
    assert run_command_line(["list", "-E", "one"]) == 0
    assert capsys.readouterr().out == "test_listed.A.test_two\n"
    assert run_command_line(["list", "nothing-has-this"]) == 4
    assert capsys.readouterr().out == ""


def test_what_is_failing_can_be_listed(project: Path, capsys: Captured) -> None:
    (project / "stream").write_bytes(encode(Packet("test_listed.A.test_one", "fail", ns=1)))
    run_command_line(["load", "stream"])
    capsys.readouterr()
    assert run_command_line(["list", "--failing"]) == 0
    assert capsys.readouterr().out == "test_listed.A.test_one\n"


def test_a_module_that_cannot_be_imported_is_listed_as_unittest_does(
    project: Path, capsys: Captured
) -> None:
    (project / "test_broken.py").write_text("import no_such_module\n")
    run_command_line(["list"])
    assert "unittest.loader._FailedTest.test_broken\n" in capsys.readouterr().out
