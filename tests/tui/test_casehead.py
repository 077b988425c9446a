"""Where a test ran, after what, beside what, and what is said about it."""

from __future__ import annotations

from testlanes.runner.events import Warned
from testlanes.tui.viewmodels.casehead import AFTER, notes_of, where_of
from testlanes.tui.viewmodels.lines import text_of
from testlanes.tui.viewmodels.options import Options, Shown

from .stage import MISMATCH, PY311, PY312, Stage


def test_a_failure_tells_what_ran_before_and_beside_it() -> None:
    stage = Stage().start().list_tests().open_lanes()
    for name in ("test_rebuild", "test_resize", "test_shelve", "test_memory", "test_disk"):
        stage.end(0, stage.begin(0, name, 1), 2)
    stage.begin(1, "test_xml", 2)
    row = stage.fail(0, "test_quota_exceeded", 4, MISMATCH)
    told = where_of(Shown(stage.state, Options(), stage.notes.now_ns), row, ())

    at = [name for name, _ in told].index("after")
    after = [value.rpartition(".")[2] for _, value in told[at : at + AFTER]]
    assert after == ["test_disk", "test_memory", "test_shelve"]
    assert told[at + AFTER] == ("", "and 2 before them in the same worker")
    beside = dict(told)["beside"]
    assert beside.startswith(f"lane 1 {PY312}")
    assert beside.endswith("test_xml")


def test_the_first_test_of_a_worker_says_so() -> None:
    stage = Stage([PY311]).start().list_tests().open_lanes(1, 0)
    row = stage.fail(0, "test_quota_exceeded", 4, MISMATCH)
    told = dict(where_of(Shown(stage.state, Options(), stage.notes.now_ns), row, ()))
    assert told["after"] == "nothing: it was the first in its worker"
    assert "beside" not in told


def test_what_is_said_about_a_test_ends_with_the_newest() -> None:
    stage = Stage([PY311]).start().list_tests()
    test_id = stage.cases.test_id(stage.row("test_resize", PY311))
    stage.say(Warned(test_id, "trial 1: alone …"), Warned("other", "not this"))
    stage.say(Warned(test_id, "it fails\x1b[2J alone"))
    shown = Shown(stage.state, Options(), stage.notes.now_ns)
    lines = [text_of(line) for line in notes_of(shown, test_id)]
    assert len(lines) == 2
    assert "trial 1" in lines[0]
    assert "it fails" in lines[1]
    assert "\x1b" not in lines[1]
