"""A discrete-event simulation of a run: lanes, their channels, and the one controller in the middle.

Deterministic: the same arguments give the same result. The model: a message takes half a round trip
either way; the controller works through what has arrived, ``COST_IN`` an event and ``COST_OUT`` a
message, then decides; a worker starts at once what it is given, and sets a group up before the
group's first case, or inside it. The lower bound of a run is max(all work / all speed, k longest / k fastest).
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, assert_never

from testlanes.runner.decisions import Decision, Entry, Give, Idle, Move, Recall, Renew
from testlanes.runner.dispatch import Dispatcher
from testlanes.runner.events import Group
from testlanes.runner.ids import DEFAULT_PROFILE, HostName, LaneId, Row

COST_IN = 10e-6
COST_OUT = 30e-6
LONG = 1.0
"""Seconds from which on a test counts as long, in a ``failfast`` history."""


class Policy(Protocol):
    """What the simulation asks of a dispatcher; ours, or a peer's re-written from its behaviour."""

    def started(self, lane: LaneId, row: Row, now: float) -> None: ...
    def finished(self, lane: LaneId, row: Row, seconds: float, now: float) -> None: ...
    def returned(self, lane: LaneId, rows: Iterable[Row], now: float) -> None: ...
    def decide(self, now: float) -> Sequence[Decision]: ...
    @property
    def wake_at(self) -> float | None: ...
    @property
    def done(self) -> bool: ...


@dataclass(frozen=True)
class Workload:
    """What a suite's tests take, and what is believed of it. All in seconds, by row."""

    durations: Sequence[float]
    estimates: Sequence[float | None]
    groups: Sequence[str | None] = ()
    set_ups: dict[str, float] = field(default_factory=dict[str, float])

    def group(self, row: int) -> str | None:
        """Return the name of a row's group."""
        return self.groups[row] if self.groups else None


@dataclass(frozen=True)
class Outcome:
    """What came of a simulated run."""

    seconds: float
    bound: float
    messages: float
    """From the controller, for each test."""
    set_ups: float
    """Set-ups run, for each that was needed."""

    @property
    def share(self) -> float:
        """How much of the bound was reached, in percent."""
        return 100.0 * self.bound / self.seconds


def durations(kind: str, count: int, rng: random.Random) -> list[float]:
    """Return what ``count`` tests take: ``unit``, ``heavy`` or ``integration``."""

    def one() -> float:
        match kind:
            case "unit":
                return rng.lognormvariate(math.log(0.005), 1.5)
            case "heavy":
                return min(rng.lognormvariate(math.log(0.05), 2.0), 60.0)
            case "integration":
                which = rng.random()
                if which < 0.9:
                    return rng.lognormvariate(math.log(0.01), 1.0)
                if which < 0.99:
                    return rng.uniform(0.3, 3.0)
                return rng.uniform(5.0, 60.0)
            case _:
                raise ValueError(kind)

    return [one() for _ in range(count)]


def workload(kind: str, count: int, history: str, seed: int) -> Workload:
    """Return a suite without groups. ``history``: ``none``, ``noisy``, ``stale``, ``failfast`` or ``exact``."""
    rng = random.Random(f"{kind} {count} {history} {seed}")
    took = durations(kind, count, rng)
    known: list[float | None] = []
    for row, seconds in enumerate(took):
        match history:
            case "none":
                known.append(None)
            case "exact":
                known.append(seconds)
            case "noisy":
                known.append(seconds * rng.lognormvariate(0.0, 0.25))
            case "stale":
                which = rng.random()
                factor = 10.0 if which < 0.05 else 0.1 if which < 0.1 else 1.0
                unknown = rng.random() < 0.2
                known.append(None if unknown else seconds * factor * rng.lognormvariate(0.0, 0.5))
            case "failfast":
                known.append(seconds * rng.lognormvariate(0.0, 0.25))
                if seconds > LONG and rng.random() < 0.5:
                    took[row] = 0.003
            case _:
                raise ValueError(history)
    return Workload(took, known)


