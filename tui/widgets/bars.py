"""The lines above and below the panes: the run's header, and the footer with keys or a notice."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from ..viewmodels.lines import EMPTY, Line, Span, crop, line_width, spread, width_of
from .fastlines import FastLines


class Bar(FastLines):
    """Lines that a function makes: ``make(y, width)``."""

    def __init__(
        self,
        make: Callable[[int, int], Line],
        *,
        ground: str = "",
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._make = make
        self._ground = ground

    def compose_line(self, y: int) -> tuple[Line, str]:
        """See ``FastLines``."""
        return self._make(y, self.cells.width), self._ground


class Footer(FastLines):
    """The keys of the moment; a notice takes their place for a while. A click on a key presses it."""

    def __init__(self, press: Callable[[str], None], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._press = press
        self.keys: tuple[tuple[str, str, str], ...] = ()
        """(action's name, key, label) of what is shown."""
        self.notice: Line = EMPTY
        self.rest: Line = EMPTY
        """What stands at the right."""
        self.places: list[tuple[int, int, str]] = []

    def compose_line(self, y: int) -> tuple[Line, str]:
        """See ``FastLines``."""
        width = self.cells.width
        if self.notice:
            self.places = []
            return spread((Span(" "), *self.notice), (), width), "panel"
        out: list[Span] = [Span(" ")]
        places: list[tuple[int, int, str]] = []
        at = 1
        room = width - line_width(self.rest) - 1
        for name, key, label in self.keys:
            size = width_of(key) + 1 + width_of(label) + 2
            if at + size > room:
                break
            out += [Span(key, "key bold"), Span(f" {label}  ", "dim")]
            places.append((at, at + size - 2, name))
            at += size
        self.places = places
        line = spread(tuple(out), self.rest, width) if self.rest else crop(out, 0, width)
        return line, "panel"

    def on_click(self, event: events.Click) -> None:
        """Do what the clicked key does."""
        for start, end, name in self.places:
            if start <= event.x < end:
                self._press(name)
                return
