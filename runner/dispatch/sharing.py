"""Find work for lanes that have none: parts of others' groups, the ends of others' queues."""

from __future__ import annotations

from collections import Counter

from ..decisions import Decision, Recall
from ..ids import Row
from .floor import Floor
from .holding import SLACK, Holding
from .moving import dismiss, renew
from .overrun import is_at_home, is_stuck
from .units import Part
from .window import fill


def share(floor: Floor, now: float, decisions: list[Decision]) -> None:
    """Find work for lanes that have none: of others' groups, of others' queues, of other profiles."""
    idle = [
        holding
        for holding in floor.fastest_first(floor.hungry)
        if holding.ready and not holding.held
    ]
    if not idle:
        return
    limit = floor.limits[floor.segment]
    may_run = floor.is_open()
    coming = Counter(each.profile for each in floor.lanes.values() if each.recalled)
    for holding in idle:
        if (
            may_run
            and (limit is None or floor.busy < limit)
            and _split(floor, holding, now, decisions)
        ):
            continue
        if not holding.ready or renew(floor, holding, decisions):
            continue  # its worker is replaced by one that knows more
        if coming[holding.profile]:
            coming[holding.profile] -= 1  # what was asked back before is for this one
            continue
        if may_run and _steal(floor, holding, now, decisions):
            continue
        dismiss(floor, holding, decisions)


def _split(floor: Floor, thief: Holding, now: float, decisions: list[Decision]) -> bool:
    """Give an idle lane the end of another's group, where that gains more than setting it up again costs."""
    best: Part | None = None
    most = 0.0
    for part in floor.backlog.owned.values():
        pool = part.pool
        if part.hard or pool.profile != thief.profile or pool.segment != floor.segment:
            continue
        if pool.hosts is not None and thief.host not in pool.hosts:
            continue
        if not part.pending or min(part.pending[0], part.pending[-1]) >= thief.known:
            continue
        seconds = floor.backlog.part_seconds(part)
        owner = floor.lanes[part.owner] if part.owner is not None else None
        home = owner is not None and is_at_home(floor, owner, part, now)
        stuck = owner is None or (is_stuck(floor, owner, now) and not home)
        if home and owner is not None and owner.begins(now):
            continue  # it may be dear, and nobody else would have it sooner
        if part.set_up.seconds is None and not stuck:
            continue  # its owner has not begun
        gain = seconds if stuck else seconds / 2
        cost = (part.set_up.seconds or 0.0) + 2.0 * thief.latency + SLACK
        if (gain > cost or stuck) and gain >= most:
            best, most = part, gain
    if best is None:
        return False
    new = floor.handout.split(
        best, thief.lane, floor.backlog.part_seconds(best) - most, thief.known
    )
    if new is None:
        return False
    thief.parts.append(new)
    fill(floor, thief, now, decisions)
    return bool(thief.held)


def _steal(floor: Floor, thief: Holding, now: float, decisions: list[Decision]) -> bool:
    """Ask the lane with most in its queue for the later half of it."""
    best: Holding | None = None
    most = 0.0
    for holding in floor.lanes.values():
        if holding.profile != thief.profile or len(holding.held) < 2:
            continue
        if holding.recalled or holding.barren or holding.batches:
            continue
        out = holding.outstanding(now)
        if out > most:
            best, most = holding, out
    if best is None or most < 2.0 * best.latency + SLACK:
        return False
    slower = floor.speeds.of(best.host) / floor.speeds.of(thief.host)
    rows = [
        row
        for row in best.queue()
        if _may_be_stolen(floor, row, best, now) and best.held[row] * max(slower, 1.0) < most
    ]
    stolen: list[Row] = []
    seconds = 0.0
    for row in reversed(rows):
        expected = best.held[row]
        if stolen and seconds + expected > most / 2:
            break
        stolen.append(row)
        seconds += expected
    if not stolen:
        return False
    stolen.reverse()
    best.recalled.update(stolen)
    decisions.append(Recall(best.lane, tuple(stolen)))
    return True


def _may_be_stolen(floor: Floor, row: Row, holding: Holding, now: float) -> bool:
    """Whether a queued row may go to an idle lane: not where that would set a dear group up again."""
    part = floor.backlog.part(row)
    if part is None or (not part.hard and part.set_up is not holding.family and not part.begun):
        return True
    if part.hard or part.set_up.seconds is None or holding.begins(now):
        return False
    return holding.load > 2.0 * part.set_up.seconds / floor.speeds.of(holding.host)
