"""Which files make up the project: what is copied to a host that has a folder of its own for it.

What git tracks, and what it does not but would not ignore either, submodules and other repositories inside
included; without git, all but what programs make (``MADE``). Never what only means something here: version
control's own data, compiled modules, virtual environments, the repository of test runs.
"""

from __future__ import annotations

import os
import posixpath
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..frozen import frozen

NEVER = frozenset(b".git .hg .svn .bzr __pycache__ .testrepository .stestr .testlanes-tree".split())
"""Names of folders and files that are left out wherever they are."""

MADE = frozenset(
    b".tox .nox .venv node_modules .eggs .mypy_cache .pytest_cache .ruff_cache .hypothesis".split()
)
"""Names of folders that are left out where git is not asked."""

GIT_LIMIT = 60.0
"""Seconds that git may take to list the files."""


@frozen
class ProjectFile:
    """A file, or a symbolic link if it has a ``target``. ``path``: from the project's folder, as the file system has it."""

    path: bytes
    mtime: int
    """In ns since the epoch."""
    size: int
    mode: int
    target: bytes | None = None


@dataclass(slots=True)
class ProjectFiles:
    """All that is copied, by path, and what had to be left out."""

    files: list[ProjectFile] = field(default_factory=list[ProjectFile])
    leaving: list[bytes] = field(default_factory=list[bytes])
    """Symbolic links that lead out of the project, or to where nothing would be on a host."""


def project_files(project: str) -> ProjectFiles:
    """Return the files of the project in this folder, and look at each."""
    root = posixpath.realpath(os.fsencode(project))
    paths = _git_files(root)
    if not paths:  # no git; or a folder that the repository around it ignores
        paths = set(_walk(root))
    found = ProjectFiles()
    environments = _environments(paths)
    for path in sorted(paths):
        if NEVER.isdisjoint(path.split(b"/")) and not any(map(path.startswith, environments)):
            _look(root, path, found)
    return found


def _look(root: bytes, path: bytes, found: ProjectFiles) -> None:
    """Add a file to what was found."""
    whole = root + b"/" + path
    try:
        seen = os.lstat(whole)
        target = os.readlink(whole) if stat.S_ISLNK(seen.st_mode) else None  # noqa: PTH115 - bytes
    except OSError:
        return  # removed, and git was not told
    mode = stat.S_IMODE(seen.st_mode) & 0o777
    if stat.S_ISREG(seen.st_mode):
        found.files.append(ProjectFile(path, seen.st_mtime_ns, seen.st_size, mode))
    elif target is not None:
        inner = _inner_target(root, path, target)
        if inner is None:
            found.leaving.append(path)
        else:
            found.files.append(ProjectFile(path, 0, 0, 0, inner))


def _inner_target(root: bytes, path: bytes, target: bytes) -> bytes | None:
    """Return a link's target as it is right in another folder too; None if it is not in the project."""
    folder = posixpath.dirname(root + b"/" + path)
    real = posixpath.realpath(posixpath.join(folder, target))
    if real != root and not real.startswith(root.rstrip(b"/") + b"/"):
        return None
    steps = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if target.startswith(b"/") or steps == b".." or steps.startswith(b"../"):
        return posixpath.relpath(real, posixpath.realpath(folder))  # it left, and came back
    return target


def _git_files(root: bytes) -> set[bytes]:
    """Return the paths that git lists below a folder; none where there is no git, or no repository."""
    # A git hook that runs the tests has these, of the repository it was started for.
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
    }
    command = ["git", "-c", "core.fsmonitor=false", "ls-files", "-coz", "--exclude-standard"]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=GIT_LIMIT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return set()
    found: set[bytes] = set()
    for each in done.stdout.split(b"\0"):
        path = each.rstrip(b"/")
        whole = posixpath.join(root, path)
        if path and posixpath.lexists(posixpath.join(whole, b".git")):
            # A submodule, or a repository that is not one: git lists its folder only.
            found |= {path + b"/" + inner for inner in _git_files(whole)}
        elif path:
            found.add(path)
    return found


def _walk(root: bytes) -> Iterator[bytes]:
    """Yield the paths of all files below a folder but those in folders that programs make."""
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if posixpath.islink(posixpath.join(folder, name))]
        left_out = NEVER | MADE
        folders[:] = [name for name in folders if name not in left_out and name not in links]
        for name in (*files, *links):
            yield posixpath.relpath(posixpath.join(folder, name), root)


MARKS = {
    b"pyvenv.cfg": (b"bin/python", b"Scripts/python.exe"),
    b"next-stream": (b"format",),
}
"""What a virtual environment, and a repository of test runs, can be known by: a file, and one of these beside it."""


def _environments(paths: Iterable[bytes]) -> list[bytes]:
    """Return the folders, with a slash, that are one of these."""
    known = set(paths)
    found: list[bytes] = []
    for path in known:
        folder, _, name = path.rpartition(b"/")
        beside = [folder + b"/" + each for each in MARKS.get(name, ())]
        if folder and not known.isdisjoint(beside):
            found.append(folder + b"/")
    return found


def shown(paths: Iterable[bytes], most: int = 3) -> str:
    """Return some paths as text for people."""
    names = sorted(paths)
    text = ", ".join(
        "".join(c if c.isprintable() else "?" for c in name.decode("utf-8", "backslashreplace"))
        for name in names[:most]
    )
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def lock_files(project: str) -> list[Path]:
    """Return the files of a project that say what its environment is to have, in order."""
    root = Path(project)
    patterns = ("*requirements*.txt", "*constraints*.txt", "requirements/*.txt", "*.lock")
    named = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "Pipfile", "environment.yml")
    return sorted(
        {path for pattern in (*patterns, *named) for path in root.glob(pattern) if path.is_file()}
    )
