"""``testlanes profiles``, and the commands that must not mix profiles up, with real interpreters."""

from __future__ import annotations

import json
import sys
import venv
from pathlib import Path

import pytest

from testlanes.runner.cli.entry import run_command_line
from testlanes.runner.wire.subunit import Packet, encode

Captured = pytest.CaptureFixture[str]
CONFIGURATION = f"""
framework = "unittest"
default_profiles = ["here", "there"]
[profiles.here]
python = "{sys.executable}"
[profiles.there]
python = "{sys.executable}"
tags = ["slow"]
[profiles.spare]
python = "{sys.executable}"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "test_some.py").write_text(
        "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"
    )
    (tmp_path / "testlanes.toml").write_text(CONFIGURATION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def stored(project: Path, stream: bytes, *options: str) -> None:
    (project / "stream").write_bytes(stream)
    run_command_line(["load", *options, "stream"])


def test_every_profile_is_shown_with_its_version_and_those_that_run_are_marked(
    project: Path, capsys: Captured
) -> None:
    assert run_command_line(["profiles"]) == 0
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()[1:4]]
    version = sys.version.split()[0]
    assert rows == [["*", "here", version], ["*", "there", version], ["spare", version, rows[2][2]]]


def test_a_profile_that_would_run_and_cannot_is_told_and_exits_with_2(
    project: Path, capsys: Captured
) -> None:
    broken = project / "broken-python"
    broken.write_text("#!/bin/sh\necho no such library >&2\nexit 127\n")
    broken.chmod(0o755)
    (project / "testlanes.toml").write_text(
        CONFIGURATION.replace(
            f'there]\npython = "{sys.executable}"', f'there]\npython = "{broken}"'
        )
    )
    assert run_command_line(["profiles", "--json"]) == 2
    shown = json.loads(capsys.readouterr().out)
    assert shown["here"]["problem"] == ""
    assert "no such library" in shown["there"]["problem"]
    assert shown["there"]["runs"]
    assert not shown["spare"]["runs"]


def test_a_broken_profile_that_does_not_run_by_default_is_no_failure(
    project: Path, capsys: Captured
) -> None:
    (project / "testlanes.toml").write_text(
        CONFIGURATION.replace(
            f'spare]\npython = "{sys.executable}"', 'spare]\npython = "no-such-python"'
        )
    )
    assert run_command_line(["profiles"]) == 0
    assert "no-such-python" in capsys.readouterr().out


def test_pytest_is_asked_for_where_the_suite_is_one_of_pytest(
    project: Path, capsys: Captured
) -> None:
    empty = project / "empty"
    venv.create(empty, with_pip=False, symlinks=True)
    (project / "testlanes.toml").write_text(
        f'framework = "pytest"\n[profiles.bare]\npython = "{empty}/bin/python"\n'
    )
    assert run_command_line(["profiles", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["bare"]["problem"] == "it has no pytest"


def test_without_profiles_the_one_that_is_always_there_is_shown(
    project: Path, capsys: Captured
) -> None:
    (project / "testlanes.toml").write_text('framework = "unittest"\n')
    assert run_command_line(["profiles"]) == 0
    out = capsys.readouterr().out
    assert "default" in out
    assert "no profiles are configured" in out


def test_a_flat_list_of_several_profiles_is_refused_and_the_profiles_can_be_asked_for(
    project: Path, capsys: Captured
) -> None:
    assert run_command_line(["list"]) == 2
    assert "here, there" in (told := capsys.readouterr().err)
    assert "-p NAME" in told
    assert run_command_line(["list", "--profiles"]) == 0
    assert capsys.readouterr().out == "here\nthere\n"
    assert run_command_line(["list", "-p", "spare"]) == 0
    assert capsys.readouterr().out == "test_some.A.test_a\n"


def test_failures_of_two_profiles_are_not_one_list(project: Path, capsys: Captured) -> None:
    stored(
        project,
        encode(Packet("m.a", "fail", frozenset({"here"}), ns=1))
        + encode(Packet("m.b", "fail", frozenset({"there"}), ns=2)),
    )
    capsys.readouterr()
    assert run_command_line(["failing", "--list"]) == 2
    assert "here, there" in capsys.readouterr().err
    assert run_command_line(["failing", "--profiles"]) == 0
    assert capsys.readouterr().out == "here\nthere\n"
    assert run_command_line(["failing", "--list", "-p", "there"]) == 1
    assert capsys.readouterr().out == "m.b\n"


def test_a_loaded_stream_is_of_the_profiles_its_tags_name(project: Path, capsys: Captured) -> None:
    stored(
        project,
        encode(Packet("m.a", "fail", frozenset({"here", "nightly"}), ns=1))
        + encode(Packet("m.a", "success", frozenset({"there"}), ns=2))
        + encode(Packet("m.c", "fail", ns=3)),
        "-p",
        "spare",
    )
    capsys.readouterr()
    run_command_line(["failing", "--json"])
    assert json.loads(capsys.readouterr().out) == {
        "m.a": {"profiles": ["here"]},
        "m.c": {"profiles": ["spare"]},
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("-p", "hree"), "there is no profile 'hree'"),
        (("-p", "slow"), "there is no profile 'slow'"),  # a tag may be several profiles'
        (("-p", "worker-1"), "'worker-1' cannot be a profile's name"),
        (("-p", "a b"), "'a b' cannot be a profile's name"),
        (("-p", ""), "'' cannot be a profile's name"),
        (("-p", "here,there"), "ran under one profile"),
        (("-p", "here", "-p", "there"), "ran under one profile"),
    ],
)
def test_what_is_loaded_ran_under_one_profile_that_there_is(
    project: Path, capsys: Captured, options: tuple[str, ...], says: str
) -> None:
    (project / "stream").write_bytes(encode(Packet("m.a", "fail", ns=1)))
    assert run_command_line(["load", *options, "stream"]) == 2
    assert says in capsys.readouterr().err
    assert not (project / ".testrepository").exists()


def test_what_is_stored_is_seen_where_no_interpreter_is(project: Path, capsys: Captured) -> None:
    """As where streams of other machines are collected."""
    (project / "testlanes.toml").write_text("[profiles.py377]\n[profiles.py378]\n")
    stored(project, encode(Packet("m.a", "fail", ns=1)), "-p", "py378")
    capsys.readouterr()
    for command in ("failing --list", "failing --list -p py378", "last", "slowest", "history"):
        code = run_command_line(command.split())
        assert code == (1 if command.startswith(("failing", "last")) else 0), command
    assert capsys.readouterr().err == ""
    assert run_command_line(["failing", "--list", "-p", "py377"]) == 0


FAILS_THERE = """
import os, unittest
class A(unittest.TestCase):
    def test_a(self):
        self.assertNotEqual(os.environ.get("UNDER"), "there")
    def test_b(self): pass
