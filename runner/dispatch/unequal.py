"""On hosts of unequal speed: what a slow lane leaves to a faster one, because the run would wait for it."""

from __future__ import annotations

import heapq
import math

from .floor import Floor
from .holding import Holding
from .overrun import is_stuck
from .units import Unit

NEARLY = 0.95
"""The share of the fastest host's speed from which a lane is not slow."""
DOUBT = 2.0
"""How much longer than expected a test may well take: what is late on a slow lane cannot be mended."""
AGAIN = 1.0
"""Seconds after which a lane that left something to a faster one looks again."""


def next_worthy(floor: Floor, holding: Holding, now: float) -> Unit | None:
    """Return what comes next for a lane; on a slow host nothing that a faster lane would end sooner at the end.

    While more work is left than the unit takes here, it is no matter who runs it.
    """
    unit = floor.next_unit(holding, holding.known)
    speed = floor.speeds.of(holding.host)
    if unit is None or not floor.unequal(speed / NEARLY):
        return unit
    seconds = floor.backlog.unit_seconds(unit)
    busy = holding.outstanding(now)
    if seconds is None or not math.isfinite(busy):
        return unit
    most = (_all_end_in(floor, holding, now) / DOUBT - busy) * speed
    if seconds <= most or busy + seconds / speed <= _faster_end_in(floor, holding, unit, now):
        return unit
    if now + AGAIN < holding.pending_wake:  # the faster one may come to be stuck
        holding.pending_wake = now + AGAIN
        heapq.heappush(floor.wakes, (holding.pending_wake, holding.lane))
    return floor.next_unit(holding, holding.known, max(most, 0.0))


def _all_end_in(floor: Floor, holding: Holding, now: float) -> float:
    """Return the wall seconds in which all that is left of a lane's profile could be done, well spread."""
    work = floor.backlog.work(holding.profile, holding.host, floor.segment)
    speeds = 0.0
    for other in floor.lanes.values():
        if other.ready and other.profile == holding.profile:
            speed = floor.speeds.of(other.host)
            speeds += speed
            out = other.outstanding(now)
            work += max(out, 0.0) * speed if math.isfinite(out) else 0.0
    return work / speeds if speeds else math.inf


def _faster_end_in(floor: Floor, holding: Holding, unit: Unit, now: float) -> float:
    """Return in how many wall seconds the first of the faster lanes that may run a unit would have ended it."""
    own = floor.speeds.of(holding.host)
    seconds = floor.backlog.unit_seconds(unit) or 0.0
    hosts = floor.backlog.hosts(unit.row)
    ends = [
        other.outstanding(now) + 2.0 * other.latency + seconds / speed
        for other in floor.lanes.values()
        if other.ready and other.profile == holding.profile and not other.draining
        if (speed := floor.speeds.of(other.host)) > own / NEARLY
        if (hosts is None or other.host in hosts) and not is_stuck(floor, other, now)
    ]
    return min(ends, default=math.inf)
