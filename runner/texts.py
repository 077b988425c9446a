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

    def __init__(self, recent: int = 1024) -> None:
        """``recent``: how many of the newest are kept as they came, since these are asked for most."""
        self._recent = recent
        self._heads: list[str] = []
        """What all texts of a page begin with."""
        self._pages: list[str] = []
        self._starts: array[int] = array("I")
        """``PAGE + 1`` a page: where the rest of each text begins in it, and where the last one ends."""
        self._paged = 0
        """How many texts are in pages."""
        self._last: list[str] = []
        """The others."""

    def __len__(self) -> int:
        return self._paged + len(self._last)

    def __getitem__(self, index: int) -> str:
        if index >= self._paged:
            return self._last[index - self._paged]
        number = index >> _SHIFT
        at, starts = index + number, self._starts
        return self._heads[number] + self._pages[number][starts[at] : starts[at + 1]]

    def at(self, indexes: Iterable[int]) -> list[str]:
        """Return many, which takes half the time that asking for each does."""
        heads, pages, starts = self._heads, self._pages, self._starts
        last, paged = self._last, self._paged
        return [
            heads[number := index >> _SHIFT]
            + pages[number][starts[index + number] : starts[index + number + 1]]
            if index < paged
            else last[index - paged]
            for index in indexes
        ]

    def append(self, text: str) -> None:
        """Add one."""
        self.extend((text,))

    def extend(self, texts: Iterable[str]) -> None:
        """Add many."""
        last = self._last
        last += texts
        if len(last) < 2 * self._recent + PAGE:
            return
        full = (len(last) - self._recent) // PAGE * PAGE
        for at in range(0, full, PAGE):
            self._fill(last[at : at + PAGE])
        self._paged += full
        del last[:full]

    def _fill(self, texts: list[str]) -> None:
        size = _alike(min(texts), max(texts))
        rests = [text[size:] for text in texts]
        self._pages.append("".join(rests))
        self._starts.extend(accumulate(map(len, rests), initial=0))
        self._heads.append(texts[0][:size])


def _alike(first: str, last: str) -> int:
    """Return how many characters two texts begin with alike, of which ``first`` is sorted first."""
    least, most = 0, len(first)
    while least < most:
        middle = (least + most + 1) // 2
        if last.startswith(first[:middle]):
            least = middle
        else:
            most = middle - 1
    return least
