"""Puts a run together from settings and a selection: case table, dispatcher, session, hosts, supervisor."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .agent_options import lane_count, profile_options, remote_options
from .cases import CaseTable
from .commands import StartWorker
from .decisions import Entry
from .dispatch import Dispatcher
from .errors import UserError
from .events import Group, RunEnded, RunStarted
from .hosting import HostPlan, Pool
from .hosts.instances import Instances
from .ids import LOCAL, Case, HostName, LaneId, ProfileName, Row
from .lanes import HostLanes
from .launch import Launch
from .listing import Listing
from .listings import Listings
from .plan import Plan
from .pools import InstancePool, on_instances, shares
from .quarantine import Quarantine
from .replay import Replay
from .select import Selector
from .session import Hosting, Rules, Session
from .settings import CommandSuite, Host, Profile, Selection, Settings
from .staff import LanePlace
from .standby import Standby
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


@dataclass(frozen=True, slots=True)
class Request:
    """What to run this time."""

    selection: Selection = field(default_factory=Selection)
    partial: bool | None = None
    """None: partial unless everything is selected."""
    label: str = ""
    times: Mapping[Case, float] = field(default_factory=dict[Case, float])
    """Expected seconds of the cases that ran before."""
    speeds: Mapping[HostName, float] = field(default_factory=dict[HostName, float])
    """How fast hosts were in earlier runs; times are of hosts of speed 1."""
    plan: Plan | None = None
    launch: Launch | None = None
    """This machine's agent, if it was started already; the first run that is prepared gets it."""
    watch: WatchRequest | None = None
    replay: ReplayRequest | None = None
    """What to run instead of what is selected."""
    instances: Instances | None = None
    """Where lanes are, if the settings have testr's instances."""


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What one worker is to run, in this order; an id may be there several times. ``lane``: its number."""

    profile: ProfileName
    ids: tuple[str, ...]
    lane: int = 0


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What a run is told that is one of a watch's cycles."""

    standby: Standby
    """This machine's agent, which stays for the next cycle."""
    selects: Callable[[str, ProfileName], bool] | None = None
    """Whether a test is to run that the selection selects; None: all of them."""
    urgent: Callable[[str, ProfileName], bool] | None = None
    """Whether it is to run before those that are not."""
    whole: bool = False
    """Whether what is listed is the whole suite, so that what is not listed is gone."""


def prepare(settings: Settings, request: Request) -> Run:
    """Build a run of what the request selects. Raises UserError for what cannot be run at all."""
    settings = _placed(settings, request)
    if request.replay is not None:
        return _prepare_replay(settings, request, request.replay)
    settings = _with_what_is_asked(settings, request.selection)
    frame = _Frame(settings, request)
    times, plan = request.times, request.plan
    urgent = request.watch.urgent if request.watch is not None else None

    def entry(row: Row, index: int, group: Group | None) -> Entry:
        test_id, profile = frame.cases.case(row)
        segment = plan.segment_of(test_id, profile) if plan is not None else 0
        first = urgent is not None and urgent(test_id, profile)
        seconds = times.get(Case(test_id, profile))
        return Entry(row, profile, index, seconds, group, segment, urgent=first)

    limits: list[int | None] = [None]
    if plan is not None:
        limits = [plan.concurrency(at) for at in range(len(plan.segments))]
    dispatcher = Dispatcher(
        segments=limits,
        seed=settings.shuffle,
        single=settings.isolated,
        profiles=[profile.name for profile in settings.profiles],
        hosts=settings.hosts,
        speeds=request.speeds,
    )
    for profile in settings.profiles:
        somewhere = not set(settings.hosts) <= set(profile.hosts)
        if profile.lanes is not None or somewhere or request.instances is not None:
            hosts = frozenset(profile.hosts) if somewhere else None
            if request.instances is not None:
                hosts = frozenset[HostName]()  # they come as they are provisioned
            dispatcher.limit_profile(profile.name, profile.lanes, hosts)
    rules = Rules(settings.retries, settings.max_fail, frame.known_flaky)
    here = [profile.name for profile in settings.profiles if LOCAL in profile.hosts]
    hosting = Hosting(
        frozenset(settings.hosts) - {LOCAL},
        frame.foreign,
        tuple(profile.name for profile in settings.profiles),
        FOREIGN_LATENCY,
    )
    places = frame.places()
    return frame.run(Session(dispatcher, frame.cases, places, entry, rules, here, hosting))


