"""The list of all tests: filters, orders, and work in slices."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, strategies as st

from testlanes.runner.events import CaseFinished
from testlanes.runner.ids import LOCAL, Kind, LaneId, Row, Status
from testlanes.runner.state import Standing
from testlanes.tui.viewmodels.lines import line_width, text_of
from testlanes.tui.viewmodels.options import Options, Shown
from testlanes.tui.viewmodels.slices import ordered
from testlanes.tui.viewmodels.tests import TestsModel, read_query

from .stage import PY312, PY313, Stage, stage_running


def listed(
    stage: Stage, text: str = "", sort: str = "listed", model: TestsModel | None = None
) -> TestsModel:
    if model is None:  # one without a line is falsy
        model = TestsModel(Shown(stage.state, Options(), stage.notes.now_ns))
    for _ in model.work(text, sort):  # type: ignore[arg-type]
        pass
    return model


def names(model: TestsModel) -> list[str]:
    cases = model.shown.state.cases
    return [cases.test_id(Row(row)).rpartition(".")[2] for row in model.order]


def keys_in(values: Sequence[int]) -> Callable[[Sequence[int]], list[int]]:
    return lambda rows: [values[row] for row in rows]


@given(st.lists(st.integers(0, 50), max_size=3000))
def test_an_order_made_in_steps_is_the_order(values: list[int]) -> None:
    published: list[array[int]] = []
    for _ in ordered(range(len(values)), keys_in(values), published.append):
        pass
    assert [values[row] for row in published[0]] == sorted(values)
    assert sorted(published[0]) == list(range(len(values)))


def test_the_first_page_is_exact_when_it_is_shown() -> None:
    values = [number * 7919 % 100_003 for number in range(20_000)]
    seen: list[list[int]] = []

    def publish(order: array[int]) -> None:
        seen.append([values[row] for row in order[:200]])

    for _ in ordered(range(len(values)), keys_in(values), publish):
        if seen:
            break
    assert seen[0] == sorted(values)[:200]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("quota_exceeded", 3),
        ("QUOTA exceeded", 3),
        ("quota -exceeded", 0),
        ("/test_(age|prune)$/", 6),
        ("status:failed", 7),
        ("status:failed profile:py311", 2),
        ("kind:timeout", 1),
        ("kind:crash,timeout", 2),
        ("status:running", 6),
        (">20s", 1),
        ("status:failed >1000ms <2s", 1),
        ("slow", 1),
        ("flaky", 0),
        ("status:failed host:build-2", 2),
    ],
)
def test_filters_find_what_they_say(text: str, found: int) -> None:
    assert len(listed(stage_running(), text)) == found


@pytest.mark.parametrize(("text", "words"), [("/(/", "/(/"), ("status:green", "status: one of")])
def test_what_cannot_be_understood_is_said(text: str, words: str) -> None:
    assert words in read_query(text).wrong


def test_typing_on_narrows_and_typing_back_widens() -> None:
    stage = stage_running()
    model = listed(stage, "test_")
    whole = len(model)
    listed(stage, "test_quota", model=model)
    assert len(model) == 3
    listed(stage, "test_", model=model)
    assert len(model) == whole


def test_hidden_profiles_are_not_listed() -> None:
    stage = stage_running()
    model = listed(stage)
    model.shown.options.hide({PY312, PY313})
    assert len(listed(stage, model=model)) == 323


def test_orders() -> None:
    stage = stage_running()
    assert names(listed(stage, "", "slowest"))[0] == "test_migrate_live"
    by_name = [stage.cases.test_id(Row(row)) for row in listed(stage, "", "name").order]
    assert by_name == sorted(by_name)
    standings = [stage.state.standing[row] for row in listed(stage, "", "outcome").order]
    assert standings[0] == Standing.FAIL
    assert standings[-1] == Standing.SUCCESS


def test_no_step_of_a_filter_looks_at_many_rows() -> None:
    stage = Stage([PY312]).start().list_tests(more=20_000)
    model = TestsModel(Shown(stage.state, Options(), stage.notes.now_ns))
    assert sum(1 for _ in model.work("case", "listed")) >= 19


def test_every_line_fits_and_tells_time_lane_and_attempts() -> None:
    stage = stage_running()
    model = listed(stage, "quota_exceeded status:failed")
    assert "1.0s   lane 1" in text_of(model.line(0, 120))
    for width in (30, 60, 100, 160):
        assert line_width(model.line(0, width)) == width


def test_a_test_that_passed_at_last_is_flaky() -> None:
    stage = Stage([PY312]).start().list_tests().open_lanes(1, 0)
    row = stage.fail(0, "test_resize", 2, "")
    stage.begin(0, "test_resize", 3)
    stage.end(0, row, 4, Status.SUCCESS)
    assert names(listed(stage, "flaky")) == ["test_resize"]
    assert "flaky" in text_of(listed(stage, "flaky").line(0, 120))
    assert str(LOCAL) == "local"


def test_tests_are_found_by_their_own_tags_and_by_their_profiles() -> None:
    stage = Stage().start().list_tests().open_lanes()
    for lane, name in ((1, "test_rebuild"), (2, "test_resize")):
        row = stage.begin(lane, name, 1)
        stage.say(
            CaseFinished(
                LaneId(lane), row, Status.SUCCESS, Kind.NONE, stage.at(2), 1.0, ("db", f"n{lane}")
            )
        )
    options = Options(tags={PY313: ("postgres",)})
    model = TestsModel(Shown(stage.state, options, stage.notes.now_ns))
    assert names(listed(stage, "tag:db", model=model)) == ["test_rebuild", "test_resize"]
    assert names(listed(stage, "tag:n2", model=model)) == ["test_resize"]
    tagged = len(listed(stage, "tag:postgres", model=model))
    assert tagged == len(listed(stage, "profile:py313", model=model))
    assert len(listed(stage, "tag:postgres,n1", model=model)) == tagged + 1
