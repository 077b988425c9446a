"""``testlanes watch`` as a program: files are saved, and what it tells is read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .watching import LIMIT, Watching, make_project, start_watching, wait_for


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
def watching(project: Path) -> Iterator[Watching]:
    one = Watching(project)
    try:
        yield one
    finally:
        one.end()


def test_a_change_runs_what_uses_it_and_says_why(watching: Watching) -> None:
    first = watching.cycle()
    assert first["counts"] == {"success": 3}
    assert first["everything"]

    watching.save("lib/quota.py", "LIMIT = 4\n")
    red = watching.cycle()
    assert red["reasons"] == {"lib/quota.py": ["tests/test_quota.py"]}
    assert red["counts"] == {"success": 1, "fail": 1}
    (failure,) = red["failures"]
    assert failure["id"] == "tests.test_quota.Quota.test_limit"
    assert (failure["path"], failure["line"]) == ("tests/test_quota.py", 6)
    assert "3 != 4" in failure["message"]

    watching.save("lib/quota.py", "LIMIT = 3  # again\n")
    green = watching.cycle()
    assert [one["id"] for one in green["fixed"]] == ["tests.test_quota.Quota.test_limit"]
    assert green["failing"] == 0


def test_data_that_a_test_opens_and_a_new_file_of_tests_count(watching: Watching) -> None:
    watching.cycle()
    watching.save("data.txt", "y")
    assert watching.cycle()["reasons"] == {"data.txt": ["tests/test_quota.py"]}

    watching.save(
        "tests/test_new.py",
        "import unittest\nclass N(unittest.TestCase):\n    def test_n(self): pass\n",
    )
    new = watching.cycle()
    assert new["reasons"] == {"tests/test_new.py": ["tests/test_new.py"]}
    assert new["counts"] == {"success": 1}
    (watching.folder / "tests/test_new.py").unlink()
    assert watching.cycle()["counts"] == {}

    watching.save("README.md", "hello")
    assert watching.cycle()["unused"] == ["README.md"]


def test_a_half_saved_file_is_told_with_its_line_and_the_next_save_runs_it(
    watching: Watching,
) -> None:
    watching.cycle()
    watching.save("lib/other.py", "X = 1\ndef half(\n")
    told = watching.cycle()
    assert [(one["path"], one["line"]) for one in told["broken"]] == [("lib/other.py", 2)]
    assert told["counts"] == {}
    watching.save("lib/other.py", "X = 1\n\n")
    assert watching.cycle()["reasons"] == {"lib/other.py": ["tests/test_other.py"]}


def test_a_save_while_tests_run_stops_what_is_stale_and_owes_the_rest(watching: Watching) -> None:
    watching.cycle()
    slow = (
        "import os, time, unittest\nfrom lib import quota\nclass S(unittest.TestCase):\n"
        "    def wait(self):\n        open(f'began-{quota.LIMIT}', 'a').close()\n"
        "        time.sleep(0 if quota.LIMIT == 5 else 600)\n"
        "    test_a = test_b = test_c = wait\n"
    )
    watching.save("tests/test_slow.py", slow)
    wait_for(watching.folder / "began-3")
    watching.save("lib/quota.py", "LIMIT = 5\n")
    stopped = watching.cycle()
    assert stopped["stopped"]
    assert stopped["failing"] == 0
    assert stopped["due"]
    after = watching.cycle()
    assert after["due"] == 0
    assert after["counts"] == {"success": 4, "fail": 1}  # all three slow ones; the limit is not 3


def test_the_next_session_takes_up_what_changed_while_nobody_watched(project: Path) -> None:
    one = Watching(project)
    assert one.cycle()["counts"] == {"success": 3}
    assert one.end() == 0

    (project / "lib/quota.py").write_text("LIMIT = 44\n")
    one = Watching(project)
    assert one.cycle()["reasons"] == {"lib/quota.py": ["tests/test_quota.py"]}
    assert one.end() == 1

    one = Watching(project)
    idle = one.cycle()
    assert (idle["cycle"], idle["counts"], idle["failing"]) == (0, {}, 1)
    one.end()


def test_other_settings_are_read_and_everything_runs(
    watching: Watching, open_below: Callable[..., list[str]]
) -> None:
    watching.cycle()
    settings = (watching.folder / "testlanes.toml").read_text()
    watching.save("testlanes.toml", "framework = 3\n")
    assert "framework" in watching.cycle()["problem"]
    watching.save("testlanes.toml", settings + "timeout = 60\n")
    again = watching.cycle()
    assert again["everything"] == "testlanes.toml"
    assert again["counts"] == {"success": 3}
    files = open_below(watching.folder, watching.pid)
    assert len([file for file in files if file.endswith("history.sqlite")]) == 1


def test_only_what_is_failing_is_run_where_that_is_asked_for(project: Path) -> None:
    one = Watching(project, "--mode", "failing")
    try:
        one.cycle()
        one.save("lib/quota.py", "LIMIT = 4\n")
        left = one.cycle()
        assert left["counts"] == {}
        assert left["due"] == 2
    finally:
        one.end()


def test_cycles_are_stored_and_folded_into_one_line_of_the_history(project: Path) -> None:
    one = Watching(project)
    one.cycle()
    one.save("lib/other.py", "X = 2\n")
    assert one.cycle()["run"] == 1
    assert one.end() == 1
    listed = subprocess.run(
        [sys.executable, "-m", "testlanes", "history"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(listed) == 2
    assert listed[1].split()[0] == "0-1"
    assert "2 cycles" in listed[1]


@pytest.mark.parametrize("saved", [False, True])
def test_it_ends_when_nobody_reads_what_it_tells(project: Path, saved: bool) -> None:
    process = start_watching(project, stderr=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline()
        process.stdout.close()
        if saved:
            (project / "lib/quota.py").write_text("LIMIT = 4\n")
        _, problems = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    assert process.returncode in ({0, 1} if saved else {0})
    assert len(problems.splitlines()) == 1  # what is watched


def test_it_ends_when_there_is_no_room_for_what_it_tells(project: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start_watching(project, stdout=full, stderr=subprocess.PIPE)
    try:
        _, problems = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 3
    assert "not all of the output could be written: No space left on device" in problems
