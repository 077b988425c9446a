"""``run --repro RUN TEST``: what a worker ran before a failure, again, in the same order and in one worker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testlanes.runner.cli.entry import run_command_line

from ..projects import write

# Each test writes its name and its process down; test_y fails if test_b ran in its process before.
SUITE = """
    import os, unittest

    class T(unittest.TestCase):
        def setUp(self):
            with open("order", "a") as file:
                file.write("%s %d\\n" % (self.id().rpartition("_")[2], os.getpid()))
        def test_a(self): pass
        def test_b(self): os.environ["SPOILED"] = "1"; test_b.append(1)
        def test_c(self): pass
        def test_y(self): self.assertEqual([], test_b)
        def test_z(self): pass

    test_b = []
"""
TURNS = """
    import os, unittest

    class T(unittest.TestCase):
        def setUp(self):
            with open("order", "a") as file:
                file.write("%s %d\\n" % (self.id().rpartition("_")[2], os.getpid()))
        def test_a(self): pass
        def test_once(self):
            if not os.path.exists("seen"):
                open("seen", "w").close()
                self.fail("the first time")
        def test_z(self): pass
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "testlanes.toml").write_text('framework = "unittest"\nleaks = "off"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return run_command_line(["run", "--no-tui", "-j1", *words])


def ran(project: Path) -> tuple[list[str], int]:
    """Return which tests ran, in order, and in how many processes; forget them."""
    lines = [line.split() for line in (project / "order").read_text().splitlines()]
    (project / "order").unlink()
    return [name for name, _ in lines], len({pid for _, pid in lines})


def test_what_led_to_a_failure_runs_again(project: Path, capsys: Captured) -> None:
    write(project, test_t=SUITE)
    assert run() == 1
    assert ran(project) == (["a", "b", "c", "y", "z"], 1)
    assert run("test_y") == 0  # alone it passes
    ran(project)

    assert run("--repro", "0", "test_t.T.test_y") == 1
    assert ran(project) == (["a", "b", "c", "y"], 1)
    assert (
        "the 3 tests that lane 0 ran in run 0 before test_t.T.test_y failed"
        in capsys.readouterr().err
    )
    assert run("--repro", "last", "_y$") == 1  # of the run that repeated it
    assert ran(project) == (["a", "b", "c", "y"], 1)
    capsys.readouterr()
    run_command_line(["history", "--json"])
    runs = json.loads(capsys.readouterr().out)
    assert [(each["label"], each["partial"]) for each in runs][2:] == [
        ("repro 0", True),
        ("repro 2", True),
    ]


def test_a_failure_that_a_retry_hid_is_reproduced_with_what_ran_before_it(project: Path) -> None:
    write(project, test_t=TURNS)
    assert run("--retries", "1") == 0
    order, _ = ran(project)
    assert sorted(order) == ["a", "once", "once", "z"]
    (project / "seen").unlink()

    assert run("--repro", "0", "test_once") == 1
    assert ran(project) == (order[: order.index("once") + 1], 1)


def test_a_test_that_ran_twice_before_runs_twice_again(project: Path) -> None:
    write(project, test_t=TURNS)
    assert run("--retries", "1") == 0
    order, _ = ran(project)

    assert run("--repro", "0", "test_t.T.test_z") == 0
    assert ran(project) == (order[: order.index("z") + 1], 1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["x", "test_y"], 2, "'x' is no number of a run"),
        (["7", "test_y"], 2, "There is no run 7"),
        (["0", "nothing"], 4, "no test of run 0 is 'nothing'"),
        (["0", "test_[abc]"], 2, "may be test_t.T.test_a, test_t.T.test_b, test_t.T.test_c"),
    ],
)
def test_what_is_not_there_is_told(
    project: Path, capsys: Captured, words: list[str], code: int, said: str
) -> None:
    write(project, test_t=SUITE)
    run()
    capsys.readouterr()

    assert run("--repro", *words) == code
    assert said in capsys.readouterr().err
