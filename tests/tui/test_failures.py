"""Failures are gathered by cause, follow the run, and say what history knows of them."""

from __future__ import annotations

from testlanes.runner.events import CaseStarted, ExtraResult
from testlanes.runner.ids import Kind, LaneId, Status
from testlanes.tui.viewmodels.failure import note_of
from testlanes.tui.viewmodels.failures import FailuresModel, MemberKey
from testlanes.tui.viewmodels.lines import line_width, text_of
from testlanes.tui.viewmodels.options import Options, Shown

from .stage import MISMATCH, PY311, PY312, PY313, Stage, stage_running

P, F = Status.SUCCESS, Status.FAIL


def follow(stage: Stage) -> FailuresModel:
    model = FailuresModel(Shown(stage.state, Options(), stage.notes.now_ns), stage.history.statuses)
    model.note(stage.state.drain_changes()[0])
    while model.unread or model.advance():
        model.advance()
    return model


def texts(model: FailuresModel, width: int = 70) -> list[str]:
    return [text_of(model.line(index, width)).rstrip() for index in range(len(model))]


def test_one_fixture_that_failed_is_one_cause_with_its_victims() -> None:
    model = follow(stage_running())
    (group,) = [group for group in model.groups.values() if "postgres" in group.cause.title]
    assert [name.rpartition(".")[2] for name in group.tests][:2] == ["test_age", "test_prune"]
    assert any(name.startswith("setUpClass") for name in group.tests)


def test_a_test_that_failed_under_two_profiles_is_one_line() -> None:
    lines = [line for line in texts(follow(stage_running())) if "quota" in line]
    assert len(lines) == 1
    assert "py312 py313 NEW" in lines[0]


def test_profiles_are_named_in_the_runs_order_whichever_failed_first() -> None:
    stage = Stage().start().list_tests().open_lanes(3, 0)
    for lane in (2, 0):
        stage.fail(lane, "test_rebuild", 5, MISMATCH)
    assert any("py311 py313" in line for line in texts(follow(stage)))


def test_history_tells_new_known_and_flaky() -> None:
    assert note_of([]) == ""
    assert note_of([P, P]) == "new"
    assert note_of([P, F, F]) == "known"
    assert note_of([P, F, P]) == "flaky"
    model = follow(stage_running())
    notes = {
        known.test_id.rpartition(".")[2]: known.note
        for known in model.known.values()
        if known.key.row is not None
    }
    assert notes["test_image_cache"] == "known"
    assert notes["test_evacuate"] == "flaky"
    assert notes["test_quota_exceeded"] == "new"


def test_a_test_that_passes_when_run_again_leaves_the_list() -> None:
    stage = stage_running()
    model = follow(stage)
    row = stage.row("test_evacuate", PY313)
    stage.say(CaseStarted(LaneId(5), row, stage.at(53)))
    stage.end(5, row, 54)
    model.note(stage.state.drain_changes()[0])
    model.advance()
    assert not any("evacuate" in line for line in texts(model))


def test_a_test_that_runs_again_stays_until_it_has_an_outcome() -> None:
    stage = stage_running()
    model = follow(stage)
    before = texts(model)
    stage.say(CaseStarted(LaneId(5), stage.row("test_evacuate", PY313), stage.at(53)))
    model.note(stage.state.drain_changes()[0])
    model.advance()
    assert texts(model) == before


def test_a_thousand_failures_at_once_are_read_in_portions() -> None:
    stage = Stage([PY311]).start().list_tests(more=1000).open_lanes(1, 0)
    for row in list(stage.cases)[-1000:]:
        stage.say(CaseStarted(LaneId(0), row, stage.at(1)))
        stage.end(
            0,
            row,
            2,
            F,
            Kind.ASSERTION,
            details=[("traceback", "text/x-traceback", MISMATCH.encode())],
        )
    model = FailuresModel(Shown(stage.state, Options(), stage.notes.now_ns), stage.history.statuses)
    model.note(stage.state.drain_changes()[0])
    model.advance()
    assert 0 < len(model.known) < 1000  # so many take longer than a frame may
    while model.unread:
        model.advance()
    assert len(model.known) == 1000
    assert len(model.groups) == 1


def test_hidden_profiles_hide_their_failures() -> None:
    model = follow(stage_running())
    model.shown.options.hide({PY312, PY313})
    assert model.advance()
    assert {
        known.profile
        for group in model.groups.values()
        for tests in group.tests.values()
        for known in tests
    } == {PY311}


def test_filter_order_and_folding_keep_what_they_show_whole() -> None:
    model = follow(stage_running())
    model.show = "known"
    model.rebuild()
    assert [item.test_id for item in model.items if isinstance(item, MemberKey)] == [
        "nova.tests.images.test_cache.ImagesTest.test_image_cache"
    ]
    model.show, model.query = "all", "postgres"
    model.rebuild()
    assert len(model.groups) == 1
    model.query, model.order = "", "largest"
    model.rebuild()
    assert "postgres" in texts(model)[0]
    members = len(model)
    model.toggle(0)
    assert len(model) == members - 3


def test_the_next_failure_is_one_that_nobody_has_seen() -> None:
    model = follow(stage_running())
    first = model.next_index(-1, 1, unseen=True)
    model.seen |= {known.test_id for known in model.failures_at(first)}
    assert model.next_index(-1, 1, unseen=True) > first
    assert model.next_index(len(model) - 1, 1) == len(model) - 1


def test_no_line_is_wider_than_its_pane() -> None:
    model = follow(stage_running())
    for width in (10, 24, 38, 60, 100):
        for index in range(len(model)):
            assert line_width(model.line(index, width)) <= max(width, 12), (
                width,
                texts(model, width)[index],
            )


def test_a_result_that_nobody_scheduled_is_a_failure_too() -> None:
    stage = Stage([PY311]).start()
    stage.say(ExtraResult(LaneId(0), "process-returncode", PY311, F, stage.at(1)))
    stage.say(ExtraResult(LaneId(0), "tearDownModule (m)", PY311, Status.SKIP, stage.at(1)))
    model = follow(stage)
    (known,) = model.known.values()
    assert known.cause.kind is Kind.CRASH
    assert model.rows_at(1) == []


def test_a_profile_in_which_the_start_of_a_class_failed_twice_is_named_once() -> None:
    stage = Stage([PY311, PY313]).start()
    for lane, profile in enumerate((PY311, PY313, PY311, PY313, PY311)):
        stage.say(ExtraResult(LaneId(lane), "setUpClass (m.K)", profile, F, stage.at(1)))
    assert texts(follow(stage), 100)[1].split()[-2:] == ["py311", "py313"]
