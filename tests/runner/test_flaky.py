"""Tests that go both ways: retried, known and told, and what they mean for the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from testlanes.runner.quarantine import Quarantine
from testlanes.runner.settings import Settings

from .projects import finish, outcomes, pytests, unittests, write

FLAKY = """
    import os, unittest

    class T(unittest.TestCase):
        def test_flaky(self):
            if not os.path.exists("seen"):
                open("seen", "w").close()
                self.fail("the first time")
        def test_good(self):
            pass
"""
BROKEN = """
    import unittest

    class Net(unittest.TestCase):
        def test_down(self):
            self.fail("down")
        def test_up(self):
            pass

    class Server(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            raise OSError("no server")
        def test_a(self):
            pass
"""


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, 1),
        ({"retries": 1}, 0),
        ({"retries": 1, "flaky": "fail"}, 1),
        ({"retries": 1, "flaky": "fail", "known_flaky": (r"\.test_flaky$",)}, 0),
    ],
)
async def test_a_test_that_passes_on_a_retry_fails_the_run_by_choice(
    tmp_path: Path, options: dict[str, Any], code: int
) -> None:
    state, got = await finish(unittests(write(tmp_path, test_t=FLAKY), **options))

    assert got == code
    assert len(state.flaky) == (1 if "retries" in options else 0)


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ((), 1),
        (("test_n.Net.test_down",), 1),
        ((r"^test_n\.",), 0),
        (("test_n.Net.test_down", "test_n.Server"), 0),
    ],
)
async def test_known_flaky_tests_are_told_and_do_not_fail_the_run(
    tmp_path: Path, known: tuple[str, ...], code: int
) -> None:
    state, got = await finish(unittests(write(tmp_path, test_n=BROKEN), known_flaky=known))

    assert got == code
    assert outcomes(state) == {"test_down": "assertion", "test_up": "success", "test_a": "setup"}


async def test_known_flaky_failures_do_not_count_for_max_fail(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_m="import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_x(n): assert n",
    )
    settings: Settings = pytests(tmp_path, max_fail=1, known_flaky=("test_m.py::test_x[0]",))
    state, code = await finish(settings)

    assert code == 0
    assert state.stopping is None
    assert sorted(outcomes(state).values()) == ["assertion", *["success"] * 8]


def test_an_id_is_known_whatever_it_means_as_a_regex() -> None:
    known = Quarantine(["test_a.py::test[1-2]", r"\.net\."])

    assert known("test_a.py::test[1-2]")
    assert known("tests.net.T.test_x")
    assert known("setUpClass (tests.net.T)")
    assert known("setUpModule (tests.net)")
    assert not known("test_b.py::test[1-2]")
    assert not known("tests.network.T.test_x")
