"""The lines above and below the panes: the run's header, and the footer with keys or a notice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events

from ..viewmodels.lines import EMPTY, Line, Span, line_width, spread, width_of
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
        self.rest: tuple[tuple[str, str, str], ...] = ()
        """What stands at the right, whatever is left out for want of room."""
        self.places: list[tuple[int, int, str]] = []

    def compose_line(self, y: int) -> tuple[Line, str]:
        """See ``FastLines``."""
        width = self.cells.width
        if self.notice:
            self.places = []
            return spread((Span(" "), *self.notice), (), width), "panel"
        rest, rest_places = self._keys(self.rest, width)
        start = max(0, width - line_width(rest) - 1)
        keys, self.places = self._keys(self.keys, start - 2)
        self.places = [(at + 1, end + 1, name) for at, end, name in self.places]
        self.places += [(start + at, start + end, name) for at, end, name in rest_places]
        return spread((Span(" "), *keys), (*rest, Span(" ")), width), "panel"

    @staticmethod
    def _keys(
        keys: Sequence[tuple[str, str, str]], room: int
    ) -> tuple[list[Span], list[tuple[int, int, str]]]:
        """Return as many keys as there is room for, and where each stands."""
        out: list[Span] = []
        places: list[tuple[int, int, str]] = []
        at = 0
        for name, key, label in keys:
            size = width_of(key) + 1 + width_of(label)
            if at + size > room:
                break
            if out:
                out.append(Span("  "))
            out += [Span(key, "key bold"), Span(f" {label}", "dim")]
            places.append((at, at + size, name))
            at += size + 2
        return out, places

    def on_click(self, event: events.Click) -> None:
        """Do what the clicked key does."""
        for start, end, name in self.places:
            if start <= event.x < end:
                self._press(name)
                return
