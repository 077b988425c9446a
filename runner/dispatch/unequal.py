"""On hosts of unequal speed: what a slow lane leaves to a faster one, because the run would wait for it.

Where the speeds are not known yet, all lanes begin with short tests, which tell them in a moment.
"""

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
LIKELY = 4.0
"""How much slower than expected a host of unknown speed may well be."""
SAMPLES = (1 / 300, 1 / 75, 1 / 20)
"""How long a test may take, as a share of the run, that is run to learn a speed: the first share that there is a test for."""
PATIENCE = 1 / 20
"""The share of the run after which no host's speed is waited for."""


def next_worthy(floor: Floor, holding: Holding, now: float) -> Unit | None:
    """Return what comes next for a lane; on a slow host nothing that a faster lane would end sooner at the end.

    While more work is left than the unit takes here, it is no matter who runs it.
    """
    unit = floor.next_unit(holding, holding.known)
    if unit is None or len(floor.hosts) < 2:
        return unit
    seconds = floor.backlog.unit_seconds(unit)
    if seconds is not None and (sample := _sample(floor, holding, seconds, now)) is not None:
        return sample
    speed = floor.speeds.of(holding.host)
    if not floor.unequal(speed / NEARLY):
        return unit
    never_timed = seconds is None
    if never_timed:  # it is taken to be like what has run; groups and re-runs are left to nobody
        if not floor.has_guess or unit.part is not None or floor.backlog.is_urgent(unit.row):
            return unit
        seconds = floor.guess.mean
    busy = holding.outstanding(now)
    if not math.isfinite(busy):
        return unit
    most = (_all_end_in(floor, holding, now) / DOUBT - busy) * speed
    if seconds <= most:
        return unit
    faster = _faster_end(floor, holding, unit, seconds, now, busy + seconds / speed)
    if unit.shelf.has_more(unit.bucket, than=faster):
        return unit
    if now + AGAIN < holding.pending_wake:  # the faster ones may come to be stuck
        holding.pending_wake = now + AGAIN
        heapq.heappush(floor.wakes, (holding.pending_wake, holding.lane))
    return None if never_timed else floor.next_unit(holding, holding.known, max(most, 0.0))


def _sample(floor: Floor, holding: Holding, seconds: float, now: float) -> Unit | None:
    """Return a short unit, while one of ``seconds`` might end last and nobody knows where it would end first."""
    unknown = [
        since
        for host, since in floor.ready_since.items()
        if floor.hosts[host] and not floor.speeds.is_sampled(host)
    ]
    if not unknown or holding.batches:
        return None
    all_end = _all_end_in(floor, holding, now)
    whole = max(all_end, seconds)
    if seconds * LIKELY < all_end or now - max(unknown) > PATIENCE * whole:
        return None
    for share in SAMPLES:
        unit = floor.next_unit(holding, holding.known, share * whole)
        if unit is not None:
            return unit
    return None


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


def _faster_end(
    floor: Floor, holding: Holding, unit: Unit, seconds: float, now: float, within: float
) -> int:
    """Return how many units of ``seconds`` faster lanes that may run a unit would end ``within`` so many wall seconds."""
    own = floor.speeds.of(holding.host)
    hosts = floor.backlog.hosts(unit.row)
    ended = 0
    for other in floor.lanes.values():
        speed = floor.speeds.of(other.host)
        if speed <= own / NEARLY or not other.ready or other.profile != holding.profile:
            continue
        if other.draining or (hosts is not None and other.host not in hosts):
            continue
        left = within - other.outstanding(now) - 2.0 * other.latency
        if left * speed > seconds and not is_stuck(floor, other, now):
            ended += int(left * speed / seconds) if seconds else 1
    return ended
