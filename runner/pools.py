"""testr's instances as hosts of a run: one lane each, whose commands ``instance_execute`` wraps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .events import RunEvent
from .hosting import HostPlan
from .ids import LOCAL, HostName, ProfileName
from .listings import Listings
from .settings import CommandSuite, Profile, Selection, Settings

if TYPE_CHECKING:
    from .hosts.instances import Instances


def pool_name(settings: Settings, profile: ProfileName) -> HostName:
    """Return the name under which the provisioning of a profile's instances is told."""
    return HostName("instances" if len(settings.profiles) == 1 else f"instances {profile}")


def on_instances(settings: Settings) -> Settings:
    """Return settings under which each profile runs on its instances and nowhere else."""

    def moved(profile: Profile) -> Profile:
        suite = profile.suite
        if isinstance(suite, CommandSuite):
            suite = replace(suite, execute=settings.instance_execute)
        return replace(profile, suite=suite, hosts=(pool_name(settings, profile.name),))

    profiles = tuple(map(moved, settings.profiles))
    hosts = tuple(each.hosts[0] for each in profiles)
    return replace(settings, profiles=profiles, hosts=hosts, reach={})


def shares(settings: Settings, selection: Selection, lanes: int) -> list[int]:
    """Return how many instances each profile gets of ``lanes``: one at least, no more than it has tests, if that is known."""
    count = len(settings.profiles)
    found: list[int] = []
    for number, profile in enumerate(settings.profiles):
        share = lanes // count + (number < lanes % count)
        ids = selection.ids
        if selection.per_profile is not None:
            ids = selection.per_profile.get(profile.name, frozenset())
        most = [share, *([len(ids)] if ids is not None else [])]
        most += [profile.lanes] if profile.lanes is not None else []
        found.append(max(1, min(most)))
    return found


class InstancePool:
    """The instances of one profile: see ``hosting.Pool``."""

    def __init__(
        self,
        name: HostName,
        profile: Profile,
        count: int,
        instances: Instances,
        plan: Callable[[HostName, Profile], HostPlan],
        listings: Listings,
        taken: set[HostName],
    ) -> None:
        """``count`` of them are to be there, each becomes a host by ``plan``; ``taken``: names of hosts, of all pools."""
        self.name = name
        self.profile = profile.name
        self.count = count
        self._of = profile
        self._instances = instances
        self._plan = plan
        self._listings = listings
        self._taken = taken
        self._lent: list[str] = []

    async def provide(self, told: Callable[[str], None]) -> AsyncGenerator[Sequence[HostPlan]]:
        """See ``hosting.Pool``."""
        async for ids in self._instances.lend(self._of, self.count, told):
            self._lent += ids
            yield [self._host(each) for each in ids]

    def over(self) -> list[RunEvent]:
        """See ``hosting.Pool``."""
        return self._listings.lost(self.name, for_good=True)

    def give_back(self) -> None:
        """See ``hosting.Pool``."""
        self._instances.give_back(self.profile, self._lent)

    def _host(self, instance: str) -> HostPlan:
        name = HostName(instance)
        if name == LOCAL or name in self._taken:  # ids are a profile's own
            name = HostName(f"{instance}@{self.profile}")
        self._taken.add(name)
        self._listings.serve(self.profile, name)
        suite = self._of.suite
        if isinstance(suite, CommandSuite):
            suite = replace(suite, instance=instance)
        return self._plan(name, replace(self._of, suite=suite, hosts=(name,)))
