"""Who has which case: each scheduled row is in exactly one place, and the places add up."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from enum import IntEnum

from ..ids import LaneId, Row


class LedgerError(AssertionError):
    """The account does not add up, or somebody claims a case that is not theirs: a fault of ours."""


class Place(IntEnum):
    """Where a row is. ``NOWHERE`` is a row that was never scheduled."""

    NOWHERE = 0
    PENDING = 1
    HELD = 2
    DONE = 3
    GIVEN_UP = 4


_NOBODY = -1


class Ledger:
    """A place for each row, five bytes a row. Every move names where the row must come from.

    Raises LedgerError where it is not there.
    """

    __slots__ = ("_counts", "_holders", "_places")

    def __init__(self) -> None:
        self._places = bytearray()
        self._holders = array("i")
        self._counts = [0] * len(Place)

    @property
    def pending(self) -> int:
        """How many rows wait."""
        return self._counts[Place.PENDING]

    @property
    def held(self) -> int:
        """How many rows lanes hold, running or not."""
        return self._counts[Place.HELD]

    def place(self, row: Row) -> Place:
        """Return where a row is."""
        return Place(self._places[row]) if row < len(self._places) else Place.NOWHERE

    def is_pending(self, row: Row) -> bool:
        """Whether a row waits to be handed out (the quick form of ``place``)."""
        return row < len(self._places) and self._places[row] == 1

    def holder(self, row: Row) -> LaneId | None:
        """Return the lane that holds a row, if one does."""
        if row >= len(self._places) or self._places[row] != Place.HELD:
            return None
        return LaneId(self._holders[row])

    def schedule(self, rows: Sequence[Row]) -> None:
        """Take in new rows: they are pending."""
        if not rows:
            return
        most = max(rows)
        if most >= len(self._places):
            more = max(most + 1 - len(self._places), 1024)
            self._places.extend(bytes(more))
            self._holders.extend([_NOBODY] * more)
        for row in rows:
            if self._places[row]:
                raise LedgerError(f"row {row} is {self.place(row).name}, not NOWHERE")
            self._places[row] = 1
        self._counts[Place.PENDING] += len(rows)

    def hold(self, row: Row, lane: LaneId) -> None:
        """A lane gets a pending row."""
        self._move(row, Place.PENDING, Place.HELD)
        self._holders[row] = lane

    def give_back(self, row: Row, lane: LaneId) -> None:
        """A lane has not run a row it held: pending again."""
        self._own(row, lane)
        self._move(row, Place.HELD, Place.PENDING)

    def finish(self, row: Row, lane: LaneId) -> None:
        """A lane has an outcome for a row it held."""
        self._own(row, lane)
        self._move(row, Place.HELD, Place.DONE)

    def give_up(self, row: Row) -> None:
        """A pending row is not to run."""
        self._move(row, Place.PENDING, Place.GIVEN_UP)

    def again(self, row: Row) -> None:
        """A row that is done or was given up is to run (again): pending."""
        if self.place(row) is Place.GIVEN_UP:
            self._move(row, Place.GIVEN_UP, Place.PENDING)
        else:
            self._move(row, Place.DONE, Place.PENDING)

    def rows(self, place: Place) -> Iterator[Row]:
        """Yield the rows in a place, ascending. Looks at every row."""
        start = self._places.find(place)
        while start >= 0:
            yield Row(start)
            start = self._places.find(place, start + 1)

    def _own(self, row: Row, lane: LaneId) -> None:
        if self.holder(row) != lane:
            raise LedgerError(f"lane {lane} does not hold row {row}: {self.place(row).name}")
        self._holders[row] = _NOBODY

    def _move(self, row: Row, old: Place, new: Place) -> None:
        if row >= len(self._places) or self._places[row] != old:
            raise LedgerError(f"row {row} is {self.place(row).name}, not {old.name}")
        self._places[row] = new
        self._counts[old] -= 1
        self._counts[new] += 1
