"""The lines of a long text that a test said, each made when it is looked at."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from .lines import Line, Span
from .tail import read_line

_LEVELS = ("dim", "text", "slow", "fail")


class TextLines(Sequence[Line]):
    """Lines of a log, coloured by their levels; ``last`` is put after them."""

    def __init__(self, text: str, last: Line | None = None) -> None:
        self._text = text = text.rstrip("\n")
        self._last = last
        self._ends = array("I")
        """Where each line ends in the text."""
        at = text.find("\n")
        while at >= 0:
            self._ends.append(at)
            at = text.find("\n", at + 1)
        self._ends.append(len(text))

    def __len__(self) -> int:
        return len(self._ends) + (self._last is not None)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        numbers = range(len(self))[index]
        return [*map(self._line, numbers)] if isinstance(numbers, range) else self._line(numbers)

    def __iter__(self) -> Iterator[Line]:
        return map(self._line, range(len(self)))

    def _line(self, number: int) -> Line:
        if number == len(self._ends):
            return self._last or ()
        start = self._ends[number - 1] + 1 if number else 0
        one = read_line("", self._text[start : self._ends[number]])
        return Span("  "), Span(one.text, _LEVELS[one.level] if one.level >= 0 else "text")
