"""What a configuration may ask and testlanes cannot do is refused in plain words, not passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from testlanes.runner.cli.entry import run_command_line


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_hosts_that_nobody_knows_are_told_and_nothing_runs_without_others(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "testlanes.toml").write_text('framework = "unittest"\nhosts = ["builder"]\n')

    assert 2 == run_command_line(["run", "--no-tui"])
    said = capsys.readouterr().err
    assert "host builder (testlanes.toml) is left out: " in said
    assert "none of the hosts that the tests are to run on is known here" in said
