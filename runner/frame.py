"""What every kind of run has around its core: cases, state, listings, hosts with their lanes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from .agent_options import lane_count, profile_options, remote_options
from .cases import CaseTable
from .commands import StartWorker
from .errors import UserError
from .events import Group, RunEnded, RunStarted
from .hosting import HostPlan, Pool
from .ids import LOCAL, HostName, LaneId, ProfileName, Row
from .lanes import HostLanes
from .listings import Listings
from .pools import InstancePool, shares
from .quarantine import Quarantine
from .request import Request
from .select import Selector, most_cases
from .settings import CommandSuite, Host, Profile, Settings
from .staff import LanePlace
from .state import RunState
from .supervisor import Core, Observer, Supervisor
from .suspects import Losses

FOREIGN_LATENCY = 1.0
"""Seconds that starting one batch of a foreign lane is taken to cost."""


@dataclass(slots=True)
class Run:
    """A run that is ready to go; ``state`` and ``cases`` are what readers look at."""

    settings: Settings
    cases: CaseTable
    state: RunState
    supervisor: Supervisor
    observers: list[Observer]
    started: RunStarted
    hosts: Sequence[HostPlan]
    pools: Sequence[Pool] = ()

    async def go(self) -> RunEnded:
        """Run to the end. No process is left when this returns or raises."""
        return await self.supervisor.run(self.started, self.hosts, self.pools)


def one_host(settings: Settings, profile: Profile) -> HostName:
    """Return the host for what one is enough for: this machine, if it may run the profile."""
    hosts = [host for host in settings.hosts if host in profile.hosts]
    return LOCAL if LOCAL in hosts or not hosts else hosts[0]


class Frame:
    """Makes what is around a core, from settings and a request; ``run`` puts the core into it."""

    def __init__(self, settings: Settings, request: Request) -> None:
        self._settings = settings
        self._request = request
        self.cases = CaseTable()
        times = request.times
        known = cast("Callable[[tuple[str, ProfileName]], float | None]", times.get)
        self.known_flaky = Quarantine(settings.known_flaky)
        self.state = RunState(
            self.cases,
            # A pair is equal to the Case of it, and quickly made.
            (lambda test_id, profile: known((test_id, profile))) if times else None,
            known_flaky=self.known_flaky,
            flaky_fails=settings.flaky == "fail",
        )
        self._count = lane_count(settings)
        most = most_cases(request.selection, [each.name for each in settings.profiles])
        self._lanes_here = self._count if most is None else max(1, min(self._count, most))
        """Lanes of this machine to open: none that is sure to have nothing to do."""
        selector = Selector(request.selection)
        selects = selector.selects
        only = request.watch.selects if request.watch is not None else None

        def both(test_id: str, profile: ProfileName) -> bool:
            return (only is None or only(test_id, profile)) and selects(test_id, profile)

        self.foreign = frozenset(
            p.name for p in settings.profiles if isinstance(p.suite, CommandSuite)
        )
        self._listings = Listings(
            self.cases,
            both if only is not None else None if request.selection.everything else selects,
            group_matcher(settings.group_regex),
            {
                profile.name: [host for host in settings.hosts if host in profile.hosts]
                for profile in settings.profiles
            },
            selector.overlooks,
        )
        self._losses = Losses()
        self._refusals: dict[Row, set[HostName]] = {}

    def places(self) -> list[LanePlace]:
        """Return this machine's lanes, spread over the profiles that it may run."""
        profiles = [each for each in self._settings.profiles if LOCAL in each.hosts]
        if LOCAL not in self._settings.hosts or not profiles:
            return []
        names = [profiles[number % len(profiles)].name for number in range(self._lanes_here)]
        return [
            LanePlace(
                LaneId(number),
                LOCAL,
                name,
                FOREIGN_LATENCY if name in self.foreign else 0.0,
                name in self.foreign,
            )
            for number, name in enumerate(names)
        ]

    def run(self, core: Core, most: int | None = None) -> Run:
        """Put a core into the frame. ``most``: instances that it has a use for."""
        settings, request = self._settings, self._request
        pools = self._pools(most or self._count)
        hosts = [
            self._here() if name == LOCAL else self._there(settings.reach[name])
            for name in settings.hosts
            if not pools
        ]
        partial = request.partial
        names = tuple(profile.name for profile in settings.profiles)
        started = RunStarted(
            time.time_ns(),
            settings.root,
            names,
            (self._lanes_here if LOCAL in settings.hosts else 0)
            + sum(host.lanes for host in settings.reach.values())
            + sum(pool.count for pool in pools),
            not request.selection.everything if partial is None else partial,
            request.label,
            tuple(name for name in settings.all_profiles if name not in names),
        )
        observers: list[Observer] = []
        supervisor = Supervisor(core, self.state, observers)
        return Run(settings, self.cases, self.state, supervisor, observers, started, hosts, pools)

    def _pools(self, most: int) -> list[InstancePool]:
        """Return the pools of instances, if there are some; ``most``: instances in all, or one a profile."""
        settings, request = self._settings, self._request
        if request.instances is None:
            return []
        taken: set[HostName] = set()
        counts = shares(settings, request.selection, most)
        return [
            InstancePool(
                each.hosts[0],
                each,
                count,
                request.instances,
                self._instance,
                self._listings,
                taken,
            )
            for each, count in zip(settings.profiles, counts, strict=True)
        ]

    def _instance(self, name: HostName, profile: Profile) -> HostPlan:
        """Return an instance's plan."""
        options = profile_options(self._settings, profile, self._count, os.urandom(8).hex())
        return HostPlan(
            name,
            lambda: self._lanes(name),
            lambda _root, _lanes: [(profile.name, options)],
            self._settings.root,
            instance=True,
        )

    def _here(self) -> HostPlan:
        """Return this machine's plan."""
        settings, request = self._settings, self._request
        launch = request.launch
        if launch is not None and launch.claimed:
            launch = None
        uid = os.urandom(8).hex()
        more = (
            {}
            if request.watch is None
            else {
                "watch": settings.root,
                "watch_memory": settings.watch_memory << 20,
            }
        )
        profiles = [
            (each.name, profile_options(settings, each, self._count, uid) | more)
            for each in settings.profiles
            if LOCAL in each.hosts
        ]
        plan = HostPlan(
            LOCAL,
            lambda: self._lanes(LOCAL, None if launch is None else launch.loading),
            lambda _root, _lanes: profiles,
            settings.root,
            launch=launch,
        )
        if request.watch is not None:
            plan = replace(plan, channel=request.watch.standby.channel)
        return plan

    def _there(self, host: Host) -> HostPlan:
        """Return another host's plan."""
        settings = self._settings

        def profiles(root: str, lanes: int) -> list[tuple[ProfileName, dict[str, object]]]:
            uid = os.urandom(8).hex()
            return [
                (each.name, remote_options(settings, each, host, root, lanes, uid))
                for each in settings.profiles
                if host.name in each.hosts
            ]

        return HostPlan(
            host.name, lambda: self._lanes(host.name), profiles, settings.root, host=host
        )

    def _lanes(self, host: HostName, loading: Mapping[str, int] | None = None) -> HostLanes:
        return HostLanes(
            host,
            self.cases,
            self._listings,
            foreign=self.foreign,
            open_options=lambda command: open_options(self._settings, command),
            clock=time.time_ns,
            loading=loading,
            credit=host in self._settings.reach,
            losses=self._losses,
            refusals=None if self._request.instances is None else self._refusals,
        )


def group_matcher(regex: str) -> Callable[[str], Group | None] | None:
    """Return the hard group of a test id, as testr's ``group_regex`` gives it (``re.match``, group 0); None without one."""
    if not regex:
        return None
    try:
        match = re.compile(regex).match
    except re.error as error:
        raise UserError(
            f"group_regex is no regular expression: {error}", hint=f"mend {regex!r}"
        ) from None

    def group_of(test_id: str) -> Group | None:
        found = match(test_id)
        return Group(found.group(0), hard=True) if found else None

    return group_of


def open_options(settings: Settings, command: StartWorker) -> dict[str, object]:
    """Return what a lane's worker needs to know besides its profile."""
    return {
        "limit": settings.timeout,
        "memory": settings.memory_limit,
        "grace": settings.grace,
        "fresh": settings.fresh,
        "env": {},
        "leaks": settings.leaks,
        "leaks_allow": list(settings.leaks_allow),
        "single": settings.isolated,
        "lane": command.lane,
    }
