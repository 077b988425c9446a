"""Screens of panes: moving about in them, searching, zooming, copying and saving their text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from textual.screen import Screen
from textual.widgets import Input

from testlanes.runner.ids import LaneId, Row

from ..viewmodels.lines import Line, text_of
from ..widgets.linelist import LineList
from ..widgets.pane import Pane
from ..widgets.textpane import TextPane

if TYPE_CHECKING:
    from ..app import Dashboard


class PanesScreen(Screen[None], inherit_bindings=False):
    """A screen of panes. ``frame`` is called by the clock, ``entered`` when it comes to the front."""

    @property
    def dash(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    # -- for those who inherit -----------------------------------------------------------------------

    def frame(self, rows: Iterable[Row], lanes: Iterable[LaneId]) -> None:
        """Draw what changed since the last frame."""

    def entered(self) -> None:
        """Bring everything up to date: the screen comes to the front."""

    def panes(self) -> Sequence[Pane]:
        """Return the panes that can have the focus, in their order."""
        return [pane for pane in self.query(Pane) if pane.display and pane.can_focus]

    # -- the focused pane ----------------------------------------------------------------------------

    @property
    def pane(self) -> Pane | None:
        """The pane with the focus."""
        return self.focused if isinstance(self.focused, Pane) else None

    @property
    def text_pane(self) -> TextPane | None:
        """The text with the focus, or the screen's one text."""
        if isinstance(self.focused, TextPane):
            return self.focused
        texts = [pane for pane in self.panes() if isinstance(pane, TextPane)]
        return texts[-1] if texts else None

    def action_move_down(self) -> None:
        """See the table."""
        self._move(1)

    def action_move_up(self) -> None:
        """See the table."""
        self._move(-1)

    def _move(self, by: int) -> None:
        pane = self.pane
        if isinstance(pane, LineList):
            pane.move(by)
        elif isinstance(pane, TextPane):
            pane.scroll_by(by)
        elif isinstance(self.focused, Input) and self.panes():
            self.panes()[0].focus()

    def action_move_first(self) -> None:
        """See the table."""
        pane = self.pane
        if isinstance(pane, LineList):
            pane.move_to(0)
        elif isinstance(pane, TextPane):
            pane.to_start()

    def action_move_last(self) -> None:
        """See the table."""
        pane = self.pane
        if isinstance(pane, LineList):
            pane.move_to(len(pane.model) - 1)
        elif isinstance(pane, TextPane):
            pane.to_end(follow=self.follows(pane))

    def follows(self, pane: TextPane) -> bool:
        """Whether the end of a text grows, so that its end is followed."""
        return False

    def _page(self, by: float) -> None:
        pane = self.pane
        if isinstance(pane, LineList | TextPane):
            pane.page(by)

    def action_half_down(self) -> None:
        """See the table."""
        self._page(0.5)

    def action_half_up(self) -> None:
        """See the table."""
        self._page(-0.5)

    def action_page_down(self) -> None:
        """See the table."""
        self._page(1)

    def action_page_up(self) -> None:
        """See the table."""
        self._page(-1)

    def action_left(self) -> None:
        """See the table."""
        if isinstance(self.focused, TextPane) and self.focused.left:
            self.focused.pan(-8)
        else:
            self.action_focus_previous()

    def action_right(self) -> None:
        """See the table."""
        if isinstance(self.focused, TextPane):
            self.focused.pan(8)
        else:
            self.action_focus_next()

    def _focus(self, by: int) -> None:
        panes = list(self.panes())
        if panes:
            at = panes.index(self.pane) + by if self.pane in panes else 0
            panes[at % len(panes)].focus()

    def action_focus_next(self) -> None:
        """See the table."""
        self._focus(1)

    def action_focus_previous(self) -> None:
        """See the table."""
        self._focus(-1)

    # -- zoom, search, copy, save --------------------------------------------------------------------

    def action_zoom(self) -> None:
        """See the table."""
        if not self.unzoom() and (pane := self.pane) is not None:
            pane.bare = True
            self.add_class("-zoomed")
            for other in self.query(Pane):
                other.set_class(other is pane, "-zoom")
            pane.redraw()
            self.frame((), ())

    def unzoom(self) -> bool:
        """End a zoom; return whether there was one."""
        if not self.has_class("-zoomed"):
            return False
        self.remove_class("-zoomed")
        for pane in self.query(Pane):
            pane.bare = False
            pane.remove_class("-zoom")
            pane.redraw()
        self.frame((), ())
        return True

    def clear_search(self) -> bool:
        """End a search or filter; return whether there was one."""
        found = False
        for pane in self.query(TextPane):
            if pane.hits:
                self.search("")
                pane.search("")
                found = True
        return found

    def action_filter(self) -> None:
        """See the table."""
        if (pane := self.text_pane) is not None:
            self.dash.ask_text("Search", "", lambda query: self._search(pane, query))

    def _search(self, pane: TextPane, query: str) -> None:
        self.search(query)
        found = pane.search(query)
        if query and not found:
            self.dash.notice(f"Nothing found for {query!r}.", "slow")

    def search(self, query: str) -> None:
        """Mark what is searched for, where a screen's model does that itself."""

    def action_found_next(self) -> None:
        """See the table."""
        if (pane := self.text_pane) is not None:
            pane.next_hit(1)

    def action_found_previous(self) -> None:
        """See the table."""
        if (pane := self.text_pane) is not None:
            pane.next_hit(-1)

    def action_wrap(self) -> None:
        """See the table."""
        if (pane := self.text_pane) is not None:
            pane.toggle_wrap()

    def pane_text(self) -> str:
        """Return the whole text of the focused pane, also what is out of sight."""
        pane = self.pane
        if not isinstance(pane, LineList | TextPane):
            return ""
        lines: list[Line] = [pane.model.line(index, 160) for index in range(len(pane.model))]
        return "\n".join(text_of(line).rstrip() for line in lines) + "\n"

    def action_copy_pane(self) -> None:
        """See the table."""
        text = self.pane_text()
        if text.strip():
            self.dash.copy(text, f"{text.count(chr(10)):,} lines")

    def action_save(self) -> None:
        """See the table."""
        text = self.pane_text()
        if text.strip():
            self.dash.ask_text(
                "Write to file", self.save_name(), lambda name: self.dash.save(name, text)
            )

    def save_name(self) -> str:
        """Return the name to propose for a saved pane."""
        return "testlanes.txt"
