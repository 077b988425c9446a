"""Which suites are listed and loaded where, and which hosts may bring lanes yet: part of a session, as pure as that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .commands import Command
from .events import HostReady
from .frozen import frozen
from .ids import HostName, LaneId, ProfileName
from .loading import Loading
from .staff import LanePlace, LaneRecord

NOBODY = HostName("")
"""In place of the host that lists a profile, where a second one had to take over."""


@frozen
class Hosting:
    """What a session knows of hosts that are yet to come. Their lanes are opened when they are ready."""

    coming: frozenset[HostName] = frozenset()
    """Hosts beside those of the first lanes."""
    foreign: frozenset[ProfileName] = frozenset()
    """Profiles whose lanes are commands: one host's listing serves all."""
    profiles: tuple[ProfileName, ...] = ()
    """All that are to be run, some of them perhaps on hosts that are yet to come."""
    batch_latency: float = 1.0
    """Seconds that starting one batch of such a lane is taken to cost."""

    def places(self, event: HostReady) -> list[LanePlace]:
        """Return what lanes a host has that is ready now, spread over its profiles; their numbers are still to be given."""
        places: list[LanePlace] = []
        for number in range(event.lanes):
            profile = event.profiles[number % len(event.profiles)]
            batches = profile in self.foreign
            latency = self.batch_latency if batches else event.latency
            places.append(LanePlace(LaneId(0), event.host, profile, latency, batches))
        return places


class Suites:
    """What a session knows of its suites. What a method returns are the commands that carry it out."""

    def __init__(
        self, places: Sequence[LanePlace], more: Iterable[ProfileName], hosting: Hosting
    ) -> None:
        """``more``: profiles that no lane begins with; they are loaded on the first lane's host."""
        suites = [(place.host, place.profile) for place in places]
        suites += [(place.host, profile) for place in places[:1] for profile in more]
        self._loading = Loading(suites, Counter(place.host for place in places), hosting.foreign)
        self._listed: dict[ProfileName, int] = dict.fromkeys(
            (*(profile for _, profile in suites), *hosting.profiles), 0
        )
        self.unlisted = set(self._listed)
        """Profiles whose listing has not ended."""
        self.unloadable: set[ProfileName] = set()
        """Profiles that no host can load."""
        self.coming = set(hosting.coming)
        """Hosts that may yet bring lanes."""
        self._serving: dict[HostName, tuple[ProfileName, ...]] = {}
        for host, profile in suites:
            self._serving[host] = (*self._serving.get(host, ()), profile)
        self._lister: dict[ProfileName, HostName] = {}  # who listed a profile from its begin

    def begin(self) -> Sequence[Command]:
        """Load what is to be loaded first."""
        return self._loading.next()

    def stop(self) -> list[ProfileName]:
        """Load nothing more; return the profiles whose listing does not end any more."""
        self._loading.stop()
        cut = list(self.unlisted)
        self.unlisted.clear()
        return cut

    @property
    def expected(self) -> bool:
        """Whether somebody who is there lists or loads a suite."""
        return bool(self.unlisted) or self._loading.busy

    def knows(self, record: LaneRecord) -> bool:
        """Whether there is something to know for a lane's worker: one that is forked too early would be renewed."""
        profile, host = record.profile, record.place.host
        if self._lister.get(profile, host) != host and not record.place.batches:
            return self._loading.has(host, profile)
        return self._listed.get(profile, 0) > 0 or profile not in self.unlisted

    # -- listings ------------------------------------------------------------------------------------

    def began(self, profile: ProfileName, host: HostName) -> None:
        """A host begins to list a profile."""
        self._lister[profile] = host if profile not in self._lister else NOBODY

    def count(self, profile: ProfileName, more: int) -> int:
        """Some more of a profile is listed; return how many were before."""
        before = self._listed.get(profile, 0)
        self._listed[profile] = before + more
        return before

    def ended(self, profile: ProfileName, *, failed: bool) -> Sequence[Command]:
        """A profile is listed, or no host can load it (``failed``)."""
        self.unlisted.discard(profile)
        if failed:
            self.unloadable.add(profile)
        return self._loading.listed(profile)

    # -- hosts ---------------------------------------------------------------------------------------

    def ready(self, event: HostReady) -> Sequence[Command]:
        """A host is there with its lanes."""
        self._serving[event.host] = event.profiles
        suites = [(event.host, profile) for profile in event.profiles]
        return self._loading.more(suites, {event.host: event.lanes})

    def loaded(self, host: HostName, profile: ProfileName, *, failed: bool) -> Sequence[Command]:
        """A host has loaded a suite, or cannot (``failed``)."""
        return self._loading.loaded(host, profile, failed=failed)

    def rest(self, host: HostName, profile: ProfileName) -> tuple[ProfileName, ...]:
        """A host cannot run a profile; return what else it serves."""
        left = tuple(one for one in self._serving[host] if one != profile)
        self._serving[host] = left
        return left

    def lost(self, host: HostName, *, again: bool) -> Sequence[Command]:
        """A host is gone with all that it loaded; ``again``: it may come back."""
        (self.coming.add if again else self.coming.discard)(host)
        return self._loading.lost(host)
