"""``testlanes list``: the ids of the tests that ``run`` would run, one a line, or by profile as JSON."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from ..config.lists import format_by_profile
from ..engine import prepare_listing
from ..headless import handlers_kept, run_headless
from ..report.clean import clean_line
from ..request import Request
from ..state import Standing
from .output import is_ci, say, write
from .selecting import known_failures, selection_of
from .stored import opened, refuse_mixture

if TYPE_CHECKING:
    from ..settings import Settings
    from .arguments import Arguments

LISTING_FAILED = 3
NOTHING = 4


def run_list(args: Arguments, settings: Settings) -> int:
    """Print what is selected. Exit code 3 if a suite could not be loaded, 4 if nothing is selected."""
    names = [profile.name for profile in settings.profiles]
    if args.which_profiles:
        for name in names:
            say(clean_line(name))
        return 0
    if not args.json:
        refuse_mixture(names)
    failing = None
    if args.failing:
        with opened(settings) as repository:
            failing = known_failures(settings, repository)
    request = Request(selection_of(args, settings, failing))
    if not settings.instance_provision:
        return _list(args, settings, request)
    from .instances import on_instances

    opened(settings, create=True).close()  # that is where instances are remembered
    return on_instances(
        settings, lambda got: _list(args, settings, replace(request, instances=got))
    )


def _list(args: Arguments, settings: Settings, request: Request) -> int:
    run = prepare_listing(settings, request)
    with handlers_kept():
        ended = asyncio.run(run_headless(run))
    state, cases = run.state, run.cases
    # Announced and then not found in the complete suite: NOT_RUN.
    out = (Standing.UNSELECTED, Standing.NOT_RUN)
    selected = [row for row in cases if state.standing[row] not in out]
    if args.json:
        write(format_by_profile(cases.case(row) for row in selected))
    else:
        for row in selected:
            say(cases.test_id(row) if is_ci() else clean_line(cases.test_id(row)))
    for warning in state.warnings:
        sys.stderr.write(f"testlanes: {clean_line(warning.text)}\n")
    if ended.problem:
        sys.stderr.write(f"testlanes: {clean_line(ended.problem)}\n")
        return LISTING_FAILED
    return 0 if selected else NOTHING
