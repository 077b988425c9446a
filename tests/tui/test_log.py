"""The run's own log says what happened, and still knows it at the end."""

from __future__ import annotations

from testlanes.runner.events import RunEnded, WorkerLost, WorkerStarted
from testlanes.runner.ids import LaneId
from testlanes.tui.viewmodels.lines import text_of
from testlanes.tui.viewmodels.log import LogModel
from testlanes.tui.viewmodels.options import Options, Shown

from .stage import PY311, Stage, stage_ended


def log(stage: Stage) -> list[str]:
    model = LogModel(Shown(stage.state, Options(), stage.notes.now_ns))
    model.advance()
    return [text_of(model.line(index, 120)) for index in range(len(model))]


def test_why_a_worker_died_is_known_after_another_took_its_place_and_left() -> None:
    stage = Stage([PY311]).start().list_tests().open_lanes(1, 0)
    stage.say(
        WorkerLost(LaneId(0), 0, "killed by SIGSEGV", expected=False),
        WorkerStarted(LaneId(0), 1, 4200, PY311, -1),
        WorkerLost(LaneId(0), 1, "ended", expected=True),
    )
    assert any("1 worker lost: killed by SIGSEGV" in line for line in log(stage))


def test_how_the_run_ended_is_its_last_line() -> None:
    assert "ended, 8 failed" in log(stage_ended())[-1]
    assert "\N{CHECK MARK} run" in log(stage_ended(green=True))[-1]
    stage = Stage([PY311]).start()
    stage.say(RunEnded(stage.at(1), interrupted=False, problem="the disk is full"))
    assert "the disk is full" in log(stage)[-1]
