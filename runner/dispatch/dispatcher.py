"""Who runs what next: a state machine without clock, I/O or tasks.

The unit is the group. Unknown units come first, then the longest. A lane holds a window measured
in time, which hides its channel's latency and shrinks at the end. Near the end an idle lane gets
a part of another's group, or what another holds and has not started; and what waits behind a test
that takes much longer than expected is taken back at once.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..decisions import Decision, Entry
from ..ids import HostName, LaneId, ProfileName, Row
from .estimate import Speeds
from .floor import Floor
from .holding import Holding
from .learning import learn_beginning, learn_duration, learn_fixture
from .ledger import LedgerError, Place
from .moving import adopt
from .outlook import remaining_seconds, why_waiting
from .overrun import recall_overrun
from .sharing import share
from .units import EVERYTHING
from .window import fill


class Dispatcher:
    """Decides what each lane gets. Times are seconds on one monotonic clock that the caller reads.

    ``segments`` holds, for each segment of the plan, how many lanes may be busy at once (None: all).
    With ``single`` a worker gets one case and is then replaced: the caller reports it gone and ready
    again. ``seed`` makes the order random instead of longest first. ``profiles`` are the profiles
    whose listings must end before the run can; those that are mentioned otherwise are added. ``hosts``
    are all that may have lanes, ``speeds`` what earlier runs learnt of them.

    Raises LedgerError where a lane claims a row that it was not given.
    """

    def __init__(
        self,
        *,
        segments: Sequence[int | None] = (None,),
        seed: int | None = None,
        single: bool = False,
        profiles: Iterable[ProfileName] = (),
        hosts: Iterable[HostName] = (),
        speeds: Mapping[HostName, float] | None = None,
    ) -> None:
        self._floor = Floor(segments, seed, single, speeds or {})
        self._hosts = frozenset(hosts)
        for name in profiles:
            self._floor.profile(name)

    @property
    def speeds(self) -> Speeds:
        """How fast each host has shown itself."""
        return self._floor.speeds

    # What happened

    def add(self, entries: Iterable[Entry], now: float) -> None:
        """Schedule cases; those of a profile in listing order."""
        del now
        floor = self._floor
        entries = tuple(entries)
        for segment in {entry.segment for entry in entries}:
            if not 0 <= segment < len(floor.limits):
                raise LedgerError(f"a row is in segment {segment} of {len(floor.limits)}")
        floor.ledger.schedule([entry.row for entry in entries])
        for name in {entry.profile: None for entry in entries}:
            floor.profile(name)
        floor.backlog.add(entries)
        floor.more_to_do()

    def listing_ended(self, profile: ProfileName, seconds: float = 0.0) -> None:
        """Nothing more will be listed for a profile; to list it took about as long as its process takes to start."""
        floor = self._floor
        number = floor.profile(profile)
        if seconds:
            floor.learn_start_up(number, seconds)
        floor.backlog.end(profile)
        floor.may_be_orphaned = (
            True  # a lane whose worker died when its profile was done is free for it
        )
        floor.more_to_do()

    def limit_profile(
        self, profile: ProfileName, lanes: int | None, hosts: frozenset[HostName] | None = None
    ) -> None:
        """Let no lane move to a profile that has ``lanes`` already, or that its host does not serve."""
        floor = self._floor
        floor.profile_limits[floor.profile(profile)] = (lanes, hosts)

    def serve(self, profile: ProfileName, host: HostName) -> None:
        """A host that was not known before can run a profile."""
        limits = self._floor.profile_limits
        number = self._floor.profile(profile)
        lanes, hosts = limits.get(number, (None, None))
        limits[number] = (lanes, frozenset({host}) if hosts is None else hosts | {host})
        self._hosts |= {host}

    def bar(self, profile: ProfileName, host: HostName) -> None:
        """A host cannot run a profile: none of its lanes goes over to it."""
        limits = self._floor.profile_limits
        number = self._floor.profile(profile)
        lanes, hosts = limits.get(number, (None, None))
        limits[number] = (lanes, (self._hosts if hosts is None else hosts) - {host})

    def exclude(self, host: HostName, rows: Iterable[Row]) -> None:
        """A host cannot run these rows, none of which its lanes hold."""
        floor = self._floor
        floor.backlog.bar(rows, host, self._hosts)
        floor.may_be_orphaned = True
        floor.more_to_do()

    def stranded(
        self, hosts: Collection[HostName], rows: Iterable[Row] | None = None
    ) -> tuple[Row, ...]:
        """Return what of ``rows`` (None: of all) is pending and none of ``hosts`` can run."""
        floor = self._floor
        able: dict[tuple[int, frozenset[HostName] | None], bool] = {}
        found: list[Row] = []
        for row in floor.ledger.rows(Place.PENDING) if rows is None else rows:
            if not floor.ledger.is_pending(row):
                continue
            key = floor.backlog.profile_of(row), floor.backlog.hosts(row)
            if key not in able:
                _, limit = floor.profile_limits.get(key[0], (None, None))
                able[key] = any(
                    (limit is None or host in limit) and (key[1] is None or host in key[1])
                    for host in hosts
                )
            if not able[key]:
                found.append(row)
        return tuple(found)

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
        floor = self._floor
        old = floor.lanes.get(lane)
        if old is not None and (old.ready or old.held):
            raise LedgerError(f"lane {lane} still has a worker")
        if old is None:
            floor.hosts[host] += 1
        floor.lanes[lane] = Holding(lane, host, floor.profile(profile), latency, batches)

    def worker_ready(self, lane: LaneId, known: int, now: float) -> None:
        """A lane's worker can run the first ``known`` listed cases of its profile; -1: all."""
        floor = self._floor
        holding = floor.lanes[lane]
        holding.ready = True
        holding.known = EVERYTHING if known < 0 else known
        holding.free_at = now
        floor.ready_since.setdefault(holding.host, now)
        holding.spent = holding.draining = False
        floor.dirty.add(lane)

    def started(self, lane: LaneId, row: Row, now: float) -> None:
        """A lane began to run a row it holds."""
        floor = self._floor
        holding = floor.owner(lane, row)
        if holding.running is None:
            floor.waiting_rows[holding.profile] -= 1
        holding.running = row
        holding.vague = floor.backlog.seconds(row) is None
        holding.since = now
        holding.recalled.discard(row)
        learn_beginning(floor, holding, row, now)
        floor.dirty.add(lane)

    def fixture(self, lane: LaneId, row: Row, seconds: float | None, *, own: bool) -> None:
        """While a lane runs a row a fixture that others share begins to come up (``seconds`` is None), or has come up.

        ``own``: only the row's group shares it. It is no matter if the row has its outcome already.
        """
        floor = self._floor
        holding = floor.lanes.get(lane)
        if holding is None or row not in holding.held:
            return
        if seconds is not None:
            learn_fixture(floor, holding, row, seconds, own=own)
        if own and row == holding.running:
            holding.setting_up = seconds is None

    def finished(self, lane: LaneId, row: Row, seconds: float, now: float) -> None:
        """A lane has an outcome for a row it held, after ``seconds`` of wall time; ``started`` may not have been told."""
        floor = self._floor
        holding = floor.owner(lane, row)
        if holding.running != row:
            learn_beginning(floor, holding, row, now)
        shared = holding.fixtures.get(row, 0.0)
        floor.ledger.finish(row, lane)
        floor.let_go(holding, row)
        floor.release(holding, row)
        holding.free_at = now
        floor.backlog.calm(row)
        learn_duration(floor, holding, row, seconds, shared)
        if row in floor.more_runs:
            more = floor.more_runs.pop(row) - 1
            if more:
                floor.more_runs[row] = more
            self._put_again(row, urgent=True)
            floor.more_to_do()

    def returned(self, lane: LaneId, rows: Iterable[Row], now: float) -> None:
        """A lane's answer to ``Recall``: what it gave back, which may be nothing."""
        del now
        floor = self._floor
        holding = floor.lanes[lane]
        rows = tuple(rows)
        for row in rows:
            floor.owner(lane, row)
            floor.ledger.give_back(row, lane)
            floor.let_go(holding, row)
        # Else its group's owner would get it back, to be asked for it again at once.
        floor.handout.detach(rows, lane)
        for row in rows:
            floor.backlog.put(row, front=False)
        for row in rows:
            floor.release(holding, row)
        holding.recalled.clear()
        holding.barren = not rows
        floor.dirty.add(lane)
        if rows:
            floor.more_to_do()

    def drain(self, lane: LaneId) -> tuple[Row, ...]:
        """Give a lane's present worker nothing more. Return what it has not started, to be taken back."""
        floor = self._floor
        holding = floor.lanes[lane]
        holding.draining = True
        floor.hungry.discard(lane)
        return floor.not_started(lane)

    def worker_gone(self, lane: LaneId, now: float) -> tuple[Row, ...]:
        """A lane has no worker any more. Return what it held; it comes first again."""
        del now
        floor = self._floor
        holding = floor.lanes[lane]
        rows = tuple(holding.held)
        for row in rows:
            floor.ledger.give_back(row, lane)
            floor.let_go(holding, row)
        for part in holding.parts:
            if part.owner == lane:
                part.held = 0
                floor.handout.free(part)
        holding.parts.clear()
        for row in rows:
            floor.backlog.put(row, front=True)
        holding.ready = False
        holding.recalled.clear()
        holding.family = None
        floor.hungry.discard(lane)
        floor.dirty.discard(lane)
        floor.more_to_do()
        return rows

    def close_lane(self, lane: LaneId, now: float) -> None:
        """A lane ends; what it held returns to the queue."""
        floor = self._floor
        self.worker_gone(lane, now)
        floor.hosts[floor.lanes[lane].host] -= 1
        del floor.lanes[lane]
        floor.may_be_orphaned = True

    def again(self, rows: Iterable[Row], now: float, *, urgent: bool, times: int = 1) -> None:
        """Let rows that are done or were given up run again, ``times`` times each.

        A pending row runs ``times`` times in all, and a row that a lane holds that often once more.
        ``urgent`` ones come before all that waits.
        """
        del now
        floor = self._floor
        if times < 1:
            return
        for row in rows:
            place = floor.ledger.place(row)
            if place is Place.NOWHERE:
                raise LedgerError(f"row {row} was never scheduled")
            if more := times - (place is not Place.HELD):
                floor.more_runs[row] = floor.more_runs.get(row, 0) + more
            if place is not Place.HELD:
                self._put_again(row, urgent)
        floor.more_to_do()

    def enough(self, rows: Iterable[Row]) -> None:
        """Rows that were to run more times end with the attempt that is held or waits now."""
        for row in rows:
            self._floor.more_runs.pop(row, None)

    def _put_again(self, row: Row, urgent: bool) -> None:
        floor = self._floor
        if floor.ledger.is_pending(row):
            if not urgent:
                return
            floor.backlog.drop((row,))
        else:
            floor.ledger.again(row)
        if urgent:
            floor.backlog.hasten(row)
        floor.backlog.put(row, front=False)
        floor.may_be_orphaned = True

    def give_up(self, rows: Iterable[Row] | None) -> tuple[Row, ...]:
        """Remove pending rows (None: all of them), and return those that were pending."""
        floor = self._floor
        if rows is None:
            gone = tuple(floor.ledger.rows(Place.PENDING))
        else:
            gone = tuple(row for row in dict.fromkeys(rows) if floor.ledger.is_pending(row))
        for row in gone:
            floor.ledger.give_up(row)
            floor.more_runs.pop(row, None)
        floor.backlog.drop(gone)
        floor.more_to_do()
        return gone

    # What to do

    def decide(self, now: float) -> list[Decision]:
        """Return what is to be done now; nothing, if nothing has changed."""
        floor = self._floor
        decisions: list[Decision] = []
        while floor.wakes and floor.wakes[0][0] <= now:
            _, lane = heapq.heappop(floor.wakes)
            holding = floor.lanes.get(lane)
            if holding is not None:
                holding.pending_wake = math.inf
                floor.dirty.add(lane)
        floor.choose_segment()
        floor.see_the_end()
        while floor.dirty:
            dirty, floor.dirty = floor.dirty, set()
            for holding in floor.fastest_first(dirty):
                recall_overrun(floor, holding, now, decisions)
                fill(floor, holding, now, decisions)
        if floor.hungry:
            share(floor, now, decisions)
        if floor.may_be_orphaned:
            adopt(floor, decisions)
        return decisions

    @property
    def wake_at(self) -> float | None:
        """When ``decide`` is to be called although nothing happened; None: no need."""
        floor = self._floor
        return floor.wakes[0][0] if floor.wakes else None

    @property
    def done(self) -> bool:
        """Whether nothing is pending or held, and all listings have ended."""
        floor = self._floor
        return not (floor.ledger.pending or floor.ledger.held) and floor.backlog.all_ended

    def wants_worker(self, lane: LaneId, starting: Iterable[LaneId] = ()) -> bool:
        """Whether something is pending, now or later, that a new worker of a lane could run; ``starting`` come up already."""
        return self._floor.wants_worker(lane, starting)

    def not_started(self, lane: LaneId) -> tuple[Row, ...]:
        """Return what a lane holds and has not started, in order."""
        return self._floor.not_started(lane)

    def waiting(self, lane: LaneId) -> str:
        """Say why an idle lane waits; empty where it does not."""
        return why_waiting(self._floor, lane)

    def remaining_seconds(self, now: float) -> float:
        """Estimate the wall seconds that are left, from what is expected and the lanes' speeds."""
        return remaining_seconds(self._floor, now)
