"""Top a lane up to its window: the work, measured in time, that hides its channel's latency."""

from __future__ import annotations

import heapq
import math

from ..decisions import Decision, Give, Renew
from ..ids import Row
from .batch import choose_batch
from .floor import Floor
from .holding import BEGINNING, Holding
from .overrun import is_stuck
from .pick import take

MOST = 256
"""The most cases that a lane holds."""
BATCH = 0.05
"""Seconds of work that are worth a message."""
SECOND = 1.0
"""Seconds that a case may take which is queued behind one that is enough by itself.

A longer one would wait there until an idle lane asks for it, and then be the last to end.
"""


def fill(floor: Floor, holding: Holding, now: float, decisions: list[Decision]) -> None:
    """Top a lane up to its window."""
    lane = holding.lane
    floor.hungry.discard(lane)
    if not holding.ready or holding.draining or holding.spent or holding.recalled:
        return
    if _is_stale(floor, holding):
        if not holding.held:
            floor.dismissed(holding)
            decisions.append(Renew(lane))
        return
    low = holding.low()
    if holding.held:
        if floor.single or holding.batches:
            return
        if holding.outstanding(now) >= low:
            _wake(floor, holding, low, now)
            return
        if is_stuck(floor, holding, now):
            return
    limit = floor.limits[floor.segment]
    if not floor.is_open() or (limit is not None and not holding.held and floor.busy >= limit):
        floor.hungry.add(lane)
        return
    idle = not holding.held
    if holding.batches and not floor.single:
        rows = choose_batch(floor, holding, now)
    else:
        rows = _choose(floor, holding, low, now)
    if not rows:
        floor.hungry.add(lane)
        _wake(floor, holding, low, now)  # what it has may come to wait behind a slow test
        return
    if idle:
        holding.free_at = now  # until then it had nothing to set up
    holding.spent = holding.batches
    decisions.append(Give(lane, tuple(rows)))
    _wake(floor, holding, low, now)


def _choose(floor: Floor, holding: Holding, low: float, now: float) -> list[Row]:
    """Take from the backlog what a lane is to get now."""
    speed = floor.speeds.of(holding.host)
    left = floor.backlog.work(holding.profile, holding.host, floor.segment) / speed
    share = left / (2 * len(floor.lanes))
    budget = min(max(BATCH, low), share)
    room = 1 if floor.single else MOST - len(holding.held)
    rows: list[Row] = []
    total = 0.0
    while len(rows) < room:
        if len(holding.held) == 1 and _is_vague(floor, holding) and _has_company(floor, holding):
            break
        left_over = budget - total if holding.held else math.inf
        if len(holding.held) == 1:
            left_over = max(
                left_over, min(SECOND, max(share, BATCH, low) - holding.outstanding(now))
            )
        row = take(floor, holding, speed, left_over, now, first=not rows)
        if row is None:
            break
        total += floor.hold(holding, row, speed)
        rows.append(row)
    return rows


def _is_vague(floor: Floor, holding: Holding) -> bool:
    """Whether nobody knows how long what a lane holds will take."""
    return any(map(math.isinf, holding.held.values()))


def _has_company(floor: Floor, holding: Holding) -> bool:
    """Whether another lane can take what would wait here: a running test gives nothing back."""
    return any(
        other.profile == holding.profile and other is not holding for other in floor.lanes.values()
    )


def _wake(floor: Floor, holding: Holding, low: float, now: float) -> None:
    """Ask to be called when a lane runs low, or when its running test begins to overrun."""
    at = math.inf
    if floor.backlog.left[holding.profile] and not floor.single:
        at = holding.low_at(low)
    if len(holding.held) > 1:
        patience = holding.patience()
        # One that overruns and may do so for now is looked at again when it took twice as long.
        at = min(at, patience if patience > now else now + max(now - holding.since, 0.1))
    if holding.begins(now):
        at = min(at, max(holding.since + BEGINNING, now))  # then others may have a part of it
    if now < at < holding.pending_wake:
        holding.pending_wake = at
        heapq.heappush(floor.wakes, (at, holding.lane))


def _is_stale(floor: Floor, holding: Holding) -> bool:
    """Whether a newer fork is worth its milliseconds: what takes longest may have been listed last."""
    backlog = floor.backlog
    if holding.known >= len(backlog.rows[holding.profile]) or not backlog.ended(holding.profile):
        return False
    if not backlog.left[holding.profile]:
        return False
    return not any(
        part.begun and part.pending and part.owner == holding.lane for part in holding.parts
    )