def with_set_ups(suite: Workload, seconds: float, giant: bool, seed: int) -> Workload:
    """Put a suite's tests into classes, 28 % of which take ``seconds`` to set up.

    ``giant``: one class has a tenth of all tests, and a set-up.
    """
    rng = random.Random(f"{seconds} {giant} {seed}")
    groups: list[str | None] = []
    set_ups: dict[str, float] = {}
    count = len(suite.durations)
    while len(groups) < count:
        name = f"m.C{len(set_ups)}"
        if giant and not groups:
            groups += [name] * (count // 10)
            set_ups[name] = seconds
            continue
        groups += [name] * min(1 + int(rng.expovariate(1 / 15)), count - len(groups))
        set_ups[name] = seconds if rng.random() < 0.28 else 0.0
    return Workload(suite.durations, suite.estimates, groups, set_ups)


def bound(suite: Workload, speeds: Sequence[float]) -> float:
    """Return the lower bound of a run's seconds."""
    fastest = sorted(speeds, reverse=True)
    longest = sorted(suite.durations, reverse=True)
    needed = sum(suite.set_ups.get(name, 0.0) for name in {*suite.groups} if name)
    best = (sum(longest) + needed) / sum(fastest)
    work = power = 0.0
    for seconds, speed in zip(longest, fastest, strict=False):
        work += seconds
        power += speed
        best = max(best, work / power)
    return best


def ours(
    suite: Workload,
    speeds: Sequence[float],
    round_trip: float,
    *,
    single: bool = False,
    known: bool = False,
    hosts: Sequence[int] | None = None,
) -> Dispatcher:
    """Return our dispatcher with a suite listed and a ready lane for each speed.

    ``hosts``: the number of each lane's host; None: a host for each speed. ``known``: whether earlier runs
    have learnt the speeds.
    """
    if hosts is None:
        hosts = [sorted({*speeds}).index(speed) for speed in speeds]
    learnt = {HostName(f"host-{at}"): speed for at, speed in zip(hosts, speeds, strict=True)}
    dispatcher = Dispatcher(single=single, speeds=learnt if known else None)
    groups = {name: Group(name) for name in suite.groups if name}
    dispatcher.add(
        (
            Entry(Row(row), DEFAULT_PROFILE, row, seconds, groups.get(suite.group(row) or ""))
            for row, seconds in enumerate(suite.estimates)
        ),
        0.0,
    )
    dispatcher.listing_ended(DEFAULT_PROFILE)
    for lane, number in enumerate(hosts):
        host = HostName(f"host-{number}")
        dispatcher.open_lane(LaneId(lane), host, DEFAULT_PROFILE, latency=round_trip)
        dispatcher.worker_ready(LaneId(lane), -1, 0.0)
    return dispatcher


class Simulation:
    """One run. ``needs_next``: a worker starts a case only when it has the one after it, as xdist's does.

    ``inside``: what a group needs is set up after its first test was said to have started, as pytest and unittest do;
    our dispatcher is told of it.
    """

    def __init__(
        self,
        suite: Workload,
        speeds: Sequence[float],
        round_trip: float,
        policy: Policy,
        *,
        needs_next: bool = False,
        inside: bool = False,
    ) -> None:
        self.suite = suite
        self.speeds = speeds
        self.policy = policy
        self.one_way = round_trip / 2
        self.needs_next = needs_next
        self.inside = inside
        self.set_up_in: dict[Row, float] = {}
        self.queues: list[deque[Row]] = [deque() for _ in speeds]
        self.running: list[Row | None] = [None] * len(speeds)
        self.shut = [False] * len(speeds)
        self.standing: list[str | None] = [None] * len(speeds)
        self.set_ups = 0
        self.messages = 0
        self.done = 0
        self.last = 0.0
        self._heap: list[tuple[float, int, str, int, tuple[Row, ...]]] = []
        self._inbox: deque[tuple[str, int, tuple[Row, ...], float]] = deque()
        self._number = 0
        self._free = 0.0  # when the controller has time
        self._wake = math.inf

    def run(self) -> Outcome:
        """Run to the end. Raises RuntimeError if nothing can happen any more before it."""
        self._later(0.0, "control", 0, ())
        count = len(self.suite.durations)
        while self.done < count:
            if not self._heap:
                raise RuntimeError(f"stuck: {self.done} of {count} are done")
            now, _, what, lane, rows = heapq.heappop(self._heap)
            getattr(self, f"_on_{what}")(now, lane, rows)
        needed = len({name for name in self.suite.groups if name and self.suite.set_ups[name]})
        return Outcome(
            self.last,
            bound(self.suite, self.speeds),
            self.messages / count,
            self.set_ups / needed if needed else 1.0,
        )

    def _later(self, at: float, what: str, lane: int, rows: tuple[Row, ...]) -> None:
        self._number += 1
        heapq.heappush(self._heap, (at, self._number, what, lane, rows))

    # At the worker

    def _on_give(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        self.queues[lane].extend(rows)
        self._begin(now, lane)

    def _on_recall(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        asked = {*rows}
        back = tuple(row for row in self.queues[lane] if row in asked)
        self.queues[lane] = deque(row for row in self.queues[lane] if row not in asked)
        self._later(now + self.one_way, "returned", lane, back)

    def _on_shut(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        del rows
        self.shut[lane] = True
        self._begin(now, lane)

    def _begin(self, now: float, lane: int) -> None:
        queue = self.queues[lane]
        if self.running[lane] is not None or not queue:
            return
        if self.needs_next and len(queue) < 2 and not self.shut[lane]:
            return
        row = queue.popleft()
        self.running[lane] = row
        group = self.suite.group(row)
        if group != self.standing[lane]:
            self.standing[lane] = group
            seconds = self.suite.set_ups.get(group, 0.0) if group else 0.0
            self.set_ups += seconds > 0.0
            seconds /= self.speeds[lane]
            if self.inside and seconds:
                self._later(now + self.one_way, "started", lane, (row,))
                self._later(now + self.one_way, "coming_up", lane, (row,))
                self.set_up_in[row] = seconds
            now += seconds
        arrives = "is_up" if row in self.set_up_in else "started"
        self._later(now + self.one_way, arrives, lane, (row,))
        self._later(now + self.suite.durations[row] / self.speeds[lane], "end", lane, (row,))

    def _on_end(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        self.running[lane] = None
        self.done += 1
        self.last = now
        self._later(now + self.one_way, "finished", lane, rows)
        self._begin(now, lane)

    # At the controller

    def _on_started(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        self._arrive(now, "started", lane, rows)

    def _on_coming_up(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        self._arrive(now, "coming_up", lane, rows)

    def _on_is_up(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        self._arrive(now, "is_up", lane, rows)

    def _on_finished(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        self._arrive(now, "finished", lane, rows)

    def _on_returned(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        self._arrive(now, "returned", lane, rows)

    def _arrive(self, now: float, what: str, lane: int, rows: tuple[Row, ...]) -> None:
        if not self._inbox:
            self._later(max(now, self._free), "control", 0, ())
        self._inbox.append((what, lane, rows, now))

    def _on_control(self, now: float, lane: int, rows: tuple[Row, ...]) -> None:
        del lane, rows
        if now < self._free:  # a wake-up that met a busy controller
            self._later(self._free, "control", 0, ())
            return
        while self._inbox:
            what, number, some, arrived = self._inbox.popleft()
            lane_id = LaneId(number)
            if what == "returned":
                self.policy.returned(lane_id, some, arrived)
                now += COST_IN
            elif what == "started":
                self.policy.started(lane_id, some[0], arrived)
            elif what in ("coming_up", "is_up"):
                took = self.set_up_in[some[0]] if what == "is_up" else None
                if isinstance(self.policy, Dispatcher):
                    self.policy.fixture(lane_id, some[0], took, own=True)
            else:
                seconds = self.suite.durations[some[0]] / self.speeds[number]
                seconds += self.set_up_in.get(some[0], 0.0)
                self.policy.finished(lane_id, some[0], seconds, arrived)
                now += COST_IN
        for decision in self.policy.decide(now):
            match decision:
                case Give(to, given):
                    self.messages += 1
                    now += COST_OUT
                    self._later(now + self.one_way, "give", to, given)
                case Recall(to, asked):
                    self.messages += 1
                    now += COST_OUT
                    self._later(now + self.one_way, "recall", to, asked)
                case Idle(to):
                    self._later(now + self.one_way, "shut", to, ())
                case Renew() | Move():
                    raise RuntimeError(f"{decision} in a run that is listed, of one profile")
                case _:
                    assert_never(decision)
        self._free = now
        wake = self.policy.wake_at
        if self._wake <= now:
            self._wake = math.inf
        if wake is not None and wake < self._wake:
            self._wake = max(wake, now)
            self._later(self._wake, "control", 0, ())


def simulate(
    suite: Workload,
    speeds: Sequence[float],
    round_trip: float,
    *,
    known: bool = False,
    hosts: Sequence[int] | None = None,
    inside: bool = False,
) -> Outcome:
    """Run a suite with our dispatcher; ``known`` and ``hosts``: see ``ours``, ``inside``: see ``Simulation``."""
    policy = ours(suite, speeds, round_trip, known=known, hosts=hosts)
    return Simulation(suite, speeds, round_trip, policy, inside=inside).run()


def lanes(count: int, unequal: bool = False) -> list[float]:
    """Return the speeds of ``count`` lanes: all 1, or 1, 1, 2 in turn."""
    return [2.0 if unequal and lane % 3 == 2 else 1.0 for lane in range(count)]
