"""What changed since the branch began that is worked on."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..affected import Change
from .git import git

TRUNKS = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def branch_changes(root: Path, files: Collection[str]) -> list[Change]:
    """Return what differs from where the branch left the trunk, uncommitted changes too; nothing without git."""
    base = _base(root)
    if base is None:
        return []
    named = git(root, "diff", "-z", "--relative", "--name-only", "--no-renames", base) or []
    new = git(root, "ls-files", "-z", "--others", "--exclude-standard") or []
    changed = [Change(path, "modified" if path in files else "deleted") for path in named]
    return [*changed, *(Change(path, "added") for path in new if path in files)]


def _base(root: Path) -> str | None:
    """Return the commit that the branch and the trunk have in common last."""
    for trunk in (*TRUNKS, "HEAD"):
        if found := git(root, "merge-base", "HEAD", trunk):
            return found[0].strip()
    return None
