"""Puts a run together from settings and a selection: case table, dispatcher, session, hosts, supervisor."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .cases import CaseTable
from .commands import StartWorker
from .decisions import Entry
from .dispatch import Dispatcher
from .errors import UserError
from .events import Group, RunEnded, RunStarted
from .ids import LOCAL, Case, LaneId, ProfileName, Row
from .lanes import HostLanes
from .plan import Plan
from .select import Selector
from .session import LanePlace, Rules, Session
from .settings import CommandSuite, Profile, PytestSuite, Selection, Settings, UnittestSuite
from .state import RunState
from .supervisor import HostPlan, Observer, Supervisor

FOREIGN_LATENCY = 1.0
"""Seconds that starting one batch of a foreign lane is taken to cost."""

CALLOUT_LIMIT = 60.0
"""Seconds that ``test_run_concurrency`` may take."""


@dataclass(slots=True)
class Run:
    """A run that is ready to go; ``state`` and ``cases`` are what readers look at."""

    settings: Settings
    cases: CaseTable
    state: RunState
    session: Session
    supervisor: Supervisor
    observers: list[Observer]
    started: RunStarted
    hosts: Sequence[HostPlan]

    async def go(self) -> RunEnded:
        """Run to the end. No process is left when this returns or raises."""
        return await self.supervisor.run(self.started, self.hosts)


@dataclass(frozen=True, slots=True)
class Request:
    """What to run this time."""

    selection: Selection = field(default_factory=Selection)
    partial: bool | None = None
    """None: partial unless everything is selected."""
    label: str = ""
    times: Mapping[Case, float] = field(default_factory=dict[Case, float])
    """Expected seconds of the cases that ran before."""
    plan: Plan | None = None


def prepare(settings: Settings, request: Request) -> Run:
    """Build a run. Raises UserError for what cannot be run at all."""
    cases = CaseTable()
    times = request.times
    selector = Selector(request.selection)
    plan = request.plan

    def expected(test_id: str, profile: ProfileName) -> float | None:
        return times.get(Case(test_id, profile))

    def entry(row: Row, index: int, group: Group | None) -> Entry:
        test_id, profile = cases.case(row)
        segment = plan.segment_of(test_id, profile) if plan is not None else 0
        return Entry(row, profile, index, times.get(Case(test_id, profile)), group, segment)

    foreign = frozenset(p.name for p in settings.profiles if isinstance(p.suite, CommandSuite))
    dispatcher = Dispatcher(
        segments=[plan.concurrency(at) for at in range(len(plan.segments))]
        if plan is not None
        else (None,),
        seed=settings.shuffle,
        single=settings.isolated,
        profiles=[profile.name for profile in settings.profiles],
    )
    for profile in settings.profiles:
        if profile.lanes is not None:
            dispatcher.limit_profile(profile.name, profile.lanes)
    count = lane_count(settings)
    places = [
        LanePlace(
            LaneId(number),
            LOCAL,
            (name := settings.profiles[number % len(settings.profiles)].name),
            FOREIGN_LATENCY if name in foreign else 0.0,
            name in foreign,
        )
        for number in range(count)
    ]
    state = RunState(cases, expected)
    session = Session(dispatcher, cases, places, entry, Rules(settings.retries, settings.max_fail))
    observers: list[Observer] = []
    supervisor = Supervisor(session, state, observers)
    uid = secrets.token_hex(8)
    lanes = HostLanes(
        LOCAL,
        cases,
        selector.selects,
        foreign=foreign,
        group_of=group_matcher(settings.group_regex),
        open_options=lambda command: open_options(settings, command),
        clock=time.time_ns,
    )
    host = HostPlan(
        LOCAL,
        lanes,
        [(p.name, profile_options(settings, p, count, uid)) for p in settings.profiles],
    )
    partial = not request.selection.everything if request.partial is None else request.partial
    started = RunStarted(
        time.time_ns(),
        settings.root,
        tuple(p.name for p in settings.profiles),
        count,
        partial,
        request.label,
    )
    return Run(settings, cases, state, session, supervisor, observers, started, [host])


def lane_count(settings: Settings) -> int:
    """Return how many lanes to open on this machine."""
    if settings.concurrency > 0:
        return max(settings.concurrency, 1)
    if settings.concurrency_command:
        return _callout(settings.concurrency_command, settings.root)
    return max(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 1
    )


def _callout(command: str, root: str) -> int:
    hint = "it must print one whole number; or give --concurrency N"
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=CALLOUT_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"test_run_concurrency did not end within {CALLOUT_LIMIT:.0f} seconds: {command}",
            hint=hint,
        ) from None
    if done.returncode:
        raise UserError(
            f"test_run_concurrency ended with status {done.returncode}: {command}", hint=hint
        )
    try:
        return max(int(done.stdout.strip()), 1)
    except ValueError:
        raise UserError(
            f"test_run_concurrency printed {done.stdout[:80]!r}: {command}", hint=hint
        ) from None


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


def profile_options(
    settings: Settings, profile: Profile, lanes: int, uid: str
) -> dict[str, object]:
    """Return what the agent needs to know of a profile."""
    options: dict[str, object] = {
        "python": profile.python,
        "cwd": str(Path(settings.root)),
        "env": dict(profile.env),
        "worker_count": lanes,
        "run_uid": uid,
        "fresh": settings.fresh,
    }
    match profile.suite:
        case UnittestSuite(start, pattern, top):
            options |= {
                "kind": "unittest",
                "suite": {"start": start, "pattern": pattern, "top": top},
            }
        case PytestSuite(args):
            options |= {"kind": "pytest", "suite": {"args": list(args)}}
        case CommandSuite(command, id_option, list_option, id_list_default):
            options |= {
                "kind": "command",
                "command": command,
                "id_option": id_option,
                "list_option": list_option,
                "id_list_default": id_list_default,
            }
    return options


def open_options(settings: Settings, command: StartWorker) -> dict[str, object]:
    """Return what a lane's worker needs to know besides its profile."""
    return {
        "limit": settings.timeout,
        "grace": settings.grace,
        "fresh": settings.fresh,
        "env": {},
        "single": settings.isolated,
        "lane": command.lane,
    }
