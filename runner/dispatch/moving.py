"""Send a lane's worker away: for a newer fork, to another profile, or for good."""

from __future__ import annotations

import math

from ..decisions import Decision, Idle, Move, Renew
from .floor import Floor
from .holding import Holding
from .units import EVERYTHING

MOVE_COST = 1.0
"""Seconds of work a lane that a profile must have left for one more lane to be worth it."""


def renew(floor: Floor, holding: Holding, decisions: list[Decision]) -> bool:
    """Replace a worker that was forked too early to know what is left, and say whether that was so."""
    if holding.known == EVERYTHING or floor.next_unit(holding, EVERYTHING) is None:
        return False
    if floor.next_unit(holding, holding.known) is not None:
        return False
    floor.dismissed(holding)
    decisions.append(Renew(holding.lane))
    return True


def dismiss(floor: Floor, holding: Holding, decisions: list[Decision]) -> None:
    """Let a lane whose profile has nothing left go to another, or rest."""
    backlog = floor.backlog
    profile = holding.profile
    if not backlog.ended(profile) or backlog.left[profile] or floor.waiting_rows[profile]:
        return
    target = _other_profile(floor, holding)
    if target is None and not backlog.all_ended:
        return  # another profile is still being listed, and may need this lane
    floor.dismissed(holding)
    if target is None:
        decisions.append(Idle(holding.lane))
    else:
        holding.profile = target
        decisions.append(Move(holding.lane, backlog.profiles[target]))


def adopt(floor: Floor, decisions: list[Decision]) -> None:
    """Find a lane for what no lane can run, because of its profile or its hosts."""
    floor.may_be_orphaned = False
    for pool in floor.backlog.pools:
        if not pool.pending or any(
            lane.profile == pool.profile and (pool.hosts is None or lane.host in pool.hosts)
            for lane in floor.lanes.values()
        ):
            continue
        floor.may_be_orphaned = True  # until somebody is free
        _, hosts = floor.profile_limits.get(pool.profile, (None, None))
        for holding in floor.lanes.values():
            if any(each is not None and holding.host not in each for each in (hosts, pool.hosts)):
                continue
            if not holding.held and (holding.ready or not floor.wants_worker(holding.lane)):
                floor.dismissed(holding)
                holding.profile = pool.profile
                decisions.append(Move(holding.lane, floor.backlog.profiles[pool.profile]))
                break


def _other_profile(floor: Floor, holding: Holding) -> int | None:
    """Return the profile that most needs one more lane."""
    best, most = None, 0.0
    for profile in range(len(floor.backlog.profiles)):
        if profile == holding.profile or not floor.backlog.left[profile]:
            continue
        limit, hosts = floor.profile_limits.get(profile, (None, None))
        lanes = sum(other.profile == profile for other in floor.lanes.values())
        if (limit is not None and lanes >= limit) or (
            hosts is not None and holding.host not in hosts
        ):
            continue
        work = sum(
            floor.backlog.work(profile, holding.host, segment) for segment in floor.backlog.pending
        )
        need = work / lanes if work and lanes else math.inf
        if need > max(most, MOVE_COST):
            best, most = profile, need
    return best
