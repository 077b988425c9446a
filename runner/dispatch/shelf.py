"""A priority queue for very many cases: what takes longest first, in buckets, four bytes a case."""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Callable
from itertools import chain, islice
from zlib import crc32

UNKNOWN = 479
"""The bucket of what has never been timed: it comes first."""
_STEPS = 8
_SMALLEST = -3
_SHORT = 2.0 ** (_SMALLEST - 1)
_SHORTEST = _SHORT / 8
"""Below 62 ms all durations are alike, for a run ends no later than that for it.

Such tests keep their listing's order, in which those of a class or a module stand together, and in
which many a suite only works. Only at a run's very end those below 8 ms come last.
"""
_QUICK = 2
"""How many buckets they have."""
_RANDOM = 4096
_ALIKE = 3
"""How many buckets below its own a duration is still about the same."""


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration in seconds: eight to an octave, so at most 13 % wide; 0 to 478.

    The shortest are all in buckets 0 and 1.
    """
    if seconds < _SHORT:
        return int(seconds >= _SHORTEST)
    mantissa, exponent = math.frexp(seconds)
    step = (exponent - _SMALLEST) * _STEPS + int((mantissa - 0.5) * 2 * _STEPS)
    return min(_QUICK + step, UNKNOWN - 1)


def shuffled(seed: int, profile: str, index: int) -> int:
    """Return a bucket for a random order: of the seed and the case alone, not of when it was listed."""
    return crc32(f"{seed}:{profile}:{index}".encode()) % _RANDOM


class Shelf:
    """Positions in one profile's listing. The highest bucket comes first, in it the lowest position.

    What was put may lose its place (it was taken by another way): ``valid(bucket, index)`` says
    whether it still counts, and is asked when it comes up.
    """

    __slots__ = ("_back", "_fresh", "_heads", "_mask", "_valid")

    def __init__(self, valid: Callable[[int, int], bool]) -> None:
        self._fresh: dict[int, array[int]] = {}  # ascending; _heads says how many are gone
        self._heads: dict[int, int] = {}
        self._back: dict[int, list[int]] = {}  # heaps of what came out of order
        self._mask = 0  # bit b: bucket b has something
        self._valid = valid

    def put(self, bucket: int, index: int) -> None:
        """Add a position."""
        fresh = self._fresh.get(bucket)
        if fresh is None:
            self._fresh[bucket] = array("i", (index,))
            self._heads[bucket] = 0
        elif not fresh or fresh[-1] < index:
            fresh.append(index)
        else:
            heapq.heappush(self._back.setdefault(bucket, []), index)
        self._mask |= 1 << bucket

    def first(
        self, known: int, most: float = math.inf, *, ending: bool = False
    ) -> tuple[int, int] | None:
        """Return (bucket, index) of the first that is below ``known``, or None.

        ``most``: only from buckets of at most so many seconds, and what was never timed. ``ending``: among
        quick ones the longer ones come first, wherever they stand in the listing.
        """
        mask = self._mask
        if most < math.inf:
            mask &= (2 << bucket_of(most)) - 1 | 1 << UNKNOWN
        while mask:
            bucket = mask.bit_length() - 1
            index = self._head(bucket)
            if index is None:
                self._mask &= ~(1 << bucket)
            elif index < known:
                if bucket == 1 and mask & 1 and not ending:
                    return self._earlier(index)
                return bucket, index
            mask &= (1 << bucket) - 1
        return None

    def has_more(self, bucket: int, than: int) -> bool:
        """Whether more than ``than`` positions stand in a bucket and those that differ from it by a quarter at most."""
        found = 0
        for near in range(max(bucket - _ALIKE, min(bucket, _QUICK)), bucket + 1):
            fresh = self._fresh.get(near, ())
            for index in chain(
                islice(fresh, self._heads.get(near, 0), None), self._back.get(near, ())
            ):
                found += self._valid(near, index)
                if found > than:
                    return True
        return False

    def take(self, bucket: int, index: int) -> None:
        """Remove what ``first`` returned."""
        back = self._back.get(bucket)
        if back and back[0] == index:
            heapq.heappop(back)
        else:
            self._skip(bucket)

    def _earlier(self, index: int) -> tuple[int, int]:
        """Return what is listed first of the quick ones, of which ``index`` is the first in bucket 1."""
        other = self._head(0)
        return (1, index) if other is None or index < other else (0, other)

    def _skip(self, bucket: int) -> None:
        head = self._heads[bucket] + 1
        if head == len(self._fresh[bucket]):
            del self._fresh[bucket][:]
            head = 0
        self._heads[bucket] = head

    def _head(self, bucket: int) -> int | None:
        while (fresh := self._fresh[bucket]) and not self._valid(
            bucket, fresh[self._heads[bucket]]
        ):
            self._skip(bucket)
        index = fresh[self._heads[bucket]] if fresh else None
        back = self._back.get(bucket)
        while back and not self._valid(bucket, back[0]):
            heapq.heappop(back)
        if back and (index is None or back[0] < index):
            return back[0]
        return index
