"""How others hand tests out, re-written from their behaviour, to compare with in the simulation.

``Load`` and ``WorkSteal`` are pytest-xdist 3's ``--dist load`` and ``worksteal``; its workers start a
test only when they have the one after it (``Simulation(needs_next=True)``). ``Partition`` is testr's
and stestr's: longest first onto the lane with least, once, before the run. ``OneByOne`` gives each
lane that is free the longest that is left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from testlanes.runner.decisions import Decision, Give, Idle, Recall
from testlanes.runner.ids import LaneId, Row


class Peer:
    """What the peers have in common: no clock, and a list of what to do next."""

    def __init__(self, estimates: Sequence[float | None], lanes: int) -> None:
        self.todo: deque[Row] = deque(Row(row) for row in range(len(estimates)))
        self.estimates = estimates
        self.held: list[list[Row]] = [[] for _ in range(lanes)]
        self.shut: set[int] = set()
        self.decisions: list[Decision] = []
        self.begun = False

    @property
    def wake_at(self) -> float | None:
        return None

    @property
    def done(self) -> bool:
        return not self.todo and not any(self.held)

    def started(self, lane: LaneId, row: Row, now: float) -> None:
        pass

    def finished(self, lane: LaneId, row: Row, seconds: float, now: float) -> None:
        self.held[lane].remove(row)
        self.after(lane, seconds)

    def returned(self, lane: LaneId, rows: Iterable[Row], now: float) -> None:
        raise NotImplementedError

    def decide(self, now: float) -> Sequence[Decision]:
        if not self.begun:
            self.begun = True
            self.begin()
        decisions, self.decisions = self.decisions, []
        return decisions

    def give(self, lane: int, count: int) -> None:
        rows = tuple(self.todo.popleft() for _ in range(min(count, len(self.todo))))
        if rows:
            self.held[lane] += rows
            self.decisions.append(Give(LaneId(lane), rows))

    def shut_down(self, lane: int) -> None:
        if lane not in self.shut:
            self.shut.add(lane)
            self.decisions.append(Idle(LaneId(lane)))

    def longest_first(self) -> None:
        mean = [seconds for seconds in self.estimates if seconds is not None]
        middle = sum(mean) / len(mean) if mean else 0.0
        key = [middle if seconds is None else seconds for seconds in self.estimates]
        self.todo = deque(sorted(self.todo, key=lambda row: -key[row]))

    def begin(self) -> None:
        raise NotImplementedError

    def after(self, lane: int, seconds: float) -> None:
        raise NotImplementedError


class Load(Peer):
    """xdist/scheduler/load.py."""

    def begin(self) -> None:
        lanes = len(self.held)
        if len(self.todo) < 2 * lanes:
            lane = 0
            while self.todo:
                self.give(lane % lanes, 1)
                lane += 1
        else:
            chunk = max(len(self.todo) // (4 * lanes), 2)
            for lane in range(lanes):
                self.give(lane, chunk)
        if not self.todo:
            for lane in range(lanes):
                self.shut_down(lane)

    def after(self, lane: int, seconds: float) -> None:
        if not self.todo:
            self.shut_down(lane)
            return
        lanes = len(self.held)
        least = max(2, len(self.todo) // lanes // 4)
        most = max(2, len(self.todo) // lanes // 2)
        if len(self.held[lane]) < least and not (seconds >= 0.1 and len(self.held[lane]) >= 2):
            self.give(lane, most - len(self.held[lane]))
        if not self.todo:
            self.shut_down(lane)


class WorkSteal(Peer):
    """xdist/scheduler/worksteal.py."""

    asked: int | None = None

    def begin(self) -> None:
        self.spread(list(range(len(self.held))))
        self.look()

    def after(self, lane: int, seconds: float) -> None:
        if len(self.held[lane]) < 2:
            self.look()

    def returned(self, lane: LaneId, rows: Iterable[Row], now: float) -> None:
        self.asked = None
        for row in rows:
            self.held[lane].remove(row)
            self.todo.append(row)
        self.look()

    def spread(self, lanes: list[int]) -> None:
        for number, lane in enumerate(lanes):
            self.give(lane, len(self.todo) // (len(lanes) - number))

    def look(self) -> None:
        idle = [lane for lane in range(len(self.held)) if len(self.held[lane]) < 2]
        if not idle:
            return
        if self.todo:
            self.spread(idle)
            idle = [lane for lane in idle if len(self.held[lane]) < 2]
            if not idle:
                return
        if self.asked is not None:
            return
        victim = max(range(len(self.held)), key=lambda lane: len(self.held[lane]))
        size = len(self.held[victim])
        count = min(max(0, size - 2), size // 2)
        if count:
            self.asked = victim
            self.decisions.append(Recall(LaneId(victim), tuple(self.held[victim][-count:])))
        else:
            for lane in range(len(self.held)):
                self.shut_down(lane)


class Partition(Peer):
    """testrepository/testcommand.py, partition_tests: unknown ones are dealt out in turn."""

    def begin(self) -> None:
        lanes = len(self.held)
        parts: list[list[Row]] = [[] for _ in range(lanes)]
        sums = [0.0] * lanes
        timed = [row for row in self.todo if self.estimates[row] is not None]
        for row in sorted(timed, key=lambda row: -(self.estimates[row] or 0.0)):
            lane = sums.index(min(sums))
            parts[lane].append(row)
            sums[lane] += self.estimates[row] or 0.0
        turn = 0
        for row in self.todo:
            if self.estimates[row] is None:
                parts[turn % lanes].append(row)
                turn += 1
        self.todo.clear()
        for lane, rows in enumerate(parts):
            self.held[lane] = rows
            self.decisions.append(Give(LaneId(lane), tuple(sorted(rows))))

    def after(self, lane: int, seconds: float) -> None:
        pass


class OneByOne(Peer):
    """One at a time, longest first."""

    def begin(self) -> None:
        self.longest_first()
        for lane in range(len(self.held)):
            self.give(lane, 1)

    def after(self, lane: int, seconds: float) -> None:
        self.give(lane, 1)
