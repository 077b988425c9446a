"""``testlanes flaky``: the tests that pass and fail by turns, from history."""

from __future__ import annotations

import json

from ..ids import DEFAULT_PROFILE
from ..patterns import compile_pattern
from ..quarantine import Quarantine
from ..report.clean import clean_line
from ..repository import queries
from ..settings import Settings
from .arguments import Arguments
from .output import is_ci, say
from .stored import opened, refuse_mixture


def run_flaky(args: Arguments, settings: Settings) -> int:
    """Print them, the most often changing first, and return 0."""
    filters = [compile_pattern(text, "The filter") for text in args.filters]
    profiles = {profile.name for profile in settings.profiles} if args.overrides.profiles else None
    known = Quarantine(settings.known_flaky)
    with opened(settings) as repository:
        every = queries.flaky(repository.history, args.runs)
    found = [
        one
        for one in every
        if (not filters or any(pattern.search(one.case.test_id) for pattern in filters))
        and (profiles is None or one.case.profile in profiles)
    ]
    if args.json:
        rows = [
            {
                "id": one.case.test_id,
                "profile": one.case.profile,
                "changes": one.flips,
                "failed": one.failures,
                "retried": one.retried,
                "runs": one.runs,
                "last_failed": one.last_failed,
                "known": known(one.case.test_id),
            }
            for one in found
        ]
        say(json.dumps(rows, indent=2))
    elif args.list_only:
        refuse_mixture(sorted({one.case.profile for one in found}))
        for one in found:
            say(one.case.test_id if is_ci() else clean_line(one.case.test_id))
    elif found:
        _table(found, known)
    else:
        say(f"nothing passed and failed by turns in the last {args.runs} runs")
    return 0


def _table(found: list[queries.Flaky], known: Quarantine) -> None:
    say("changes  failed  passed on retry  of runs  last failed  test")
    for one in found:
        name = clean_line(one.case.test_id, ci=is_ci())
        if one.case.profile != DEFAULT_PROFILE:
            name += f"  ({clean_line(one.case.profile)})"
        if known(one.case.test_id):
            name += "  (known)"
        last = "" if one.last_failed is None else f"run {one.last_failed}"
        say(
            f"{one.flips:>7}  {one.failures:>6}  {one.retried:>15}  {one.runs:>7}  {last:>11}  {name}"
        )
