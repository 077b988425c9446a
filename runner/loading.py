"""When each profile's suite is loaded on each host: in order, only so many at a time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from .commands import LoadSuite
from .ids import HostName, ProfileName


class Loading:
    """The suites that are still to be loaded, and those that are being loaded."""

    def __init__(
        self, suites: Iterable[tuple[HostName, ProfileName]], at_once: Mapping[HostName, int]
    ) -> None:
        """``at_once``: how many a host loads at a time, its lanes usually: loading keeps a core busy."""
        self._waiting = list(dict.fromkeys(suites))
        self._at_once = at_once
        self._busy: set[tuple[HostName, ProfileName]] = set()

    def next(self) -> list[LoadSuite]:
        """Return what is to be loaded now."""
        busy = Counter(host for host, _ in self._busy)
        commands: list[LoadSuite] = []
        for suite in tuple(self._waiting):
            host, profile = suite
            if busy[host] < self._at_once.get(host, 1):
                busy[host] += 1
                self._waiting.remove(suite)
                self._busy.add(suite)
                commands.append(LoadSuite(host, profile))
        return commands

    def listed(self, profile: ProfileName) -> list[LoadSuite]:
        """A profile's suite is listed, or cannot be; return what is loaded next."""
        self._busy = {suite for suite in self._busy if suite[1] != profile}
        return self.next()

    def stop(self) -> None:
        """Load nothing more."""
        self._waiting.clear()
