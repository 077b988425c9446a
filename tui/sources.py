"""The project's source files, for the lines around a failure."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from testlanes.runner.ids import HostName
from testlanes.runner.state import HostState
from testlanes.runner.state.paths import path_here

LIMIT = 2 << 20
"""Bytes of a file that is read; a larger one is none that a person wrote."""
KEEP = 32


@dataclass(slots=True)
class Sources:
    """Reads files of a project, and keeps a few."""

    root: Path
    _kept: dict[str, tuple[int, list[str]]] = field(
        default_factory=dict[str, tuple[int, list[str]]]
    )

    def __call__(self, path: str) -> list[str]:
        """Return a file's lines; none if it is not there, not a plain file, or too large."""
        full = self.root / path
        try:
            known = full.stat()
            if not stat.S_ISREG(known.st_mode) or known.st_size > LIMIT:
                return []
            kept = self._kept.get(path)
            if kept is not None and kept[0] == known.st_mtime_ns:
                return kept[1]
            lines = full.read_text("utf-8", "backslashreplace").split("\n")
        except (OSError, ValueError):
            return []
        if len(self._kept) >= KEEP:
            self._kept.clear()
        self._kept[path] = (known.st_mtime_ns, lines)
        return lines


@dataclass(slots=True)
class Here:
    """Finds this machine's file for a path of another host's tree."""

    root: str
    hosts: Callable[[], Mapping[HostName, HostState]]
    _kept: dict[str, bool] = field(default_factory=dict[str, bool])

    def __call__(self, path: str) -> str:
        """Return where it is here; the path itself, if it is nowhere."""
        roots = [host.root for host in self.hosts().values()]
        return path_here(path, roots, self.root, self._exists)

    def _exists(self, path: str) -> bool:
        if path not in self._kept:
            self._kept[path] = Path(path).is_file()
        return self._kept[path]
