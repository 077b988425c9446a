"""The real program on a real terminal: start, run, triage, run again, quit."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from .terminals import on_terminal

SUITE = """
import time
import unittest
from pathlib import Path


class ShopTest(unittest.TestCase):
    def test_sells(self):
        time.sleep(0.5)

    def test_buys(self):
        self.assertTrue(Path("mended").exists(), "the till is broken")
"""


def test_a_failure_is_found_mended_and_run_again(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(SUITE)
    with on_terminal(
        [sys.executable, "-Im", "testlanes", "run", "-j", "2"], tmp_path, (36, 130)
    ) as one:
        one.wait_for(b"Summary")
        one.wait_for(b"1 of 2 tests failed")
        one.wait_for(b"FAILED")
        one.type(b"2")
        one.wait_for(b"the till is broken")
        (tmp_path / "mended").touch()
        seen = len(one.seen)
        one.type(b"r")
        one.wait_for(b"PASSED", since=seen)
        one.type(b"1")
        one.type(b"q")
        assert one.end() == 0
        assert one.restored
        last = bytes(one.seen).rpartition(b"\x1b[?1049l")[2]
        assert b"stored as run 1" in last
    assert sorted(path.name for path in (tmp_path / ".testrepository").glob("[0-9]*")) == ["0", "1"]


QUICK = """
import unittest


class TillTest(unittest.TestCase):
    def test_opens(self):
        self.fail("the till is stuck")
"""


def test_the_one_failure_is_told_at_the_end_with_or_without_a_dashboard(tmp_path: Path) -> None:
    (tmp_path / "test_till.py").write_text(QUICK)
    command = [sys.executable, "-Im", "testlanes", "run", "-j", "1"]
    with on_terminal(command, tmp_path, (36, 130)) as one:
        # Mostly over before a dashboard is worth it.
        assert one.leave(b"1 of 1 tests failed", b"q") == 1
        last = bytes(one.seen).rpartition(b"\x1b[?1049l")[2]
        assert b"the till is stuck" in last
        assert last.count(b"TillTest.test_opens") == 1
    slow = QUICK.replace("self.fail", "__import__('time').sleep(1); self.fail")
    (tmp_path / "test_till.py").write_text(slow)
    with on_terminal(command, tmp_path, (36, 130)) as one:
        one.wait_for(b"1 of 1 tests failed")
        one.type(b"q")
        assert one.end() == 1
        last = bytes(one.seen).rpartition(b"\x1b[?1049l")[2]
        assert b"the till is stuck" in last


def test_the_copied_command_is_about_the_same_project(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "test_shop.py").write_text(SUITE)
    command = [sys.executable, "-Im", "testlanes", "run", "-j", "2", "--here", str(shop)]
    with on_terminal(command, tmp_path, (36, 130)) as one:
        one.wait_for(b"1 of 2 tests failed")
        one.type(b"2Y")
        one.wait_for(b"Copied the command")
        copied = bytes(one.seen).rpartition(b"\x1b]52;c;")[2].partition(b"\x07")[0]
        assert f"testlanes run --here {shop} " in base64.b64decode(copied).decode()
        one.type(b"1q")
        assert one.end() == 1


ORDER = """
import time
import unittest

shelf = []


class ShelfTest(unittest.TestCase):
    def test_a_fills(self):
        shelf.append("tea")

    def test_b_looks(self):
        time.sleep(0.5)

    def test_c_is_empty(self):
        self.assertEqual([], shelf)
"""


def test_who_makes_a_test_fail_is_found_and_shown(tmp_path: Path) -> None:
    (tmp_path / "test_shelf.py").write_text(ORDER)
    with on_terminal(
        [sys.executable, "-Im", "testlanes", "run", "-j", "1"], tmp_path, (36, 130)
    ) as one:
        one.wait_for(b"1 of 3 tests failed")
        one.type(b"2B")
        one.wait_for(b"it fails after test_shelf.ShelfTest.test_a_fills")
        one.type(b"1q")
        assert one.end() == 1


WAITING = """
import time
import unittest


class BankTest(unittest.TestCase):
    def test_answers(self):
        self.wait_for_the_bank()

    def wait_for_the_bank(self):
        time.sleep(600)
"""


def test_a_running_test_is_asked_where_it_is_and_stopped(tmp_path: Path) -> None:
    # Wide, for a line of the stacks begins with the path of the file.
    (tmp_path / "test_bank.py").write_text(WAITING)
    with on_terminal(
        [sys.executable, "-Im", "testlanes", "run", "-j", "1"], tmp_path, (36, 300)
    ) as one:
        one.wait_for(b"test_answers")
        one.type(b"t")
        one.wait_for(b"LANE 0")
        one.type(b"t")
        one.wait_for(b"in wait_for_the_bank")
        one.type(b"x")
        one.wait_for(b"Stopping")
        one.type(b"1")
        one.wait_for(b"1 of 1 tests failed")
        one.type(b"q")
        assert one.end() == 1
