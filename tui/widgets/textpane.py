"""A pane of text: scrolls, follows its end, wraps, and finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from textual import events

from ..viewmodels.lines import EMPTY, Line, Span, crop, line_width, text_of
from ..viewmodels.times import count_text
from .pane import Pane
from .tones import CURSOR, HERE


class TextModel(Protocol):
    """What a text pane shows."""

    def __len__(self) -> int:
        """Return how many lines there are."""
        ...

    def line(self, index: int, width: int) -> Line:
        """Return a line, as long as it is."""
        ...


class TextPane(Pane):
    """Shows a text model. ``follow`` keeps its end in sight as it grows."""

    def __init__(
        self,
        title: str,
        model: TextModel,
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
        follow: bool = False,
        empty: Callable[[], str] = str,
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.model = model
        self.follow = follow
        self.wrap = False
        self.top = 0
        self.left = 0
        self.hits: list[int] = []
        self.hit = -1
        self.head: tuple[Line, ...] = ()
        """Lines that stay above the text."""
        self._empty = empty
        self._wrapped: list[tuple[int, int]] = []
        self._folded_for: tuple[object, ...] = ()
        self._folded = 0

    def show(self, model: TextModel, *, follow: bool = False) -> None:
        """Show another text, from its beginning, or from its end if it is to be followed."""
        self.model, self.follow = model, follow
        self.top = self.left = 0
        self.hits, self.hit = [], -1
        self.grown()
        self.redraw()

    def set_head(self, head: tuple[Line, ...]) -> None:
        """Put other lines above the text."""
        if head != self.head:
            grown = len(head) != len(self.head)
            self.head = head
            if grown:
                self.grown()
            self.check_body()

    @property
    def body_height(self) -> int:
        """Lines of the text in sight."""
        return max(0, super().body_height - len(self.head))

    # -- scrolling -----------------------------------------------------------------------------------

    def grown(self) -> None:
        """Look at the model again; it has more, or other, lines."""
        if self.wrap:
            self._fold()
        if self.follow:
            self.top = self._last_top
        self.top = max(0, min(self.top, self._last_top))
        self._say_where()
        self.check_body()

    @property
    def _total(self) -> int:
        return len(self._wrapped) if self.wrap else len(self.model)

    @property
    def _last_top(self) -> int:
        return max(0, self._total - self.body_height)

    def scroll_by(self, lines: int) -> None:
        """Scroll; a scroll up ends following, one to the end of a followed text does not begin it."""
        self._go(self.top + lines)
        if lines < 0:
            self.follow = False
        self._say_where()

    def page(self, by: float) -> None:
        """Scroll by pages."""
        self.scroll_by(round(by * max(1, self.body_height - 1)))

    def pan(self, cells: int) -> None:
        """Scroll sideways."""
        self.left = max(0, self.left + cells)
        self.check_body()

    def to_start(self) -> None:
        """Show the first line."""
        self.follow = False
        self._go(0)
        self._say_where()

    def to_end(self, *, follow: bool = False) -> None:
        """Show the last line, and keep to it if asked."""
        self.follow = follow
        self._go(self._last_top)
        self._say_where()

    def toggle_wrap(self) -> None:
        """Fold long lines, or cut them."""
        self.wrap = not self.wrap
        self.left = 0
        self.grown()
        self.redraw()

    def _go(self, top: int) -> None:
        self.top = max(0, min(top, self._last_top))
        self.check_body()

    def _fold(self) -> None:
        """Cut the lines at the pane's width; of a text that only grew, the new lines alone."""
        width = max(8, self.body_width)
        size = len(self.model)
        now = (self.model, width, self.model.line(0, width) if size else None)
        known = self._folded if now == self._folded_for and self._folded <= size else 0
        # The last line may have grown since.
        known = max(0, known - 4)
        while self._wrapped and self._wrapped[-1][0] >= known:
            self._wrapped.pop()
        if not known:
            self._wrapped = []
        self._wrapped += [
            (index, start)
            for index in range(known, size)
            for start in range(0, max(1, line_width(self.model.line(index, width))), width)
        ]
        self._folded_for, self._folded = now, size

    def _say_where(self) -> None:
        foot: list[Span] = []
        if self.hits:
            foot.append(Span(f"{self.hit + 1}/{len(self.hits)} found  ", "accent"))
        if self.follow and len(self.model):
            foot.append(Span("following", "ok"))
        elif (total := self._total) > self.body_height > 0:
            foot.append(
                Span(
                    f"{count_text(min(total, self.top + self.body_height))} of {count_text(total)}",
                    "dim",
                )
            )
        if self.wrap:
            foot.append(Span("  wrapped", "dim"))
        if tuple(foot) != self.foot:
            self.foot = tuple(foot)
            self.check(self.cells.height - 1)

    # -- searching -----------------------------------------------------------------------------------

    def search(self, query: str) -> int:
        """Find ``query`` (case aside); show the first hit at or after the top; return how many."""
        wanted = query.lower()
        width = max(1, self.body_width)
        self.hits = [
            index
            for index in range(len(self.model))
            if wanted and wanted in text_of(self.model.line(index, width)).lower()
        ]
        self.hit = -1
        if self.hits:
            first = self._line_at(self.top)
            self.hit = next((n for n, index in enumerate(self.hits) if index >= first), 0)
            self._reveal(self.hits[self.hit])
        self._say_where()
        self.redraw()
        return len(self.hits)

    def next_hit(self, by: int) -> None:
        """Go to the next or the previous hit."""
        if self.hits:
            self.hit = (self.hit + by) % len(self.hits)
            self._reveal(self.hits[self.hit])
            self._say_where()
            self.redraw()

    def _line_at(self, y: int) -> int:
        if self.wrap:
            return self._wrapped[y][0] if y < len(self._wrapped) else 0
        return y

    def _reveal(self, index: int) -> None:
        self.follow = False
        y = (
            next((y for y, (line, _) in enumerate(self._wrapped) if line == index), 0)
            if self.wrap
            else index
        )
        if not self.top <= y < self.top + self.body_height:
            self._go(y - self.body_height // 3)

    # -- drawing -------------------------------------------------------------------------------------

    def body_line(self, y: int, width: int) -> tuple[Line, str]:
        """See ``Pane``."""
        if y < len(self.head):
            return self.head[y], ""
        y -= len(self.head)
        at = self.top + y
        if at >= self._total:
            if not len(self.model) and y == 0:
                return (Span(f"  {self._empty()}", "dim"),), ""
            return EMPTY, ""
        index, start = self._wrapped[at] if self.wrap else (at, self.left)
        if index >= len(self.model):
            return EMPTY, ""
        line = self.model.line(index, width)
        ground = (
            CURSOR
            if self.hits and 0 <= self.hit < len(self.hits) and index == self.hits[self.hit]
            else ""
        )
        if not ground and line and line[-1].tone.endswith(f"on:{HERE}"):
            ground = HERE  # to the edge, however wide the pane is
        return (crop(line, start, width) if start or self.wrap else line), ground

    def on_resize(self) -> None:
        """Fold and follow for the new size."""
        self.measure()
        self.grown()
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll three lines down."""
        event.stop()
        self.scroll_by(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll three lines up."""
        event.stop()
        self.scroll_by(-3)
