"""Puts runs together from settings and a request: dispatcher and session, listing, or replay, in a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .decisions import Entry
from .dispatch import Dispatcher
from .errors import UserError
from .events import Group
from .frame import FOREIGN_LATENCY, Frame, Run, one_host
from .ids import LOCAL, HostName, LaneId, ProfileName, Row
from .listing import Listing
from .pools import on_instances
from .replay import Replay
from .request import ReplayRequest, Request
from .session import Rules, Session
from .settings import Selection, Settings
from .suites import Hosting

if TYPE_CHECKING:
    from .hosts.instances import Instances


def prepare(settings: Settings, request: Request) -> Run:
    """Build a run of what the request selects. Raises UserError for what cannot be run at all."""
    settings = _placed(settings, request)
    if request.replay is not None:
        return _prepare_replay(settings, request, request.replay)
    settings = _with_what_is_asked(settings, request.selection)
    frame = Frame(settings, request)
    plan, profile_of = request.plan, frame.cases.profile
    expected = frame.state.expected_seconds  # it has looked them up when the case was listed
    urgent = request.watch.urgent if request.watch is not None else None

    def entry(row: Row, index: int, group: Group | None) -> Entry:
        profile, seconds = profile_of(row), expected(row)
        if plan is None and urgent is None:
            return Entry(row, profile, index, seconds, group)
        test_id = frame.cases.test_id(row)
        segment = plan.segment_of(test_id, profile) if plan is not None else 0
        first = urgent is not None and urgent(test_id, profile)
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
    """Leave out profiles of which nothing is selected, and hosts that would have nothing to do."""
    ids = selection.per_profile
    if ids is None:
        return settings
    asked = tuple(profile for profile in settings.profiles if ids.get(profile.name))
    if not asked:
        return settings
    used = {host for profile in asked for host in profile.hosts}
    hosts = tuple(host for host in settings.hosts if host in used)
    reach = {name: host for name, host in settings.reach.items() if name in used}
    return replace(settings, profiles=asked, hosts=hosts, reach=reach)


def prepare_listing(settings: Settings, request: Request) -> Run:
    """Build a run that lists the suites of all profiles and runs nothing."""
    settings = _placed(settings, request)
    frame = Frame(settings, request)
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
    frame = Frame(settings, request)
    core = Replay(frame.cases, host, replay.profile, replay.ids, LaneId(replay.lane))
    return frame.run(core, most=1)
