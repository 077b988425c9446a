"""``testlanes watch``: run again what a saved file affects."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from ..config.hosts import here_only
from ..errors import UserError
from ..ids import Case, Kind, ProfileName
from ..report.reporter import Outlet
from ..report.unread import hung_up
from ..repository.opening import open_repository
from ..settings import Settings
from ..watch import Project, Watch
from ..watch.turning import Turning
from ..watch.words import as_json, block
from ..watching import Cycle, CycleEnded, KnownFailure, Mode, SourcesBroken, WatchEvent, Ways
from .arguments import Arguments
from .recorded import RecordedRun
from .run import make_request, say, tell_warnings, wants_dashboard
from .selecting import known_failures

if TYPE_CHECKING:
    from ..repository.directory import DirectoryRepository

Dashboard: TypeAlias = Callable[[Arguments, Callable[[], Settings], Ways], int]
"""Watches with a screen: arguments, what reads the settings, and how changes are answered at first."""

NOTES = "files-used.json"
"""In testlanes' own folder of the repository."""
STDOUT = 1
LOOK_EVERY = 1.0
"""Seconds between looks at whether anybody still reads what is told."""


def run_watch(
    args: Arguments, load: Callable[[], Settings], dashboard: Dashboard | None = None
) -> int:
    """Watch until Ctrl-C, or until nobody reads what is told. Returns 1 if something is failing then, else 0."""
    mode = args.mode or "affected"
    failing = args.failing or mode == "failing"
    ways = Ways(cast("Mode", mode) if mode != "failing" else "affected", failing)
    args = replace(args, failing=False)
    if dashboard is not None and wants_dashboard(args):
        return dashboard(args, load, ways)
    return _watch_headless(args, load, ways)


def _watch_headless(args: Arguments, load: Callable[[], Settings], ways: Ways) -> int:
    first = load()
    for problem in first.problems:
        say(problem)
    turning = Turning(first, say)
    many = len(first.profiles) > 1
    outlet = Outlet(sys.stdout)

    def show(cycle: Cycle) -> None:
        text = (
            json.dumps(as_json(cycle)) if args.json else "\n".join(block(cycle, many_profiles=many))
        )
        outlet.write(f"{text}\n")

    def tell(event: WatchEvent) -> None:
        match event:
            case SourcesBroken(at, changed, broken) if broken:
                show(Cycle(0, at, changed=changed, broken=broken))
            case CycleEnded(cycle):
                show(cycle)
                turning.take(cycle)
            case _:
                pass

    say(f"watching {first.root}; Ctrl-C ends it")
    try:
        asyncio.run(_watch(lambda: watched_project(args, load()), tell, ways, outlet))
    except OSError as error:
        raise unwatchable(error) from error
    outlet.close()
    return int(turning.red)


def unwatchable(error: OSError) -> UserError:
    """Return what to tell a user whose machine cannot watch files."""
    return UserError(
        f"files cannot be watched: {error.strerror or error}",
        hint="watch_poll = true looks at them by itself; or raise fs.inotify.max_user_watches",
    )


async def _watch(
    project: Callable[[], Project],
    tell: Callable[[WatchEvent], None],
    ways: Ways,
    outlet: Outlet[str],
) -> None:
    def look() -> None:
        nonlocal next_look
        if outlet.gone or hung_up(STDOUT):
            watch.stop()
        else:
            next_look = loop.call_later(LOOK_EVERY, look)

    watch = Watch(project, tell, ways)
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, watch.stop)
    next_look = loop.call_later(LOOK_EVERY, look)
    try:
        await watch.run()
    finally:
        next_look.cancel()
        for number in numbers:
            loop.remove_signal_handler(number)


def watched_project(args: Arguments, settings: Settings) -> Project:
    """Return what is to be watched under these settings. Raises UserError."""
    settings = here_only(settings)
    repository = open_repository(Path(settings.repository), settings.repository_format, create=True)
    tell_warnings(repository)
    args = replace(args, failing=False)
    return Project(
        settings,
        lambda: make_request(args, settings, repository),
        lambda request: RecordedRun(settings, repository, request),
        lambda: _failing(settings, repository),
        lambda: _failures(settings, repository),
        lambda listed: _forget(repository, listed),
        repository.close,
        repository.own / NOTES,
    )


def _failing(settings: Settings, repository: DirectoryRepository) -> frozenset[Case]:
    found = known_failures(settings, repository)
    return frozenset(
        Case(test_id, ProfileName(name)) for name, ids in found.items() for test_id in ids
    )


def _failures(settings: Settings, repository: DirectoryRepository) -> tuple[KnownFailure, ...]:
    details = {result.case: result.details for result in repository.failing()}
    return tuple(
        KnownFailure(case, Kind.NONE, details.get(case, ()))
        for case in sorted(_failing(settings, repository))
    )


def _forget(repository: DirectoryRepository, listed: Mapping[ProfileName, frozenset[str]]) -> None:
    try:
        repository.forget_failures(listed)
    except OSError as error:
        repository.warn(f"failing: {error.strerror or error}")
