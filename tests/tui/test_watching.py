"""The dashboard of a watch: its pane, its keys, and failures that stay from cycle to cycle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from testlanes.runner.events import ExtraResult, ImageChanged
from testlanes.runner.ids import Case, Kind, LaneId, Status
from testlanes.runner.watch.words import block
from testlanes.runner.watching import (
    Broken,
    ChangeWays,
    CycleBegan,
    CycleEnded,
    Failure,
    RunNow,
    SourcesBroken,
    Ways,
    WaysChanged,
)
from testlanes.tui.screens.dialogs import Ask
from testlanes.tui.screens.triage import TriageScreen
from testlanes.tui.viewmodels.lines import line_width, text_of
from testlanes.tui.viewmodels.options import Options, Shown
from testlanes.tui.viewmodels.watch import HEIGHT, watch_lines

from .stage import PY311
from .stage_watching import QUOTA, SHELVE, WatchStage, stage_watching
from .test_keys import seat


def words(stage: WatchStage, width: int = 128) -> list[str]:
    """Return the pane's lines as text."""
    shown = Shown(stage.state, Options(), stage.notes.now_ns)
    return [text_of(line) for line in watch_lines(shown, stage.board.watched, width)]


@pytest.mark.parametrize("width", [20, 40, 78, 128, 200])
def test_the_pane_is_always_as_high_and_never_too_wide(width: int) -> None:
    for stage in (WatchStage(), WatchStage().begin_watch(), stage_watching()):
        shown = Shown(stage.state, Options(), stage.notes.now_ns)
        lines = watch_lines(shown, stage.board.watched, width)
        assert len(lines) == HEIGHT
        assert all(line_width(line) <= width for line in lines)


def test_it_says_what_ran_and_why_and_what_is_left() -> None:
    text = "\n".join(words(stage_watching()))
    assert "2 tests in 0.31s, 1 failed" in text
    assert "lib/quota.py → tests/api/test_servers.py, tests/test_quota.py" in text
    assert "still failing 2" in text
    assert "not run since the last full run 212" in text
    assert "watching 1,204 files" in text
    assert "ignored lib/.quota.py.swp (an editor's or compiler's own)" in text
    assert "warm 41 MB" in text


def test_as_many_files_are_named_as_there_is_room_for() -> None:
    stage = stage_watching()
    assert "quota.py → tests/api/test_servers.py, tests/test_quota.py" in "\n".join(
        words(stage, 78)
    )
    assert "quota.py → tests/api/test_servers.py and 1 more" in "\n".join(words(stage, 60))
    assert "quota.py → tests/api/test_se…" in "\n".join(words(stage, 36))


def test_what_changed_and_is_no_matter_is_told_where_there_is_room_for_it() -> None:
    stage = stage_watching()
    assert "(an editor's or compiler's own)" in "\n".join(words(stage, 128))
    narrow = "\n".join(words(stage, 100))
    assert "ignored lib/.quota.py.swp" in narrow
    assert "(an editor" not in narrow
    assert "ignored" not in "\n".join(words(stage, 70))


def test_a_warm_image_in_which_pytest_has_not_begun_says_why() -> None:
    stage = stage_watching()
    stage.board.tell(
        ImageChanged(PY311, "ready", "pytest loads plugin before anything else", 41 << 20)
    )
    text = "warm 41 MB (pytest itself is not: pytest loads plugin before anything else)"
    assert text in "\n".join(words(stage))
    shown = Shown(stage.state, Options(), stage.notes.now_ns)
    assert all(line_width(line) <= 40 for line in watch_lines(shown, stage.board.watched, 40))


def test_a_cycle_in_which_only_the_end_of_a_class_failed_is_not_green() -> None:
    stage = stage_watching().cycle("lib/x.py", 15, test_resize=Status.SUCCESS)
    end = Case("tearDownClass (m.C)", PY311)
    late = Failure(end, Kind.ERROR, "RuntimeError: late")
    cycle = replace(stage.board.watched.cycles[-1], failures=(late,))
    stage.board.tell(CycleEnded(cycle, frozenset({end})))
    assert "1 test in 0.31s, 1 failed" in words(stage)[0]
    assert "1 failed" in block(cycle, many_profiles=False)[-1]


def test_a_half_saved_file_is_shown_with_its_line_until_it_is_mended() -> None:
    stage = stage_watching()
    broken = (Broken("lib/quota.py", 12, "'(' was never closed"),)
    stage.board.tell(SourcesBroken(stage.at(11), ("lib/quota.py",), broken))
    assert "lib/quota.py:12  '(' was never closed" in "\n".join(words(stage))
    assert "lib/quota.py:12  '(' was never closed" in "\n".join(words(stage, 50))
    stage.board.tell(SourcesBroken(stage.at(12), (), ()))
    assert "never closed" not in "\n".join(words(stage))