def _with_what_is_asked(settings: Settings, selection: Selection) -> Settings:
    """Leave out profiles of which nothing is selected: to load their suites would be for nothing."""
    ids = selection.per_profile
    if ids is None:
        return settings
    asked = tuple(profile for profile in settings.profiles if ids.get(profile.name))
    return replace(settings, profiles=asked) if asked else settings


def prepare_listing(settings: Settings, request: Request) -> Run:
    """Build a run that lists the suites of all profiles and runs nothing."""
    settings = _placed(settings, request)
    frame = _Frame(settings, request)
    suites = [(one_host(settings, each), each.name) for each in settings.profiles]
    return frame.run(Listing(suites), most=1)


def replay_request(
    profile: ProfileName,
    ids: Sequence[str],
    label: str,
    lane: int = 0,
    instances: Instances | None = None,
) -> Request:
    """Return a request to run these tests, in this order, in one worker."""
    selection = Selection(per_profile={profile: frozenset(ids)})
    replay = ReplayRequest(profile, tuple(ids), lane)
    return Request(selection, partial=True, label=label, replay=replay, instances=instances)


def _placed(settings: Settings, request: Request) -> Settings:
    """Return settings whose profiles run on instances, if there are to be some. Raises UserError."""
    if request.instances is not None:
        return on_instances(settings)
    if settings.instance_provision:
        raise UserError(
            "instances are provisioned for `run` and `list` only",
            hint="--host local runs the tests on this machine",
        )
    return settings


def _prepare_replay(settings: Settings, request: Request, replay: ReplayRequest) -> Run:
    chosen = tuple(p for p in settings.profiles if p.name == replay.profile)
    host = one_host(settings, chosen[0])
    settings = replace(settings, profiles=chosen, hosts=(host,), isolated=False)
    frame = _Frame(settings, request)
    core = Replay(frame.cases, host, replay.profile, replay.ids, LaneId(replay.lane))
    return frame.run(core, most=1)


def one_host(settings: Settings, profile: Profile) -> HostName:
    """Return the host for what one is enough for: this machine, if it may run the profile."""
    hosts = [host for host in settings.hosts if host in profile.hosts]
    return LOCAL if LOCAL in hosts or not hosts else hosts[0]


class _Frame:
    """What every kind of run has around its core: cases, state, one host with its lanes."""

    def __init__(self, settings: Settings, request: Request) -> None:
        self._settings = settings
        self._request = request
        self.cases = CaseTable()
        times = request.times
        self.known_flaky = Quarantine(settings.known_flaky)
        self._state = RunState(
            self.cases,
            lambda test_id, profile: times.get(Case(test_id, profile)),
            known_flaky=self.known_flaky,
            flaky_fails=settings.flaky == "fail",
        )
        self._count = lane_count(settings)
        selects = Selector(request.selection).selects
        only = request.watch.selects if request.watch is not None else None

        def both(test_id: str, profile: ProfileName) -> bool:
            return (only is None or only(test_id, profile)) and selects(test_id, profile)

        self.foreign = frozenset(
            p.name for p in settings.profiles if isinstance(p.suite, CommandSuite)
        )
        self._listings = Listings(
            self.cases,
            selects if only is None else both,
            group_matcher(settings.group_regex),
            {
                profile.name: [host for host in settings.hosts if host in profile.hosts]
                for profile in settings.profiles
            },
        )
        self._losses = Losses()
        self._refusals: dict[Row, set[HostName]] = {}

    def places(self) -> list[LanePlace]:
        """Return this machine's lanes, spread over the profiles that it may run."""
        profiles = [each for each in self._settings.profiles if LOCAL in each.hosts]
        if LOCAL not in self._settings.hosts or not profiles:
            return []
        names = [profiles[number % len(profiles)].name for number in range(self._count)]
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
            (self._count if LOCAL in settings.hosts else 0)
            + sum(host.lanes for host in settings.reach.values())
            + sum(pool.count for pool in pools),
            not request.selection.everything if partial is None else partial,
            request.label,
            tuple(name for name in settings.all_profiles if name not in names),
        )
        observers: list[Observer] = []
        supervisor = Supervisor(core, self._state, observers)
        return Run(settings, self.cases, self._state, supervisor, observers, started, hosts, pools)

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


def group_matcher(regex: str) -> Callable[[str], Group | None]:
    """Return the hard group of a test id, as testr's ``group_regex`` gives it (``re.match``, group 0)."""
    if not regex:
        return lambda _id: None
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
