"""The exit code of a run says what became of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CaseFinished,
    CasesGivenUp,
    CasesListed,
    CaseStarted,
    ExtraResult,
    LaneOpened,
    PluginReported,
    RunEnded,
    RunEvent,
    StopAsked,
)
from testlanes.runner.headless import exit_code
from testlanes.runner.ids import LOCAL, Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.state import RunState

PY = ProfileName("default")
ONE = LaneId(0)


def ran(row: int, status: Status) -> Sequence[RunEvent]:
    kind = Kind.ERROR if status is Status.FAIL else Kind.NONE
    return CaseStarted(ONE, Row(row), 0), CaseFinished(ONE, Row(row), status, kind, 1, 0.1)


def code(tests: int, *events: RunEvent, problem: str = "") -> int:
    cases = CaseTable()
    state = RunState(cases)
    rows = tuple(cases.add(f"t{number}", PY) for number in range(tests))
    for event in (LaneOpened(ONE, LOCAL, PY), CasesListed(PY, rows, rows), *events):
        state.apply(event)
    state.apply(RunEnded(2, interrupted=False, problem=problem))
    return exit_code(state)


NOT_RUN = CasesGivenUp((Row(0),), "no lane was left")


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        pytest.param(0, code(1, *ran(0, Status.SUCCESS)), id="all passed"),
        pytest.param(0, code(2, *ran(0, Status.SKIP), *ran(1, Status.XFAIL)), id="skipped"),
        pytest.param(1, code(1, *ran(0, Status.FAIL)), id="a failure"),
        pytest.param(1, code(1, *ran(0, Status.UXSUCCESS)), id="an unexpected success"),
        pytest.param(
            1,
            code(
                1,
                *ran(0, Status.SUCCESS),
                ExtraResult(ONE, "tearDownClass (m.C)", PY, Status.FAIL, 0),
            ),
            id="a failed tear-down",
        ),
        pytest.param(
            1,
            code(
                1, *ran(0, Status.SUCCESS), PluginReported(PY, "too little coverage", failed=True)
            ),
            id="a plugin says so",
        ),
        pytest.param(3, code(1, NOT_RUN), id="not run"),
        pytest.param(3, code(1, *ran(0, Status.FAIL), problem="lanes lost"), id="a problem"),
        pytest.param(4, code(0), id="nothing"),
        pytest.param(130, code(1, StopAsked(False, "interrupted"), NOT_RUN), id="interrupted"),
        pytest.param(
            1,
            code(
                2,
                *ran(1, Status.FAIL),
                StopAsked(False, "the limit is 1 failure (--max-fail)"),
                NOT_RUN,
            ),
            id="stopped by --max-fail",
        ),
    ],
)
def test_the_exit_code(expected: int, got: int) -> None:
    assert expected == got
