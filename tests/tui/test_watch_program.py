"""``testlanes watch`` on a real terminal: save, and see."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from .terminals import Program, on_terminal

SHOP = """
import pathlib
import time
import unittest
import till


class ShopTest(unittest.TestCase):
    def test_sells(self):
        self.assertEqual(3, till.PRICE)

    def test_buys(self):
        time.sleep(till.WAIT)
"""
SLOW_AGAIN = """
    def check(self, expected, found):
        seen = pathlib.Path("config", "seen")
        if seen.exists():
            seen.with_name("again").write_text("waits")
            time.sleep(600)
        seen.parent.mkdir(exist_ok=True)
        seen.touch()
        self.assertEqual(expected, found)
"""
GOOD = "PRICE = 3\nWAIT = 0\n"


def words(*more: str) -> list[str]:
    return [sys.executable, "-Im", "testlanes", *more, "-j", "2"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "test_shop.py").write_text(SHOP)
    (tmp_path / "till.py").write_text(GOOD)
    (tmp_path / "testlanes.toml").write_text('watch_ignore = ["config/*"]\n')
    return tmp_path


def save(one: Program, path: Path, text: str, *shown: bytes) -> None:
    """Save a file, and wait for what is to be on the screen."""
    seen = len(one.seen)
    path.write_text(text)
    for each in shown:
        one.wait_for(each, since=seen)


def test_saves_are_run_and_shown_and_the_terminal_is_told(shop: Path) -> None:
    with on_terminal(words("watch"), shop, (36, 130)) as one:
        one.wait_for(b"2 tests in")
        one.wait_for(b"nothing is failing")
        save(one, shop / "till.py", "PRICE = 4\nWAIT = 0\n", b"1 failed", b"3 != 4")
        one.wait_for(b"\x1b]9;testlanes")  # a notification
        save(one, shop / "till.py", "PRICE = (\n", b"till.py:1", b"never closed")
        save(one, shop / "till.py", GOOD, b"1 fixed")
        one.wait_for(b"all pass\x07")
        one.type(b"b")
        one.wait_for(b"changes wait")
        save(one, shop / "till.py", "PRICE = 5\nWAIT = 0\n", b"1 changed waits")
        seen = len(one.seen)
        one.type(b"\r")
        one.wait_for(b"1 failed", since=seen)
        one.type(b"q")
        assert one.end() == 1
        assert one.restored
        last = bytes(one.seen).rpartition(b"\x1b[?1049l")[2]
        assert b"failing 1" in last


def test_a_run_of_the_watch_is_stopped_by_hand_and_the_watch_goes_on(shop: Path) -> None:
    with on_terminal(words("watch"), shop, (36, 130)) as one:
        one.wait_for(b"2 tests in")
        save(one, shop / "till.py", "PRICE = 3\nWAIT = 600\n", b"RUNNING")
        one.wait_for(b"test_buys")
        one.type(b"\x03\x03")
        one.wait_for(b"affected and not run")
        save(one, shop / "till.py", GOOD, b"2 tests in")
        one.type(b"q")
        assert one.end() == 0


def test_w_turns_a_run_into_a_watch(shop: Path) -> None:
    (shop / "till.py").write_text("PRICE = 3\nWAIT = 0.5\n")
    with on_terminal(words("run"), shop, (36, 130)) as one:
        one.wait_for(b"Summary")
        one.type(b"w")
        one.wait_for(b"WATCHING")
        one.wait_for(b"2 tests in")
        # The notification comes when all is over; before, q would ask.
        save(one, shop / "till.py", "PRICE = 4\nWAIT = 0\n", b"3 != 4", b"\x1b]9;testlanes")
        one.type(b"q")
        assert one.end() == 1
        assert one.restored


def test_leaving_a_watch_ends_a_bisection_that_goes_on(shop: Path) -> None:
    (shop / "till.py").write_text("PRICE = 4\nWAIT = 0\n")
    (shop / "test_shop.py").write_text(SHOP.replace("assertEqual(3", "check(3") + SLOW_AGAIN)
    with on_terminal(words("watch"), shop, (36, 130)) as one:
        one.wait_for(b"1 failed")
        one.type(b"2B")
        one.wait_for_file(shop / "config" / "again", "waits")
        one.type(b"1q")
        assert one.end() == 1


def test_a_terminal_that_is_closed_ends_the_watch(shop: Path) -> None:
    """And leaves no report of an error: it had something to tell, and nobody to tell it to."""
    with on_terminal(words("watch"), shop, (36, 130)) as one:
        one.wait_for(b"nothing is failing")
        os.close(one.master)
        one.process.wait(60)
        assert one.process.returncode == 129
