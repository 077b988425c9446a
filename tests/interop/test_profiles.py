"""What fails under one profile stays in all three tools' lists of failing tests, however often it passes under others."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testlanes.runner.cli.entry import run_command_line
from testlanes.runner.wire.subunit import Packet, encode

from .conftest import Done

PLANTED = "test_some.T.test_a"
SUITE = """
import os, unittest
class T(unittest.TestCase):
    def test_a(self): self.assertNotEqual(os.environ["UNDER"], "py313")
    def test_b(self): pass
"""
TESTR, STESTR = ".testrepository", ".stestr"
ORDERS = (
    (TESTR, ("run", "run -p py311", "run")),
    (STESTR, ("run -p py313", "run -p py311,py312", "load --partial -p py311")),
    (TESTR, ("run -p py313 test_a", "run test_b", "load", "run --failing", "run -j1")),
    (
        STESTR,
        ("load -p py313 failed", "run -p py311 test_a", "load -p py312", "history remove all"),
    ),
    (STESTR, ("run", "run --load-list list.json", "load --partial tagged", "run -p py312")),
)


@pytest.mark.parametrize(("repository", "order"), ORDERS)
def test_a_failure_under_one_profile_stays(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tool: Callable[..., Done],
    project: Callable[[Path], Path],
    repository: str,
    order: tuple[str, ...],
) -> None:
    project(tmp_path)
    text = f'framework = "unittest"\nrepository = "{repository}"\n'
    for name in ("py311", "py312", "py313"):
        text += f'[profiles.{name}]\npython = "{sys.executable}"\nenv = {{ UNDER = "{name}" }}\n'
    (tmp_path / "testlanes.toml").write_text(text)
    (tmp_path / "test_some.py").write_text(SUITE)
    (tmp_path / "list.json").write_text(f'{{"{PLANTED}": {{"profiles": ["py311", "py312"]}}}}')
    streams = {
        "passed": Packet(PLANTED, "success", ns=1),
        "failed": Packet(PLANTED, "fail", ns=1),
        "tagged": Packet(PLANTED, "success", frozenset({"py311", "nightly"}), ns=1),
    }
    for name, packet in streams.items():
        (tmp_path / name).write_bytes(encode(packet))
    monkeypatch.chdir(tmp_path)

    for words in order:
        argv = words.split()
        if argv[0] == "run":
            argv.append("--no-tui")
        elif argv[0] == "load" and argv[-1] not in streams:
            argv += ["passed"] if "-p" in argv else ["tagged"]
        run_command_line(argv)
        capsys.readouterr()
        assert run_command_line(["failing", "--list"]) == 1, words
        assert capsys.readouterr().out.split() == [PLANTED], words
    for name, folder in (("testr", TESTR), ("stestr", STESTR)):
        if folder != repository:
            shutil.copytree(tmp_path / repository, tmp_path / folder)
        done = tool(tmp_path, name, "failing", "--list")
        assert done.returncode == 1, (name, done.stderr)
        assert done.stdout.split() == [PLANTED.encode()], name
