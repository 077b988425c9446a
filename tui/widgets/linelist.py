"""A list with a cursor, drawn by the line from a model of any length."""

from __future__ import annotations

from typing import Protocol

from textual import events
from textual.message import Message

from ..viewmodels.lines import EMPTY, Line, Span
from ..viewmodels.times import count_text
from .pane import Pane
from .tones import BLUR, CURSOR


class ListModel(Protocol):
    """What a list shows."""

    def __len__(self) -> int:
        """Return how many lines there are."""
        ...

    def line(self, index: int, width: int) -> Line:
        """Return a line of at most ``width`` cells."""
        ...


class LineList(Pane):
    """A pane with a list in it. It posts ``Moved`` when the cursor moved and ``Opened`` on a second click."""

    class Moved(Message):
        """The cursor is on another line."""

        def __init__(self, pane: LineList) -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> LineList:
            """The list."""
            return self.pane

    class Opened(Moved):
        """The line under the cursor was clicked again."""

    def __init__(
        self,
        title: str,
        model: ListModel,
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
        empty: str = "",
    ) -> None:
        super().__init__(title, id=id, classes=classes)
        self.model = model
        self.empty: str = empty
        self.cursor = 0
        self.top = 0
        self.touched = False
        """Whether the user moved the cursor."""

    # -- moving --------------------------------------------------------------------------------------

    def move_to(self, index: int, *, by_user: bool = True) -> None:
        """Put the cursor on a line, and bring that line into sight."""
        index = max(0, min(len(self.model) - 1, index))
        if by_user:
            self.touched = True
        before, top = self.cursor, self.top
        self.cursor = index
        self._keep_in_sight()
        if self.top != top:
            self.redraw()
        elif before != index:
            self.check_body(before - top, before - top + 1)
            self.check_body(index - top, index - top + 1)
        self._say_where()
        if before != index:
            self.post_message(self.Moved(self))

    def move(self, by: int) -> None:
        """Move the cursor by some lines."""
        self.move_to(self.cursor + by)

    def page(self, by: float) -> None:
        """Move the cursor by pages."""
        self.move(round(by * max(1, self.body_height - 1)) or (1 if by > 0 else -1))

    def clamp(self) -> None:
        """Bring cursor and view back into the list after it became another."""
        self.cursor = max(0, min(len(self.model) - 1, self.cursor))
        self._keep_in_sight()
        self._say_where()

    def _keep_in_sight(self) -> None:
        if self.body_height <= 0:
            return  # not laid out yet: everything would be out of sight
        height = self.body_height
        self.top = min(self.top, max(0, len(self.model) - height))
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.cursor >= self.top + height:
            self.top = self.cursor - height + 1
        # A header line above the first item is worth its place.
        if self.cursor <= 1 and height > 1:
            self.top = 0

    def _say_where(self) -> None:
        total = len(self.model)
        if total > self.body_height > 0:
            foot: Line = (Span(f"{count_text(self.cursor + 1)} of {count_text(total)}", "dim"),)
        else:
            foot = EMPTY
        if foot != self.foot:
            self.foot = foot
            self.check(self.cells.height - 1)

    # -- drawing -------------------------------------------------------------------------------------

    def body_line(self, y: int, width: int) -> tuple[Line, str]:
        """See ``Pane``."""
        index = self.top + y
        total = len(self.model)
        if index >= total:
            return self.blank_line(y, width), ""
        line = self.model.line(index, width)
        if index == self.cursor:
            return line, CURSOR if self.has_focus else BLUR
        return line, ""

    def blank_line(self, y: int, width: int) -> Line:
        """Return what stands where the list has no line: the empty text of an empty list."""
        if len(self.model) == 0 and y == 1 and self.empty:
            return (Span(f"  {self.empty}", "dim"),)
        return EMPTY

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.measure()
        self.clamp()
        self.redraw()

    # -- mouse ---------------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move three lines down."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move three lines up."""
        event.stop()
        self.move(-3)

    def on_click(self, event: events.Click) -> None:
        """Move to the clicked line; open it if the cursor was there and had the focus."""
        index = self.top + event.y - 1
        if not 0 <= index < len(self.model) or not 1 <= event.y <= self.body_height:
            return
        again = index == self.cursor and event.chain > 1
        self.move_to(index)
        if again:
            self.post_message(self.Opened(self))
