"""A widget that is drawn by the line and repaints only the lines that changed.

Textual's own path costs about 0.1 ms a line in style look-ups; this one keeps a strip for each
visible line and takes its styles from ``Tones``. It has no border, padding or scrollbar of
Textual's, and its size never depends on its content, so that no change costs a layout.
"""

from __future__ import annotations

from typing import Protocol, cast

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from ..viewmodels.glyphs import Glyphs
from ..viewmodels.lines import EMPTY, Line
from .tones import Tones


class Palette(Protocol):
    """What a widget needs of the app: how tones look now, and which signs to use."""

    tones: Tones
    glyphs: Glyphs


class FastLines(Widget, inherit_bindings=False):
    """Draws ``compose_line(y)`` for each of its lines, and again where that changed."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes, markup=False)
        self._lines: dict[int, tuple[Line, str]] = {}
        self._composed: dict[int, tuple[Line, str]] = {}
        """Lines that changed, made by ``check`` and not drawn yet."""
        self._strips: dict[int, Strip] = {}
        self._for: tuple[object, ...] = ()
        self._cells: Size | None = None

    @property
    def cells(self) -> Size:
        """The widget's size, as last measured: Textual looks it up anew each time, which is dear."""
        return self._cells or self.measure()

    def measure(self) -> Size:
        """Take the size as it is now."""
        self._cells = self.size
        return self._cells

    def on_resize(self) -> None:
        """Textual calls this when the size changed."""
        self.measure()

    @property
    def palette(self) -> Palette:
        """The app's tones and signs."""
        return cast("Palette", self.app)  # pyright: ignore[reportUnknownMemberType]

    def compose_line(self, y: int) -> tuple[Line, str]:
        """Return line ``y`` of the widget and the ground it stands on."""
        raise NotImplementedError

    def check(self, first: int = 0, last: int | None = None) -> int:
        """Repaint those lines from ``first`` to before ``last`` that changed; return how many."""
        width, height = self.measure()
        changed: list[Region] = []
        for y in range(max(0, first), height if last is None else min(last, height)):
            # What waits to be painted is out of date as easily as what was painted.
            known = self._composed.get(y) or (self._lines[y] if y in self._strips else None)
            if (line := self.compose_line(y)) != known:
                self._strips.pop(y, None)
                self._composed[y] = line
                changed.append(Region(0, y, width, 1))
        if changed:
            self.refresh(*changed)
        return len(changed)

    def redraw(self) -> None:
        """Repaint everything."""
        self._strips.clear()
        self._composed.clear()
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a region; only what is not kept is drawn."""
        size = self.measure()
        tones = self.palette.tones
        now = (size, tones)
        if now != self._for:
            self._for = now
            self._strips.clear()
            self._composed.clear()
        filters = self.get_line_filters()
        out: list[Strip] = []
        for y in crop.line_range:
            strip = self._strips.get(y)
            if strip is None:
                found = self._composed.pop(y, None)
                if found is None:
                    found = self.compose_line(y) if y < size.height else (EMPTY, "")
                self._lines[y] = found
                line, ground = found
                strip = tones.strip(line, size.width, ground)
                for one in filters:
                    # Our colours are truecolor already; that filter costs a fifth of a frame.
                    if type(one).__name__ != "ANSIToTruecolor":
                        strip = strip.apply_filter(one, self.background_colors[1])
                self._strips[y] = strip
            out.append(strip)
        if crop.x or crop.width != size.width:
            start, end = crop.column_span
            out = [strip.crop(start, end) for strip in out]
        return out
