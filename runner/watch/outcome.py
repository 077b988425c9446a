"""What a run that has ended came to, for those who watch."""

from __future__ import annotations

from ..frame import Run
from ..ids import Case, Kind, Status
from ..report.attempts import extra_attempt, headline, place
from ..state import Detail, Standing
from ..watching import Failure

_STATUSES = {
    Standing.SUCCESS: Status.SUCCESS,
    Standing.FAIL: Status.FAIL,
    Standing.UXSUCCESS: Status.UXSUCCESS,
    Standing.SKIP: Status.SKIP,
    Standing.XFAIL: Status.XFAIL,
}


def counts_of(run: Run) -> dict[str, int]:
    """Return status -> how many cases have it; those without an outcome are left out."""
    counts = run.state.counts
    return {
        str(status): counts[standing] for standing, status in _STATUSES.items() if counts[standing]
    }


def failures_of(run: Run) -> tuple[Failure, ...]:
    """Return what stands as failed, in the order it failed; results of nobody's tests last."""
    state, root = run.state, run.settings.root
    found = [
        _failure(run.cases.case(row), state.kind_of(row), tuple(state.details.get(row, ())), root)
        for row in state.failures
    ]
    for extra in state.extras.values():
        if extra.status.is_failure:
            attempt = extra_attempt(extra)
            case = Case(attempt.test_id, attempt.profile)
            found.append(_failure(case, attempt.kind, attempt.details, root))
    return tuple(found)


def _failure(case: Case, kind: Kind, details: tuple[Detail, ...], root: str) -> Failure:
    path, line = place(details, root) or ("", 0)
    return Failure(case, kind, headline(details) or str(kind) or "failed", path, line)
