"""What can be said of the work that is left: why a lane waits, and how long all goes on."""

from __future__ import annotations

import math

from ..events import NOTHING_LEFT
from ..ids import LaneId
from .floor import Floor
from .units import EVERYTHING


def why_waiting(floor: Floor, lane: LaneId) -> str:
    """Say why an idle lane waits; empty where it does not."""
    holding = floor.lanes[lane]
    if holding.held:
        return ""
    backlog = floor.backlog
    if floor.next_unit(holding, EVERYTHING) is not None:
        limit = floor.limits[floor.segment]
        if limit is not None and floor.busy >= limit:
            return f"segment {floor.segment + 1} of {len(floor.limits)}"
        return (
            "a faster host ends it sooner" if floor.unequal(floor.speeds.of(holding.host)) else ""
        )
    for part in backlog.owned.values():
        if part.pool.profile == holding.profile and part.pool.segment == floor.segment:
            return f"group {part.name} held by lane {part.owner}"
    if not backlog.ended(holding.profile):
        return "listing"
    if backlog.left[holding.profile]:
        if not backlog.all_ended:
            return "listing"
        return f"segment {floor.segment + 1} of {len(floor.limits)}"
    return NOTHING_LEFT


def remaining_seconds(floor: Floor, now: float) -> float:
    """Estimate the wall seconds that are left, from what is expected and the lanes' speeds."""
    guess = floor.guess.mean
    work: dict[int, float] = {}
    for pool in floor.backlog.pools:
        seconds = pool.seconds + pool.unknown * guess
        work[pool.segment] = work.get(pool.segment, 0.0) + seconds
    longest = 0.0
    speeds: list[float] = []
    for holding in floor.lanes.values():
        if not holding.ready:
            continue
        speed = floor.speeds.of(holding.host)
        speeds.append(speed)
        out = 0.0
        for row, seconds in holding.held.items():
            seconds = guess / speed if math.isinf(seconds) else seconds
            out += max(seconds - (now - holding.since), 0.0) if row == holding.running else seconds
        longest = max(longest, out)
        work[floor.segment] = work.get(floor.segment, 0.0) + out * speed
    speeds.sort(reverse=True)
    left = 0.0
    for segment, seconds in work.items():
        left += seconds / (sum(speeds[: floor.limits[segment]]) or 1.0)
    return max(left, longest)
