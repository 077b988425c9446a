"""Lanes keep their line, say what they do and wait for, and hosts fold when lanes outnumber rows."""

from __future__ import annotations

import pytest

from testlanes.runner.events import (
    CaseStarted,
    FixtureChanged,
    HostLost,
    HostPhase,
    HostsProvisioned,
    HostUp,
    LaneClosed,
    LaneOpened,
    LaneWaits,
    ListingEnded,
    WorkerLost,
    WorkerStarted,
)
from testlanes.runner.ids import LOCAL, HostName, LaneId, Status
from testlanes.tui.viewmodels.collecting import collecting_lines
from testlanes.tui.viewmodels.glyphs import ASCII, UNICODE
from testlanes.tui.viewmodels.lanes import LanesModel
from testlanes.tui.viewmodels.lines import line_width, text_of
from testlanes.tui.viewmodels.options import Options, Shown

from .stage import BUILD, PY311, Stage, stage_running


def lanes(stage: Stage, height: int = 30, **options: object) -> LanesModel:
    model = LanesModel(Shown(stage.state, Options(**options), stage.notes.now_ns))  # type: ignore[arg-type]
    model.arrange(height)
    return model


def line_of(model: LanesModel, key: HostName | int, width: int = 100) -> str:
    return text_of(model.line(model.keys.index(key), width))  # type: ignore[arg-type]


def test_a_running_lane_tells_elapsed_against_expected_time() -> None:
    line = line_of(lanes(stage_running()), 0)
    assert "test_rebuild" in line
    assert "4.1/5.0s" in line


def test_a_test_that_takes_too_long_is_marked() -> None:
    assert "SLOW" in line_of(lanes(stage_running()), 1)
    stage = stage_running().pass_time(60)
    assert "late" in line_of(lanes(stage, slow_after=100.0), 1)


def test_a_fixture_that_is_set_up_is_named_with_the_test_it_is_for() -> None:
    line = line_of(lanes(stage_running()), 2, 120)
    assert "DatabaseFixture setup" in line
    assert "for test_volume" in line


def test_a_fixture_is_measured_against_what_it_took_before() -> None:
    stage = Stage([PY311])
    stage.expected.update({"m.T.test_a": 0.01, "m.T.test_b": 0.01})
    stage.start().list_tests(ids=["m.T.test_a", "m.T.test_b"]).open_lanes(2, 0)
    row = stage.begin(0, "test_a", 1)
    for phase, seconds in (("setup", 0.0), ("up", 4.0)):
        stage.say(FixtureChanged(LaneId(0), row, 1, 0, "database", "module", phase, seconds))
    stage.begin(1, "test_b", 5)
    stage.say(FixtureChanged(LaneId(1), row, 1, 0, "database", "module", "setup"))
    line = line_of(lanes(stage.pass_time(7)), 1)
    assert "2.0/4.0s" in line
    assert "late" not in line


def test_why_a_lane_waits_is_said() -> None:
    assert "waits: group apache is held by lane 4" in line_of(lanes(stage_running()), 7)


def test_a_worker_that_died_is_said_until_another_works() -> None:
    assert "died of SIGSEGV" in line_of(lanes(stage_running()), 5)


def test_a_lane_that_gets_no_further_worker_promises_none() -> None:
    stage = stage_running()
    assert "starting another" in line_of(lanes(stage), 5)
    stage.say(LaneWaits(LaneId(5), "nothing left"))
    line = line_of(lanes(stage), 5)
    assert "nothing left" in line
    assert "starting another" not in line


def test_a_lane_that_is_done_says_so_in_plain_words() -> None:
    stage = Stage([PY311]).start().list_tests().open_lanes(2, 0)
    stage.say(LaneWaits(LaneId(0), "tearing down"))
    assert "takes its fixtures down" in line_of(lanes(stage), 0)
    stage.say(
        WorkerLost(LaneId(0), 0, "ended", expected=True), LaneWaits(LaneId(0), "nothing left")
    )
    assert "nothing left to run" in line_of(lanes(stage), 0)
    assert "worker ended" not in line_of(lanes(stage), 0)


def test_a_lane_that_cannot_begin_says_that_the_suite_is_being_loaded() -> None:
    stage = Stage([PY311]).start()
    stage.say(HostUp(LOCAL, 4, "3.12.1"), LaneOpened(LaneId(0), LOCAL, PY311))
    assert "the suite is being loaded" in line_of(lanes(stage), 0)
    stage.say(ListingEnded(PY311, "Traceback (most recent call last):\n  x\nOSError: no disk\n"))
    assert "could not be loaded" in line_of(lanes(stage), 0)
    told = [
        text_of(line)
        for line in collecting_lines(Shown(stage.state, Options(), stage.notes.now_ns), 80)
    ]
    assert any("OSError: no disk" in line for line in told)
    assert not any("Traceback" in line for line in told)
    stage.list_tests()
    assert "starting a worker" in line_of(lanes(stage), 0)


