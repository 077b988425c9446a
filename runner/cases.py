"""The table of a run's cases: a row number for each (test id, profile), in the order they became known."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from struct import Struct
from typing import cast

from .ids import Case, ProfileName, Row
from .texts import Texts

_BITS = 12
_BUCKETS = 1 << _BITS
_MARK = Struct("=I")
_ENTRY = Struct("=II")


class CaseTable:
    """Append-only. Rows are dense from 0; looking up either way takes constant time, and a case some 60 bytes.

    Rows are found by the hash of their cases: a bucket holds a mark (other bits of the hash) and the row of each of
    its cases, as bytes, which are searched as fast as the rows of half a million cases need it.
    """

    def __init__(self) -> None:
        self._ids = Texts()
        self.test_id: Callable[[Row], str] = self._ids.__getitem__
        """Returns a row's test id."""
        self.test_ids: Callable[[Iterable[int]], list[str]] = self._ids.at
        """Returns the test ids of rows."""
        self._profiles: array[int] = array("H")
        self._names: list[ProfileName] = []
        self._finders: list[Callable[[str], Row | None]] = []
        self._buckets = [b""] * _BUCKETS

    def __len__(self) -> int:
        return len(self._profiles)

    def __iter__(self) -> Iterator[Row]:
        return (Row(row) for row in range(len(self._profiles)))

    def add(self, test_id: str, profile: ProfileName) -> Row:
        """Return the row of a case, a new one if it was not known."""
        row = self.finder(profile)(test_id)
        return self.add_new((test_id,), profile)[0] if row is None else row

    def add_new(self, test_ids: Collection[str], profile: ProfileName) -> tuple[Row, ...]:
        """Return the rows of cases that are all different and not known; they follow each other."""
        number = self._number(profile)
        first = len(self._profiles)
        rows = cast("tuple[Row, ...]", tuple(range(first, first + len(test_ids))))
        self._ids.extend(test_ids)
        self._profiles.extend(array("H", [number]) * len(test_ids))
        buckets, entry = self._buckets, _ENTRY.pack
        for row, test_id in zip(rows, test_ids, strict=True):
            place = hash(test_id)
            buckets[(place + number) % _BUCKETS] += entry(place >> _BITS & 0xFFFFFFFF, row)
        return rows

    def finder(self, profile: ProfileName) -> Callable[[str], Row | None]:
        """Return ``find`` for one profile, for very many ids."""
        return self._finders[self._number(profile)]

    def unknown(self, test_ids: Iterable[str], profile: ProfileName) -> dict[str, int]:
        """Return those of a profile's ids that have no row, with their indexes."""
        number = self._number(profile)
        find, buckets, mark_of = self._finders[number], self._buckets, _MARK.pack
        fresh: dict[str, int] = {}
        for index, test_id in enumerate(test_ids):
            place = hash(test_id)
            mark = mark_of(place >> _BITS & 0xFFFFFFFF)
            if mark not in buckets[(place + number) % _BUCKETS] or find(test_id) is None:
                fresh[test_id] = index
        return fresh

    def find(self, test_id: str, profile: ProfileName) -> Row | None:
        """Return the row of a case, or None."""
        return self.finder(profile)(test_id) if profile in self._names else None

    def profile(self, row: Row) -> ProfileName:
        """Return a row's profile."""
        return self._names[self._profiles[row]]

    def shares(self, first: int, end: int) -> list[tuple[ProfileName, int]]:
        """Return how many of the rows from ``first`` to before ``end`` are of each profile."""
        part = self._profiles[first:end]
        return [(name, part.count(number)) for number, name in enumerate(self._names)]

    def case(self, row: Row) -> Case:
        """Return a row's case."""
        return Case(self._ids[row], self._names[self._profiles[row]])

    @property
    def profiles(self) -> tuple[ProfileName, ...]:
        """The profiles seen so far."""
        return tuple(self._names)

    def _number(self, profile: ProfileName) -> int:
        try:
            return self._names.index(profile)
        except ValueError:
            self._names.append(profile)
            self._finders.append(self._make_finder(len(self._names) - 1))
            return len(self._names) - 1

    def _make_finder(self, number: int) -> Callable[[str], Row | None]:
        buckets, mark_of, row_at = self._buckets, _MARK.pack, _MARK.unpack_from
        ids, profiles = self._ids, self._profiles

        def find(test_id: str) -> Row | None:
            place = hash(test_id)
            bucket = buckets[(place + number) % _BUCKETS]
            mark = mark_of(place >> _BITS & 0xFFFFFFFF)
            at = bucket.find(mark)
            while at >= 0:
                if at % _ENTRY.size == 0:
                    (row,) = row_at(bucket, at + _MARK.size)
                    if profiles[row] == number and ids[row] == test_id:
                        return Row(row)
                at = bucket.find(mark, at + 1)
            return None

        return find
