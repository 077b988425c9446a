"""The header's counts are the state's, coloured only when there are any, and fit every width."""

from __future__ import annotations

import pytest

from testlanes.runner.events import LaneWaits, RunEnded, RunStarted, StopAsked
from testlanes.runner.ids import Case, Kind, LaneId, Status
from testlanes.runner.watching import Cycle, CycleBegan, KnownFailure
from testlanes.tui.viewmodels.header import Tally, counts_line, counts_of, progress_line, verdict
from testlanes.tui.viewmodels.lines import line_width, text_of
from testlanes.tui.viewmodels.options import Options, Shown
from testlanes.tui.viewmodels.summary import summary_lines

from .stage import PY311, PY312, PY313, Stage, stage_ended, stage_running
from .stage_watching import WatchStage, stage_watching


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


def test_expected_failures_and_what_passed_in_spite_are_told_when_there_are_any() -> None:
    stage = Stage().start().list_tests().open_lanes()
    one, tally = shown(stage), Tally(shown(stage))
    assert "xfailed" not in text_of(counts_line(one, counts_of(one), tally, 130))
    rows = [stage.begin(0, name, at) for at, name in enumerate(("test_age", "test_prune"))]
    stage.end(0, rows[0], 2, Status.XFAIL)
    stage.end(0, rows[1], 3, tags=("xpass",))
    tally.note(rows)
    line = text_of(counts_line(one, counts_of(one), tally, 130))
    assert "0 passed" in line
    assert "1 xfailed " in line
    assert "1 xpassed" in line
    narrow = text_of(counts_line(one, counts_of(one), tally, len(line.rstrip()) - 60))
    assert "2 passed" in narrow
    assert "xfailed" not in narrow
    stage.say(RunEnded(stage.at(4), interrupted=False))
    told = [" ".join(text_of(line).split()) for line in summary_lines(one, 100)]
    assert any("1 xfailed 1 xpassed" in line for line in told)
    assert all(line_width(line) <= 30 for line in summary_lines(one, 30)[2:5])


def test_all_of_a_problem_can_be_read() -> None:
    stage = Stage().start()
    problem = "the suite could not be loaded: " + " ".join(f"word{each}" for each in range(30))
    stage.say(RunEnded(stage.at(1), interrupted=False, problem=problem))
    lines = summary_lines(shown(stage), 60)
    assert all(line_width(line) <= 60 for line in lines[3:9])
    assert " ".join(" ".join(map(text_of, lines)).split()).count("word") == 30


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


def first_line(stage: Stage) -> str:
    one = shown(stage)
    return text_of(progress_line(one, counts_of(one), 130, "nova", None, ""))


def all_but_one_ended(expected: float | None) -> Stage:
    """Return a stage at 3 s; its last test, of which so many seconds are expected, began at 2 s."""
    stage = Stage([PY311])
    names = [f"m.T.test_{number}" for number in range(323)]
    if expected is not None:
        stage.expected[names[0]] = expected
    stage.start().list_tests(ids=names).open_lanes(4, 0)
    stage.begin(0, "test_0", 2)
    for name in names[1:]:
        stage.end(1, stage.begin(1, name, 2), 2.1)
    return stage.pass_time(3)


def test_a_run_is_not_all_done_before_its_last_test_is() -> None:
    stage = all_but_one_ended(None)
    assert "  99%  322/323" in first_line(stage)
    stage.end(0, stage.row("test_0", PY311), 9)
    assert " 100%  323/323" in first_line(stage)


def test_a_run_goes_on_as_long_as_the_longest_running_test() -> None:
    assert "left 0:23" in first_line(all_but_one_ended(24.0))


def test_nothing_is_foretold_of_what_nobody_knows() -> None:
    assert "left" not in first_line(all_but_one_ended(None))


def test_a_watchs_run_is_no_further_than_its_listing_whatever_failed_before() -> None:
    stage = stage_watching()
    stage.board.tell(CycleBegan(Cycle(9, stage.at(300))))
    stage.say(RunStarted(stage.at(300), "/srv/nova", (PY311,), 2, True, "watch 1a2b"))
    assert stage.state.failed
    assert "COLLECTING" in first_line(stage)
    assert "   0%" in first_line(stage)


def test_a_watch_of_which_nothing_has_run_yet_is_not_on_its_way() -> None:
    failing = KnownFailure(Case("m.T.test_a", PY311), Kind.ASSERTION)
    assert "%" not in first_line(WatchStage().begin_watch(failing))


def test_counts_have_words_wherever_these_have_room() -> None:
    one = shown(stage_running())
    assert "1 timed out" in text_of(counts_line(one, counts_of(one), Tally(one), 130))
    stage = Stage([PY311]).start().list_tests().open_lanes(2, 0)
    one = shown(stage)
    assert "0 passed" in text_of(counts_line(one, counts_of(one), Tally(one), 54))
    assert "passed" not in text_of(counts_line(one, counts_of(one), Tally(one), 40))


def test_a_lane_for_which_nothing_is_left_does_not_wait() -> None:
    stage = Stage([PY311]).start().list_tests().open_lanes(2, 0)
    for lane, why in ((0, "nothing left"), (1, "tearing down")):
        stage.say(LaneWaits(LaneId(lane), why))
    one = shown(stage)
    assert "waiting" not in text_of(counts_line(one, counts_of(one), Tally(one), 130))
    stage.say(LaneWaits(LaneId(1), "group db held by lane 0"))
    assert "1 waiting" in text_of(counts_line(one, counts_of(one), Tally(one), 130))
