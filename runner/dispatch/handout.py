"""Hand out what waits: which unit comes first, and which lane goes on with which group.

A group is owned by one lane, which takes its cases in listing order, until it is empty, its worker is
lost, or a part of it is split off for an idle lane.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..ids import HostName, LaneId, Row
from .backlog import Backlog
from .estimate import Likeness
from .units import Part, Unit


class Handout:
    """Takes single cases and groups off the backlog's shelves. The ledger is told by who asks."""

    def __init__(self, backlog: Backlog, guess: Likeness) -> None:
        self._backlog = backlog
        self._guess = guess

    def first(
        self,
        profile: int,
        host: HostName,
        segment: int,
        known: int,
        most: float = math.inf,
        *,
        ending: bool = False,
    ) -> Unit | None:
        """Return what comes next for a worker that can run positions below ``known``.

        ``most``: in seconds at speed 1; longer units are passed over, but for urgent ones. ``ending``: the
        longer ones of quick cases come first.
        """
        pools = self._backlog.pools.view(segment, profile, host)
        rows = self._backlog.rows[profile]
        for front in (True, False):
            for pool in pools:
                if not pool.pending:
                    continue
                shelf = pool.front if front else pool.shelf
                found = shelf.first(known, math.inf if front else most, ending=ending)
                if found is not None:
                    bucket, index = found
                    row = Row(rows[index])
                    part = self._backlog.part(row)
                    if part is not None and self._backlog.is_urgent(row) and not part.hard:
                        part = None
                    return Unit(row, part, shelf, bucket, index)
        return None

    def take(self, unit: Unit) -> None:
        """Take a single case that ``first`` returned."""
        unit.shelf.take(unit.bucket, unit.index)
        self._backlog.count(unit.row, -1)

    def own(self, part: Part, lane: LaneId) -> None:
        """A lane takes a group."""
        part.owner = lane
        part.shelved = -1
        part.front = False
        part.begun = False
        self._backlog.owned[part.number] = part

    def next_of(self, part: Part, known: int) -> Row | None:
        """Return the next case of a group that a worker can run, without taking it."""
        if not part.pending or part.pending[0] >= known:
            return None
        return Row(self._backlog.rows[part.pool.profile][part.pending[0]])

    def take_of(self, part: Part, row: Row) -> None:
        """Take what ``next_of`` returned."""
        del part.pending[0]
        self._backlog.weigh(part, row, -1)
        self._backlog.count(row, -1)
        if not part.pending:
            self._backlog.owned.pop(part.number, None)

    def free(self, part: Part) -> None:
        """A group has no owner any more."""
        part.owner = None
        part.begun = False
        self._backlog.owned.pop(part.number, None)
        self._backlog.shelve(part)

    def split(self, part: Part, lane: LaneId, keep: float, known: int) -> Part | None:
        """Give a lane the end of a group of which its owner keeps at most ``keep`` seconds.

        Only positions below ``known`` move. None if nothing is left to move.
        """
        rows = self._backlog.rows[part.pool.profile]
        guess = self._guess.mean
        kept, cut = 0.0, 0
        for index in part.pending:
            seconds = self._backlog.seconds(Row(rows[index]))
            kept += guess if seconds is None else seconds
            if kept > keep:
                break
            cut += 1
        end = len(part.pending)
        while end > cut and part.pending[end - 1] >= known:
            end -= 1
        if end <= cut:
            return None
        new = self._backlog.new_part(part.pool, part.name, part.hard, part.set_up)
        new.pending = part.pending[cut:end]
        del part.pending[cut:end]
        for index in new.pending:
            row = Row(rows[index])
            self._backlog.assign(row, new)
            self._backlog.weigh(part, row, -1)
            self._backlog.weigh(new, row, 1)
        if not part.pending:
            self._backlog.owned.pop(part.number, None)
        self.own(new, lane)
        return new

    def detach(self, rows: Iterable[Row], lane: LaneId) -> None:
        """A lane gave rows back: make those of its soft groups groups of their own, for others to take.

        A group that it has not begun leaves it as a whole.
        """
        news: dict[int, Part] = {}
        for row in rows:
            part = self._backlog.part(row)
            if part is None or part.hard or part.owner != lane:
                continue
            if not part.begun:
                self.free(part)
                continue
            new = news.get(part.number)
            if new is None:
                new = self._backlog.new_part(part.pool, part.name, part.hard, part.set_up)
                news[part.number] = new
            self._backlog.assign(row, new)
