"""``run --analyze-isolation``: for each failing test, which earlier test in its worker makes it fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..engine import prepare, replay_request
from ..headless import handlers_kept, run_headless
from ..ids import Case
from ..isolation import Bisection, Verdict
from ..report.clean import clean_line
from ..repository.queries import ran_before
from ..request import Request
from ..select import Selector
from ..state import FAILED, Standing
from .output import flush, say

if TYPE_CHECKING:
    from ..repository.base import Repository
    from ..settings import Settings
    from .arguments import Arguments

FOUND = 3
"""As testr: a conflict between tests was found."""


class _StoppedError(Exception):
    """The user ended a trial."""


def analyze_isolation(
    args: Arguments, settings: Settings, repository: Repository, request: Request
) -> int:
    """Bisect every selected failure of the newest run. Exit code 3 if a culprit was found, else 0."""
    del args
    number = repository.latest()
    profiles = {profile.name for profile in settings.profiles}
    selector = Selector(request.selection)
    cases = [
        result.case
        for result in repository.failing()
        if result.case.profile in profiles and selector.selects(*result.case)
    ]
    if number is None or not cases:
        _say("nothing is known to fail, so there is nothing to analyze")
        return 0
    verdicts: list[Verdict] = []
    for case in cases:
        before = [each.test_id for each in ran_before(repository.history, number, case)]
        tests = "1 test" if len(before) == 1 else f"{len(before)} tests"
        _say(f"{case.test_id}: {tests} ran before it in its worker")
        try:
            verdicts.append(_bisect(settings, request, case, before))
        except _StoppedError:
            return 130
    width = max(len(verdict.test_id) for verdict in verdicts)
    _say("")
    for verdict in verdicts:
        _say(f"{verdict.test_id:<{width}}  {verdict.why}")
    return FOUND if any(verdict.culprit for verdict in verdicts) else 0


def _bisect(settings: Settings, request: Request, case: Case, before: list[str]) -> Verdict:
    bisection = Bisection(case.test_id, before)
    while (trial := bisection.trial()) is not None:
        failed = _try(settings, request, case, trial)
        word = "fails" if failed else "passes"
        _say(f"  {word} after {len(trial) - 1} of them" if len(trial) > 1 else f"  {word} alone")
        bisection.outcome(failed)
    if bisection.verdict is None:
        raise AssertionError("a bisection without a trial has a verdict")
    return bisection.verdict


def _try(settings: Settings, request: Request, case: Case, ids: list[str]) -> bool:
    replay = replay_request(case.profile, ids, "isolation", instances=request.instances)
    run = prepare(settings, replay)
    with handlers_kept():
        asyncio.run(run_headless(run))
    if run.state.stopping is not None:
        raise _StoppedError
    row = run.cases.find(case.test_id, case.profile)
    standing = Standing.NOT_RUN if row is None else run.state.standing_of(row)
    return standing in FAILED or standing is Standing.NOT_RUN


def _say(text: str) -> None:
    say(clean_line(text))
    flush()
