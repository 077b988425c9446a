"""What the dispatcher goes by: the lanes and what each holds, the backlog, the ledger, the speeds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..ids import HostName, LaneId, ProfileName, Row
from .backlog import Backlog
from .estimate import Likeness, SetUp, Speeds
from .handout import Handout
from .holding import Holding
from .ledger import Ledger, LedgerError
from .units import Unit

LEARN = 3
"""How many results a lane there must be before cases without an estimate are sent in batches."""
ENDING = 1.0
"""Seconds of work a lane that are left when quick cases of unequal length are not alike any more."""


class Floor:
    """The state that all of the dispatcher's modules share, and the steps that keep its counts true."""

    def __init__(
        self,
        segments: Sequence[int | None],
        seed: int | None,
        single: bool,
        speeds: Mapping[HostName, float],
    ) -> None:
        self.ledger = Ledger()
        self.speeds = Speeds(speeds)
        self.limits = tuple(segments) or (None,)
        self.single = single
        self.guess = Likeness()
        self.backlog = Backlog(self.ledger, self.guess, seed)
        self.handout = Handout(self.backlog, self.guess)
        self.lanes: dict[LaneId, Holding] = {}
        self.hosts = Counter[HostName]()  # how many lanes each has
        self.ready_since: dict[HostName, float] = {}  # when each had its first worker
        self.profile_limits: dict[int, tuple[int | None, frozenset[HostName] | None]] = {}
        self.segment = 0
        self.ending = False
        self.held: dict[int, int] = {}  # segment -> rows held
        self.waiting_rows: list[int] = []  # profile -> rows held and not started
        self.start_ups: dict[int, SetUp] = {}  # profile -> of a process that runs one batch
        self.busy = 0
        self.dirty: set[LaneId] = set()
        self.hungry: set[LaneId] = set()
        self.wakes: list[tuple[float, LaneId]] = []
        self.may_be_orphaned = False  # something may be pending that no lane can run
        self.more_runs: dict[Row, int] = {}  # of rows that are pending or held: runs after the next

    def profile(self, name: ProfileName) -> int:
        """Return a profile's number; one that is new is counted from now on."""
        number = self.backlog.profile(name)
        while len(self.waiting_rows) <= number:
            self.waiting_rows.append(0)
        return number

    def learn_start_up(self, profile: int, seconds: float) -> None:
        """It took this long, at speed 1, until a process of a profile was at its first test."""
        self.start_ups.setdefault(profile, SetUp()).learn(seconds)

    def owner(self, lane: LaneId, row: Row) -> Holding:
        """Return the lane that says it has a row. Raises LedgerError if it was not given it."""
        holding = self.lanes.get(lane)
        if holding is None or row not in holding.held:
            raise LedgerError(f"lane {lane} does not hold row {row}: {self.ledger.place(row).name}")
        return holding

    def hold(self, holding: Holding, row: Row, speed: float) -> float:
        """Put a row that was taken off the backlog onto a lane; return the wall seconds expected of it."""
        expected = self.expected(row, speed)
        if not holding.held:
            self.busy += 1
        self.ledger.hold(row, holding.lane)
        self.held[self.segment] = self.held.get(self.segment, 0) + 1
        self.waiting_rows[holding.profile] += 1
        holding.hold(row, expected)
        return expected

    def more_to_do(self) -> None:
        """Something came back or up: lanes that found nothing look again."""
        self.dirty |= self.hungry

    def let_go(self, holding: Holding, row: Row) -> None:
        """Take a row off a lane; the ledger knows already where it went."""
        segment = self.backlog.segment(row)
        self.held[segment] -= 1
        if holding.running == row:
            holding.running = None
            holding.setting_up = False
        else:
            self.waiting_rows[holding.profile] -= 1
        holding.drop(row)
        if not holding.held:
            self.busy -= 1
            self.more_to_do()
        self.dirty.add(holding.lane)

    def release(self, holding: Holding, row: Row) -> None:
        """Let a lane go of a row's hard group, if it holds nothing of it and need not go on with it."""
        part = self.backlog.part(row)
        if part is None or not part.hard or part.owner != holding.lane:
            return
        part.held -= 1
        if not part.held and not (part.pending and part.begun):
            holding.parts.remove(part)
            self.handout.free(part)

    def fastest_first(self, lanes: Iterable[LaneId]) -> list[Holding]:
        """Return lanes in the order in which they are served: idle ones first, then by their host's speed."""
        found = [self.lanes[lane] for lane in lanes if lane in self.lanes]
        if len(found) > 1:
            speed = self.speeds.of
            found.sort(key=lambda lane: (bool(lane.held), -speed(lane.host), lane.lane))
        return found

    def choose_segment(self) -> None:
        """Go on to the plan's next segment when the present one is drained."""
        pending, urgent = self.backlog.pending, self.backlog.urgent
        if len(self.limits) == 1:
            return
        # What is run again out of an earlier segment goes back to it, when nothing else runs.
        wanted = min((s for s, n in urgent.items() if n and s < self.segment), default=None)
        if wanted is None:
            if pending.get(self.segment):
                wanted = self.segment
            else:
                wanted = min((s for s, n in pending.items() if n), default=self.segment)
        if wanted == self.segment:
            return
        if any(self.held.values()) or (wanted > 0 and not self.backlog.all_ended):
            return
        self.segment = wanted
        self.more_to_do()

    def is_open(self) -> bool:
        """Whether the present segment may hand out; not, while a re-run waits for another to drain."""
        return self.segment == 0 or not any(
            n for s, n in self.backlog.urgent.items() if s < self.segment
        )

    def next_unit(self, holding: Holding, known: int, most: float = math.inf) -> Unit | None:
        """Return what comes next for a lane whose worker can run positions below ``known``.

        ``most``: only what takes about so many seconds at speed 1, or is not known to.
        """
        return self.handout.first(
            holding.profile, holding.host, self.segment, known, most, ending=self.ending
        )

    def see_the_end(self) -> None:
        """Find out whether a run of several lanes comes to its end."""
        guess, lanes = self.guess.mean, len(self.lanes)
        work = 0.0
        for pool in self.backlog.pools:
            work += pool.seconds + pool.unknown * guess
        self.ending = lanes > 1 and work < ENDING * lanes

    def unequal(self, speed: float) -> bool:
        """Whether some host is faster than ``speed``."""
        if len(self.hosts) < 2:
            return False
        return any(self.speeds.of(host) > speed for host, lanes in self.hosts.items() if lanes)

    def expected(self, row: Row, speed: float) -> float:
        """Return the wall seconds expected of a row; inf while nothing is known of its like."""
        seconds = self.backlog.seconds(row)
        if seconds is None:
            if not self.has_guess:
                return math.inf
            seconds = self.guess.typical
        return seconds / speed

    @property
    def has_guess(self) -> bool:
        """Whether enough results are there to guess how long what has no estimate will take."""
        return self.guess.count >= LEARN * len(self.lanes)

    def likely(self, row: Row, speed: float) -> float:
        """Return the wall seconds expected of a row, the mean of its like where it has no estimate."""
        seconds = self.backlog.seconds(row)
        return (self.guess.mean if seconds is None else seconds) / speed

    def dismissed(self, holding: Holding) -> None:
        """A lane was told to let its worker go: it gets nothing until it has another."""
        holding.ready = False
        self.hungry.discard(holding.lane)

    def wants_worker(self, lane: LaneId, starting: Iterable[LaneId] = ()) -> bool:
        """Whether something is pending, now or in a later segment, that a new worker of a lane could run.

        ``starting``: lanes whose workers come up; each of those of the same host and profile will take a case.
        """
        holding = self.lanes[lane]
        if not self.backlog.ended(holding.profile):
            return True
        like = (holding.profile, holding.host)
        taken = sum((self.lanes[one].profile, self.lanes[one].host) == like for one in starting)
        pending = sum(
            pool.pending
            for pool in self.backlog.pools
            if pool.profile == holding.profile
            and (pool.hosts is None or holding.host in pool.hosts)
        )
        return pending > taken

    def not_started(self, lane: LaneId) -> tuple[Row, ...]:
        """Return what a lane holds and has not started, in order."""
        holding = self.lanes[lane]
        return tuple(row for row in holding.held if row != holding.running)