def test_ways_are_said_in_words() -> None:
    stage = stage_watching()
    stage.board.tell(WaysChanged(Ways("branch", failing=True, filter="api", collect=True)))
    last = words(stage, 200)[-1]
    for part in ("the branch's changes", "what is failing", "'api'", "wait until they are asked"):
        assert part in last
    stage.board.tell(WaysChanged(Ways(off=True)))
    assert "watch is off" in words(stage)[-1]


def test_failures_stay_from_cycle_to_cycle_until_they_pass() -> None:
    stage = stage_watching()
    board = stage.board
    assert {board.cases.case(row) for row in board.failures} == {SHELVE, QUOTA}
    shelve = board.cases.find(*SHELVE)
    assert shelve is not None
    assert board.details[shelve][0].text == "Boom: x\n"

    stage.cycle("lib/x.py", 15, test_quota_exceeded=Status.SUCCESS)
    assert {board.cases.case(row) for row in board.failures} == {SHELVE}
    assert not board.flaky  # mended by an edit

    # The run is stopped while the other one runs: it still fails, as it did before.
    board.tell(CycleBegan(replace(board.watched.cycles[-1], number=4)))
    stage.cycle("lib/x.py", 20)
    assert board.details[shelve][0].text == "Boom: x\n"

    # A test that is gone fails no more.
    stage.failing.clear()
    stage.cycle("lib/x.py", 25, test_resize=Status.SUCCESS)
    assert not board.failures
    assert board.failed == 0


async def test_the_failed_end_of_a_class_goes_when_it_is_mended() -> None:
    stage = stage_watching()
    end = Case("tearDownClass (m.C)", PY311)
    stage.say(ExtraResult(LaneId(0), end.test_id, PY311, Status.FAIL, stage.at(12)))
    stage.failing[end] = None
    async with seat(stage) as one:
        stage.cycle("lib/x.py", 15, test_resize=Status.SUCCESS)
        await one.press("2", "g", "j")
        assert one.triage.id_here() == end.test_id
        await one.press("escape")
        del stage.failing[end]
        stage.cycle("lib/x.py", 20, test_resize=Status.SUCCESS)
        await one.press("2")
        assert end.test_id not in {known.test_id for known in one.app.failures.known.values()}
        assert stage.state.failed == 2


def test_counts_are_of_the_last_cycle_and_of_what_still_fails() -> None:
    stage = stage_watching()
    for at in range(20, 60, 10):
        stage.cycle("lib/x.py", at, test_resize=Status.SUCCESS, test_rebuild=Status.SUCCESS)
        assert sum(stage.state.counts) == len(stage.state.cases)
        assert stage.state.finished == stage.state.selected == 4
        assert stage.state.failed == 2


async def test_keys_of_the_watch_pane_are_asked_of_the_watch() -> None:
    stage = stage_watching()
    async with seat(stage) as one:
        wished = stage.notes.wished
        assert one.running.at_watch
        await one.press("enter")
        assert wished[-1] == RunNow("again")
        await one.press("a")
        assert wished[-1] == RunNow("all")
        await one.press("f")
        assert wished[-2:] == [ChangeWays(Ways(failing=True)), RunNow("failing")]
        await one.press("!")
        assert wished[-1] == ChangeWays(Ways("branch"))
        await one.press("w")
        assert wished[-1] == ChangeWays(Ways(off=True))
        await one.press("/")
        assert isinstance(one.app.screen, Ask)
        await one.press("a", "(", "enter")
        assert "no regular expression" in one.notice
        await one.press("/", "a", "p", "i", "enter")
        assert wished[-1] == ChangeWays(Ways(filter="api"))
        stage.board.tell(WaysChanged(Ways(filter="api", failing=True)))
        await one.press("escape")
        assert wished[-1] == ChangeWays(Ways())


async def test_triage_works_between_cycles_and_keeps_its_place() -> None:
    stage = stage_watching()
    async with seat(stage) as one:
        await one.press("2", "G")
        assert isinstance(one.app.screen, TriageScreen)
        here = one.triage.id_here()
        await one.press("r")
        row = stage.row(here.rpartition(".")[2], QUOTA.profile)
        assert stage.notes.ran_rows[-1] == (row,)
        stage.cycle("lib/other.py", 30, test_resize=Status.SUCCESS)
        await one.press()
        assert one.triage.id_here() == here
        await one.press("escape")
        assert one.app.screen is one.running


async def test_a_run_of_the_watch_shows_in_the_lanes() -> None:
    stage = stage_watching()
    async with seat(stage) as one:
        assert "WATCHING" in text_of(one.running.head_line(0, 128))  # pyright: ignore[reportPrivateUsage]
        stage.board.tell(CycleBegan(replace(stage.board.watched.cycles[-1], number=3)))
        await one.press()
        assert "▶" in words(stage)[0]
        assert not one.running.lanes.summary
