"""Suites that die while they load, and tests that take away the folder that we work in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ..runner.agent.agent_rig import wait_for
from .projects import environment, left_running, run

BYSTANDER = """
import unittest
class Bystander(unittest.TestCase):
    def test_one(self): pass
"""
EMPTIES = """
import glob, os, shutil, signal, tempfile, unittest
class Hostile(unittest.TestCase):
    def test_1_empties_the_temporary_folder(self):
        for path in glob.glob(os.path.join(tempfile.gettempdir(), "*")):
            shutil.rmtree(path, ignore_errors=True)
    def test_2_crashes(self): os.kill(os.getpid(), signal.SIGKILL)
    def test_3_follows(self): print("hello")
    def test_4_fails(self): print("said before"); self.fail("no")
    def test_5_crashes(self): os.kill(os.getpid(), signal.SIGKILL)
    def test_6_follows(self): pass
"""


@pytest.mark.parametrize("options", [(), ("--fresh",), ("--isolated",)])
@pytest.mark.parametrize("framework", ["unittest", "pytest"])
def test_a_removed_temporary_folder_costs_no_other_test(
    tmp_path: Path, framework: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "test_hostile.py").write_text(EMPTIES)

    outcome = run(tmp_path, "-j1", "--framework", framework, *options)

    assert {
        "1_empties_the_temporary_folder": "success",
        "2_crashes": "crash",
        "3_follows": "success",
        "4_fails": "assertion",
        "5_crashes": "crash",
        "6_follows": "success",
    } == {name.rpartition("test_")[2]: verdict for name, verdict in outcome.verdicts.items()}
    assert 1 == outcome.code
    wait_for(lambda: not left_running(tmp_path), "the end of all processes")


@pytest.mark.parametrize("framework", ["unittest", "pytest"])
def test_where_a_suite_died_while_it_loaded_is_told(tmp_path: Path, framework: str) -> None:
    (tmp_path / "test_a.py").write_text(BYSTANDER)
    (tmp_path / "test_dies.py").write_text("import os; os._exit(0)\n")

    command = [sys.executable, "-m", "testlanes", "run", "--no-tui", "--framework", framework]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert 3 == done.returncode
    assert "could not be listed:\n    exited with status 0" in done.stdout
    assert "    while it was loading test_dies" in done.stdout
