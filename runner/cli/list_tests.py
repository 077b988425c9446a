"""``testlanes list``: the ids of the tests that a run would run, without running any."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping

from ..cases import CaseTable
from ..commands import StartWorker
from ..engine import group_matcher, profile_options
from ..errors import UserError
from ..events import CasesGivenUp, CasesListed, RunEvent, RunStarted, Warned
from ..ids import LOCAL, Row
from ..lanes import HostLanes
from ..listing import Listing
from ..report.clean import clean_line
from ..select import Selector
from ..settings import CommandSuite, Selection, Settings
from ..state import RunState
from ..supervisor import HostPlan, Supervisor
from .arguments import Arguments
from .selecting import selection_of
from .stored import is_ci, opened, say

NOTHING_TO_RUN = 4
WENT_WRONG = 3


class _Collector:
    """Keeps what is selected, in listing order; tells warnings on stderr."""

    def __init__(self) -> None:
        self.rows: dict[Row, None] = {}

    def take(self, event: RunEvent) -> None:
        match event:
            case CasesListed(_, _, selected):
                self.rows.update(dict.fromkeys(selected))
            case CasesGivenUp(rows):
                for row in rows:
                    self.rows.pop(row, None)
            case Warned(about, text):
                sys.stderr.write(f"testlanes: warning: {clean_line(about)}: {clean_line(text)}\n")
            case _:
                pass


def run_list(args: Arguments, settings: Settings) -> int:
    """Print the ids, each once. Returns 4 if there are none, and 3 if a suite could not be listed."""
    failing = opened(settings).failing() if args.failing else ()
    cases, rows, problem = asyncio.run(listed(settings, selection_of(args, settings, failing)))
    profiles: dict[str, list[str]] = {}
    for row in rows:
        profiles.setdefault(cases.test_id(row), []).append(cases.profile(row))
    if args.json:
        found = {test_id: {"profiles": sorted(names)} for test_id, names in profiles.items()}
        say(json.dumps(found, indent=2))
    else:
        for test_id in profiles:
            say(test_id if is_ci() else clean_line(test_id))
    if problem:
        raise UserError("the tests could not be listed", hint=problem, exit_code=WENT_WRONG)
    return 0 if profiles else NOTHING_TO_RUN


async def listed(settings: Settings, selection: Selection) -> tuple[CaseTable, list[Row], str]:
    """List all profiles' suites. Returns the cases, the selected rows, and what went wrong, if anything."""
    cases = CaseTable()
    state = RunState(cases)
    collector = _Collector()
    names = tuple(profile.name for profile in settings.profiles)
    supervisor = Supervisor(Listing([(LOCAL, name) for name in names]), state, [collector.take])
    lanes = HostLanes(
        LOCAL,
        cases,
        Selector(selection).selects,
        foreign=frozenset(p.name for p in settings.profiles if isinstance(p.suite, CommandSuite)),
        group_of=group_matcher(settings.group_regex),
        open_options=_no_workers,
        clock=time.time_ns,
    )
    plan = HostPlan(
        LOCAL, lanes, [(p.name, profile_options(settings, p, 1, "list")) for p in settings.profiles]
    )
    partial = not selection.everything
    started = RunStarted(time.time_ns(), settings.root, names, 0, partial, "list")
    ended = await supervisor.run(started, [plan])
    return cases, list(collector.rows), ended.problem


def _no_workers(command: StartWorker) -> Mapping[str, object]:
    raise AssertionError(f"a listing opens no lane, but {command}")
