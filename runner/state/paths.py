"""Paths that a test on another host tells of, as this machine's: its traceback is kept as it was said."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def path_here(path: str, roots: Iterable[str], root: str, exists: Callable[[str], bool]) -> str:
    """Return where this machine has a file of a host's tree; the path itself, if that is nowhere.

    ``roots``: the project's folder on each host; ``root``: here. ``exists``: whether there is such a file here.
    """
    for there in sorted(filter(None, roots), key=len, reverse=True):
        if path.startswith(f"{there.rstrip('/')}/"):
            found = root.rstrip("/") + path[len(there.rstrip("/")) :]
            if exists(found):
                return found
    return path
