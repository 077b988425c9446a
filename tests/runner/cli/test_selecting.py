"""From lists, filters and what is failing to a selection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from testlanes.runner.cli.arguments import parse_arguments
from testlanes.runner.cli.entry import run_command_line
from testlanes.runner.cli.selecting import (
    failing_elsewhere,
    known_failures,
    narrows,
    selection_of,
    with_lists,
)
from testlanes.runner.config.overrides import Overrides
from testlanes.runner.errors import UserError
from testlanes.runner.ids import DEFAULT_PROFILE, ProfileName, Status
from testlanes.runner.repository.base import StoredResult
from testlanes.runner.repository.memory import MemoryRepository
from testlanes.runner.settings import Profile, Selection, Settings

A, B = ProfileName("a"), ProfileName("b")
SETTINGS = Settings("/", (Profile(A), Profile(B)))


def select(*argv: str, failing: tuple[StoredResult, ...] | None = None) -> Selection:
    known = None
    if failing is not None:
        repository = MemoryRepository()
        repository.insert(failing, False)
        known = known_failures(SETTINGS, repository)
    return selection_of(with_lists(parse_arguments(["run", *argv])), SETTINGS, known)


def test_nothing_said_is_everything() -> None:
    assert select().everything


def test_lists_are_read_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ids").write_text("m.a\n\n  m.b  \r\nm.c d\n")
    (tmp_path / "in").write_text("# comment\napi # and why\n")
    (tmp_path / "out").write_text("slow\n")
    found = select("f", "--load-list", "ids", "-i", "in", "-e", "out", "-E", "x")
    assert found == Selection(
        filters=("f",),
        ids=frozenset({"m.a", "m.b", "m.c d"}),
        include=("api",),
        exclude=("x", "slow"),
    )


def test_what_is_failing_is_selected_by_profile() -> None:
    failing = (
        StoredResult("m.x", Status.FAIL, A),
        StoredResult("m.y", Status.FAIL, B),
        StoredResult("m.z", Status.FAIL, DEFAULT_PROFILE),
    )
    found = select("--failing", failing=failing)
    assert found.per_profile == {A: {"m.x", "m.z"}, B: {"m.y", "m.z"}}
    assert found.ids is None


def test_what_failed_before_there_were_profiles_is_meant_under_all() -> None:
    repository = MemoryRepository()
    failing = [
        StoredResult("m.x", Status.FAIL, A),
        StoredResult("m.y", Status.FAIL, DEFAULT_PROFILE),
    ]
    repository.insert(failing, False)
    configured = replace(SETTINGS, all_profiles=(A, B))
    assert known_failures(configured, repository) == {A: {"m.x", "m.y"}, B: {"m.y"}}
    only_b = replace(configured, profiles=(Profile(B),))
    assert failing_elsewhere(configured, repository) == ""
    assert failing_elsewhere(only_b, repository) == "known to fail, and left out: 1 under a"
    renamed = replace(only_b, all_profiles=(B,))
    assert failing_elsewhere(renamed, repository).endswith("1 under a (not configured)")


def test_failing_and_a_list_are_both_to_hold(tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("m.x\nm.q\n")
    failing = (StoredResult("m.x", Status.FAIL, A), StoredResult("m.y", Status.FAIL, A))
    found = select("--failing", "--load-list", str(tmp_path / "ids"), failing=failing)
    assert found.per_profile == {A: {"m.x"}, B: frozenset()}


def test_an_empty_list_selects_nothing_and_not_everything(tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("\n")
    found = select("--load-list", str(tmp_path / "ids"))
    assert found.ids == frozenset()
    assert not found.everything


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_list_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ids").write_bytes(content)
    with pytest.raises(UserError, match="ids"):
        select("--load-list", str(tmp_path / "ids"))


@pytest.mark.parametrize(
    ("words", "partial"),
    [
        ((), False),
        (("--cov=lib", "-x", "-q"), False),
        (("-k", "some"), True),
        (("-ksome",), True),
        (("-m", "not slow"), True),
        (("--deselect=a.py::b",), True),
        (("--lf",), True),
        (("tests/unit",), True),
    ],
)
def test_words_for_the_framework_that_select_make_a_run_partial(
    words: tuple[str, ...], partial: bool
) -> None:
    assert narrows(Overrides(args=words), SETTINGS) is partial


def test_less_than_the_profiles_that_run_by_themselves_is_partial() -> None:
    made = replace(SETTINGS, default_profiles=(A, B))
    assert not narrows(Overrides(), made)
    assert not narrows(Overrides(profiles=("a,b",)), made)
    assert narrows(Overrides(profiles=("a",)), replace(made, profiles=(Profile(A),)))


def test_what_a_list_names_and_the_suite_does_not_have_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_a.py").write_text(
        "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"
    )
    (tmp_path / "ids").write_text("test_a.A.test_a\ntest_a.A.test_renamed\n")

    assert run_command_line(["run", "--no-tui", "--load-list", "ids"]) == 0
    said = capsys.readouterr()
    assert "1 test was asked for that the suite does not have: test_a.A.test_renamed" in said.err
    assert "1 passed" in said.out


def test_a_filter_that_matches_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_a.py").write_text("def test_a(): pass\ndef test_b(): pass\n")

    words = ["run", "--no-tui", "test_a", "tests/test_a.py", "test_a.py::test_z", "quota"]
    assert run_command_line(words) == 0
    said = capsys.readouterr()
    assert said.err.count("no test matches ") == 3
    assert "no test matches tests/test_a.py: there is no such file\n" in said.err
    assert "no test matches test_a.py::test_z\n" in said.err
    assert "no test matches quota\n" in said.err
    assert "2 passed" in said.out


def test_pytest_chooses_by_keyword_and_says_when_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_a.py").write_text("def test_one(): pass\ndef test_two(): pass\n")

    assert run_command_line(["run", "--no-tui", "-k", "one or three"]) == 0
    assert "1 test in " in capsys.readouterr().out
    assert run_command_line(["run", "--no-tui", "-k", "three"]) == 4
    assert "pytest left out all 2 tests it found" in capsys.readouterr().out


@pytest.mark.parametrize("config", ["", "[DEFAULT]\ntest_command=./run $IDLIST\n"])
def test_choosing_by_keyword_is_pytests(
    config: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if config:
        (tmp_path / ".testr.conf").write_text(config)

    assert run_command_line(["run", "--no-tui", "-m", "slow"]) == 2
    assert "-k and -m are pytest's" in capsys.readouterr().err
