"""What a lane gets whose worker runs one batch and ends: work that is worth starting a process for.

Each process costs its start, and what it has been given cannot be taken back. So batches shrink
towards the end, as a share of what is left, and never below what it costs to start one more.
"""

from __future__ import annotations

import math

from ..ids import Row
from .floor import Floor
from .holding import Holding
from .pick import own_part, take

START_UP = 2.0
"""Seconds that it takes to start a process, until one was seen to start."""
KNOWN, UNKNOWN = 0.75, 0.5
"""The part of an equal share that a batch is, where its work is known and where it is not."""


def choose_batch(floor: Floor, holding: Holding, now: float) -> list[Row]:
    """Take from the backlog what the next process of a lane is to run."""
    left = floor.backlog.left[holding.profile]
    if not left:
        return []
    speed = floor.speeds.of(holding.host)
    learnt = floor.start_ups.get(holding.profile)
    start_up = START_UP if learnt is None or learnt.seconds is None else learnt.seconds
    lanes = min(len(floor.lanes), floor.limits[floor.segment] or len(floor.lanes))
    share = floor.backlog.work(holding.profile, holding.host, floor.segment) / lanes
    budget = max(KNOWN * share, start_up) / speed
    price = budget * lanes / (UNKNOWN * left)
    rows: list[Row] = []
    total = 0.0
    while total < budget or _is_within_group(floor, holding):
        row = take(floor, holding, speed, math.inf, now, first=True)
        if row is None:
            break
        is_known = floor.has_guess or floor.backlog.seconds(row) is not None
        floor.hold(holding, row, speed)
        total += floor.likely(row, speed) if is_known else price
        rows.append(row)
    if rows:
        holding.given_at = now
    return rows


def _is_within_group(floor: Floor, holding: Holding) -> bool:
    """Whether the process has begun a group that no other may go on with."""
    part = own_part(floor, holding)
    return part is not None and part.hard and part.held > 0
