"""The unittest adapter: the same ids and outcomes as upstream, fixtures kept, hostile tests survived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Agent, agent, interpreter, lay


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Agent]:
    with agent(tmp_path / "agent") as made:
        yield made


@pytest.fixture(params=["3.8", "3.11", "3.13"])
def python(request: pytest.FixtureRequest) -> str:
    return interpreter(request.param)


BASIC = {
    "test_basic.py": """
import sys, unittest
class T(unittest.TestCase):
    def test_ok(self): pass
    def test_fail(self): self.assertEqual(1, 2)
    def test_error(self): 1/0
    def test_skip(self): self.skipTest("why not")
    @unittest.expectedFailure
    def test_xfail(self): self.fail("known")
    @unittest.expectedFailure
    def test_ux(self): pass
    def test_out(self):
        print("to stdout"); print("to stderr", file=sys.stderr)
"""
}
T = "test_basic.T."


def test_statuses_kinds_and_details_are_those_of_the_test(
    tmp_path: Path, here: Agent, python: str
) -> None:
    worker = here.start(lay(tmp_path / "p", BASIC), python=python)
    assert worker.event("hello")["known"] == -1
    told = {
        each.test_id: each
        for each in worker.ran(
            *(
                T + n
                for n in (
                    "test_ok",
                    "test_fail",
                    "test_error",
                    "test_skip",
                    "test_xfail",
                    "test_ux",
                    "test_out",
                )
            )
        )
    }
    assert [(k[len(T) :], v.status, v.kind) for k, v in told.items()] == [
        ("test_ok", "success", ""),
        ("test_fail", "fail", "assertion"),
        ("test_error", "fail", "error"),
        ("test_skip", "skip", ""),
        ("test_xfail", "xfail", ""),
        ("test_ux", "uxsuccess", "error"),
        ("test_out", "success", ""),
    ]
    assert told[T + "test_ok"].details == {}
    assert told[T + "test_out"].details == {"stdout": "to stdout\n", "stderr": "to stderr\n"}
    assert told[T + "test_skip"].details == {"reason": "why not"}
    assert "AssertionError: 1 != 2" in told[T + "test_fail"].details["traceback"]
    assert "unittest_worker" not in told[T + "test_fail"].details["traceback"]
    assert worker.shut() == 0
