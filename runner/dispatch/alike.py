"""Compare hosts by tests that were never timed before: those that stand together in a listing take about as long.

Two such tests may differ by any factor, so it takes many pairs, and what may be chance is not believed.
"""

from __future__ import annotations

import math

from ..ids import HostName

_TOGETHER = 16
"""How many positions of a listing are taken to be alike."""
_CLIP = math.log(16.0)
"""What one pair can say at most."""
_FEWEST = 8
"""In how many pairs a host must be to say anything of it …"""
_SURE = 2.5
"""… and by how many standard errors it must differ from the mean."""
_ROUNDS = 8
_ANEW = 1.1
"""How many times as many pairs there must be until they are looked at again."""


class Comparison:
    """How much faster one host is than another, as a mean of logarithms."""

    __slots__ = ("count", "mean", "squares")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0  # of the differences from the mean

    def learn(self, log: float) -> None:
        """Take a pair in: the logarithm of the other host's seconds over this one's."""
        log = min(max(log, -_CLIP), _CLIP)
        self.count += 1
        off = log - self.mean
        self.mean += off / self.count
        self.squares += off * (log - self.mean)


class Alike:
    """The hosts of a run, compared by the last results that each stretch of a listing had from them."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, int], dict[HostName, float]] = {}
        self._pairs: dict[HostName, dict[HostName, Comparison]] = {}
        self._count = 0
        self._next = _FEWEST

    def learn(self, profile: int, position: int, host: HostName, seconds: float) -> bool:
        """Take a result in, of a test at a position of a profile's listing; say if ``speeds`` is worth asking again."""
        if seconds <= 0.0:
            return False
        log = math.log(seconds)
        stretch = self._last.setdefault((profile, position // _TOGETHER), {})
        for other, others in stretch.items():
            if other != host:
                self._learn_pair(host, other, others - log)
                self._learn_pair(other, host, log - others)
                self._count += 1
        stretch[host] = log
        if self._count < self._next:
            return False
        self._next = math.ceil(self._count * _ANEW)
        return True

    def _learn_pair(self, host: HostName, other: HostName, log: float) -> None:
        self._pairs.setdefault(host, {}).setdefault(other, Comparison()).learn(log)

    def speeds(self) -> dict[HostName, float]:
        """Return the speeds of the hosts that differ, where the mean of all logarithms is 0."""
        every = [each for pairs in self._pairs.values() for each in pairs.values()]
        logs = dict.fromkeys(self._pairs, 0.0)
        counts = {host: sum(p.count for p in pairs.values()) for host, pairs in self._pairs.items()}
        for _ in range(_ROUNDS):  # towards the least squares of all pairs
            for host, pairs in self._pairs.items():
                total = sum(each.count * (each.mean + logs[other]) for other, each in pairs.items())
                logs[host] = total / counts[host]
            middle = sum(logs.values()) / len(logs)
            logs = {host: log - middle for host, log in logs.items()}
        spread = sum(each.squares for each in every) / max(sum(counts.values()) - len(every), 1)
        return {
            host: math.exp(log)
            for host, log in logs.items()
            if counts[host] >= _FEWEST and abs(log) > _SURE * math.sqrt(spread / counts[host])
        }
