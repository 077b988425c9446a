"""The table of a run's cases: a row number for each (test id, profile), in the order they became known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import cast

from .ids import Case, ProfileName, Row


class CaseTable:
    """Append-only. Rows are dense from 0; looking up either way takes constant time."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._profiles: bytearray = bytearray()
        self._names: list[ProfileName] = []
        self._rows: list[dict[str, Row]] = []

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Row]:
        return (Row(row) for row in range(len(self._ids)))

    def add(self, test_id: str, profile: ProfileName) -> Row:
        """Return the row of a case, a new one if it was not known."""
        number = self._number(profile)
        rows = self._rows[number]
        row = rows.get(test_id)
        if row is None:
            row = rows[test_id] = Row(len(self._ids))
            self._ids.append(test_id)
            self._profiles.append(number)
        return row

    def add_new(self, test_ids: Collection[str], profile: ProfileName) -> tuple[Row, ...]:
        """Return the rows of cases that are all different and not known; they follow each other."""
        number = self._number(profile)
        first = len(self._ids)
        rows = cast("tuple[Row, ...]", tuple(range(first, first + len(test_ids))))
        self._ids.extend(test_ids)
        self._profiles.extend(bytes([number]) * len(test_ids))
        self._rows[number].update(zip(test_ids, rows, strict=True))
        return rows

    def known(self, profile: ProfileName) -> Mapping[str, Row]:
        """Return the rows of a profile's test ids; it grows with the table."""
        return self._rows[self._number(profile)]

    def find(self, test_id: str, profile: ProfileName) -> Row | None:
        """Return the row of a case, or None."""
        if profile not in self._names:
            return None
        return self._rows[self._names.index(profile)].get(test_id)

    def test_id(self, row: Row) -> str:
        """Return a row's test id."""
        return self._ids[row]

    def profile(self, row: Row) -> ProfileName:
        """Return a row's profile."""
        return self._names[self._profiles[row]]

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
            self._rows.append({})
            return len(self._names) - 1
