"""What is known of a watch: the fold of its events."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import assert_never

from ..events import ImageChanged
from ..ids import ProfileName
from ..watching import (
    Broken,
    Cycle,
    CycleBegan,
    CycleEnded,
    FilesSaved,
    SourcesBroken,
    WatchBegan,
    WatchEvent,
    Ways,
    WaysChanged,
)

KEPT = 100
"""Cycles that are kept."""


class WatchState:
    """The store of one watch. Only ``apply`` writes."""

    def __init__(self) -> None:
        self.ways = Ways()
        self.files = 0
        """How many files are watched; 0 until they are known."""
        self.saved_at = 0
        self.saved: tuple[str, ...] = ()
        """What changed last, and when (0: nothing yet)."""
        self.ignored: Mapping[str, str] = {}
        """What changed with it and is no matter: path -> why."""
        self.waiting: tuple[str, ...] = ()
        """Changed, and no cycle has taken it up."""
        self.running: Cycle | None = None
        self.last: Cycle | None = None
        """The last cycle in which tests ran."""
        self.told: Cycle | None = None
        """The last one of all; its ``failing``, ``due`` and ``unseen`` hold now."""
        self.cycles: deque[Cycle] = deque(maxlen=KEPT)
        self.broken: tuple[Broken, ...] = ()
        self.images: dict[ProfileName, ImageChanged] = {}
        self.red: bool | None = None
        """Whether something is failing; None before the first cycle."""

    def apply(self, event: WatchEvent) -> None:
        """Fold one event in."""
        match event:
            case WatchBegan(files, ways, failures):
                self.files, self.ways = files, ways
                self.red = True if failures else None
            case FilesSaved(at, changed, waiting, files, ignored):
                if changed:
                    self.saved_at, self.saved = at, changed
                self.waiting, self.files, self.ignored = waiting, files, ignored
            case SourcesBroken(_, _, broken):
                self.broken = broken
            case WaysChanged(ways):
                self.ways = ways
            case CycleBegan(cycle, waiting):
                self.running, self.waiting = cycle, waiting
            case CycleEnded(cycle, _, waiting):
                self.running, self.told, self.waiting = None, cycle, waiting
                if cycle.number:
                    self.last = cycle
                    self.cycles.append(cycle)
                if not cycle.stopped:
                    self.red = cycle.red
            case ImageChanged():
                self.images[event.profile] = event
            case _:
                assert_never(event)
