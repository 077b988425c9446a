"""What is handed out as a whole: groups and single cases, and the pools they wait in."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..ids import HostName, LaneId, Row
from .estimate import SetUp
from .shelf import Shelf

EVERYTHING = 1 << 62
"""A position above all others: what a worker with a complete suite knows."""


class Part:
    """A group, or the part of one that was split off. ``pending`` are positions in the listing."""

    __slots__ = (
        *("begun", "bucket", "front", "hard", "held", "name", "number", "owner", "pending"),
        *("pool", "seconds", "set_up", "shelved", "unknown"),
    )

    def __init__(self, number: int, pool: Pool, name: str, hard: bool, set_up: SetUp) -> None:
        self.number = number
        self.pool = pool
        self.name = name
        self.hard = hard
        self.set_up = set_up
        self.pending = array("i")
        self.seconds = 0.0  # of what is pending and was timed
        self.unknown = 0  # how many of the pending were not
        self.owner: LaneId | None = None
        self.held = 0
        self.begun = False  # its owner has started one of its cases
        self.front = False
        self.shelved = -1
        self.bucket = 0


class Pool:
    """The units of one segment and profile that the same hosts may run."""

    __slots__ = ("front", "hosts", "pending", "profile", "seconds", "segment", "shelf", "unknown")

    def __init__(
        self,
        segment: int,
        profile: int,
        hosts: frozenset[HostName] | None,
        number: int,
        counts: Callable[[int, int, int, bool], bool],
    ) -> None:
        """``counts(number, bucket, position, urgent)`` says whether what was put on a shelf still stands there."""
        self.segment = segment
        self.profile = profile
        self.hosts = hosts
        self.pending = 0
        self.seconds = 0.0
        self.unknown = 0
        self.shelf = Shelf(lambda bucket, index: counts(number, bucket, index, False))
        self.front = Shelf(lambda bucket, index: counts(number, bucket, index, True))


@dataclass(slots=True)
class Unit:
    """What comes next for somebody: a single case (``part`` is None) or a group that nobody owns."""

    row: Row
    part: Part | None
    shelf: Shelf
    bucket: int
    index: int


class Pools:
    """The pools of a run, by number, and those that a host's lanes can take from."""

    def __init__(self) -> None:
        self._pools: list[Pool] = []
        self._numbers: dict[tuple[int, int, frozenset[HostName] | None], int] = {}
        self._views: dict[tuple[int, int, HostName], list[Pool]] = {}

    def __getitem__(self, number: int) -> Pool:
        return self._pools[number]

    def __iter__(self) -> Iterator[Pool]:
        return iter(self._pools)

    def number(
        self,
        segment: int,
        profile: int,
        hosts: frozenset[HostName] | None,
        counts: Callable[[int, int, int, bool], bool],
    ) -> int:
        """Return the number of a pool, which is made where it is missing (``counts``: see ``Pool``)."""
        key = (segment, profile, hosts)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._pools)
            self._pools.append(Pool(segment, profile, hosts, number, counts))
            self._views.clear()
        return number

    def view(self, segment: int, profile: int, host: HostName) -> list[Pool]:
        """Return the pools that a host's lanes can take from, what few hosts can run first."""
        key = (segment, profile, host)
        view = self._views.get(key)
        if view is None:
            view = [
                pool
                for pool in self._pools
                if pool.segment == segment and pool.profile == profile
                if pool.hosts is None or host in pool.hosts
            ]
            # Others have enough else to do.
            view.sort(key=lambda pool: math.inf if pool.hosts is None else len(pool.hosts))
            self._views[key] = view
        return view
