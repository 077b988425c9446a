"""Who runs what next: a state machine without clock, I/O or tasks (PERFORMANCE.md, section 3).

The unit is the group. Unknown units come first, then the longest. A lane holds a window measured
in time, which hides its channel's latency and shrinks at the end. Near the end an idle lane gets
a part of another's group, or what another holds and has not started; and what waits behind a test
that takes much longer than expected is taken back at once.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence

from .backlog import EVERYTHING, Backlog, Part, Unit
from .decisions import Decision, Entry, Give, Idle, Move, Recall, Renew
from .estimate import Likeness, Speeds
from .holding import SLACK, Holding
from .ids import HostName, LaneId, ProfileName, Row
from .ledger import Ledger, LedgerError, Place

MOST = 256
"""The most cases that a lane holds."""
BATCH = 0.05
"""Seconds of work that are worth a message."""
LEARN = 3
"""How many results a lane there must be before cases without an estimate are sent in batches."""
PROCESS = 2.0
"""Seconds of work that are worth a process of their own, where a worker runs one batch only."""
LATE = 4.0
"""An overrunning test is taken to need up to this many times what it took until now."""
MOVE_COST = 1.0
"""Seconds of work a lane that a profile must have left for one more lane to be worth it."""


class Dispatcher:
    """Decides what each lane gets. Times are seconds on one monotonic clock that the caller reads.

    ``segments`` holds, for each segment of the plan, how many lanes may be busy at once (None: all).
    With ``single`` a worker gets one case and is then replaced: the caller reports it gone and ready
    again. ``seed`` makes the order random instead of longest first. ``profiles`` are the profiles
    whose listings must end before the run can; those that are mentioned otherwise are added.

    Raises LedgerError where a lane claims a row that it was not given.
    """

    def __init__(
        self,
        *,
        segments: Sequence[int | None] = (None,),
        seed: int | None = None,
        single: bool = False,
        profiles: Iterable[ProfileName] = (),
    ) -> None:
        self.ledger = Ledger()
        self.speeds = Speeds()
        self._limits = tuple(segments) or (None,)
        self._single = single
        self._guess = Likeness()
        self._backlog = Backlog(self.ledger, self._guess, seed)
        self._lanes: dict[LaneId, Holding] = {}
        self._profile_limits: dict[int, tuple[int | None, frozenset[HostName] | None]] = {}
        self._segment = 0
        self._held: dict[int, int] = {}  # segment -> rows held
        self._waiting_rows: list[int] = []  # profile -> rows held and not started
        self._busy = 0
        self._dirty: set[LaneId] = set()
        self._hungry: set[LaneId] = set()
        self._wakes: list[tuple[float, LaneId]] = []
        self._may_be_orphaned = False  # something may be pending that no lane can run
        self._more_runs: dict[
            Row, int
        ] = {}  # of rows that are pending or held: runs after the next
        for name in profiles:
            self._profile(name)

    # What happened

    def add(self, entries: Iterable[Entry], now: float) -> None:
        """Schedule cases; those of a profile in listing order."""
        del now
        for entry in entries:
            if not 0 <= entry.segment < len(self._limits):
                raise LedgerError(
                    f"row {entry.row} is in segment {entry.segment} of {len(self._limits)}"
                )
            self.ledger.schedule(entry.row)
            self._profile(entry.profile)
            self._backlog.add(entry)
        self._more_to_do()

    def listing_ended(self, profile: ProfileName) -> None:
        """Nothing more will be listed for a profile."""
        self._profile(profile)
        self._backlog.end(profile)
        self._more_to_do()

    def limit_profile(
        self, profile: ProfileName, lanes: int | None, hosts: frozenset[HostName] | None = None
    ) -> None:
        """Let no lane move to a profile that has ``lanes`` already, or that its host does not serve."""
        self._profile_limits[self._profile(profile)] = (lanes, hosts)

    def open_lane(
        self,
        lane: LaneId,
        host: HostName,
        profile: ProfileName,
        *,
        latency: float = 0.0,
        batches: bool = False,
    ) -> None:
        """A lane exists, or one without a worker serves ``profile`` from now on.

        ``latency``: seconds from sending it something until its answer can be here. With ``batches``
        its worker runs one batch, gives nothing back, and ends.
        """
        old = self._lanes.get(lane)
        if old is not None and (old.ready or old.held):
            raise LedgerError(f"lane {lane} still has a worker")
        self._lanes[lane] = Holding(lane, host, self._profile(profile), latency, batches)

    def worker_ready(self, lane: LaneId, known: int, now: float) -> None:
        """A lane's worker can run the first ``known`` listed cases of its profile; -1: all."""
        holding = self._lanes[lane]
        holding.ready = True
        holding.known = EVERYTHING if known < 0 else known
        holding.free_at = now
        holding.spent = holding.draining = False
        self._dirty.add(lane)

    def started(self, lane: LaneId, row: Row, now: float) -> None:
        """A lane began to run a row it holds."""
        holding = self._owner(lane, row)
        if holding.running is None:
            self._waiting_rows[holding.profile] -= 1
        holding.running = row
        holding.vague = self._backlog.seconds(row) is None
        holding.since = now
        holding.recalled.discard(row)
        part = self._backlog.part(row)
        if part is not None:
            part.begun = part.begun or part.owner == lane
            if part.set_up is not holding.family:
                gap = max(now - holding.free_at - holding.latency, 0.0)
                part.set_up.learn(gap * self.speeds.of(holding.host))
        holding.family = None if part is None else part.set_up
        self._dirty.add(lane)

    def finished(self, lane: LaneId, row: Row, seconds: float, now: float) -> None:
        """A lane has an outcome for a row it held, after ``seconds`` of wall time."""
        holding = self._owner(lane, row)
        self.ledger.finish(row, lane)
        self._let_go(holding, row)
        self._release(holding, row)
        holding.free_at = now
        self._backlog.calm(row)
        expected = self._backlog.seconds(row)
        if expected is None:
            self._guess.learn(seconds * self.speeds.of(holding.host))
        else:
            self.speeds.learn(holding.host, expected, seconds)
        if row in self._more_runs:
            more = self._more_runs.pop(row) - 1
            if more:
                self._more_runs[row] = more
            self._put_again(row, urgent=True)
            self._more_to_do()

    def returned(self, lane: LaneId, rows: Iterable[Row], now: float) -> None:
        """A lane's answer to ``Recall``: what it gave back, which may be nothing."""
        del now
        holding = self._lanes[lane]
        rows = tuple(rows)
        for row in rows:
            self._owner(lane, row)
            self.ledger.give_back(row, lane)
            self._let_go(holding, row)
        # Else its group's owner would get it back, to be asked for it again at once.
        self._backlog.detach(rows, lane)
        for row in rows:
            self._backlog.put(row, front=False)
        for row in rows:
            self._release(holding, row)
        holding.recalled.clear()
        holding.barren = not rows
        self._dirty.add(lane)
        if rows:
            self._more_to_do()

    def drain(self, lane: LaneId) -> tuple[Row, ...]:
        """Give a lane's present worker nothing more. Return what it has not started, to be taken back."""
        holding = self._lanes[lane]
        holding.draining = True
        self._hungry.discard(lane)
        return self.not_started(lane)

    def worker_gone(self, lane: LaneId, now: float) -> tuple[Row, ...]:
        """A lane has no worker any more. Return what it held; it comes first again."""
        del now
        holding = self._lanes[lane]
        rows = tuple(holding.held)
        for row in rows:
            self.ledger.give_back(row, lane)
            self._let_go(holding, row)
        for part in holding.parts:
            if part.owner == lane:
                part.held = 0
                self._backlog.free(part)
        holding.parts.clear()
        for row in rows:
            self._backlog.put(row, front=True)
        holding.ready = False
        holding.recalled.clear()
        holding.family = None
        self._hungry.discard(lane)
        self._dirty.discard(lane)
        self._more_to_do()
        return rows

    def close_lane(self, lane: LaneId, now: float) -> None:
        """A lane ends; what it held returns to the queue."""
        self.worker_gone(lane, now)
        del self._lanes[lane]
        self._may_be_orphaned = True

    def again(self, rows: Iterable[Row], now: float, *, urgent: bool, times: int = 1) -> None:
        """Let rows that are done or were given up run again, ``times`` times each.

        A pending row runs ``times`` times in all, and a row that a lane holds that often once more.
        ``urgent`` ones come before all that waits.
        """
        del now
        if times < 1:
            return
        for row in rows:
            place = self.ledger.place(row)
            if place is Place.NOWHERE:
                raise LedgerError(f"row {row} was never scheduled")
            if more := times - (place is not Place.HELD):
                self._more_runs[row] = self._more_runs.get(row, 0) + more
            if place is not Place.HELD:
                self._put_again(row, urgent)
        self._more_to_do()

    def _put_again(self, row: Row, urgent: bool) -> None:
        if self.ledger.is_pending(row):
            if not urgent:
                return
            self._backlog.drop((row,))
        else:
            self.ledger.again(row)
        if urgent:
            self._backlog.hasten(row)
        self._backlog.put(row, front=False)
        self._may_be_orphaned = True

    def give_up(self, rows: Iterable[Row] | None) -> tuple[Row, ...]:
        """Remove pending rows (None: all of them), and return those that were pending."""
        if rows is None:
            gone = tuple(self.ledger.rows(Place.PENDING))
        else:
            gone = tuple(row for row in dict.fromkeys(rows) if self.ledger.is_pending(row))
        for row in gone:
            self.ledger.give_up(row)
            self._more_runs.pop(row, None)
        self._backlog.drop(gone)
        self._more_to_do()
        return gone

    # What to do

    def decide(self, now: float) -> list[Decision]:
        """Return what is to be done now; nothing, if nothing has changed."""
        decisions: list[Decision] = []
        while self._wakes and self._wakes[0][0] <= now:
            _, lane = heapq.heappop(self._wakes)
            holding = self._lanes.get(lane)
            if holding is not None:
                holding.pending_wake = math.inf
                self._dirty.add(lane)
        self._choose_segment()
        while self._dirty:
            dirty, self._dirty = self._dirty, set()
            for holding in self._fastest_first(dirty):
                self._recall_overrun(holding, now, decisions)
                self._fill(holding, now, decisions)
        if self._hungry:
            self._share(now, decisions)
        if self._may_be_orphaned:
            self._adopt(decisions)
        return decisions

    @property
    def wake_at(self) -> float | None:
        """When ``decide`` is to be called although nothing happened; None: no need."""
        return self._wakes[0][0] if self._wakes else None

    @property
    def done(self) -> bool:
        """Whether nothing is pending or held, and all listings have ended."""
        return not (self.ledger.pending or self.ledger.held) and self._backlog.all_ended

    def wants_worker(self, lane: LaneId) -> bool:
        """Whether something is pending, now or in a later segment, that a new worker of a lane could run."""
        holding = self._lanes[lane]
        return any(
            pool.pending
            and pool.profile == holding.profile
            and (pool.hosts is None or holding.host in pool.hosts)
            for pool in self._backlog.pools()
        ) or not self._backlog.ended(holding.profile)

    def not_started(self, lane: LaneId) -> tuple[Row, ...]:
        """Return what a lane holds and has not started, in order."""
        holding = self._lanes[lane]
        return tuple(row for row in holding.held if row != holding.running)

    def waiting(self, lane: LaneId) -> str:
        """Say why an idle lane waits; empty where it does not."""
        holding = self._lanes[lane]
        if holding.held:
            return ""
        backlog = self._backlog
        if self._next_unit(holding, EVERYTHING) is not None:
            limit = self._limits[self._segment]
            if limit is not None and self._busy >= limit:
                return f"segment {self._segment + 1} of {len(self._limits)}"
            return ""
        for part in backlog.owned.values():
            if part.pool.profile == holding.profile and part.pool.segment == self._segment:
                return f"group {part.name} held by lane {part.owner}"
        if not backlog.ended(holding.profile):
            return "listing"
        if backlog.left[holding.profile]:
            if not backlog.all_ended:
                return "listing"
            return f"segment {self._segment + 1} of {len(self._limits)}"
        return "nothing left"

    def remaining_seconds(self, now: float) -> float:
        """Estimate the wall seconds that are left, from what is expected and the lanes' speeds."""
        guess = self._guess.mean
        work: dict[int, float] = {}
        for pool in self._backlog.pools():
            seconds = pool.seconds + pool.unknown * guess
            work[pool.segment] = work.get(pool.segment, 0.0) + seconds
        longest = 0.0
        speeds: list[float] = []
        for holding in self._lanes.values():
            if not holding.ready:
                continue
            speed = self.speeds.of(holding.host)
            speeds.append(speed)
            out = 0.0
            for row, seconds in holding.held.items():
                seconds = guess / speed if math.isinf(seconds) else seconds
                out += (
                    max(seconds - (now - holding.since), 0.0) if row == holding.running else seconds
                )
            longest = max(longest, out)
            work[self._segment] = work.get(self._segment, 0.0) + out * speed
        speeds.sort(reverse=True)
        left = 0.0
        for segment, seconds in work.items():
            left += seconds / (sum(speeds[: self._limits[segment]]) or 1.0)
        return max(left, longest)

    # How

    def _profile(self, name: ProfileName) -> int:
        number = self._backlog.profile(name)
        while len(self._waiting_rows) <= number:
            self._waiting_rows.append(0)
        return number

    def _owner(self, lane: LaneId, row: Row) -> Holding:
        holding = self._lanes.get(lane)
        if holding is None or row not in holding.held:
            raise LedgerError(f"lane {lane} does not hold row {row}: {self.ledger.place(row).name}")
        return holding

    def _more_to_do(self) -> None:
        self._dirty |= self._hungry

    def _let_go(self, holding: Holding, row: Row) -> None:
        """Take a row off a lane; the ledger knows already where it went."""
        segment = self._backlog.segment(row)
        self._held[segment] -= 1
        if holding.running == row:
            holding.running = None
        else:
            self._waiting_rows[holding.profile] -= 1
        holding.drop(row)
        if not holding.held:
            self._busy -= 1
            self._more_to_do()
        self._dirty.add(holding.lane)

    def _release(self, holding: Holding, row: Row) -> None:
        """Let a lane go of a row's hard group, if it holds nothing of it and need not go on with it."""
        part = self._backlog.part(row)
        if part is None or not part.hard or part.owner != holding.lane:
            return
        part.held -= 1
        if not part.held and not (part.pending and part.begun):
            holding.parts.remove(part)
            self._backlog.free(part)

    def _fastest_first(self, lanes: Iterable[LaneId]) -> list[Holding]:
        found = [self._lanes[lane] for lane in lanes if lane in self._lanes]
        if len(found) > 1:
            speed = self.speeds.of
            found.sort(key=lambda lane: (bool(lane.held), -speed(lane.host), lane.lane))
        return found

    def _choose_segment(self) -> None:
        pending, urgent = self._backlog.pending, self._backlog.urgent
        if len(self._limits) == 1:
            return
        # What is run again out of an earlier segment goes back to it, when nothing else runs.
        wanted = min((s for s, n in urgent.items() if n and s < self._segment), default=None)
        if wanted is None:
            if pending.get(self._segment):
                wanted = self._segment
            else:
                wanted = min((s for s, n in pending.items() if n), default=self._segment)
        if wanted == self._segment:
            return
        if any(self._held.values()) or (wanted > 0 and not self._backlog.all_ended):
            return
        self._segment = wanted
        self._more_to_do()

    def _is_open(self) -> bool:
        """Whether the present segment may hand out; not, while a re-run waits for another to drain."""
        return self._segment == 0 or not any(
            n for s, n in self._backlog.urgent.items() if s < self._segment
        )

    def _next_unit(self, holding: Holding, known: int) -> Unit | None:
        return self._backlog.first(holding.profile, holding.host, self._segment, known)

    def _expected(self, row: Row, speed: float) -> float:
        """Return the wall seconds expected of a row; inf while nothing is known of its like."""
        seconds = self._backlog.seconds(row)
        if seconds is None:
            if self._guess.count < LEARN * len(self._lanes):
                return math.inf
            seconds = self._guess.typical
        return seconds / speed

    def _likely(self, row: Row, speed: float) -> float:
        """Return the wall seconds expected of a row, the mean of its like where it has no estimate."""
        seconds = self._backlog.seconds(row)
        return (self._guess.mean if seconds is None else seconds) / speed

    def _fill(self, holding: Holding, now: float, decisions: list[Decision]) -> None:
        """Top a lane up to its window."""
        lane = holding.lane
        self._hungry.discard(lane)
        if not holding.ready or holding.draining or holding.spent or holding.recalled:
            return
        if self._is_stale(holding):
            if not holding.held:
                self._dismissed(holding)
                decisions.append(Renew(lane))
            return
        low = holding.low()
        if holding.held:
            if self._single or holding.batches:
                return
            if holding.outstanding(now) >= low:
                self._wake(holding, low, now)
                return
            if self._is_stuck(holding, now):
                return
        limit = self._limits[self._segment]
        if not self._is_open() or (limit is not None and not holding.held and self._busy >= limit):
            self._hungry.add(lane)
            return
        rows = self._choose(holding, low)
        if not rows:
            self._hungry.add(lane)
            return
        holding.spent = holding.batches
        decisions.append(Give(lane, tuple(rows)))
        self._wake(holding, low, now)

    def _choose(self, holding: Holding, low: float) -> list[Row]:
        """Take from the backlog what a lane is to get now."""
        speed = self.speeds.of(holding.host)
        left = self._backlog.work(holding.profile, holding.host, self._segment) / speed
        share = left / (2 * len(self._lanes))
        budget = min(max(BATCH, low), share)
        room = 1 if self._single else MOST - len(holding.held)
        if holding.batches and not self._single:
            budget = max(share, PROCESS)
            room = -(-self._backlog.left[holding.profile] // (2 * len(self._lanes)))
        rows: list[Row] = []
        total = 0.0
        while len(rows) < room:
            if len(holding.held) == 1 and self._is_vague(holding) and self._others_can(holding):
                break
            row = self._take(
                holding, speed, budget - total if len(holding.held) > 1 else math.inf, not rows
            )
            if row is None:
                break
            expected = self._expected(row, speed)
            if not holding.held:
                self._busy += 1
            self.ledger.hold(row, holding.lane)
            self._held[self._segment] = self._held.get(self._segment, 0) + 1
            self._waiting_rows[holding.profile] += 1
            holding.hold(row, expected)
            total += expected
            rows.append(row)
        return rows

    def _is_vague(self, holding: Holding) -> bool:
        """Whether nobody knows how long what a lane holds will take."""
        return any(map(math.isinf, holding.held.values()))

    def _others_can(self, holding: Holding) -> bool:
        """Whether other lanes have nothing and can take all that is left: a running test gives nothing back."""
        free = sum(
            not other.held and other.profile == holding.profile and other is not holding
            for other in self._lanes.values()
        )
        return self._backlog.left[holding.profile] <= free

    def _take(self, holding: Holding, speed: float, room: float, first: bool) -> Row | None:
        """Take the next row for a lane, if it fits: the first may be longer than ``room``, if it is known."""
        backlog = self._backlog
        part = self._own_part(holding)
        unit = None
        if part is not None:
            row = backlog.next_of(part, holding.known)
        else:
            unit = self._next_unit(holding, holding.known)
            row = None if unit is None else unit.row
            if unit is not None and unit.part is not None:
                row = backlog.next_of(unit.part, holding.known)
        if row is None:
            return None
        expected = self._expected(row, speed)
        # Behind a case of unknown length, room is minus infinity: nothing fits.
        if room != math.inf and (math.isinf(expected) or (not first and expected > room)):
            return None
        if unit is not None:
            if unit.part is None:
                backlog.take(unit)
                return row
            part = unit.part
            backlog.own(part, holding.lane)
            holding.parts = [old for old in holding.parts if self._keeps(old, holding)]
            holding.parts.append(part)
        assert part is not None  # noqa: S101
        backlog.take_of(part, row)
        part.held += 1
        return row

    def _keeps(self, part: Part, holding: Holding) -> bool:
        """Whether a lane still owns a group; a soft one of which nothing is left is let go."""
        if part.owner != holding.lane:
            return False
        if part.hard or part.pending:
            return True
        self._backlog.free(part)
        return False

    def _own_part(self, holding: Holding) -> Part | None:
        """Return the group that a lane is to go on with."""
        for part in holding.parts:
            if part.owner == holding.lane and part.pending and part.pool.segment == self._segment:
                if part.pending[0] < holding.known:
                    return part
                if not (part.hard and part.held):  # another worker has to go on with it
                    self._backlog.free(part)
        return None

    def _wake(self, holding: Holding, low: float, now: float) -> None:
        """Ask to be called when a lane runs low, or when its running test begins to overrun."""
        at = math.inf
        if self._backlog.left[holding.profile] and not self._single:
            at = holding.low_at(low)
        if len(holding.held) > 1:
            patience = holding.patience()
            # One that overruns and may do so for now is looked at again when it took twice as long.
            at = min(at, patience if patience > now else now + max(now - holding.since, 0.1))
        if now < at < holding.pending_wake:
            holding.pending_wake = at
            heapq.heappush(self._wakes, (at, holding.lane))

    def _recall_overrun(self, holding: Holding, now: float, decisions: list[Decision]) -> None:
        """Take back what waits behind a test that overruns."""
        if len(holding.held) < 2 or holding.recalled or holding.barren or holding.batches:
            return
        if not self._is_stuck(holding, now):
            return
        rows = [row for row in holding.queue() if self._may_leave(row)]
        if rows:
            holding.recalled.update(rows)
            decisions.append(Recall(holding.lane, tuple(rows)))

    def _is_stuck(self, holding: Holding, now: float) -> bool:
        """Whether a running test overruns and what is left may be done before it ends.

        Long before the end nobody loses by waiting behind it, and its lane must not run dry.
        """
        if now < holding.patience():
            return False
        if any(not self._lanes[lane].held for lane in self._hungry):
            return True
        speed = self.speeds.of(holding.host)
        left = self._backlog.work(holding.profile, holding.host, self._segment)
        share = left / (len(self._lanes) * speed) - LATE * (now - holding.since)
        if share < 0.0:
            return True
        queue = holding.queue()
        if not queue:
            unit = self._next_unit(holding, holding.known)
            return unit is None or share < LATE * self._likely(unit.row, speed)
        return share < LATE * max(self._likely(row, speed) for row in queue)

    def _may_leave(self, row: Row) -> bool:
        """Whether a row may go to another worker: not in the middle of a hard group."""
        part = self._backlog.part(row)
        return part is None or not part.hard or not part.begun

    def _share(self, now: float, decisions: list[Decision]) -> None:
        """Find work for lanes that have none: of others' groups, of others' queues, of other profiles."""
        idle = [
            holding
            for holding in self._fastest_first(self._hungry)
            if holding.ready and not holding.held
        ]
        if not idle:
            return
        limit = self._limits[self._segment]
        may_run = self._is_open()
        coming = Counter(each.profile for each in self._lanes.values() if each.recalled)
        for holding in idle:
            if (
                may_run
                and (limit is None or self._busy < limit)
                and self._split(holding, now, decisions)
            ):
                continue
            if self._renew(holding, decisions):
                continue
            if coming[holding.profile]:
                coming[holding.profile] -= 1  # what was asked back before is for this one
                continue
            if may_run and self._steal(holding, now, decisions):
                continue
            self._dismiss(holding, decisions)

    def _split(self, thief: Holding, now: float, decisions: list[Decision]) -> bool:
        best: Part | None = None
        most = 0.0
        for part in self._backlog.owned.values():
            pool = part.pool
            if part.hard or pool.profile != thief.profile or pool.segment != self._segment:
                continue
            if pool.hosts is not None and thief.host not in pool.hosts:
                continue
            if not part.pending or min(part.pending[0], part.pending[-1]) >= thief.known:
                continue
            seconds = self._backlog.part_seconds(part)
            owner = self._lanes[part.owner] if part.owner is not None else None
            stuck = owner is None or self._is_stuck(owner, now)
            if part.set_up.seconds is None and not stuck:
                continue  # it may be dear: its owner sets it up just now
            gain = seconds if stuck else seconds / 2
            cost = (part.set_up.seconds or 0.0) + 2.0 * thief.latency + SLACK
            if (gain > cost or stuck) and gain >= most:
                best, most = part, gain
        if best is None:
            return False
        new = self._backlog.split(
            best, thief.lane, self._backlog.part_seconds(best) - most, thief.known
        )
        if new is None:
            return False
        thief.parts.append(new)
        self._fill(thief, now, decisions)
        return bool(thief.held)

    def _steal(self, thief: Holding, now: float, decisions: list[Decision]) -> bool:
        """Ask the lane with most in its queue for the later half of it."""
        best: Holding | None = None
        most = 0.0
        for holding in self._lanes.values():
            if holding.profile != thief.profile or len(holding.held) < 2:
                continue
            if holding.recalled or holding.barren or holding.batches:
                continue
            out = holding.outstanding(now)
            if out > most:
                best, most = holding, out
        if best is None or most < 2.0 * best.latency + SLACK:
            return False
        rows = [row for row in best.queue() if self._may_be_stolen(row, best)]
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

    def _may_be_stolen(self, row: Row, holding: Holding) -> bool:
        """Whether a queued row may go to an idle lane: not where that would set a dear group up again."""
        part = self._backlog.part(row)
        if part is None or (not part.hard and part.set_up is not holding.family and not part.begun):
            return True
        if part.hard or part.set_up.seconds is None:
            return False
        return holding.load > 2.0 * part.set_up.seconds / self.speeds.of(holding.host)

    def _is_stale(self, holding: Holding) -> bool:
        """Whether a newer fork is worth its milliseconds: what takes longest may have been listed last."""
        backlog = self._backlog
        if holding.known >= len(backlog.rows[holding.profile]) or not backlog.ended(
            holding.profile
        ):
            return False
        if not backlog.left[holding.profile]:
            return False
        return not any(
            part.begun and part.pending and part.owner == holding.lane for part in holding.parts
        )

    def _renew(self, holding: Holding, decisions: list[Decision]) -> bool:
        if holding.known == EVERYTHING or self._next_unit(holding, EVERYTHING) is None:
            return False
        if self._next_unit(holding, holding.known) is not None:
            return False
        self._dismissed(holding)
        decisions.append(Renew(holding.lane))
        return True

    def _dismiss(self, holding: Holding, decisions: list[Decision]) -> None:
        backlog = self._backlog
        profile = holding.profile
        if not backlog.ended(profile) or backlog.left[profile] or self._waiting_rows[profile]:
            return
        self._dismissed(holding)
        target = self._other_profile(holding)
        if target is None:
            decisions.append(Idle(holding.lane))
        else:
            holding.profile = target
            decisions.append(Move(holding.lane, backlog.profiles[target]))

    def _adopt(self, decisions: list[Decision]) -> None:
        """Find a lane for what no lane can run, because of its profile or its hosts."""
        self._may_be_orphaned = False
        for pool in self._backlog.pools():
            if not pool.pending or any(
                lane.profile == pool.profile and (pool.hosts is None or lane.host in pool.hosts)
                for lane in self._lanes.values()
            ):
                continue
            self._may_be_orphaned = True  # until somebody is free
            _, hosts = self._profile_limits.get(pool.profile, (None, None))
            for holding in self._lanes.values():
                if any(
                    each is not None and holding.host not in each for each in (hosts, pool.hosts)
                ):
                    continue
                if not holding.held and (holding.ready or not self.wants_worker(holding.lane)):
                    self._dismissed(holding)
                    holding.profile = pool.profile
                    decisions.append(Move(holding.lane, self._backlog.profiles[pool.profile]))
                    break

    def _dismissed(self, holding: Holding) -> None:
        """A lane was told to let its worker go: it gets nothing until it has another."""
        holding.ready = False
        self._hungry.discard(holding.lane)

    def _other_profile(self, holding: Holding) -> int | None:
        """Return the profile that most needs one more lane."""
        best, most = None, 0.0
        for profile in range(len(self._backlog.profiles)):
            if profile == holding.profile or not self._backlog.left[profile]:
                continue
            limit, hosts = self._profile_limits.get(profile, (None, None))
            lanes = sum(other.profile == profile for other in self._lanes.values())
            if (limit is not None and lanes >= limit) or (
                hosts is not None and holding.host not in hosts
            ):
                continue
            work = sum(
                self._backlog.work(profile, holding.host, segment)
                for segment in self._backlog.pending
            )
            need = work / lanes if work and lanes else math.inf
            if need > max(most, MOVE_COST):
                best, most = profile, need
        return best
