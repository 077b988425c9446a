"""A replay's end, told as it is."""

from __future__ import annotations

from testlanes.runner.cases import CaseTable
from testlanes.runner.commands import Finish
from testlanes.runner.events import StopAsked
from testlanes.runner.ids import DEFAULT_PROFILE, LOCAL
from testlanes.runner.replay import Replay


def finish(stop: StopAsked) -> Finish:
    """Return how a replay ends that is stopped while the suite is loaded."""
    replay = Replay(CaseTable(), LOCAL, DEFAULT_PROFILE, ["m.a"])
    replay.begin(0.0)
    last = replay.step([stop], 0.0)[-1]
    assert isinstance(last, Finish)
    return last


def test_what_stopped_it_is_a_problem_if_it_is_a_fault() -> None:
    assert finish(StopAsked(True, "no space is left for the results", fault=True)) == Finish(
        "no space is left for the results"
    )
    assert finish(StopAsked(True, "interrupted")) == Finish("")
