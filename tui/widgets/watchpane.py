"""The pane of a watch: a function of its state, a fixed number of lines high."""

from __future__ import annotations

from testlanes.runner.state.watch import WatchState

from ..viewmodels.lines import EMPTY, Line
from ..viewmodels.options import Shown
from ..viewmodels.watch import HEIGHT, watch_lines
from .pane import Pane


class WatchPane(Pane):
    """Shows what ran and why, what is left to do, what is watched."""

    def __init__(self, shown: Shown, watch: WatchState) -> None:
        super().__init__("Watch", id="watch")
        self._shown, self._watch = shown, watch
        self._now: list[Line] = []
        self.styles.height = HEIGHT + 2

    def body_line(self, y: int, width: int) -> tuple[Line, str]:
        """See ``Pane``."""
        if y == 0:
            self._now = watch_lines(self._shown, self._watch, width)
        return (self._now[y] if y < len(self._now) else EMPTY), ""
