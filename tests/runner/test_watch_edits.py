"""What a watch makes of edits that are not simple: half saved, gone, moved, of a branch, while it waits."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testlanes.runner.affected import Change
from testlanes.runner.watch.branch import branch_changes
from testlanes.runner.watch.inbox import Inbox

from .watching import Watching, make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
def watching(project: Path) -> Iterator[Watching]:
    one = Watching(project)
    try:
        assert one.cycle()["counts"] == {"success": 3}
        yield one
    finally:
        one.end()


def test_failures_of_tests_that_are_gone_are_forgotten(watching: Watching) -> None:
    watching.save("lib/quota.py", "LIMIT = 4\n")
    assert watching.cycle()["failing"] == 1
    (watching.folder / "tests/test_quota.py").unlink()
    gone = watching.cycle()
    assert (gone["counts"], gone["failing"]) == ({}, 0)

    watching.save("tests/test_other.py", "import unittest, nothing_of_that_name\n")
    unloaded = watching.cycle()
    assert [one["id"] for one in unloaded["failures"]] == [
        "unittest.loader._FailedTest.tests.test_other"
    ]
    assert unloaded["failing"] == 1
    watching.save("tests/test_other.py", "import unittest\n")
    assert watching.cycle()["failing"] == 0


def test_a_half_saved_file_holds_back_only_what_uses_it(watching: Watching) -> None:
    watching.save("lib/other.py", "X = (\n")
    assert watching.cycle()["broken"]
    watching.save("lib/quota.py", "LIMIT = 4\n")
    others = watching.cycle()
    assert others["reasons"] == {"lib/quota.py": ["tests/test_quota.py"]}
    assert [one["path"] for one in others["broken"]] == ["lib/other.py"]
    watching.save("lib/other.py", "X = 1  # mended\n")
    mended = watching.cycle()
    assert mended["reasons"] == {"lib/other.py": ["tests/test_other.py"]}
    assert mended["broken"] == []


def test_a_source_that_is_data_of_a_test_need_not_compile(watching: Watching) -> None:
    test = "import unittest\nclass S(unittest.TestCase):\n    def test_s(self): open('sample.py').close()\n"
    (watching.folder / "sample.py").write_text("x = 1\n")
    watching.save("tests/test_sample.py", test)
    while "tests/test_sample.py" not in (told := watching.cycle())["changed"]:
        pass
    assert not told["broken"]
    watching.save("sample.py", "x = (\n")
    ran = watching.cycle()
    assert ran["reasons"] == {"sample.py": ["tests/test_sample.py"]}
    assert not ran["broken"]


def test_who_imported_a_module_that_is_gone_runs_also_if_another_imported_it_first(
    watching: Watching,
) -> None:
    watching.save("tests/test_more.py", "import unittest, lib.quota\n" + CASE.format("More"))
    assert watching.cycle()["counts"] == {"success": 1}
    (watching.folder / "lib/quota.py").unlink()
    assert watching.cycle()["reasons"] == {
        "lib/quota.py": ["tests/test_more.py", "tests/test_quota.py"]
    }


CASE = "class {}(unittest.TestCase):\n    def test_it(self): pass\n"


def test_a_package_that_goes_and_comes_back_runs_what_is_in_it(watching: Watching) -> None:
    watching.save("tests/sub/__init__.py", "")
    watching.save("tests/sub/test_deep.py", "import unittest\n" + CASE.format("Deep"))
    while not (told := watching.cycle())["counts"]:
        pass
    assert told["counts"] == {"success": 1}
    (watching.folder / "tests/sub").rename(watching.folder.parent / "away")
    assert watching.cycle()["counts"] == {}
    (watching.folder.parent / "away").rename(watching.folder / "tests/sub")
    assert watching.cycle()["counts"] == {"success": 1}


def test_what_has_not_run_follows_by_itself_where_that_is_set(project: Path) -> None:
    settings = project / "testlanes.toml"
    settings.write_text(settings.read_text() + "watch_rest = true\n")
    one = Watching(project)
    try:
        assert one.cycle()["unseen"] == 0
        one.end()
        one = Watching(project)
        assert one.cycle()["counts"] == {}
        one.save("lib/other.py", "X = 2\n")
        assert one.cycle()["counts"] == {"fail": 1}
        assert one.cycle()["counts"] == {"success": 2}
    finally:
        one.end()


def test_a_checkout_of_a_thousand_files_is_one_cycle(watching: Watching) -> None:
    pages = watching.folder / "docs"
    pages.mkdir()
    for number in range(1000):
        (pages / f"{number}.md").write_text(str(number))
    watching.save("lib/other.py", "X = 2\n")
    while "lib/other.py" not in (told := watching.cycle())["changed"]:
        assert told["counts"] == {}
    assert told["reasons"] == {"lib/other.py": ["tests/test_other.py"]}


def test_changes_of_one_file_become_one_and_none_is_lost() -> None:
    inbox = Inbox()
    inbox.put([Change("new.py", "added"), Change("old.py", "modified")])
    inbox.put([Change("new.py", "modified"), Change("old.py", "deleted")])
    assert inbox.changes == [Change("new.py", "added"), Change("old.py", "deleted")]

    taken = inbox.take({"old.py"})
    assert taken == [Change("new.py", "added")]
    assert inbox.paths == ("old.py",)

    inbox.put([Change("new.py", "modified"), Change("other.py", "modified")])
    inbox.put_back(taken)
    assert sorted(inbox.changes, key=lambda one: one.path) == [
        Change("new.py", "added"),
        Change("old.py", "deleted"),
        Change("other.py", "modified"),
    ]


def test_the_changes_of_a_branch_are_all_since_it_left_the_trunk(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=e", *words], cwd=tmp_path, check=True
        )

    assert branch_changes(tmp_path, ()) == []
    git("init", "-q", "-b", "main")
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text("")
    git("add", "-A")
    git("commit", "-qm", "first")
    git("checkout", "-qb", "work")
    (tmp_path / "a.py").write_text("1")
    git("commit", "-qam", "second")
    (tmp_path / "b.py").unlink()
    (tmp_path / "d.py").write_text("")
    assert branch_changes(tmp_path, {"a.py", "c.py", "d.py"}) == [
        Change("a.py", "modified"),
        Change("b.py", "deleted"),
        Change("d.py", "added"),
    ]


def test_warm_images_keep_to_the_memory_that_they_may_take(project: Path) -> None:
    settings = project / "testlanes.toml"
    settings.write_text(settings.read_text() + "watch_memory = 1\n")
    one = Watching(project)
    try:
        one.cycle()
        while "large" not in (told := told_images(one, "lib/other.py")):
            pass
        assert "may take 1 (watch_memory)" in told
        assert one.cycle_of("lib/quota.py", "LIMIT = 3  # the same\n")["counts"] == {"success": 2}
    finally:
        one.end()


def told_images(one: Watching, path: str) -> str:
    """Save a file as it was, but for a comment, and return what is said of the image."""
    text = (one.folder / path).read_text() + "# again\n"
    return one.cycle_of(path, text)["images"]["default"]


def test_a_link_that_leads_elsewhere_affects_who_opened_it(project: Path) -> None:
    (project / "data.txt").unlink()
    for name, text in (("one.txt", "x"), ("two.txt", "y")):
        (project.parent / name).write_text(text)
    (project / "data.txt").symlink_to("../one.txt")
    one = Watching(project)
    try:
        assert one.cycle()["counts"] == {"success": 3}
        beside = project / "data.new"
        beside.symlink_to("../two.txt")
        beside.replace(project / "data.txt")
        while "data.txt" not in (told := one.cycle())["changed"]:
            pass
        assert told["reasons"] == {"data.txt": ["tests/test_quota.py"]}
        assert told["counts"] == {"success": 1, "fail": 1}
    finally:
        one.end()


def test_files_can_be_looked_at_where_nobody_tells_of_changes(project: Path) -> None:
    settings = project / "testlanes.toml"
    settings.write_text(settings.read_text() + "watch_poll = true\n")
    one = Watching(project)
    try:
        one.cycle()
        for number in (4, 5, 6):  # as long as before, and within a second
            cycle = one.cycle_of("lib/quota.py", f"LIMIT = {number}\n")
            assert cycle["counts"] == {"success": 1, "fail": 1}
    finally:
        one.end()


def test_rewritten_test_modules_are_kept_and_none_is_stale(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    (tmp_path / "lib.py").write_text("X = 1\n")
    source = "import lib\ndef test_x():\n    assert lib.X == {}\n"
    (tmp_path / "test_lib.py").write_text(source.format(1))
    one = Watching(tmp_path)
    try:
        assert one.cycle()["counts"] == {"success": 1}
        kept = tmp_path / "__pycache__"
        for number in (2, 1, 3, 1):  # as long as before, and within a second
            counts = one.cycle_of("test_lib.py", source.format(number))["counts"]
            assert counts == ({"success": 1} if number == 1 else {"fail": 1})
        assert [path.name.partition(".")[0] for path in kept.glob("*")] in ([], ["test_lib"])
    finally:
        one.end()
