"""Take the next row for a lane out of the backlog: it goes on with its own group, else with what comes first."""

from __future__ import annotations

import math

from ..ids import Row
from .floor import Floor
from .holding import WORTH, Holding
from .unequal import next_worthy
from .units import Part

LONG = 1.0
"""Seconds that a case may take which is queued behind one that runs, where that is more than WORTH round trips.

It would be stuck there, with the running one late, when another lane could have it.
"""


def take(
    floor: Floor, holding: Holding, speed: float, room: float, now: float, *, first: bool
) -> Row | None:
    """Take the next row for a lane, if it fits: the first may be longer than ``room``, if it is known."""
    handout = floor.handout
    part = own_part(floor, holding)
    unit = None
    if part is not None:
        row = handout.next_of(part, holding.known)
    else:
        unit = next_worthy(floor, holding, now)
        row = None if unit is None else unit.row
        if unit is not None and unit.part is not None:
            row = handout.next_of(unit.part, holding.known)
    if row is None:
        return None
    expected = floor.expected(row, speed)
    # Behind a case of unknown length, room is minus infinity: nothing fits.
    if room != math.inf and (
        (not first and expected > room) or expected > max(LONG, WORTH * holding.latency)
    ):
        return None
    if unit is not None:
        if unit.part is None:
            handout.take(unit)
            return row
        part = unit.part
        handout.own(part, holding.lane)
        holding.parts = [old for old in holding.parts if _keeps(floor, old, holding)]
        holding.parts.append(part)
    assert part is not None  # noqa: S101
    handout.take_of(part, row)
    part.held += 1
    return row


def _keeps(floor: Floor, part: Part, holding: Holding) -> bool:
    """Whether a lane still owns a group; a soft one of which nothing is left is let go."""
    if part.owner != holding.lane:
        return False
    if part.hard or part.pending:
        return True
    floor.handout.free(part)
    return False


def own_part(floor: Floor, holding: Holding) -> Part | None:
    """Return the group that a lane is to go on with."""
    for part in holding.parts:
        if part.owner == holding.lane and part.pending and part.pool.segment == floor.segment:
            if part.pending[0] < holding.known:
                return part
            if not (part.hard and part.held):  # another worker has to go on with it
                floor.handout.free(part)
    return None
