"""What waits to be handed out: single cases and groups, on shelves by segment, profile and hosts.

A group is one unit: it stands on a shelf as a whole, while nobody owns it.
"""

from __future__ import annotations

import math
from array import array
from bisect import insort
from collections.abc import Callable, Iterable, Sequence

from ..decisions import Entry
from ..ids import HostName, ProfileName, Row
from .estimate import Likeness, SetUp
from .ledger import Ledger
from .shelf import UNKNOWN, bucket_of, shuffled
from .units import Part, Pool, Pools, Unit


class Backlog:
    """All pending rows of a run. It moves nothing in the ledger, and is told after the ledger was."""

    def __init__(self, ledger: Ledger, guess: Likeness, seed: int | None) -> None:
        self._ledger = ledger
        self._guess = guess
        self._seed = seed
        self._names: list[ProfileName] = []
        self._ended: list[bool] = []
        self.rows: list[array[int]] = []  # for each profile: position -> row
        self._on_shelf: list[
            Callable[[int, int, int, bool], bool]
        ] = []  # and what asks if one still stands there
        self._indexes = array("i")  # and for each row: its position, seconds, part, pool, urgency
        self._seconds = array("d")
        self._parts_of = array("i")
        self._pools_of = array("H")
        self._urgent = bytearray()
        self._parts: list[Part] = []
        self._by_name: dict[tuple[int, str, bool], Part] = {}
        self._set_ups: dict[tuple[int, str], SetUp] = {}
        self.pools = Pools()
        self._late: dict[int, list[Part]] = {}  # hard groups that wait for their listing's end
        self.pending: dict[int, int] = {}  # segment -> how many rows
        self.urgent: dict[int, int] = {}
        self.left: list[int] = []  # profile -> how many rows
        self.owned: dict[int, Part] = {}  # parts with an owner and pending cases

    def profile(self, name: ProfileName) -> int:
        """Return a profile's number."""
        try:
            return self._names.index(name)
        except ValueError:
            self._names.append(name)
            self._ended.append(False)
            self.rows.append(array("i"))
            self._on_shelf.append(self._shelf_check(len(self.rows) - 1))
            self.left.append(0)
            return len(self._names) - 1

    @property
    def profiles(self) -> tuple[ProfileName, ...]:
        """The profiles' names, by number."""
        return tuple(self._names)

    def ended(self, profile: int) -> bool:
        """Whether a profile's listing has ended."""
        return self._ended[profile]

    @property
    def all_ended(self) -> bool:
        """Whether every listing has ended."""
        return all(self._ended)

    def end(self, name: ProfileName) -> None:
        """A profile's listing has ended: its hard groups are complete and can be handed out."""
        profile = self.profile(name)
        self._ended[profile] = True
        for part in self._late.pop(profile, ()):
            self.shelve(part)

    def add(self, entries: Sequence[Entry]) -> None:
        """Take in rows that the ledger has just scheduled."""
        self._make_room(max((entry.row for entry in entries), default=-1))
        waiting: dict[int, list[Row]] = {}  # by pool
        grown: dict[int, Part] = {}
        place: tuple[int, ProfileName, frozenset[HostName] | None] | None = None
        profile = number = 0
        for entry in entries:
            row, index, seconds = entry.row, entry.position, entry.seconds
            if place != (entry.segment, entry.profile, entry.hosts):
                place = entry.segment, entry.profile, entry.hosts
                profile = self.profile(entry.profile)
                number = self._pool_number(entry.segment, profile, entry.hosts)
            rows = self.rows[profile]
            if index >= len(rows):
                rows.extend([-1] * (index + 1 - len(rows)))
            rows[index] = row
            self._indexes[row] = index
            if seconds is not None:
                self._seconds[row] = seconds
            self._pools_of[row] = number
            part = None
            if entry.group is not None:
                part = self._join(row, number, entry.group.name, entry.group.hard)
            if entry.urgent:
                self.put(row, front=True)
                continue
            waiting.setdefault(number, []).append(row)
            if part is None:
                bucket = self._bucket(profile, index, math.nan if seconds is None else seconds)
                self.pools[number].shelf.put(bucket, index)
            else:
                insort(part.pending, index)
                if seconds is None:
                    part.unknown += 1
                else:
                    part.seconds += seconds
                grown[part.number] = part
        for part in grown.values():
            self.shelve(part)
        for number, rows in waiting.items():
            self._count_new(self.pools[number], rows)

    def _make_room(self, most: int) -> None:
        """Let the columns have all rows up to ``most``."""
        if most < len(self._indexes):
            return
        more = max(most + 1 - len(self._indexes), 1024)
        self._indexes.extend([-1] * more)
        self._seconds.extend([math.nan] * more)
        self._parts_of.extend([-1] * more)
        self._pools_of.extend([0] * more)
        self._urgent.extend(bytes(more))

    def _pool_number(self, segment: int, profile: int, hosts: frozenset[HostName] | None) -> int:
        return self.pools.number(segment, profile, hosts, self._on_shelf[profile])

    def bar(self, rows: Iterable[Row], host: HostName, hosts: frozenset[HostName]) -> None:
        """Let a host not run rows that it does not hold; ``hosts`` are all that there may be.

        A hard group is not torn: all that is pending of it goes with one of its rows.
        """
        barred = set(rows)
        for part in {part.number: part for row in barred if (part := self.part(row))}.values():
            if part.hard:
                barred.update(Row(self.rows[part.pool.profile][index]) for index in part.pending)
        pending = {row: self._urgent[row] for row in barred if self._ledger.is_pending(row)}
        self.drop(pending)
        for row in sorted(barred):
            pool, part = self.pools[self._pools_of[row]], self.part(row)
            left = (hosts if pool.hosts is None else pool.hosts) - {host}
            number = self._pool_number(pool.segment, pool.profile, left)
            self._pools_of[row] = number
            if part is not None:
                self._join(row, number, part.name, part.hard)
            if row in pending:
                self._urgent[row] = pending[row]
                self.put(row, front=False)

    def _join(self, row: Row, pool: int, name: str, hard: bool) -> Part:
        """Make a row part of a group in a pool, and return that part."""
        part = self._by_name.get((pool, name, hard))
        if part is None:
            family = self._set_ups.setdefault((self.pools[pool].profile, name), SetUp())
            part = self.new_part(self.pools[pool], name, hard, family)
            self._by_name[pool, name, hard] = part
        self.assign(row, part)
        return part

    def put(self, row: Row, *, front: bool) -> None:
        """A row is pending (again); ``front``: it comes before all others of its pool."""
        pool = self.pools[self._pools_of[row]]
        part = self.part(row)
        if front and part is None:
            self._urgent[row] = 1
        self.count(row, 1)
        if part is not None and (part.hard or not self._urgent[row]):
            if (front or self._urgent[row]) and not part.front:
                part.front, part.shelved = True, -1
            insort(part.pending, self._indexes[row])
            self.weigh(part, row, 1)
            self.shelve(part)
        elif self._urgent[row]:
            pool.front.put(UNKNOWN, self._indexes[row])
        else:
            index = self._indexes[row]
            pool.shelf.put(self._bucket(pool.profile, index, self._seconds[row]), index)

    def profile_of(self, row: Row) -> int:
        """Return the number of a row's profile."""
        return self.pools[self._pools_of[row]].profile

    def hosts(self, row: Row) -> frozenset[HostName] | None:
        """Return the hosts that a row may run on; None: all."""
        return self.pools[self._pools_of[row]].hosts

    def is_urgent(self, row: Row) -> bool:
        """Whether a row comes before all that are not urgent."""
        return bool(self._urgent[row])

    def hasten(self, row: Row) -> None:
        """Let a row come before all that are not urgent; ``put`` it afterwards."""
        self._urgent[row] = 1

    def calm(self, row: Row) -> None:
        """A row has its outcome: it is not urgent any more."""
        if self._urgent[row]:
            self._urgent[row] = 0

    def drop(self, rows: Iterable[Row]) -> None:
        """Forget rows that were pending; they do not come up again."""
        parts: dict[int, Part] = {}
        gone = {*rows}
        for row in gone:
            part = self.part(row)
            grouped = part is not None and (part.hard or not self._urgent[row])
            self.count(row, -1)
            self._urgent[row] = 0
            if part is not None and grouped:
                parts[part.number] = part
                self.weigh(part, row, -1)
        for part in parts.values():
            rows_of = self.rows[part.pool.profile]
            part.pending = array("i", (i for i in part.pending if rows_of[i] not in gone))
            self.shelve(part)

    def part(self, row: Row) -> Part | None:
        """Return the group that a row belongs to."""
        number = self._parts_of[row]
        return None if number < 0 else self._parts[number]

    def assign(self, row: Row, part: Part) -> None:
        """Make a row part of a group, or of a part of one."""
        self._parts_of[row] = part.number

    def seconds(self, row: Row) -> float | None:
        """Return a row's own estimate, in seconds at speed 1."""
        seconds = self._seconds[row]
        return None if math.isnan(seconds) else seconds

    def position(self, row: Row) -> int:
        """Return where a row is in its profile's listing."""
        return self._indexes[row]

    def segment(self, row: Row) -> int:
        """Return a row's segment."""
        return self.pools[self._pools_of[row]].segment

    def unit_seconds(self, unit: Unit) -> float | None:
        """Return what a unit takes, in seconds at speed 1; None if that is not known, or no matter."""
        if self._seed is not None or unit.bucket >= UNKNOWN:
            return None
        return self.seconds(unit.row) if unit.part is None else self.part_seconds(unit.part)

    def part_seconds(self, part: Part) -> float:
        """Return what is pending of a group, in seconds at speed 1."""
        return part.seconds + part.unknown * self._guess.mean

    def work(self, profile: int, host: HostName, segment: int) -> float:
        """Return what a host's lanes could still be given in a segment, in seconds at speed 1."""
        guess = self._guess.mean
        pools = self.pools.view(segment, profile, host)
        return sum(pool.seconds + pool.unknown * guess for pool in pools)

    def new_part(self, pool: Pool, name: str, hard: bool, set_up: SetUp) -> Part:
        """Make a group, or a part of one, of which nothing is pending yet."""
        part = Part(len(self._parts), pool, name, hard, set_up)
        self._parts.append(part)
        return part

    def _bucket(self, profile: int, index: int, seconds: float) -> int:
        if self._seed is not None:
            return shuffled(self._seed, self._names[profile], index)
        return UNKNOWN if math.isnan(seconds) else bucket_of(seconds)

    def shelve(self, part: Part) -> None:
        """Let a group stand where it belongs by what is pending of it now."""
        if part.owner is not None:
            if part.pending:
                self.owned[part.number] = part
            return
        if not part.pending:
            part.shelved = -1
            part.front = False
            return
        if part.hard and not self._ended[part.pool.profile]:
            self._late.setdefault(part.pool.profile, []).append(part)
            return
        # The position stands for the whole: a hard group needs a worker that knows its last case.
        index = part.pending[-1] if part.hard else part.pending[0]
        if part.front or (self._seed is None and 2 * part.unknown >= len(part.pending)):
            bucket = UNKNOWN
        else:
            seconds = self.part_seconds(part) + (part.set_up.seconds or 0.0)
            # What its set-up takes may not be known: a group is never one of the shortest.
            bucket = max(self._bucket(part.pool.profile, index, seconds), 1)
        if part.shelved != index or part.bucket != bucket:
            part.shelved, part.bucket = index, bucket
            (part.pool.front if part.front else part.pool.shelf).put(bucket, index)

    def _shelf_check(self, profile: int) -> Callable[[int, int, int, bool], bool]:
        """Return what says whether a position on a shelf still stands for a pending unit."""
        rows, pending = self.rows[profile], self._ledger.is_pending
        pools_of = self._pools_of

        def counts(number: int, bucket: int, index: int, front: bool) -> bool:
            row = Row(rows[index])
            if pools_of[row] != number:
                return False  # it was put into another pool
            part = self.part(row)
            if part is not None and (part.hard or not self._urgent[row]):
                return part.shelved == index and part.bucket == bucket and part.front == front
            return pending(row) and bool(self._urgent[row]) == front

        return counts

    def weigh(self, part: Part, row: Row, sign: int) -> None:
        """Count what a row takes to what is pending of its group, or off it."""
        seconds = self._seconds[row]
        if math.isnan(seconds):
            part.unknown += sign
        else:
            part.seconds = max(part.seconds + sign * seconds, 0.0)

    def count(self, row: Row, sign: int) -> None:
        """Count a row that waits now (``sign`` 1), or does not any more (-1)."""
        pool = self.pools[self._pools_of[row]]
        pool.pending += sign
        self.left[pool.profile] += sign
        self.pending[pool.segment] = self.pending.get(pool.segment, 0) + sign
        if self._urgent[row]:
            self.urgent[pool.segment] = self.urgent.get(pool.segment, 0) + sign
        seconds = self._seconds[row]
        if math.isnan(seconds):
            pool.unknown += sign
        else:
            pool.seconds = max(pool.seconds + sign * seconds, 0.0) if pool.pending else 0.0

    def _count_new(self, pool: Pool, rows: Sequence[Row]) -> None:
        """Count many rows that are pending now and not urgent."""
        count = len(rows)
        pool.pending += count
        self.left[pool.profile] += count
        self.pending[pool.segment] = self.pending.get(pool.segment, 0) + count
        known = [seconds for row in rows if not math.isnan(seconds := self._seconds[row])]
        pool.unknown += count - len(known)
        pool.seconds += sum(known)
