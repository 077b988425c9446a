"""The core of a listing: it loads the suites of some profiles and ends when all are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .commands import Command, Finish, LoadSuite
from .events import HostLost, HostReady, ListingEnded, RunEvent, StopAsked
from .ids import LOCAL, HostName, ProfileName


class Listing:
    """Stands where a ``Session`` stands, and runs nothing."""

    def __init__(self, suites: Sequence[tuple[HostName, ProfileName]]) -> None:
        """``suites``: each profile and the host that is to list it, if that is this machine; else one that can."""
        self._suites = suites
        self._left = {profile for _, profile in suites}
        self._away = {profile for host, profile in suites if host != LOCAL}
        self._begun: dict[ProfileName, HostName] = {}
        self._problems: list[str] = []
        self._finished = False

    def begin(self, now: float) -> list[Command]:
        """Return what starts the listing here; other hosts begin when they are ready."""
        del now
        return [LoadSuite(host, profile) for host, profile in self._suites if host == LOCAL]

    def step(self, events: Iterable[RunEvent], now: float) -> list[Command]:
        """Take events; return ``Finish`` when nothing more will be listed."""
        del now
        commands: list[Command] = []
        for event in events:
            match event:
                case HostReady(host, _, profiles):
                    mine = [one for one in profiles if one in self._away & self._left]
                    self._away.difference_update(mine)
                    self._begun.update(dict.fromkeys(mine, host))
                    commands += [LoadSuite(host, profile) for profile in mine]
                case ListingEnded(profile, error):
                    self._left.discard(profile)
                    if error:
                        self._problems.append(error)
                case HostLost(_, reason, None):
                    self._left.clear()
                    self._problems.append(reason)
                case HostLost(host):
                    self._away |= {one for one, at in self._begun.items() if at == host}
                case StopAsked(_, reason):
                    self._left.clear()
                    self._problems.append(reason)
                case _:
                    pass
        if self._left or self._finished:
            return commands
        self._finished = True
        return [Finish("; ".join(self._problems))]

    def change_lanes(self, by: int, now: float, host: HostName = LOCAL) -> list[Command]:
        """There are no lanes to change."""
        del by, now, host
        return []
