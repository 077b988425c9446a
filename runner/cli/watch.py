"""``testlanes watch``: run again what a saved file affects."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..config.hosts import here_only
from ..errors import UserError
from ..ids import Case, ProfileName
from ..repository.opening import open_repository
from ..settings import Settings
from ..watch import Cycle, Project, Watch
from ..watch.words import as_json, block
from .arguments import Arguments
from .recorded import RecordedRun
from .run import make_request, say, tell_warnings
from .selecting import known_failures

NOTES = "files-used.json"
"""In testlanes' own folder of the repository."""


def run_watch(args: Arguments, load: Callable[[], Settings]) -> int:
    """Watch until Ctrl-C. Returns 1 if something is failing then, else 0."""
    red: list[bool] = []

    def project() -> Project:
        return watched_project(args, load())

    def tell(cycle: Cycle) -> None:
        if args.json:
            print(json.dumps(as_json(cycle)), flush=True)  # noqa: T201
        else:
            many = len(first.settings.profiles) > 1
            print("\n".join(block(cycle, many_profiles=many)), flush=True)  # noqa: T201
        if cycle.number and not cycle.stopped:
            now = bool(cycle.failing or cycle.problem)
            if not red or red[-1] != now:
                _hook(first.settings, red=now)
            red[:] = [now]

    first = project()
    for problem in first.settings.problems:
        say(problem)
    mode = args.mode or ("failing" if args.failing else "affected")
    args = replace(args, failing=False)
    say(f"watching {first.settings.root}; Ctrl-C ends it")
    try:
        asyncio.run(_watch(project, tell, mode))
    except OSError as error:
        raise UserError(
            f"files cannot be watched: {error.strerror or error}",
            hint="watch_poll = true looks at them by itself; or raise fs.inotify.max_user_watches",
        ) from error
    return int(bool(red and red[-1]))


async def _watch(project: Callable[[], Project], tell: Callable[[Cycle], None], mode: str) -> None:
    watch = Watch(project, tell, mode)  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, watch.stop)
    try:
        await watch.run()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def watched_project(args: Arguments, settings: Settings) -> Project:
    """Return what is to be watched under these settings. Raises UserError."""
    settings = here_only(settings)
    repository = open_repository(Path(settings.repository), settings.repository_format, create=True)
    tell_warnings(repository)

    def failing() -> frozenset[Case]:
        found = known_failures(settings, repository)
        return frozenset(
            Case(test_id, ProfileName(name)) for name, ids in found.items() for test_id in ids
        )

    return Project(
        settings,
        lambda: make_request(replace(args, failing=False), settings, repository),
        lambda request: RecordedRun(settings, repository, request),
        failing,
        repository.own / NOTES,
    )


def _hook(settings: Settings, *, red: bool) -> None:
    command = settings.watch_red if red else settings.watch_green
    if not command:
        return
    try:
        subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=settings.root,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            start_new_session=True,
        )
    except OSError as error:
        say(f"{'watch_red' if red else 'watch_green'}: {error.strerror}")
