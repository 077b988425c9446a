"""The pane of the lanes."""

from __future__ import annotations

from ..viewmodels.lanes import LanesModel, collecting_lines
from ..viewmodels.lines import EMPTY, Line
from ..viewmodels.options import Shown
from ..viewmodels.summary import summary_lines
from .linelist import LineList


class LanesPane(LineList):
    """The lanes; before there are any, what is being collected; after the run, its summary."""

    def __init__(self, model: LanesModel, shown: Shown) -> None:
        super().__init__("Lanes", model, id="lanes")
        self._shown = shown
        self.rows = model
        self.summary = False
        self._text: list[Line] = []

    def follow_run(self) -> None:
        """Follow the run: lay out, keep the cursor on its lane, draw what changed."""
        if self.body_height <= 0:
            return  # not laid out yet: every host would be folded for want of rows
        key = self.rows.keys[self.cursor] if self.cursor < len(self.rows) else None
        self._text = []
        if self.summary:
            self._text = summary_lines(self._shown, self.body_width)
        elif not self.rows.keys:
            self._text = collecting_lines(self._shown, self.body_width)
        if self.rows.arrange(self.body_height):
            if not self.touched:
                lanes = (at for at, one in enumerate(self.rows.keys) if isinstance(one, int))
                self.cursor = next(lanes, 0)
            elif key is not None and key in self.rows.keys:
                self.cursor = self.rows.keys.index(key)
            self.clamp()
            self.redraw()
        else:
            self.check_body()

    @property
    def lines_needed(self) -> int:
        """How many lines there are to show, when nothing is folded for want of rows."""
        if self._text:
            return len(self._text)
        hosts = self._shown.state.hosts.values()
        return sum(len(host.lanes) for host in hosts) + (len(hosts) if len(hosts) > 1 else 0)

    def body_line(self, y: int, width: int) -> tuple[Line, str]:
        """See ``Pane``."""
        if self._text:
            at = y + (self.top if self.summary else 0)
            return (self._text[at] if at < len(self._text) else EMPTY), ""
        return super().body_line(y, width)
