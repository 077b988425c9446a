"""``run --repro RUN TEST``: run again what led to a failure, in one worker and in the same order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..engine import replay_request
from ..errors import UserError
from ..ids import Case
from ..patterns import compile_pattern
from ..report.clean import clean_line
from ..repository.queries import replay_of
from ..request import Request
from .run import say

if TYPE_CHECKING:
    from ..repository.base import Repository
    from ..settings import Settings
    from .arguments import Arguments

SHOWN = 5
"""How many tests are named that were perhaps meant."""


def repro_request(
    args: Arguments, settings: Settings, repository: Repository, request: Request
) -> Request:
    """Return what to run. Raises UserError for a run or a test that is not there."""
    word, wanted = args.repro
    number = repository.latest() if word == "last" else int(word)
    if number is None:
        raise UserError("no run is stored yet", hint="`testlanes run` makes one", exit_code=3)
    case = _case(settings, repository, number, wanted)
    replay = replay_of(repository.history, number, case)
    if replay is None:
        raise UserError(
            f"run {number} is not in the history any more",
            hint="its order is not known; only what of it passed and failed is",
            exit_code=3,
        )
    name = clean_line(case.test_id)
    lane = 0 if replay.worker is None else replay.worker
    how = "failed" if replay.status.is_failure else "ended there"
    say(
        f"the {len(replay.cases) - 1} tests that lane {lane} ran in run {number} before {name} {how}"
    )
    ids = [one.test_id for one in replay.cases]
    made = replay_request(case.profile, ids, f"repro {number}", lane, request.instances)
    return replace(made, times=request.times, launch=request.launch)


def _case(settings: Settings, repository: Repository, number: int, wanted: str) -> Case:
    """Return the case that is meant: by its id, else by a regex that matches one failure of the run."""
    profiles = {profile.name for profile in settings.profiles}
    exact: list[Case] = []
    failed: list[Case] = []
    others: list[Case] = []
    for one in repository.read(number):
        if one.profile not in profiles:
            continue
        if one.test_id == wanted:
            exact.append(one.case)
        elif one.status.is_failure or "flaky" in one.tags:
            failed.append(one.case)
        else:
            others.append(one.case)
    found = list(dict.fromkeys(exact))
    if not found:
        pattern = compile_pattern(wanted, "The test")
        for several in (failed, others):
            found = found or [
                case for case in dict.fromkeys(several) if pattern.search(case.test_id)
            ]
    if not found:
        raise UserError(
            f"no test of run {number} is {wanted!r}",
            hint=f"`testlanes history show {number}` has its failures",
            exit_code=4,
        )
    if len(found) > 1:
        names = ", ".join(
            clean_line(case.test_id if len(profiles) == 1 else f"{case.test_id} ({case.profile})")
            for case in found[:SHOWN]
        )
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UserError(
            f"{wanted!r} may be {names}{more}",
            hint="give one id as it is, and -p NAME where it ran under several profiles",
        )
    return found[0]
