"""The project's source files, for the lines around a failure."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

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
