"""The header's counts are the state's, coloured only when there are any, and fit every width."""

from __future__ import annotations

import pytest

from testlanes.runner.events import RunEnded, StopAsked
from testlanes.tui.viewmodels.header import Tally, counts_line, counts_of, progress_line, verdict
from testlanes.tui.viewmodels.lines import line_width, text_of
from testlanes.tui.viewmodels.options import Options, Shown
from testlanes.tui.viewmodels.summary import summary_lines

from .stage import PY311, PY312, PY313, Stage, stage_ended, stage_running


def shown(stage: Stage) -> Shown:
    return Shown(stage.state, Options(), stage.notes.now_ns)


def test_all_outcomes_add_up() -> None:
    counts = counts_of(shown(stage_running()))
    assert counts.total == 323 * 3 + 1
    assert (counts.failed, counts.errors, counts.crashed, counts.timeouts) == (3, 3, 1, 1)
    assert counts.bad == stage_running().state.failed


def test_hidden_profiles_are_not_counted() -> None:
    one = shown(stage_running())
    one.options.hide({PY312, PY313})
    counts = counts_of(one)
    assert counts.total == 324
    assert counts.crashed == 0


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 130, 200])
def test_both_lines_fit(width: int) -> None:
    for stage in (Stage().start(), stage_running(), stage_ended()):
        one = shown(stage)
        counts = counts_of(one)
        tally = Tally(one)
        tally.note(list(stage.cases))
        assert line_width(progress_line(one, counts, width, "nova", 214, "")) <= width
        assert line_width(counts_line(one, counts, tally, width)) <= width


def test_nothing_is_coloured_that_is_zero() -> None:
    one = shown(Stage().start().list_tests())
    line = counts_line(one, counts_of(one), Tally(one), 130)
    assert {span.tone for span in line if "0" in span.text} == {"faint"}


@pytest.mark.parametrize(
    ("stage", "word"),
    [
        (Stage().start(), "COLLECTING"),
        (stage_running(), "RUNNING"),
        (stage_ended(), "FAILED"),
        (stage_ended(green=True), "PASSED"),
    ],
)
def test_the_run_has_one_word(stage: Stage, word: str) -> None:
    one = shown(stage)
    assert verdict(one, counts_of(one))[0] == word


def test_stopping_killing_and_a_run_that_broke_have_words_too() -> None:
    stage = stage_running()
    one = shown(stage)
    stage.say(StopAsked(hard=False, reason=""))
    assert verdict(one, counts_of(one))[0] == "STOPPING"
    stage.say(StopAsked(hard=True, reason=""))
    assert verdict(one, counts_of(one))[0] == "KILLING"
    stage.say(RunEnded(stage.at(60), interrupted=True, problem="the disk is full"))
    assert verdict(one, counts_of(one))[0] == "BROKEN"
    assert any("the disk is full" in text_of(line) for line in summary_lines(one, 90))


def test_a_run_without_tests_says_so() -> None:
    stage = Stage().start().say(RunEnded(Stage().at(1), interrupted=False))
    one = shown(stage)
    assert verdict(one, counts_of(one))[0] == "NO TESTS"
    assert any("no test to run" in text_of(line) for line in summary_lines(one, 80))


def test_the_summary_has_the_outcome_the_speed_and_the_slowest() -> None:
    words = "\n".join(text_of(line) for line in summary_lines(shown(stage_ended()), 100))
    assert "8 of 970 tests failed in 1:24" in words
    assert "8.8x as fast" in words
    assert words.index("test_migrate_live") < words.index("test_rebuild")


def test_one_profile_is_not_named() -> None:
    stage = Stage([PY311]).start().list_tests()
    one = shown(stage)
    assert "py311" not in text_of(progress_line(one, counts_of(one), 130, "nova", None, ""))


def test_slow_tests_are_tallied_once() -> None:
    stage = stage_running()
    tally = Tally(shown(stage))
    rows, _ = stage.state.drain_changes()
    tally.note(rows)
    tally.note(rows)
    assert len(tally.slow) == 1


def test_a_run_that_was_all_start_up_is_not_called_fast() -> None:
    stage = Stage([PY311]).start().list_tests().open_lanes(1, 0)
    stage.end(0, stage.begin(0, "test_shelve", 1), 2, seconds=0.5)
    stage.say(RunEnded(stage.at(2), interrupted=False))
    one = shown(stage)
    assert "fast" not in text_of(counts_line(one, counts_of(one), Tally(one), 130))
    assert not any("fast" in text_of(line) for line in summary_lines(one, 130))
