"""How long things take: from earlier runs, and learnt while this one goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..ids import LOCAL, HostName
from .alike import Alike

_CLIP = math.log(4.0)
_WEIGHT = 0.05
_TOO_SHORT = 0.001
_LEAST = 10
"""Results of a host that say enough of its speed to be kept …"""
_SAMPLE = 8
"""… and to say whether it is faster than another."""
_KNOWN, _UNKNOWN = 8, 2
"""How many results an earlier speed counts for, and the speed 1 of a host that was not known."""


class Speeds:
    """The speed of each host: expected seconds over measured ones, as a weighted mean of logarithms.

    One result counts at most a factor of four: a test that fails at once says little of its host.
    """

    __slots__ = ("_alike", "_compared", "_counts", "_known", "_logs")

    def __init__(self, known: Mapping[HostName, float] | None = None) -> None:
        """``known``: what earlier runs learnt."""
        speeds = known or {}
        self._logs = {host: math.log(speed) for host, speed in speeds.items() if speed > 0.0}
        self._known = frozenset(self._logs)
        self._counts: dict[HostName, int] = {}
        self._alike = Alike()
        self._compared: dict[HostName, float] = {}

    def learn(self, host: HostName, expected: float, seconds: float) -> None:
        """Take a result in. Very short tests are mostly overhead, and are left out."""
        if expected < _TOO_SHORT or seconds <= 0.0:
            return
        ratio = min(max(math.log(expected / seconds), -_CLIP), _CLIP)
        count = self._counts.get(host, 0) + 1
        old = self._logs.get(host, 0.0)
        before = _KNOWN if host in self._known else _UNKNOWN
        self._logs[host] = old + (ratio - old) * max(1.0 / (count + before), _WEIGHT)
        self._counts[host] = count

    def compare(self, host: HostName, profile: int, position: int, seconds: float) -> None:
        """Take the result of a test in that was never timed before; it counts while no other kind is there."""
        if not self._logs and self._alike.learn(profile, position, host, seconds):
            self._compared = self._alike.speeds()

    def of(self, host: HostName) -> float:
        """Return a host's speed; 1 where nothing is known."""
        if not self._logs:
            return self._compared.get(host, 1.0)
        return math.exp(self._logs.get(host, 0.0))

    def is_sampled(self, host: HostName) -> bool:
        """Whether earlier runs or this one have shown about how fast a host is."""
        return host in self._known or self._counts.get(host, 0) >= _SAMPLE

    def learnt(self) -> dict[HostName, float]:
        """Return the speeds of the hosts of which enough is known, as this machine's were 1 if it is one of them."""
        enough = (host for host, count in self._counts.items() if count >= _LEAST)
        found = {host: self.of(host) for host in (enough if self._logs else self._compared)}
        here = found.get(LOCAL, 1.0)
        return {host: speed / here for host, speed in found.items()}


class Likeness:
    """The durations, in seconds at speed 1, of what had no estimate: a guess at the rest of it.

    Durations are skewed: ``mean`` says how long many take, ``typical`` (the geometric mean) one.
    """

    __slots__ = ("_logs", "_total", "count")

    def __init__(self) -> None:
        self.count = 0
        self._total = 0.0
        self._logs = 0.0

    def learn(self, seconds: float) -> None:
        """Take a result in."""
        self.count += 1
        self._total += seconds
        self._logs += math.log(max(seconds, 1e-6))

    @property
    def mean(self) -> float:
        """The mean; 0 before the first result."""
        return self._total / self.count if self.count else 0.0

    @property
    def typical(self) -> float:
        """The geometric mean; 0 before the first result."""
        return math.exp(self._logs / self.count) if self.count else 0.0


class SetUp:
    """What it costs a worker to begin a group: None until it was seen once, then seconds at speed 1."""

    __slots__ = ("_before", "_last")

    def __init__(self) -> None:
        self._before: float | None = None
        self._last: float | None = None

    @property
    def seconds(self) -> float | None:
        """The mean of the last beginning and of those before it."""
        if self._last is None or self._before is None:
            return self._last
        return (self._before + self._last) / 2

    def learn(self, seconds: float) -> None:
        """Take in one beginning."""
        self._before, self._last = self.seconds, seconds

    def more(self, seconds: float) -> None:
        """That beginning goes on inside the first test: pytest's fixtures come up there."""
        self._last = (self._last or 0.0) + seconds
