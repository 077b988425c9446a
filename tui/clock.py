"""When to draw: as often as it is worth, never more than a tenth of a core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FASTEST = 1 / 10
"""Seconds between frames at best: more than ten a second nobody reads."""
SLOWEST = 1 / 4
DUTY = 0.10
"""The share of one core that drawing may take."""
BACKLOG = 2
"""Writes that may wait for the terminal before frames are left out."""
CALM = 1 / 4
"""Seconds between frames while only the times of running tests change."""


@dataclass(slots=True)
class FrameClock:
    """Decides, pure of any timer, whether to draw and when to look again.

    ``version`` says how often the run's state changed, ``backlog`` how many writes wait for the
    terminal, ``now`` is a monotonic clock in seconds. Report what frames cost with ``drew`` and ``painted``.
    """

    version: Callable[[], int]
    backlog: Callable[[], int]
    now: Callable[[], float]
    drawing: float = 0.002
    """A moving mean of the CPU seconds that it takes to find out what to paint."""
    painting: float = 0.002
    """A moving mean of the CPU seconds that Textual then takes to paint it."""
    skipped: bool = False
    """Whether a frame was left out since the last one was drawn."""
    paused: bool = False
    """While another program has the terminal."""
    _seen: int = -1
    _last: float = -1e9

    @property
    def delay(self) -> float:
        """Seconds until the next look."""
        return min(SLOWEST, max(FASTEST, (self.drawing + self.painting) / DUTY))

    def due(self, *, moving: bool, unfinished: bool = False) -> bool:
        """Whether to draw now.

        ``moving``: something on the screen changes with time alone. ``unfinished``: the last frame
        left work for this one.
        """
        if self.paused:
            return False
        now = self.now()
        changed = unfinished or self.version() != self._seen
        if not changed and not (moving and now - self._last >= CALM - 0.01):
            return False
        if self.backlog() > BACKLOG:
            self.skipped = True
            return False
        self._seen = self.version()
        self._last = now
        return True

    def drew(self, seconds: float) -> None:
        """Take the CPU seconds of a frame."""
        self.drawing += (seconds - self.drawing) / 8

    def painted(self, seconds: float) -> None:
        """Take the CPU seconds of a paint."""
        self.painting += (seconds - self.painting) / 8
