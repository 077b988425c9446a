"""A framed pane that draws its own frame, with a title at the left and facts at the right of it."""

from __future__ import annotations

from ..viewmodels.lines import EMPTY, Line, Span, crop, line_width
from .fastlines import FastLines


class Pane(FastLines, can_focus=True):
    """Frame and body in one widget. A borderless pane (zoomed) keeps its title line only."""

    def __init__(self, title: str, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.title = title
        self.facts: Line = EMPTY
        """What stands at the right of the top line."""
        self.foot: Line = EMPTY
        """What stands at the right of the bottom line."""
        self.bare = False
        """Whether to draw without a frame, so that a terminal's own selection takes text only."""

    # -- the body, for those who inherit -------------------------------------------------------------

    def body_line(self, y: int, width: int) -> tuple[Line, str]:
        """Return line ``y`` of the body, and its ground."""
        raise NotImplementedError

    @property
    def body_height(self) -> int:
        """Lines of the body."""
        return max(0, self.cells.height - (1 if self.bare else 2))

    @property
    def body_width(self) -> int:
        """Cells of a line of the body."""
        return max(0, self.cells.width - (0 if self.bare else 2))

    def check_body(self, first: int = 0, last: int | None = None) -> int:
        """Repaint what changed among lines of the body."""
        return self.check(first + 1, self.cells.height if last is None else last + 1)

    # -- the frame -----------------------------------------------------------------------------------

    def compose_line(self, y: int) -> tuple[Line, str]:
        """See ``FastLines``."""
        height = self.cells.height
        if y == 0:
            return self._top(), ""
        if y == height - 1 and not self.bare:
            return self._bottom(), ""
        line, ground = self.body_line(y - 1, self.body_width)
        if self.bare:
            return line, ground
        edge = Span(self.palette.glyphs.beside, self._edge)
        size = line_width(line)
        room = self.body_width
        if size > room:
            line, size = crop(line, 0, room), room
        if ground:
            line = tuple(
                Span(text, tone if "on:" in tone else f"{tone} on:{ground}") for text, tone in line
            )
        return (edge, *line, Span(" " * (room - size), f"on:{ground}" if ground else ""), edge), ""

    @property
    def _edge(self) -> str:
        return "border-focus" if self.has_focus else "border"

    def _top(self) -> Line:
        glyphs, width, edge = self.palette.glyphs, self.cells.width, self._edge
        tone = "accent bold" if self.has_focus else "title"
        title = (Span(f" {self.title} ", tone),) if self.title else ()
        facts = (Span(" "), *self.facts, Span(" ")) if self.facts else ()
        room = width - 4 - line_width(title)
        if line_width(facts) > room - 1:
            facts = ()
        title = crop(title, 0, width - 4)
        rule = glyphs.across * max(0, width - 4 - line_width(title) - line_width(facts))
        if self.bare:
            return (
                Span(glyphs.across * 2, edge),
                *title,
                Span(rule, edge),
                *facts,
                Span(glyphs.across * 2, edge),
            )
        return (
            Span(glyphs.top_left + glyphs.across, edge),
            *title,
            Span(rule, edge),
            *facts,
            Span(glyphs.across + glyphs.top_right, edge),
        )

    def _bottom(self) -> Line:
        glyphs, width, edge = self.palette.glyphs, self.cells.width, self._edge
        foot = (Span(" "), *self.foot, Span(" ")) if self.foot else ()
        if line_width(foot) > width - 4:
            foot = ()
        rule = glyphs.across * max(0, width - 3 - line_width(foot))
        return (
            Span(glyphs.bottom_left + rule, edge),
            *foot,
            Span(glyphs.across + glyphs.bottom_right, edge),
        )

    def on_focus(self) -> None:
        """Show the focus in the frame."""
        self.redraw()

    def on_blur(self) -> None:
        """Show the loss of the focus."""
        self.redraw()
