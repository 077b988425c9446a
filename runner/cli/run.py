"""``testlanes run``: what is asked for becomes a run, with its repository and its reporters."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..frozen import frozen
from ..headless import exit_code, handlers_kept, run_headless
from ..ids import ProfileName
from ..report.clean import clean_line
from ..repository.opening import open_repository
from ..repository.recording import NOT_STORED
from ..request import Request
from ..select import absent, unmatched
from ..settings import Selection, Settings
from ..state import RunState
from .instances import on_instances
from .recorded import RecordedRun
from .selecting import failing_elsewhere, known_failures, narrows, selection_of

if TYPE_CHECKING:
    from ..hosts.instances import Instances
    from ..launch import Launch
    from ..report.reporter import Reporter
    from ..repository.base import Repository
    from ..repository.directory import DirectoryRepository
    from .arguments import Arguments

FAILED_TO_STORE = 3
NAMED = 3
"""Tests that are named in one message."""

Dashboard = Callable[["Arguments", Settings, "DirectoryRepository", Request], int]
"""Runs with a screen, and returns the exit code."""


@frozen
class Outcome:
    """How one run ended: its exit code, its number in the repository (-1: not stored), what is known of it."""

    code: int
    number: int
    state: RunState


def run_tests(
    args: Arguments,
    settings: Settings,
    dashboard: Dashboard | None = None,
    launch: Launch | None = None,
) -> int:
    """Do ``testlanes run`` and return its exit code; with ``dashboard``, if there is a terminal for one.

    ``launch``: this machine's agent, if it was started already.
    """
    for problem in settings.problems:
        say(problem)
    _refuse_what_is_missing(settings)
    if args.meant:
        say(
            f"there is no command {args.filters[0]!r} (did you mean {args.meant}?); it is taken as a filter"
        )
    if args.random and settings.shuffle is None:
        import random

        settings = replace(settings, shuffle=random.SystemRandom().randrange(1 << 31))
        say(f"random order with --random={settings.shuffle}")

    def run(instances: Instances | None) -> int:
        made = make_request(args, settings, repository)
        others = failing_elsewhere(settings, repository) if args.failing else ""
        if others and not args.overrides.profiles:
            say(others)
        request = replace(made, launch=launch, instances=instances)
        return _run(args, settings, repository, request, dashboard)

    path = Path(settings.repository)
    with open_repository(path, settings.repository_format, create=True) as repository:
        tell_warnings(repository)
        return on_instances(settings, run)


def _run(
    args: Arguments,
    settings: Settings,
    repository: DirectoryRepository,
    request: Request,
    dashboard: Dashboard | None,
) -> int:
    if args.analyze_isolation:
        from .isolation import analyze_isolation

        return analyze_isolation(args, settings, repository, request)
    if args.repro:
        from .repro import repro_request

        request = repro_request(args, settings, repository, request)
    if dashboard is not None and wants_dashboard(args):
        return dashboard(args, settings, repository, request)
    turn = 1
    while True:
        outcome = run_once(args, settings, repository, request)
        # a failure that is known to come and go is what one waits for like this
        if not args.until_failure or outcome.code != 0 or outcome.state.failures:
            return outcome.code
        turn += 1
        request = replace(request, label=f"until failure, turn {turn}", times=repository.times())


def _refuse_what_is_missing(settings: Settings) -> None:
    """Say plainly what cannot be done, rather than do something else."""
    if not settings.hosts:
        raise UserError(
            "none of the hosts that the tests are to run on is known here",
            hint="name one that is with --host, or --host local",
        )


def wants_dashboard(args: Arguments) -> bool:
    """Whether a run has a terminal for the dashboard, and nothing else to do with it."""
    if args.tui is not None:
        return args.tui
    if args.subunit or args.json or args.until_failure or os.environ.get("CI"):
        return False
    # Textual reads stdin and draws on stderr.
    there = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    return there and os.environ.get("TERM", "dumb") not in ("", "dumb")


def run_once(
    args: Arguments, settings: Settings, repository: DirectoryRepository, request: Request
) -> Outcome:
    """Run once, report, and store the run."""
    recorded = RecordedRun(settings, repository, request)
    reporters = make_reporters(args, settings, recorded.run.state)
    recorded.run.observers.extend(reporter.record for reporter in reporters)
    try:
        with handlers_kept():
            asyncio.run(run_headless(recorded.run, recorded.finish))
    finally:
        number = recorded.finish()
    for reporter in reporters:
        reporter.finish()
    code = exit_code(recorded.run.state)
    _tell_absent(request.selection, settings, recorded.run.state)
    tell_warnings(repository)
    code = tell_stored(recorded, settings, code, quiet=args.subunit or args.json)
    return Outcome(code, number, recorded.run.state)


def _tell_absent(selection: Selection, settings: Settings, state: RunState) -> None:
    """Say what was asked for and does not exist: a list may be older than the suite, and a word mistyped."""
    if any(profile.listing != "listed" for profile in state.profiles.values()):
        return
    exists = state.cases.find
    gone = absent(selection, [*state.profiles], lambda one, name: exists(one, name) is not None)
    if gone:
        tests = "1 test was" if len(gone) == 1 else f"{len(gone):,} tests were"
        more = f" and {len(gone) - NAMED:,} more" if len(gone) > NAMED else ""
        names = ", ".join(map(clean_line, gone[:NAMED]))
        say(f"{tests} asked for that the suite does not have: {names}{more}")
    for text in unmatched(selection, map(state.cases.test_id, state.cases)):
        file = text.partition("::")[0]
        missing = file.endswith(".py") and not Path(settings.root, file).exists()
        why = ": there is no such file" if missing else ""
        say(f"no test matches {clean_line(text)}{why}")


def tell_stored(recorded: RecordedRun, settings: Settings, code: int, *, quiet: bool) -> int:
    """Say where the run is stored, or why not, and return the exit code that results."""
    if recorded.problem:
        say(f"the run could not be stored as it should: {recorded.problem}")
        return code or (FAILED_TO_STORE if recorded.number == NOT_STORED else 0)
    if recorded.number != NOT_STORED and not quiet:
        say(f"stored as run {recorded.number} in {_relative(settings.repository)}")
    return code


def make_reporters(args: Arguments, settings: Settings, state: RunState) -> list[Reporter]:
    reporters: list[Reporter] = []
    if args.subunit:
        from ..report.subunit_out import SubunitOut

        reporters.append(SubunitOut(state.cases, sys.stdout.buffer))
    elif args.json:
        from ..report.jsonlines import JsonLines

        reporters.append(JsonLines(state.cases, sys.stdout))
    else:
        from ..report.lines import Lines

        reporters.append(
            Lines(
                state,
                sys.stdout,
                os.environ,
                slow_after=settings.slow_after,
                rerun=rerun_command(args),
            )
        )
    if args.junit:
        from ..report.junit import JUnitReport

        reporters.append(JUnitReport(state.cases, Path(args.junit), state.known_flaky))
    if os.environ.get("GITHUB_ACTIONS") == "true" and not (args.subunit or args.json):
        from ..report.github import GithubReport

        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        place = Path(summary) if summary else None
        reporters.append(GithubReport(state.cases, sys.stdout, place, state.known_flaky))
    return reporters


def make_request(args: Arguments, settings: Settings, repository: Repository) -> Request:
    failing: dict[ProfileName, frozenset[str]] | None = None
    if args.failing:
        failing = known_failures(settings, repository)
        if not any(failing.values()):
            others = failing_elsewhere(settings, repository)
            names = ", ".join(failing)
            raise UserError(
                f"nothing is known to fail{f' under {names}' if others else ''}",
                hint=f"{others}; -p NAME runs them" if others else "",
                exit_code=4,
            )
    selection = selection_of(args, settings, failing)
    plan = None
    if settings.plan:
        from ..config.lists import read_plan

        plan = read_plan(settings.plan)
    return Request(
        selection=selection,
        partial=True if args.partial or narrows(args.overrides, settings) else None,
        label="failing" if args.failing else "",
        times=repository.times(),
        speeds=repository.speeds() if settings.reach else {},
        plan=plan,
    )


def rerun_command(args: Arguments) -> str:
    words = ["testlanes", "run", "--failing", *place_words(args)]
    for profile in args.overrides.profiles:
        words += ["-p", profile]
    return shlex.join(words)


def place_words(args: Arguments) -> list[str]:
    """Return the words that another command needs to be about the same project and repository."""
    words: list[str] = []
    if args.here:
        words += ["--here", args.here]
    if args.overrides.repository:
        words += ["--repository", args.overrides.repository]
    return words


def tell_warnings(repository: DirectoryRepository) -> None:
    while repository.warnings:
        say(repository.warnings.pop(0))


def _relative(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def say(text: str) -> None:
    with suppress(OSError):  # nobody reads any more, or its disk is full
        print(f"testlanes: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the command line's voice
