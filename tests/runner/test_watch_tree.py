"""What counts as a change of the project's files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from testlanes.runner.affected import Change
from testlanes.runner.watch.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/x.md").write_text("1")
    return Tree(tmp_path, ["docs/*"])


def test_files_are_known_and_patterns_ignored(tree: Tree) -> None:
    assert tree.files == {"a.py"}
    (tree.root / "docs/x.md").write_text("2")
    assert tree.settle([str(tree.root / "docs/x.md")]) == []
    assert tree.ignored == {"docs/x.md": "watch_ignore"}


def test_only_another_content_is_a_change(tree: Tree) -> None:
    path = tree.root / "a.py"
    path.write_text("2")
    assert tree.settle([str(path)]) == [Change("a.py", "modified")]
    path.touch()
    assert tree.settle([str(path)]) == []
    beside = tree.root / "b.tmp"
    beside.write_text("3")
    beside.replace(path)  # an editor's atomic save: one goes, one comes
    assert tree.settle([str(path), str(beside)]) == [Change("a.py", "modified")]


def test_files_come_and_go_alone_and_with_their_folder(tree: Tree) -> None:
    folder = tree.root / "new"
    folder.mkdir()
    (folder / "x.py").write_text("")
    assert tree.settle([str(folder)]) == [Change("new/x.py", "added")]
    (folder / "x.py").unlink()
    folder.rmdir()
    assert tree.settle([str(folder)]) == [Change("new/x.py", "deleted")]
    assert tree.files == {"a.py"}


def test_what_git_ignores_is_not_the_projects(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("*.log\nbuild/\n")
    (tmp_path / "a.py").write_text("")
    (tmp_path / "x.log").write_text("")
    tree = Tree(tmp_path)
    assert tree.files == {".gitignore", "a.py"}
    (tmp_path / "y.log").write_text("")
    (tmp_path / "b.py").write_text("")
    found = tree.settle([str(tmp_path / "y.log"), str(tmp_path / "b.py")])
    assert found == [Change("b.py", "added")]
    assert tree.ignored == {"y.log": "ignored by git"}


def test_what_coverage_measured_is_no_change(tree: Tree) -> None:
    measured = (".coverage", ".coverage.box.12.XyZ", "sub/.coverage")
    paths = [tree.root / name for name in (*measured, ".coveragerc")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("new")
    assert tree.settle(map(str, paths)) == [Change(".coveragerc", "added")]
    assert tree.ignored == {}  # nor worth telling: it is written in each cycle
    assert ".coverage" not in Tree(tree.root).files
