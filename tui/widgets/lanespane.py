"""The pane of the lanes."""

from __future__ import annotations

from collections.abc import Iterable

from testlanes.runner.ids import LaneId

from ..clock import CALM
from ..viewmodels.collecting import collecting_lines
from ..viewmodels.lanes import LaneKey, LanesModel
from ..viewmodels.lines import EMPTY, Line
from ..viewmodels.options import Shown
from ..viewmodels.summary import summary_lines
from ..viewmodels.times import NS
from .linelist import LineList


class LanesPane(LineList):
    """The lanes; before there are any, what is being collected; after the run, its summary."""

    def __init__(self, model: LanesModel, shown: Shown) -> None:
        super().__init__("Lanes", model, id="lanes")
        self._shown = shown
        self.rows = model
        self.summary = False
        self._text: list[Line] = []
        self._told: tuple[object, ...] = ()
        self._places: dict[LaneKey, int] = {}
        self._looked = 0

    def follow_run(self, changed: Iterable[LaneId] | None = None) -> None:
        """Follow the run: lay out, keep the cursor on its lane, draw what changed.

        Given the lanes that changed, only those are looked at, and the others, whose times alone
        move, a few times a second.
        """
        if self.body_height <= 0:
            return  # not laid out yet: every host would be folded for want of rows
        key = self.rows.keys[self.cursor] if self.cursor < len(self.rows) else None
        self._tell()
        if self.rows.arrange(self.body_height):
            if not self.touched:
                lanes = (at for at, one in enumerate(self.rows.keys) if isinstance(one, int))
                self.cursor = next(lanes, 0)
            elif key is not None and key in self.rows.keys:
                self.cursor = self.rows.keys.index(key)
            self._places = {key: at for at, key in enumerate(self.rows.keys)}
            self.clamp()
            self.redraw()
            return
        now = self._shown.now_ns()
        if changed is None or self._text or abs(now - self._looked) >= CALM * NS:
            self._looked = now
            self.check_body()
            return
        for lane in changed:
            if (at := self._places.get(lane)) is not None:
                self.check_body(at - self.top, at - self.top + 1)

    def _tell(self) -> None:
        """Bring the text up to date that stands in the lanes' place before there are any, and after the run."""
        shown = self._shown
        now = (self.summary, shown.state.version, shown.options.version, self.body_width)
        if self.summary or not self.rows.keys:
            if now != self._told:
                make = summary_lines if self.summary else collecting_lines
                self._text = make(shown, self.body_width)
        else:
            self._text = []
        self._told = now

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
