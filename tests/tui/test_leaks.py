"""What tests left behind, in the run's log and beside the failure."""

from __future__ import annotations

from testlanes.runner.events import LeaksFound
from testlanes.runner.ids import LaneId
from testlanes.tui.viewmodels.casehead import where_of
from testlanes.tui.viewmodels.lines import text_of
from testlanes.tui.viewmodels.log import LogModel
from testlanes.tui.viewmodels.options import Options, Shown

from .stage import PY311, Stage


def test_leaks_are_in_the_log_and_with_where_the_test_ran() -> None:
    stage = Stage([PY311]).start().list_tests().open_lanes(2, 0)
    shown = Shown(stage.state, Options(), stage.notes.now_ns)
    row = next(iter(stage.state.cases))
    model = LogModel(shown)
    model.advance()
    before = len(model)
    stage.say(LeaksFound(LaneId(0), row, {"process": ("7: sleep 600 (made by Server)",)}))
    stage.say(LeaksFound(LaneId(1), None, {"fd": ("5: socket",)}))

    assert model.advance()
    told = [text_of(model.line(index, 100)) for index in range(len(model))]
    assert len(model) == before + 2
    assert any("left behind: process 7: sleep 600 (made by Server)" in line for line in told)
    assert any("lane 1" in line and "left behind: open file 5: socket" in line for line in told)
    assert ("left process", "7: sleep 600 (made by Server)") in where_of(shown, row, ())
