"""Commands whose subunit is bad: the other tests keep their verdicts, nothing escapes, and what is stored can be read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .projects import SUITES, Outcome, environment, left_lying, left_running, run

SUCCESSES = [
    *("names", "mimes", "a bomb", "a line of 8 MB", "no utf-8", "no eof", "the same name"),
    *("many attachments", "old times", "after its end", "exists", "no id", "of nobody"),
    *("length 0", "length 5", "a wrong checksum", "another version", "every flag", "text"),
    *("a lone signature", "a wrong length"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(SUITES / "bad_command.py", tmp_path / "command.py")
    (tmp_path / "testlanes.toml").write_text(
        f'framework = "command"\ncommand = "{sys.executable} command.py $LISTOPT $IDOPTION"\n'
        'id_option = "--load-list $IDFILE"\nlist_option = "--list"\n'
    )
    (tmp_path / ".testr.conf").write_text("[DEFAULT]\ntest_command=true\n")
    return tmp_path


def spoil(project: Path, monkeypatch: pytest.MonkeyPatch, how: str, *options: str) -> Outcome:
    monkeypatch.setenv("BAD", how)
    outcome = run(project, "-j1", *options)
    assert "internal error" not in outcome.stderr
    assert outcome.selected == set(outcome.verdicts) | outcome.given_up
    assert outcome.verdicts["m.before"] == outcome.verdicts["m.after"] == "success", outcome
    assert left_running(project) == []
    assert left_lying(project) == []
    stored = subprocess.run(
        [str(Path(sys.executable).parent / "testr"), "last"],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    assert "Traceback" not in stored.stderr
    assert stored.stdout.rstrip().rpartition("\n")[2].startswith(("PASSED", "FAILED"))
    return outcome


@pytest.mark.parametrize("how", SUCCESSES)
def test_a_bad_stream_costs_nobody_a_verdict(
    project: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    outcome = spoil(project, monkeypatch, how)

    assert outcome.verdicts["m.bad"] == "success"
    assert outcome.code == 0


def test_a_test_that_fails_and_passes_has_failed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = spoil(project, monkeypatch, "twice")

    assert outcome.verdicts["m.bad"] in ("fail", "error")
    assert outcome.code == 1


def test_a_flood_of_tests_that_nobody_asked_for_ends_its_lane(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = spoil(project, monkeypatch, "a flood of nobody's")

    assert outcome.verdicts["m.bad"] == "crash"
    assert outcome.code == 1


def test_text_that_acts_is_shown_and_does_not_act(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAD", "texts")
    for more in ({}, {"GITHUB_ACTIONS": "true"}):
        shown = subprocess.run(
            [sys.executable, "-m", "testlanes", "run", "--no-tui", "-j1", "--junit", "r.xml"],
            cwd=project,
            env={**environment(project), **more},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert shown.returncode == 1
        text = shown.stdout.decode()
        assert not {"\x1b", "\x07", "\x9b", "\0", "\b", "\u202e"} & set(text)
        lines = text.splitlines()
        assert not [line for line in lines if line.lstrip().startswith("##vso[")]
        assert not [
            line for line in lines if "file=x::y" in line and line.lstrip().startswith("::")
        ]
        assert "[@click=app.quit]" in text


def test_attachments_stay_in_the_repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {each.name for each in project.parent.iterdir()}
    spoil(project, monkeypatch, "names")

    assert {each.name for each in project.parent.iterdir()} == before
    assert not list(project.rglob("passwd"))
    assert not Path("/x").exists()
