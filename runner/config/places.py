"""Where things lie: the project's folder and its repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from .interpreter import expanded

_MARKS = (
    *("testlanes.toml", "pyproject.toml", ".testr.conf", ".stestr.conf", "tox.ini", "setup.cfg"),
    *("setup.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".testrepository", ".stestr"),
)
_CHECKOUTS = (".git", ".hg", ".jj", ".bzr")


def project_folder(cwd: Path) -> Path:
    """Return the folder of the project that ``cwd`` is in.

    The nearest one with a file that marks a project, from ``cwd`` up to the top of its version
    control checkout. Without a checkout it is ``cwd``: what lies further up may be anyone's.
    """
    cwd = cwd.absolute()
    above = [cwd, *cwd.parents]
    tops = [
        at
        for at, folder in enumerate(above)
        if any((folder / name).exists() for name in _CHECKOUTS)
    ]
    inside = above[: tops[0] + 1] if tops else [cwd]
    for folder in inside:
        if any((folder / name).exists() for name in _MARKS):
            return folder
    return cwd


def repository_at(
    text: str, base: Path, environ: Mapping[str, str]
) -> tuple[str, Literal["testr", "stestr"]]:
    """Return a repository's folder and format by what a user writes.

    ``text`` is the repository itself, or a folder that has one.
    """
    path = (base / expanded(text, environ)).absolute()
    if not (path / "format").exists():
        for name in (".testrepository", ".stestr"):
            if (path / name / "format").exists():
                path /= name
                break
    stestr = path.name == ".stestr" or any(path.glob("meta.dbm*"))
    return str(path), "stestr" if stestr else "testr"


def default_repository(
    root: Path, configured: Literal["testr", "stestr", ""]
) -> tuple[str, Literal["testr", "stestr"], str]:
    """Return a project's repository, its format, and why it is this one."""
    testr, stestr = root / ".testrepository", root / ".stestr"
    if configured == "testr":
        return str(testr), "testr", "as .testr.conf is used"
    if configured == "stestr":
        return str(stestr), "stestr", "as stestr is configured"
    if stestr.exists() and not testr.exists():
        return str(stestr), "stestr", "it is there"
    if (root / ".stestr.conf").exists() and not (testr.exists() or (root / ".testr.conf").exists()):
        return str(stestr), "stestr", ".stestr.conf is there"
    return str(testr), "testr", "it is there" if testr.exists() else "default"
