"""``testlanes hosts``: each host is really reached; what is wrong with one is said with what to do."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from testlanes.runner.cli.entry import run_command_line

PYTHON = sys.executable


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's hosts.toml; the working directory is a project of one file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "config" / "testlanes").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    project = tmp_path / "shop"
    project.mkdir()
    (project / "test_shop.py").write_text("import unittest\n")
    monkeypatch.chdir(project)
    return tmp_path / "config" / "testlanes" / "hosts.toml"


def ask(*words: str) -> int:
    return run_command_line(["hosts", *words])


def test_a_host_that_can_be_used(hosts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hosts.write_text(f'[hosts.box]\nrun = ["env"]\nlanes = 3\npython = "{PYTHON}"\n')

    assert ask() == 0

    said = capsys.readouterr().out
    assert "box: 3 lanes on " in said
    assert "first word after " in said
    assert "is not there yet; a run copies 1 file, 16 B, all of them" in said
    assert "  profile default: ok" in said
    assert not (hosts.parents[2] / "home" / ".cache").exists(), "looking changed something"


def test_what_cannot_be_used_is_told_and_the_others_are_looked_at(
    hosts: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho no such box >&2; exit 1\n")
    old.chmod(0o755)
    hosts.write_text(
        f"""
[hosts.box]
run = ["env"]
python = "{PYTHON}"
[hosts.missing]
run = ["no-such-command"]
[hosts.snake]
run = ["env"]
python = "python9"
[hosts.broken]
run = ["{old}"]
[hosts.shared]
run = ["env"]
python = "{PYTHON}"
sync = "none"
dir = "/nowhere/at/all"
"""
    )

    assert ask("--json") == 1

    found = json.loads(capsys.readouterr().out)
    assert {name: one["usable"] for name, one in found.items()} == {
        "box": True,
        "missing": False,
        "snake": False,
        "broken": False,
        "shared": False,
    }
    assert found["missing"]["problem"].startswith("no-such-command could not be started")
    assert "python = … (python9 is asked for)" in found["snake"]["hint"]
    assert found["broken"]["problem"] == "no such box"
    assert found["shared"]["problem"] == "it has no folder /nowhere/at/all, and sync is 'none'"


def test_an_interpreter_that_is_not_there(hosts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hosts.write_text(
        f'[hosts.box]\nrun = ["env"]\npython = "{PYTHON}"\nprofiles = {{ default = "/no/python" }}\n'
    )

    assert ask("box") == 1

    said = capsys.readouterr().out
    assert (
        "box: cannot be used: it cannot run default: /no/python on box could not be started: "
        in said
    )
    assert "/no/python on box could not be started: No such file or directory" in said
    assert "hint: name its interpreter there" in said


def test_what_ssh_says_of_an_unknown_key_is_shown_with_the_command_that_helps(
    hosts: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho Host key verification failed. >&2; exit 255\n")
    ssh.chmod(0o755)
    hosts.write_text(f'[hosts.box]\nrun = ["{ssh}", "box"]\n')

    assert ask() == 1

    said = capsys.readouterr().out
    assert "box: cannot be used: Host key verification failed." in said
    assert f"accept it once: {shlex.quote(str(ssh))} box" in said


def test_names_that_nobody_knows_and_no_hosts(
    hosts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask() == 0
    assert f"no hosts are described in {hosts}" in capsys.readouterr().out

    hosts.write_text('[hosts.box]\nrun = ["env"]\n')
    assert ask("bix") == 2
    assert "there is no host bix" in capsys.readouterr().err


def test_without_a_home_the_file_is_named_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert run_command_line(["hosts"]) == 0
    assert run_command_line(["hosts", "box"]) == 2
    told = capsys.readouterr()
    assert "in ~/.config/testlanes/hosts.toml (HOME is not set)\n" in told.out
    assert "~/.config/testlanes/hosts.toml (HOME is not set) is where" in told.err
