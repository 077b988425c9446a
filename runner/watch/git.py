"""Asking the user's own git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


def has_git(root: Path) -> bool:
    """Whether a folder is in a working tree of git."""
    return any((folder / ".git").exists() for folder in (root, *root.parents))


def git(root: Path, *words: str, given: str = "") -> list[str] | None:
    """Return what git prints, parted at NUL; None where there is no git, or it refuses."""
    try:
        done = subprocess.run(
            ["git", *words],  # noqa: S607 - the user's own git
            cwd=root,
            input=os.fsencode(given),
            capture_output=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode not in (0, 1):  # check-ignore: 1 is "none of them"
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def ignored_by_git(root: Path, names: Sequence[str]) -> set[str]:
    """Return those of these files that git ignores."""
    return set(git(root, "check-ignore", "-z", "--stdin", given="\0".join(names)) or ())
