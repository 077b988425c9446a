"""When each profile's suite is loaded on each host: in order, only so many at a time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from .commands import LoadSuite
from .ids import HostName, ProfileName


class Loading:
    """The suites that are still to be loaded, and those that are being loaded."""

    def __init__(
        self,
        suites: Iterable[tuple[HostName, ProfileName]],
        at_once: Mapping[HostName, int],
        foreign: frozenset[ProfileName] = frozenset(),
    ) -> None:
        """``at_once``: how many a host loads at a time, its lanes usually: loading keeps a core busy.

        ``foreign``: profiles that are commands: they are listed by one host, and need no loading elsewhere.
        """
        self._waiting = list(dict.fromkeys(suites))
        self._at_once = dict(at_once)
        self._foreign = foreign
        self._busy: set[tuple[HostName, ProfileName]] = set()
        self._loaded: set[tuple[HostName, ProfileName]] = set()
        self._listed: set[ProfileName] = set()

    def next(self) -> list[LoadSuite]:
        """Return what is to be loaded now."""
        busy = Counter(host for host, _ in self._busy)
        commands: list[LoadSuite] = []
        for suite in tuple(self._waiting):
            host, profile = suite
            if profile in self._foreign and (
                profile in self._listed or any(other == profile for _, other in self._busy)
            ):
                continue
            if busy[host] < self._at_once.get(host, 1):
                busy[host] += 1
                self._waiting.remove(suite)
                self._busy.add(suite)
                commands.append(LoadSuite(host, profile))
        return commands

    def more(
        self, suites: Iterable[tuple[HostName, ProfileName]], at_once: Mapping[HostName, int]
    ) -> list[LoadSuite]:
        """A host is there; return what is to be loaded now."""
        self._at_once.update(at_once)
        self._waiting += [suite for suite in suites if suite not in self._waiting]
        return self.next()

    def listed(self, profile: ProfileName) -> list[LoadSuite]:
        """A profile's suite is listed, or no host can load it; return what is loaded next."""
        self._listed.add(profile)
        return self.next()

    def loaded(
        self, host: HostName, profile: ProfileName, *, failed: bool = False
    ) -> list[LoadSuite]:
        """A host has loaded a suite, or cannot (``failed``); return what is loaded next."""
        self._busy.discard((host, profile))
        if not failed:
            self._loaded.add((host, profile))
            self._listed |= self._foreign & {profile}
        return self.next()

    def has(self, host: HostName, profile: ProfileName) -> bool:
        """Whether a host has loaded a suite completely."""
        return (host, profile) in self._loaded

    def lost(self, host: HostName) -> list[LoadSuite]:
        """A host is gone with all that it loaded; return what another loads in its place."""
        for suites in (self._busy, self._loaded):
            suites -= {suite for suite in suites if suite[0] == host}
        self._waiting = [suite for suite in self._waiting if suite[0] != host]
        return self.next()

    @property
    def busy(self) -> bool:
        """Whether some host is loading a suite."""
        return bool(self._busy)

    def stop(self) -> None:
        """Load nothing more."""
        self._waiting.clear()
