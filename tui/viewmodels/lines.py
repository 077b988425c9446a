"""Lines of the screen as data: spans of text with a tone, cut and padded in terminal cells.

A tone says what a text *is* (``fail``, ``dim``, ``title``), a theme says how that looks. A tone is
words: one colour role, then any of ``bold``, ``italic``, ``underline``, ``reverse``, and ``on:ROLE``
for the ground.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from rich.cells import cell_len, set_cell_size


class Span(NamedTuple):
    """A run of text in one tone; the empty tone is plain text."""

    text: str
    tone: str = ""


Line: TypeAlias = tuple[Span, ...]

EMPTY: Line = ()
TAB = 8

# Everything that could steer a terminal or turn its text around: C0, DEL, C1, the bidirectional
# controls, line and paragraph separators, zero-width characters, surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_MARKS = re.compile(
    "([\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f]{3})[\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f]+"
)
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-~])"
)

_NARROW = re.compile("[ -~…\u2500-\u25fc]*").fullmatch
"""Whether all is ASCII, an ellipsis, lines, blocks and shapes: a cell each. What rich asks of each character is dear."""


def clean(text: str) -> str:
    """Return ``text`` as one line that a terminal only shows: controls become pictures, tabs spaces."""
    if text.isascii() and text.isprintable():
        return text
    if "\t" in text:
        text = text.expandtabs(TAB)
    return _MARKS.sub(r"\1", _UNSAFE.sub(_picture, text))


def strip_escapes(text: str) -> str:
    """Return ``text`` without terminal escape sequences, such as colours."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"


def width_of(text: str) -> int:
    """Return how many cells ``text`` takes."""
    return len(text) if text.isascii() else _cells_of(text)


@lru_cache(4096)
def _cells_of(text: str) -> int:
    return len(text) if _NARROW(text) else cell_len(text)


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """Return ``text`` in exactly ``width`` cells, cut at its right end."""
    if width <= 0:
        return ""
    if (size := width_of(text)) <= width:
        return text + " " * (width - size)
    room = width - len(ellipsis)
    if room <= 0:
        return set_cell_size(text, width)
    return (text[:room] if text.isascii() else set_cell_size(text, room)) + ellipsis


def right(text: str, width: int) -> str:
    """Return ``text`` at the right of ``width`` cells; longer text is cut at its right end."""
    size = width_of(text)
    return " " * (width - size) + text if size <= width else fit(text, width)


def keep_end(text: str, width: int, ellipsis: str = "…") -> str:
    """Return the end of ``text`` in at most ``width`` cells: what is left out is at its left."""
    if width <= 0:
        return ""
    if width_of(text) <= width:
        return text
    room = max(0, width - len(ellipsis))
    if text.isascii():
        return (ellipsis + text[len(text) - room :])[-width:]
    cut = text[-room:] if room else ""
    while width_of(cut) > room:
        cut = cut[1:]
    return ellipsis + cut


def line_width(line: Iterable[Span]) -> int:
    """Return how many cells a line takes."""
    return sum([len(text) if text.isascii() else _cells_of(text) for text, _ in line])


def text_of(line: Iterable[Span]) -> str:
    """Return a line's plain text."""
    return "".join(span.text for span in line)


def crop(line: Iterable[Span], start: int, width: int) -> Line:
    """Return the cells from ``start`` on, at most ``width`` of them."""
    out: list[Span] = []
    at = 0
    end = start + width
    for text, tone in line:
        size = width_of(text)
        if at >= end:
            break
        if at + size > start:
            if at < start or at + size > end:
                text = _cells(text, max(0, start - at), end - at)
            if text:
                out.append(Span(text, tone))
        at += size
    return tuple(out)


def _cells(text: str, start: int, end: int) -> str:
    if text.isascii():
        return text[start:end]
    head = set_cell_size(text, end) if end < width_of(text) else text
    if not start:
        return head
    at = 0
    for index, character in enumerate(head):
        if at >= start:
            return " " * (at - start) + head[index:]
        at += width_of(character)
    return ""


def spread(left: Line, rest: Line, width: int) -> Line:
    """Return ``left`` at the left and ``rest`` at the right of ``width`` cells; the left gives way."""
    size = line_width(rest)
    if size >= width:
        return crop(rest, 0, width)
    room = width - size
    left = crop(left, 0, max(0, room - 1))
    return (*left, Span(" " * (room - line_width(left))), *rest)


def split_id(test_id: str) -> tuple[str, str]:
    """Return a test id as (where it is, its own name); together they are the id.

    ``a.b.C.test_x(y)`` splits before ``test_x``, ``t/x.py::C::test[a.b]`` before ``test[a.b]``, a file
    before its own name.
    """
    if test_id.endswith(".py") and "::" not in test_id:
        at = test_id.rfind("/")
        return test_id[: at + 1], test_id[at + 1 :]
    head = len(test_id)
    for mark in "[(":
        if (at := test_id.find(mark)) > 0:
            head = min(head, at)
    at = test_id.rfind("::", 0, head)
    if at >= 0:
        return test_id[: at + 2], test_id[at + 2 :]
    at = test_id.rfind(".", 0, head)
    return test_id[: at + 1], test_id[at + 1 :]


def name_spans(
    test_id: str, width: int, tone: str = "", path_tone: str = "dim", ellipsis: str = "…"
) -> Line:
    """Return a test id in exactly ``width`` cells, its own name in ``tone``; the left end gives way."""
    where, name = split_id(test_id)
    size = width_of(name)
    if size >= width:
        # Of a name that is too long in itself, its beginning says more than its parameters.
        return (Span(fit(name, width, ellipsis), tone),)
    where = keep_end(where, width - size, ellipsis)
    pad = width - size - width_of(where)
    return (Span(where, path_tone), Span(name + " " * pad, tone))