"""


def broken_there(project: Path) -> None:
    (project / "test_some.py").write_text(FAILS_THERE)
    text = CONFIGURATION.replace("tags =", 'env = { UNDER = "there" }\ntags =')
    (project / "testlanes.toml").write_text(text)


def test_tests_by_profile_run_under_theirs_and_nothing_else_is_loaded(
    project: Path, capsys: Captured
) -> None:
    broken_there(project)
    tests = {
        "test_some.A.test_a": {"profiles": ["spare", "there"]},  # spare is no default
        "test_some.A.test_b": {"profiles": ["there"]},
    }
    (project / "list.json").write_text(json.dumps(tests))
    assert run_command_line(["run", "--no-tui", "--load-list", "list.json"]) == 1
    out = capsys.readouterr().out
    assert "3 tests in" in out
    assert "of here listed" not in out
    assert run_command_line(["failing", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"test_some.A.test_a": {"profiles": ["there"]}}
    assert run_command_line(["run", "--no-tui", "--load-list", "list.json", "-p", "here"]) == 4
    assert "no test is selected under here" in capsys.readouterr().err


def test_tests_by_a_profile_that_is_none_are_refused(project: Path, capsys: Captured) -> None:
    (project / "list.json").write_text('{"test_some.A.test_a": {"profiles": ["thre"]}}')
    assert run_command_line(["run", "--no-tui", "--load-list", "list.json"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "testlanes: list.json: there is no profile 'thre'.",
        "hint: Is 'there' meant?",
    ]


def test_a_plain_list_runs_under_several_profiles_only_if_they_are_named(
    project: Path, capsys: Captured
) -> None:
    (project / "ids").write_text("test_some.A.test_a\n")
    assert run_command_line(["run", "--no-tui", "--load-list", "ids"]) == 2
    assert "several: here, there" in capsys.readouterr().err
    for names, count in (("here", 1), ("here,there", 2), ("*", 3)):
        argv = ["run", "--no-tui", "--load-list", "ids", "-p", names]
        assert run_command_line(argv) == 0
        assert f"{count} test{'s' if count > 1 else ''} in" in capsys.readouterr().out
    assert run_command_line(["list", "--json", "--load-list", "ids"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["test_some.A.test_a"]


def test_failures_under_profiles_that_do_not_run_are_told(project: Path, capsys: Captured) -> None:
    broken_there(project)
    stored(project, encode(Packet("test_some.A.test_b", "fail", frozenset({"spare"}), ns=1)))
    capsys.readouterr()
    assert run_command_line(["run", "--no-tui", "--failing"]) == 4
    told = capsys.readouterr().err
    assert "nothing is known to fail under here, there" in told
    assert "known to fail, and left out: 1 under spare" in told
    assert run_command_line(["run", "--no-tui"]) == 1
    capsys.readouterr()
    assert run_command_line(["run", "--no-tui", "--failing"]) == 1
    said = capsys.readouterr()
    assert "left out: 1 under spare" in said.err
    assert "1 test in" in said.out
    assert "of here listed" not in said.out


def test_passing_in_one_profile_heals_nothing_in_another(project: Path, capsys: Captured) -> None:
    stored(project, encode(Packet("m.a", "fail", frozenset({"here"}), ns=1)))
    stored(project, encode(Packet("m.a", "success", frozenset({"there"}), ns=2)))
    stored(project, encode(Packet("m.a", "success", ns=3)), "--partial", "-p", "spare")
    capsys.readouterr()
    assert run_command_line(["failing", "--list"]) == 1
    assert capsys.readouterr().out == "m.a\n"
    stored(project, encode(Packet("m.a", "success", frozenset({"here"}), ns=4)))
    assert run_command_line(["failing", "--list"]) == 0


@pytest.mark.parametrize("lanes", [1, 2])
def test_more_profiles_than_lanes_all_run(project: Path, capsys: Captured, lanes: int) -> None:
    assert run_command_line(["run", "--no-tui", f"-j{lanes}", "-p", "here,there,spare"]) == 0
    assert "3 tests in" in capsys.readouterr().out


def test_a_profile_with_nothing_to_run_holds_nobody_up(project: Path, capsys: Captured) -> None:
    (project / "empty").mkdir()
    (project / "testlanes.toml").write_text(
        CONFIGURATION.replace('tags = ["slow"]', f'directory = "{project}/empty"')
    )
    assert run_command_line(["run", "--no-tui", "-j1"]) == 0
    assert "1 test in" in capsys.readouterr().out
