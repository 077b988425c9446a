"""A list of texts that only grows, for those of which neighbours begin alike, as test ids do.

500,000 ids of a hundred characters are 80 MB of strings. Here each page of them is one string: what they all
begin with, and then the rest of each. Of such ids that leaves a fifth, and of texts of any kind not more than they were.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import accumulate

_SHIFT = 5
PAGE = 1 << _SHIFT
"""Texts in a page."""


class Texts:
    """Append-only; a text is made anew whenever it is asked for."""

    def __init__(self) -> None:
        self._heads: list[str] = []
        """What all texts of a page begin with."""
        self._pages: list[str] = []
        self._starts: array[int] = array("I")
        """``PAGE + 1`` a page: where the rest of each text begins in it, and where the last one ends."""
        self._last: list[str] = []
        """What fills no page yet."""

    def __len__(self) -> int:
        return len(self._pages) * PAGE + len(self._last)

    def __getitem__(self, index: int) -> str:
        number = index >> _SHIFT
        try:
            head = self._heads[number]
        except IndexError:
            return self._last[index - (number << _SHIFT)]
        at, starts = index + number, self._starts
        return head + self._pages[number][starts[at] : starts[at + 1]]

    def at(self, indexes: Iterable[int]) -> list[str]:
        """Return many, which takes half the time that asking for each does."""
        heads, pages, starts = self._heads, self._pages, self._starts
        last, full = self._last, len(pages) << _SHIFT
        return [
            heads[number := index >> _SHIFT]
            + pages[number][starts[index + number] : starts[index + number + 1]]
            if index < full
            else last[index - full]
            for index in indexes
        ]

    def append(self, text: str) -> None:
        """Add one."""
        self._last.append(text)
        if len(self._last) == PAGE:
            self._fill(self._last)
            self._last = []

    def extend(self, texts: Iterable[str]) -> None:
        """Add many."""
        self._last += texts
        full = len(self._last) // PAGE * PAGE
        for at in range(0, full, PAGE):
            self._fill(self._last[at : at + PAGE])
        del self._last[:full]

    def _fill(self, texts: list[str]) -> None:
        size = _alike(min(texts), max(texts))
        rests = [text[size:] for text in texts]
        self._pages.append("".join(rests))
        self._starts.extend(accumulate(map(len, rests), initial=0))
        self._heads.append(texts[0][:size])


def _alike(first: str, last: str) -> int:
    """Return how many characters two texts begin with alike, of which ``first`` is sorted first."""
    for at, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return at
    return len(first)
