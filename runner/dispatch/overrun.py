"""Take back what waits behind a test that takes much longer than expected."""

from __future__ import annotations

from ..decisions import Decision, Recall
from ..ids import Row
from .floor import Floor
from .holding import Holding
from .units import Part

LATE = 4.0
"""An overrunning test is taken to need up to this many times what it took until now."""


def recall_overrun(floor: Floor, holding: Holding, now: float, decisions: list[Decision]) -> None:
    """Take back what waits behind a test that overruns."""
    if len(holding.held) < 2 or holding.recalled or holding.barren or holding.batches:
        return
    if not is_stuck(floor, holding, now):
        return
    rows = [row for row in holding.queue() if _may_leave(floor, holding, row, now)]
    if rows:
        holding.recalled.update(rows)
        decisions.append(Recall(holding.lane, tuple(rows)))


def is_stuck(floor: Floor, holding: Holding, now: float) -> bool:
    """Whether a running test overruns and what is left may be done before it ends.

    Long before the end nobody loses by waiting behind it, and its lane must not run dry.
    """
    if now < holding.patience():
        return False
    if any(not floor.lanes[lane].held for lane in floor.hungry):
        return True
    speed = floor.speeds.of(holding.host)
    left = floor.backlog.work(holding.profile, holding.host, floor.segment)
    share = left / (len(floor.lanes) * speed) - LATE * (now - holding.since)
    if share < 0.0:
        return True
    queue = holding.queue()
    if not queue:
        unit = floor.next_unit(holding, holding.known)
        return unit is None or share < LATE * floor.likely(unit.row, speed)
    return share < LATE * max(floor.likely(row, speed) for row in queue)


def is_at_home(floor: Floor, holding: Holding, part: Part, now: float) -> bool:
    """Whether what waits of a group stays behind a running test, since elsewhere its set-up would have to be done again.

    It waits until it has lost as much by that: so nobody loses more than twice as much, however long the test runs.
    """
    if holding.family is not part.set_up:
        return False
    if holding.running is None:
        return False
    if holding.begins(now):
        return True
    lost = now - holding.since - holding.fixtures.get(holding.running, 0.0)
    return lost * floor.speeds.of(holding.host) < (part.set_up.seconds or 0.0)


def _may_leave(floor: Floor, holding: Holding, row: Row, now: float) -> bool:
    """Whether a row may go to another worker: not in the middle of a hard group."""
    part = floor.backlog.part(row)
    if part is None or not part.begun:
        return True
    return not part.hard and not is_at_home(floor, holding, part, now)
