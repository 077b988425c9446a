"""What a watch knows of who uses which file, kept from one session to the next."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, cast

from ..affected import Uses

_FORMAT = 1
Stamp = tuple[int, int]


class Notes:
    """A file in the repository's folder: the uses, and each file's version when all that uses it had run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.uses = Uses()
        self.stamps: dict[str, Stamp] = {}
        self.known = False
        """Whether an earlier session left anything."""
        self._read()

    def _read(self) -> None:
        try:
            data = cast("dict[str, Any]", json.loads(self._path.read_text("utf-8")))
            if data["format"] != _FORMAT:
                return
            readers = {str(what): set(map(str, who)) for what, who in data["readers"].items()}
            starters, recorded = set(map(str, data["starters"])), set(map(str, data["recorded"]))
            stamps = {str(k): (int(v[0]), int(v[1])) for k, v in data["stamps"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # none, or of another version: everything runs once more
        self.uses.readers, self.uses.starters, self.uses.recorded = readers, starters, recorded
        self.stamps, self.known = stamps, bool(recorded)

    def stamp(
        self, files: set[str], of: Callable[[str], Stamp | None], pending: Collection[str] = ()
    ) -> None:
        """Keep the versions of files as they are now; those of ``pending`` as they were."""
        before = self.stamps
        self.stamps = {path: before[path] for path in pending if path in before}
        for path in files.difference(pending):
            if (stamp := of(path)) is not None:
                self.stamps[path] = stamp

    def changed(self, files: set[str], of: Callable[[str], Stamp | None]) -> list[str]:
        """Return the files that are not what they were, in the last session, and those that are new or gone."""
        paths = files | self.stamps.keys()
        return sorted(path for path in paths if self.stamps.get(path) != of(path))

    def write(self) -> None:
        """Store it. What cannot be stored is learnt again the next time."""
        uses = self.uses
        data = {
            "format": _FORMAT,
            "readers": {what: sorted(who) for what, who in sorted(uses.readers.items())},
            "starters": sorted(uses.starters),
            "recorded": sorted(uses.recorded),
            "stamps": self.stamps,
        }
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(data), "utf-8")
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
