"""Which files make up a project."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from testlanes.runner.hosts.files import project_files

from .reached import lay

COMMON = {
    "test_a.py": "",
    "pkg/mod.py": "",
    "pkg/__pycache__/mod.cpython-311.pyc": "",
    ".testrepository/format": "1",
    ".testlanes-tree/manifest": "",
    "runs/next-stream": "1",
    "runs/format": "1",
    "env/pyvenv.cfg": "",
    "env/bin/python": "",
    "env/lib/x.py": "",
    "fixture/pyvenv.cfg": "a test's data",
}


def git(folder: Path, *words: str) -> None:
    """Run git in a folder."""
    own = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    own += ["-c", "protocol.file.allow=always"]
    subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True)


def names(folder: Path) -> list[str]:
    """Return the paths of a project's files."""
    return [file.path.decode() for file in project_files(str(folder)).files]


def test_without_git_all_is_taken_but_what_programs_make(tmp_path: Path) -> None:
    lay(tmp_path, {**COMMON, ".tox/py311/x.py": "", "node_modules/x.js": "", ".hidden": ""})
    (tmp_path / "link").symlink_to("pkg")
    assert names(tmp_path) == [".hidden", "fixture/pyvenv.cfg", "link", "pkg/mod.py", "test_a.py"]


def test_git_says_what_is_tracked_and_what_is_not_ignored(tmp_path: Path) -> None:
    lay(tmp_path, {**COMMON, ".gitignore": "*.log\nbuild/\n", "a.log": "", "build/x": ""})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", "test_a.py", "a.log")
    lay(tmp_path, {"b.log": "", "new\n.py": ""})
    (tmp_path / "gone.py").write_text("")
    git(tmp_path, "add", "gone.py")
    (tmp_path / "gone.py").unlink()
    found = [".gitignore", "a.log", "fixture/pyvenv.cfg", "new\n.py", "pkg/mod.py", "test_a.py"]
    assert names(tmp_path) == found


def test_submodules_and_other_repositories_inside_belong_to_it(tmp_path: Path) -> None:
    other = lay(tmp_path / "other", {"lib.py": "", ".gitignore": "junk"})
    git(other, "init", "-q")
    git(other, "add", ".")
    git(other, "commit", "-qm", "one")
    project = lay(tmp_path / "project", {"test_a.py": ""})
    git(project, "init", "-q")
    git(project, "submodule", "add", str(other), "vendored")
    git(project, "clone", "-q", str(other), "untracked")
    git(project, "submodule", "add", str(other), "empty")
    git(project, "submodule", "deinit", "-f", "empty")
    lay(project, {"vendored/junk": "", "vendored/new.py": ""})
    expected = [".gitmodules", "test_a.py", "untracked/.gitignore", "untracked/lib.py"]
    expected += ["vendored/.gitignore", "vendored/lib.py", "vendored/new.py"]
    assert names(project) == expected


def test_a_project_below_the_repository_or_ignored_by_it_is_found(tmp_path: Path) -> None:
    lay(tmp_path, {"root.py": "", "sub/test_a.py": "", "sub/x.log": "", ".gitignore": "*.log\n"})
    git(tmp_path, "init", "-q")
    assert names(tmp_path / "sub") == ["test_a.py"]
    (tmp_path / ".gitignore").write_text("*\n")
    assert names(tmp_path / "sub") == ["test_a.py", "x.log"]


def test_a_git_hook_that_runs_the_tests_does_not_confuse_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"project/test_a.py": "", "elsewhere/x.py": ""})
    for name in ("project", "elsewhere"):
        git(tmp_path / name, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "elsewhere"))
    assert names(tmp_path / "project") == ["test_a.py"]


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("mod.py", b"mod.py"),
        ("../test_a.py", b"../test_a.py"),
        ("missing", b"missing"),
        ("../../outside", None),
        ("/etc/passwd", None),
        ("../../project/test_a.py", b"../test_a.py"),  # it leaves, and comes back
        ("{root}/test_a.py", b"../test_a.py"),
        ("way-out/x", None),
    ],
)
def test_links_are_kept_if_they_stay_inside(
    target: str, kept: bytes | None, tmp_path: Path
) -> None:
    project = lay(tmp_path / "project", {"test_a.py": "", "pkg/mod.py": ""})
    (project / "pkg/way-out").symlink_to(tmp_path)
    (project / "pkg/link").symlink_to(target.format(root=project))
    found = project_files(str(project))
    assert [f.target for f in found.files if f.path == b"pkg/link"] == ([kept] if kept else [])
    assert (b"pkg/link" in found.leaving) == (kept is None)