def test_a_finished_test_stays_until_the_next_one() -> None:
    stage = stage_running()
    row = stage.state.lanes[LaneId(0)].row
    assert row is not None
    stage.end(0, row, 53, Status.SUCCESS)
    assert "✓" in line_of(lanes(stage), 0)[:15]
    assert "test_rebuild" in line_of(lanes(stage), 0)


def test_lanes_keep_their_lines_while_the_run_goes_on() -> None:
    stage = stage_running()
    model = lanes(stage)
    keys = list(model.keys)
    stage.end(0, stage.state.lanes[LaneId(0)].row, 53)  # type: ignore[arg-type]
    assert not model.arrange(30)
    assert model.keys == keys


def test_one_host_alone_has_no_line_of_its_own() -> None:
    stage = Stage([PY311]).start().list_tests().open_lanes(4, 0)
    assert lanes(stage).keys == [0, 1, 2, 3]
    assert "py311" not in line_of(lanes(stage), 0)


def test_hosts_fold_when_lanes_outnumber_rows_the_largest_first() -> None:
    stage = Stage([PY311]).start().list_tests().open_lanes(2, 0)
    for number in range(2, 34):
        stage.say(
            LaneOpened(LaneId(number), BUILD, PY311),
            WorkerStarted(LaneId(number), 0, number, PY311, -1),
        )
    stage.say(HostPhase(BUILD, "up"))
    model = lanes(stage, 20)
    assert model.keys == [LOCAL, 0, 1, BUILD]
    stage.begin(9, "test_rebuild", 1)
    line = line_of(model, BUILD)
    assert "32 lanes" in line
    assert "1 busy" in line
    for width in range(50, 110):
        line = line_of(model, BUILD, width)
        assert "test_" not in line or "test_rebuild" in line or "… " in line
    model.toggle(BUILD)
    model.arrange(20)
    assert BUILD not in model.folded
    assert model.keys[-32:] == [LaneId(number) for number in range(2, 34)]


def test_a_host_that_is_not_up_or_lost_says_so() -> None:
    stage = stage_running()
    stage.say(HostPhase(HostName("arm-1"), "provisioning", "instance i-7"))
    assert "provisioning instance i-7" in line_of(lanes(stage), HostName("arm-1"))
    stage.say(HostLost(BUILD, "the connection broke"))
    assert "lost: the connection broke" in line_of(lanes(stage), BUILD)
    stage.say(HostLost(BUILD, "the connection broke", 2.0))
    assert "the connection broke; tried again in 2.0" in line_of(lanes(stage), BUILD)


def test_provisioning_goes_when_the_instances_are_there() -> None:
    stage = stage_running()
    pool, instance = HostName("instances"), HostName("i-7")
    stage.say(HostPhase(pool, "provisioning", "1 instance, 3 s"))
    model = lanes(stage)
    at = model.keys.index(pool)
    assert "provisioning 1 instance, 3 s" in line_of(model, pool)
    stage.say(
        HostsProvisioned(pool, PY311, (instance,), False), HostsProvisioned(pool, PY311, (), True)
    )
    assert model.line(at, 80) == ()  # drawn once more before the lines are laid out anew
    assert model.host_at(at) is None
    model.arrange(40)
    assert pool not in model.keys
    assert "connecting" in line_of(model, instance)


def test_a_closed_lane_leaves_and_a_hidden_profile_takes_its_lanes_along() -> None:
    stage = stage_running()
    model = lanes(stage)
    stage.say(LaneClosed(LaneId(7)))
    model.shown.options.hide({PY311})
    assert model.arrange(30)
    assert [key for key in model.keys if isinstance(key, int)] == [1, 2, 4, 5]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("width", [20, 40, 60, 78, 100, 160])
def test_every_line_fits_its_pane(width: int, glyphs: object) -> None:
    model = lanes(stage_running(), glyphs=glyphs)
    for index in range(len(model)):
        line = model.line(index, width)
        assert line_width(line) <= max(width, 40), text_of(line)
        if glyphs is ASCII:
            assert text_of(line).isascii()


def test_before_there_are_lanes_it_says_what_is_collected() -> None:
    stage = Stage().start()
    words = "\n".join(
        text_of(line)
        for line in collecting_lines(Shown(stage.state, Options(), stage.notes.now_ns), 80)
    )
    assert words.count("loading the suite") == 3
    stage.list_tests()
    words = "\n".join(
        text_of(line)
        for line in collecting_lines(Shown(stage.state, Options(), stage.notes.now_ns), 80)
    )
    assert words.count("323 tests in 0.80s") == 3


def test_a_clock_that_is_behind_shows_no_negative_time() -> None:
    stage = stage_running().pass_time(1)
    stage.say(CaseStarted(LaneId(7), stage.row("test_reload", stage.profiles[1]), stage.at(90)))
    assert "0.0" in line_of(lanes(stage), 7)
