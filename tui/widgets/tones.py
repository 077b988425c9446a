"""Tones as terminal styles, from the colours of a theme."""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.strip import Strip

from ..viewmodels.lines import Line, Span, crop, line_width, width_of

_WORDS = ("bold", "italic", "underline", "reverse")
CURSOR = "cursor"
BLUR = "cursor-blur"
HERE = "here"
"""The ground of the line that a traceback points at."""
BADGES = {
    "badge-ok": ("badge-text", "ok"),
    "badge-fail": ("badge-text", "fail"),
    "badge-warn": ("badge-text", "slow"),
    "badge-busy": ("badge-text", "accent"),
    "key": ("key", ""),
}
"""Tones that set both colours, as (text, ground)."""


class Tones:
    """Styles for tones on a theme's ground; colours are truecolor, so that Textual can dim them."""

    def __init__(
        self, variables: Mapping[str, str], *, plain: bool = False, ascii_only: bool = False
    ) -> None:
        self._ascii_only = ascii_only
        self._variables = variables
        self._plain = plain
        self._styles: dict[tuple[str, str], Style] = {}

    def color(self, role: str) -> Color | None:
        """Return a role's colour; None if the theme has none of that name."""
        value = self._variables.get(f"tl-{role}")
        if value is None:
            return None
        try:
            return Color.parse(value)
        except ColorParseError:
            return None

    def style(self, tone: str, ground: str = "") -> Style:
        """Return the style of a tone on a ground (a role; empty for the screen's own)."""
        key = (tone, ground)
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = self._make(tone, ground)
        return style

    def _make(self, tone: str, ground: str) -> Style:
        role, flags, back = "text", dict.fromkeys(_WORDS, False), ground or "ground"
        for word in tone.split():
            if word in flags:
                flags[word] = True
            elif word.startswith("on:"):
                back = word[3:]
            elif word in BADGES:
                role, own = BADGES[word]
                back = own or back
                flags["reverse"] |= self._plain and bool(own)
            else:
                role = word
        if self._plain and back in (CURSOR, "match"):
            # Turned around, each tone would be a ground of its own: the line would be a patchwork.
            role, flags["reverse"] = "text", True
        front = self.color(role) or self.color("text")
        behind = self.color(back) or self.color("ground")
        return Style(
            color=front.rich_color if front else None,
            bgcolor=behind.rich_color if behind else None,
            bold=flags["bold"] or None,
            italic=flags["italic"] or None,
            underline=flags["underline"] or None,
            reverse=flags["reverse"] or None,
        )

    def strip(self, line: Line, width: int, ground: str = "") -> Strip:
        """Paint a line, cut or padded to ``width`` cells."""
        size = line_width(line)
        if size > width:
            line = crop(line, 0, width)
            size = line_width(line)
        style = self.style
        if self._ascii_only:
            line = tuple(Span(to_ascii(text), tone) for text, tone in line)
        segments = [Segment(text, style(tone, ground)) for text, tone in line]
        if size < width:
            segments.append(Segment(" " * (width - size), style("", ground)))
        return Strip(segments, width)


def to_ascii(text: str) -> str:
    """Return ``text`` for a terminal that shows ASCII only, as wide as it was."""
    if text.isascii():
        return text
    return "".join(
        one if one.isascii() else "." if one == "…" else "?" * width_of(one) for one in text
    )
