"""Every key of the table does what the table says, on every screen it is for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from testlanes.runner.events import HostLost, RunEnded
from testlanes.runner.ids import Case, Kind, LaneId, Row, Status
from testlanes.runner.intents import (
    ChangeLanes,
    DumpStacks,
    JoinHost,
    LeaveHost,
    Rerun,
    StopRun,
    StopTest,
    Watch,
)
from testlanes.runner.settings import Settings
from testlanes.runner.watching import ChangeWays, RunNow, Ways
from testlanes.tui.actions import (
    ACTIONS,
    ALL,
    BY_NAME,
    FOOTER,
    Where,
    keys_of,
    wrong_keys,
)
from testlanes.tui.app import Dashboard
from testlanes.tui.going import SCREENS
from testlanes.tui.screens.acting import read_often
from testlanes.tui.screens.dialogs import Ask, Choice, Pick
from testlanes.tui.screens.help import HelpScreen
from testlanes.tui.screens.history import HistoryScreen
from testlanes.tui.screens.log import LogScreen
from testlanes.tui.screens.running import RunningScreen
from testlanes.tui.screens.tail import TailScreen
from testlanes.tui.screens.tests import TestsScreen
from testlanes.tui.screens.triage import TriageScreen
from testlanes.tui.viewmodels.failures import MemberKey
from testlanes.tui.viewmodels.lines import text_of

from .stage import BUILD, PY313, Stage, stage_ended, stage_running
from .stage_watching import stage_watching
from .test_screens import screen_text


@dataclass
class Seat:
    """A dashboard in a test: what is on the stage, the app, and the keyboard."""

    stage: Stage
    app: Dashboard
    pilot: Pilot[int]

    async def press(self, *keys: str) -> Seat:
        """Press keys and let a frame be drawn."""
        await self.pilot.press(*keys)
        self.app.draw()
        await self.pilot.pause()
        return self

    @property
    def running(self) -> RunningScreen:
        return self.app.running

    @property
    def triage(self) -> TriageScreen:
        assert isinstance(self.app.front, TriageScreen)
        return self.app.front

    @property
    def tests(self) -> TestsScreen:
        assert isinstance(self.app.front, TestsScreen)
        return self.app.front

    @property
    def history(self) -> HistoryScreen:
        assert isinstance(self.app.front, HistoryScreen)
        return self.app.front

    @property
    def notice(self) -> str:
        return "".join(span.text for span in self.app.notice_line)


@asynccontextmanager
async def seat(
    stage: Stage | None = None, size: tuple[int, int] = (130, 36), settings: Settings | None = None
) -> AsyncGenerator[Seat]:
    stage = stage or stage_running()
    app = Dashboard(stage.state, stage.notes, settings or stage.settings, stage.history)
    async with app.run_test(size=size) as pilot:
        app.draw()
        await pilot.pause()
        yield Seat(stage, app, pilot)


def listing(folder: str) -> list[str]:
    return [path.name for path in Path(folder).glob("*")]


Check = Callable[[Seat], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def key(name: str) -> Callable[[Check], Check]:
    """Register the check of an action."""

    def take(check: Check) -> Check:
        CHECKS[name] = check
        return check

    return take


def first_key(name: str) -> str:
    return keys_of(BY_NAME[name], {})[0]


# -- everywhere -------------------------------------------------------------------------------------------


@key("help")
async def _(one: Seat) -> None:
    await one.press("?")
    assert isinstance(one.app.screen, HelpScreen)
    await one.press("j", "escape")
    assert one.app.screen is one.running


@key("palette")
async def _(one: Seat) -> None:
    await one.press(":")
    assert type(one.app.screen).__name__ == "CommandPalette"


@key("back")
async def _(one: Seat) -> None:
    await one.press("3", "escape")
    assert one.app.front is one.running


@key("quit")
async def _(one: Seat) -> None:
    await one.press("q")
    assert isinstance(one.app.screen, Choice)
    await one.press("escape")
    assert one.stage.notes.quits == 0
    await one.pilot.press("q", "y")
    assert one.stage.notes.asked[-1] == StopRun(hard=False)
    assert one.stage.notes.quits == 1


@key("stop")
async def _(one: Seat) -> None:
    await one.press("ctrl+c")
    assert one.stage.notes.asked[-1] == StopRun(hard=False)
    await one.press("ctrl+c")
    assert one.stage.notes.asked[-1] == StopRun(hard=True)
    await one.pilot.press("ctrl+c")
    assert one.app.return_value == 130


@key("suspend")
async def _(one: Seat) -> None:
    await one.press("ctrl+z")  # no terminal to give back here; test_driver.py has one
    assert one.app.is_running


@key("go.lanes")
async def _(one: Seat) -> None:
    await one.press("2", "1")
    assert one.app.front is one.running


@key("go.failures")
async def _(one: Seat) -> None:
    await one.press("2")
    assert one.triage.list.has_focus


@key("go.tests")
async def _(one: Seat) -> None:
    await one.press("3")
    assert len(one.tests.model) == 969


@key("go.history")
async def _(one: Seat) -> None:
    await one.press("4")
    assert one.history.runs.b == 213


@key("go.log")
async def _(one: Seat) -> None:
    await one.press("5")
    front = one.app.front
    assert isinstance(front, LogScreen)
    assert "lzma" in front.pane_text()


@key("theme")
async def _(one: Seat) -> None:
    before = one.app.theme
    await one.press("T")
    assert one.app.theme != before
    for _ in one.app.theme_names[1:]:
        await one.press("T")
    assert one.app.theme == before


@key("mouse")
async def _(one: Seat) -> None:
    await one.press("f10")
    assert "terminal" in one.notice
    await one.press("f10")
    assert "ours" in one.notice


# -- moving -----------------------------------------------------------------------------------------------


@key("move.down")
async def _(one: Seat) -> None:
    at = one.running.lanes.cursor
    await one.press("j", "down")
    assert one.running.lanes.cursor == at + 2


@key("move.up")
async def _(one: Seat) -> None:
    await one.press("G", "k", "up")
    assert one.running.lanes.cursor == len(one.running.lanes.rows) - 3


@key("move.first")
async def _(one: Seat) -> None:
    await one.press("G", "g")
    assert one.running.lanes.cursor == 0


@key("move.last")
async def _(one: Seat) -> None:
    await one.press("3", "G")
    assert one.tests.list.cursor == len(one.tests.model) - 1


@key("half.down")
async def _(one: Seat) -> None:
    await one.press("3", "ctrl+d")
    assert 5 < one.tests.list.cursor < 20


@key("half.up")
async def _(one: Seat) -> None:
    await one.press("3", "ctrl+d", "ctrl+u")
    assert one.tests.list.cursor == 0


@key("page.down")
async def _(one: Seat) -> None:
    await one.press("3", "pagedown", "pagedown")
    assert one.tests.list.top > 0


@key("page.up")
async def _(one: Seat) -> None:
    await one.press("3", "pagedown", "pageup")
    assert one.tests.list.cursor == 0


@key("left")
async def _(one: Seat) -> None:
    await one.press("h")
    assert "local" in one.running.lanes.rows.folded
    await one.press("2", "enter", "l", "h")
    assert not one.triage.detail.left


@key("right")
async def _(one: Seat) -> None:
    await one.press("h", "l")
    assert "local" not in one.running.lanes.rows.folded
    await one.press("l")
    assert one.running.failures.has_focus


@key("focus.next")
async def _(one: Seat) -> None:
    await one.press("tab")
    assert one.running.failures.has_focus
    assert one.running.detail.display


@key("focus.previous")
async def _(one: Seat) -> None:
    await one.press("tab", "shift+tab")
    assert one.running.lanes.has_focus
    assert one.running.output.display


@key("group.next")
async def _(one: Seat) -> None:
    await one.press("J")
    assert one.running.lanes.rows.keys[one.running.lanes.cursor] == "build-2"
    await one.press("j", "t", "J")
    front = one.app.front
    assert isinstance(front, TailScreen)
    assert front.model.lane == 5
    assert one.stage.notes.asked[-1] == Watch(LaneId(5), on=True)
    await one.press("escape")
    assert one.running.tail.lane == 5


@key("group.previous")
async def _(one: Seat) -> None:
    await one.press("J", "K")
    assert one.running.lanes.rows.keys[one.running.lanes.cursor] == "local"
    await one.press("2", "J", "J", "K")
    assert not isinstance(one.app.failures.items[one.triage.list.cursor], MemberKey)


@key("failure.next")
async def _(one: Seat) -> None:
    await one.press("]")
    assert one.running.failures.has_focus
    first = one.running.id_here()
    await one.press("]")
    assert one.running.id_here() != first


@key("failure.previous")
async def _(one: Seat) -> None:
    await one.press("]", "]")
    here = one.running.id_here()
    await one.press("]", "[")
    assert one.running.id_here() == here


@key("open")
async def _(one: Seat) -> None:
    await one.press("enter")
    assert isinstance(one.app.front, TailScreen)
    await one.press("escape", "g", "enter")
    assert "local" in one.running.lanes.rows.folded
    await one.press("2", "enter")
    assert one.triage.detail.has_focus
    await one.press("3", "enter")
    assert one.tests.detail.display
    await one.press("4", "j", "enter")
    assert (one.history.runs.a, one.history.runs.b) == (211, 212)


# -- acting -----------------------------------------------------------------------------------------------


@key("rerun")
async def _(one: Seat) -> None:
    await one.press("r")
    row = one.stage.state.lanes[LaneId(0)].row
    assert one.stage.notes.asked[-1] == Rerun((row,)) if row is not None else False
    assert "test_rebuild" in one.notice


@key("run.failed")
async def _(one: Seat) -> None:
    await one.press("f")
    assert one.stage.notes.asked[-1] == Rerun(tuple(one.stage.state.failures))


@key("run.all")
async def _(one: Seat) -> None:
    await one.press("a")
    assert one.stage.notes.ran == []
    assert "not over" in one.notice


@key("run.last")
async def _(one: Seat) -> None:
    await one.press("R")
    assert one.stage.notes.ran == []


@key("stress")
async def _(one: Seat) -> None:
    await one.press("s")
    assert isinstance(one.app.screen, Ask)
    await one.press("end", "0", "enter")
    asked = one.stage.notes.asked[-1]
    assert isinstance(asked, Rerun)
    assert asked.times == 200
    await one.press("s", "x", "enter")
    assert "number" in one.notice
    await one.press("s", "end", "f", "enter")
    asked = one.stage.notes.asked[-1]
    assert isinstance(asked, Rerun)
    assert (asked.times, asked.until_failure) == (20, True)
    assert "until it fails" in one.notice


@key("bisect")
async def _(one: Seat) -> None:
    await one.press("2", "B")
    assert one.stage.notes.bisected == one.triage.rows_here()[:1]


@key("debug")
async def _(one: Seat) -> None:
    await one.press("D")
    assert one.stage.notes.debugged == [one.stage.state.lanes[LaneId(0)].row]


@key("stop.test")
async def _(one: Seat) -> None:
    await one.press("x")
    assert one.stage.notes.asked[-1] == StopTest(LaneId(0))
    await one.press("G", "x")
    assert "No test runs" in one.notice
    await one.press("g", "j", "t", "x")
    assert one.stage.notes.asked.count(StopTest(LaneId(0))) == 2


@key("stop.run")
async def _(one: Seat) -> None:
    await one.press("X", "escape")
    assert StopRun() not in one.stage.notes.asked
    await one.press("X", "y")
    assert one.stage.notes.asked[-1] == StopRun()


@key("lanes.more")
async def _(one: Seat) -> None:
    await one.press("+")
    assert one.stage.notes.asked[-1] == ChangeLanes(1)


@key("lanes.fewer")
async def _(one: Seat) -> None:
    await one.press("-")
    assert one.stage.notes.asked[-1] == ChangeLanes(-1)
    await one.press("J", "-")
    assert one.stage.notes.asked[-1] == ChangeLanes(-1, BUILD)


@key("host")
async def _(one: Seat) -> None:
    await one.press("H")
    assert not any(isinstance(ask, LeaveHost) for ask in one.stage.notes.asked)
    await one.press("J", "H")
    assert one.stage.notes.asked[-1] == LeaveHost(BUILD)
    one.stage.say(HostLost(BUILD, "it was taken out of the run"))
    await one.press("H")
    assert one.stage.notes.asked[-1] == JoinHost(BUILD)


@key("watch")
async def _(one: Seat) -> None:
    await one.press("w")
    assert one.stage.notes.watched
    assert "after this run" in one.notice


@key("buffer")
async def _(one: Seat) -> None:
    await one.press("b")
    assert one.stage.notes.wished[-1] == ChangeWays(Ways(collect=True))


@key("run.rest")
async def _(one: Seat) -> None:
    await one.press("A")
    assert one.stage.notes.wished[-1] == RunNow("rest")


@key("mark")
async def _(one: Seat) -> None:
    await one.press("3", "space", "space", "r")
    assert one.stage.notes.asked[-1] == Rerun((Row(0), Row(1)))
    await one.press("2", "j", "space")
    assert len(one.app.failures.marked) == 1


@key("mark.range")
async def _(one: Seat) -> None:
    await one.press("3", "space", "j", "j", "V")
    assert len(one.tests.model.marked) == 4
    await one.press("escape", "2", "g", "j", "space", "j", "V")
    assert len(one.app.failures.marked) > 1


@key("seen")
async def _(one: Seat) -> None:
    await one.press("]", "m")
    assert one.app.failures.seen == {one.running.id_here()}
    await one.press("m")
    assert not one.app.failures.seen


@key("walk")
async def _(one: Seat) -> None:
    await one.press("2")
    first = one.triage.id_here()
    await one.press("i")
    assert one.app.failures.seen == {first}
    assert one.triage.id_here() != first


@key("variant")
async def _(one: Seat) -> None:
    await one.press("2", "G")
    before = one.triage.detail.facts
    await one.press(".")
    assert one.triage.detail.facts != before


@key("edit")
async def _(one: Seat) -> None:
    await one.press("2", "e")
    assert "not on this machine" in one.notice


@key("copy.id")
async def _(one: Seat) -> None:
    await one.press("y")
    assert one.app.clipboard == "nova.tests.api.test_servers.ServersTest.test_rebuild"


@key("copy.command")
async def _(one: Seat) -> None:
    await one.press("Y")
    assert one.app.clipboard.startswith("testlanes run nova.tests")


# -- looking ----------------------------------------------------------------------------------------------


@key("filter")
async def _(one: Seat) -> None:
    await one.press("3", "/", *"quota", "enter")
    await one.pilot.pause()
    assert {one.stage.cases.test_id(Row(row)) for row in one.tests.model.order} == {
        "nova.tests.api.test_servers.ServersTest.test_quota_exceeded"
    }
    await one.press("escape")
    assert one.tests.field.value == ""
    await one.press("2", "/", *"segv", "enter")
    assert len(one.app.failures.groups) == 1
    await one.press("escape")
    assert len(one.app.failures.groups) > 1


@key("found.next")
async def _(one: Seat) -> None:
    await one.press("5", "/", *"listed", "enter", "n")
    front = one.app.front
    assert isinstance(front, LogScreen)
    assert (front.text.hit, len(front.text.hits)) == (1, 3)


@key("found.previous")
async def _(one: Seat) -> None:
    await one.press("5", "/", *"listed", "enter", "N")
    front = one.app.front
    assert isinstance(front, LogScreen)
    assert front.text.hit == 2


@key("profiles")
async def _(one: Seat) -> None:
    await one.press("p")
    assert isinstance(one.app.screen, Pick)
    await one.press("j", "o", "enter")
    assert one.app.options.hidden == {"py311", "py313"}
    assert {
        one.stage.state.lanes[one_key].profile
        for one_key in one.running.lanes.rows.keys
        if isinstance(one_key, int)
    } == {"py312"}


@key("show")
async def _(one: Seat) -> None:
    await one.press("2", "!")
    assert one.app.failures.show == "new"
    await one.press("!", "!", "/", *"nowhere", "enter")
    assert "None of what failed" in text_of(one.triage.list.blank_line(1, 80))
    await one.press("escape", "3", "!")
    assert one.tests.field.value == "status:failed"


@key("sort")
async def _(one: Seat) -> None:
    await one.press("3", "S")
    await one.pilot.pause()
    seconds = [one.stage.state.seconds[row] for row in one.tests.model.order]
    assert seconds == sorted(seconds, reverse=True)
    await one.press("2", "S")
    assert one.app.failures.order == "oldest"


@key("diff")
async def _(one: Seat) -> None:
    await one.press("2", "/", *"evacuate", "enter", "j", "d")
    section = one.triage.detail.section
    assert section is not None
    assert section.name == "diff"


@key("beside")
async def _(one: Seat) -> None:
    await one.press("2", "G", "|")
    section = one.triage.detail.section
    assert section is not None
    assert section.name == "profiles"
    heads = [text_of(column[1]) for column in section.columns]
    assert [head.split()[1] for head in heads] == ["py312", "py313"]
    await one.press("|")
    assert one.triage.detail.section is not section


@key("section")
async def _(one: Seat) -> None:
    await one.press("2", "v")
    section = one.triage.detail.section
    assert section is not None
    assert section.name == "stdout"


@key("section.back")
async def _(one: Seat) -> None:
    await one.press("2", "ctrl+v")
    section = one.triage.detail.section
    assert section is not None
    assert section.name == "where"


@key("attachment")
async def _(one: Seat) -> None:
    await one.press("2", "o")
    assert "Choose" in one.notice
    await one.press("v", "o")
    assert [name[-4:] for name in listing(one.app.scratch())] == [".txt"]


@key("zoom")
async def _(one: Seat) -> None:
    await one.press("z")
    assert one.running.lanes.size.width == 130
    assert not one.running.failures.display or one.running.failures.size.width == 0
    await one.press("escape")
    assert one.running.lanes.size.width < 130
    await one.press("tab", "tab", "z")
    assert one.running.detail.size == (130, 35)
    await one.press("z")
    assert one.running.lanes.size.height > 10


@key("layout")
async def _(one: Seat) -> None:
    await one.press("M")
    assert one.running.lanes.size.width == 130
    await one.press("2", "M")
    assert one.triage.list.size.width == 130


# -- text and history -------------------------------------------------------------------------------------


@key("tail")
async def _(one: Seat) -> None:
    await one.press("t")
    front = one.app.front
    assert isinstance(front, TailScreen)
    assert front.model.lane == 0
    assert one.stage.notes.asked[0] == Watch(LaneId(0), on=True)


@key("stacks")
async def _(one: Seat) -> None:
    await one.press("t", "t")
    assert one.stage.notes.asked[-1] == DumpStacks(LaneId(0))
    assert "stacks" in one.notice


@key("copy.pane")
async def _(one: Seat) -> None:
    await one.press("t", "c")
    assert "deadlock detected" in one.app.clipboard


@key("save")
async def _(one: Seat) -> None:
    await one.press("t", "O")
    assert isinstance(one.app.screen, Ask)
    one.app.screen.query_one(Input).value = str(one.stage.folder / "out.txt")
    await one.press("enter")
    assert "deadlock" in (one.stage.folder / "out.txt").read_text()
    await one.press("O")
    one.app.screen.query_one(Input).value = str(one.stage.folder / "out.txt")
    await one.press("enter")
    assert "Not written" in one.notice


@key("wrap")
async def _(one: Seat) -> None:
    await one.press("t", "W")
    front = one.app.front
    assert isinstance(front, TailScreen)
    assert front.text.wrap


@key("source")
async def _(one: Seat) -> None:
    await one.press("t", "S")
    front = one.app.front
    assert isinstance(front, TailScreen)
    assert {line.source for line in front.model.view if not line.rule} == {"stdout"}


@key("level")
async def _(one: Seat) -> None:
    await one.press("t", "L", "L", "L")
    front = one.app.front
    assert isinstance(front, TailScreen)
    assert [line.source for line in front.model.view if not line.rule] == ["postgres.log"]


@key("side.a")
async def _(one: Seat) -> None:
    await one.press("4", "j", "j", "A")
    assert one.history.runs.a == 211


@key("side.b")
async def _(one: Seat) -> None:
    await one.press("4", "j", "B")
    assert one.history.runs.b == 212


@key("side.green")
async def _(one: Seat) -> None:
    await one.press("4", "j", "A", "L")
    assert one.history.runs.a == 209
    await one.press("G", "enter")
    assert "No run is stored from before" in one.notice


@key("past.test")
async def _(one: Seat) -> None:
    await one.press("2", "/", *"evacuate", "enter", "j", "H")
    await one.pilot.pause()
    assert one.history.report.title == "Runs of one test"


@key("past.flaky")
async def _(one: Seat) -> None:
    await one.press("4", "F")
    assert one.history.report.title == "Flaky tests"
    assert len(one.history.report.model) == 5


@key("past.slow")
async def _(one: Seat) -> None:
    await one.press("4", "S")
    assert one.history.report.title == "Slowest tests"


# -- the table itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
async def test_every_key_does_what_the_table_says(name: str, tmp_path: Path) -> None:
    stage = stage_watching() if BY_NAME[name].needs == "watching" else stage_running()
    stage.folder = tmp_path
    async with seat(stage) as one:
        await CHECKS[name](one)


def test_no_check_is_for_an_action_that_is_gone() -> None:
    assert set(CHECKS) == set(BY_NAME)


@pytest.mark.parametrize("where", ALL)
def test_every_action_has_its_method_on_its_screens_and_no_key_has_two_meanings(
    where: Where,
) -> None:
    screen = SCREENS.get(where, RunningScreen)
    taken: dict[str, str] = {}
    for action in ACTIONS:
        if where in action.where:
            assert callable(getattr(screen, f"action_{action.method}", None)), action.name
            for one in keys_of(action, {}):
                assert taken.setdefault(one, action.name) == action.name, one
    assert {BY_NAME[name].name for name in FOOTER[where] if where in BY_NAME[name].where} == set(
        FOOTER[where]
    )


async def test_a_users_key_takes_the_place_of_ours() -> None:
    stage = stage_running()
    settings = replace(stage.settings, keys={"rerun": "ctrl+r", "go.tests": "5", "go.log": "3"})
    async with seat(stage, settings=settings) as one:
        await one.press("r")
        assert not any(isinstance(intent, Rerun) for intent in stage.notes.asked)
        await one.press("ctrl+r")
        assert any(isinstance(intent, Rerun) for intent in stage.notes.asked)
        await one.press("5")
        assert isinstance(one.app.front, TestsScreen)


def test_wrong_keys_are_said_in_plain_words() -> None:
    assert wrong_keys({"rerum": "r"}) == ["There is no action 'rerum' to give a key to."]
    assert wrong_keys({"rerun": "f"}) == ["The key 'f' stands for both 'rerun' and 'run.failed'."]
    assert wrong_keys({"rerun": "ctrl+r"}) == []


async def test_a_test_can_be_run_until_it_fails_when_the_run_is_over() -> None:
    stage = stage_ended()
    async with seat(stage) as one:
        await one.press("3", "s", "ctrl+u", "f", "enter")
        assert stage.notes.ran_often == [(10_000, True)]
        assert len(stage.notes.ran_rows[0]) == 1


@pytest.mark.parametrize(
    ("text", "often"),
    [
        ("20", (20, False)),
        (" f ", (10_000, True)),
        ("50F", (50, True)),
        ("0", None),
        ("10001", None),
        ("x", None),
        ("", None),
        ("²", None),
    ],
)
def test_how_often_is_read(text: str, often: tuple[int, bool] | None) -> None:
    assert read_often(text) == often


async def test_details_that_take_long_to_read_hold_nothing_up() -> None:
    stage = stage_ended()
    slow = asyncio.Event()

    async def details_of(row: Row) -> list[tuple[str, str, bytes]]:
        await slow.wait()
        return [("stdout", "text/plain", f"output of row {row}\n".encode())]

    stage.notes.details_of = details_of  # type: ignore[method-assign]
    async with seat(stage) as one:
        await one.press("3", "/", *"status:passed", "enter", "enter")
        one.tests.list.focus()
        await one.press("j", "k", "j")
        row = one.tests.model.row_at(one.tests.list.cursor)
        assert "stdout" not in [section.name for section in one.tests.detail.sections]
        slow.set()
        await one.app.workers.wait_for_complete()  # pyright: ignore[reportUnknownMemberType]
        sections = one.tests.detail.sections
        assert sections[0].data == f"output of row {row}\n".encode()


async def test_what_the_run_does_not_offer_is_not_there() -> None:
    stage = stage_running()
    stage.notes.offers = frozenset()
    async with seat(stage) as one:
        await one.press("2", "B")
        assert stage.notes.bisected == []
        await one.press("?")
        help_screen = one.app.screen
        assert isinstance(help_screen, HelpScreen)
        lines = [
            "".join(span.text for span in help_screen.pane.model.line(at, 90))
            for at in range(len(help_screen.pane.model))
        ]
        assert not any("bisect" in line or "makes this one fail" in line for line in lines)


async def test_after_the_run_everything_can_be_run_again_and_ctrl_c_leaves() -> None:
    async with seat(stage_ended()) as one:
        await one.press("a", "R", "f")
        assert one.stage.notes.ran == ["all", "last", "failing"]
        await one.press("]", "r")
        assert one.stage.notes.ran_rows == [tuple(one.running.rows_here())]
        assert one.running.lanes.summary
        await one.press("1")
        assert not one.running.lanes.summary
        await one.pilot.press("ctrl+c")
        assert one.app.return_value == 0


@pytest.mark.parametrize(("key", "hard"), [("y", False), ("enter", False), ("K", True)])
async def test_leaving_while_tests_run_stops_or_kills_them_as_the_dialog_says(
    key: str, hard: bool
) -> None:
    async with seat() as one:
        await one.pilot.press("q", key)
        assert one.app.return_value == 0
        assert StopRun(hard=hard) in one.stage.notes.asked


async def test_a_small_k_does_not_kill() -> None:
    async with seat() as one:
        await one.pilot.press("q", "k", "escape")
        assert not any(isinstance(intent, StopRun) for intent in one.stage.notes.asked)


async def test_quitting_after_the_run_asks_nothing() -> None:
    async with seat(stage_ended(green=True)) as one:
        await one.pilot.press("q")
        assert one.app.return_value == 0
        assert not any(isinstance(intent, StopRun) for intent in one.stage.notes.asked)


async def test_what_cannot_be_opened_outside_is_said_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with seat() as one:
        await one.press("2", "v", "o")
        assert one.app.scratch() in one.notice
        folder = one.app.scratch()
    assert listing(folder) == []


async def test_another_run_takes_the_place_of_the_one_shown() -> None:
    async with seat(stage_ended()) as one:
        await one.press("3")
        other = Stage().start().list_tests().open_lanes()
        other.begin(2, "test_shelve", 1)
        one.app.attach(other.state)
        await one.pilot.pause()
        await one.pilot.pause()
        one.app.draw()
        assert isinstance(one.app.front, TestsScreen)
        await one.press("1")
        assert not one.running.lanes.summary
        assert one.running.lanes.rows.shown.state.lanes[LaneId(2)].row == other.row(
            "test_shelve", PY313
        )


async def test_without_a_green_run_the_last_two_are_compared_and_a_stored_one_is_seen() -> None:
    stage = Stage([PY313]).start().list_tests()
    bad, good = Case("m.bad", PY313), Case("m.good", PY313)
    for number in (1, 2):
        stage.history.add({bad: (Status.FAIL, 1.0), good: (Status.SUCCESS, 1.0)}, number=number)
    async with seat(stage) as one:
        await one.press("4")
        assert (one.history.runs.a, one.history.runs.b) == (1, 2)
        stage.history.add({bad: (Status.SUCCESS, 1.0), good: (Status.SUCCESS, 1.0)}, number=3)
        one.app.stored()
        await one.pilot.pause()
        assert (one.history.runs.a, one.history.runs.b) == (2, 3)
        assert "1 fixed" in screen_text(one.app)
        await one.press("j", "B")
        stage.history.add({bad: (Status.FAIL, 1.0), good: (Status.SUCCESS, 1.0)}, number=4)
        one.app.stored()
        await one.pilot.pause()
        assert one.history.runs.b == 2


@pytest.mark.parametrize(("height", "shown"), [(36, True), (24, False)])
async def test_when_the_run_is_over_the_first_failure_is_shown_where_there_is_room(
    height: int, shown: bool
) -> None:
    stage = stage_running()
    async with seat(stage, size=(130, height)) as one:
        assert not one.running.detail.display
        stage.say(RunEnded(stage.at(60), interrupted=False))
        await one.press()
        assert one.running.lanes.summary
        assert one.running.detail.display is shown
        await one.press("]")
        assert one.running.detail.display


async def test_a_failure_that_is_read_after_its_run_was_stored_is_still_new() -> None:
    stage = Stage([PY313]).start().list_tests().open_lanes(1, 0)
    row = stage.fail(0, "test_shelve", 2, "ValueError: no", Kind.ERROR)
    case = stage.cases.case(row)
    stage.history.add({case: (Status.SUCCESS, 1.0)}, number=213)
    stage.history.add({case: (Status.FAIL, 1.0)}, number=214)  # this run, by ``Notes.run_number``
    stage.say(RunEnded(stage.at(3), interrupted=False))
    async with seat(stage) as one:
        assert [known.note for known in one.app.failures.known.values()] == ["new"]


async def test_a_newer_failure_takes_the_place_of_none_that_is_read() -> None:
    async with seat() as one:
        await one.press("tab")
        read = one.running.detail.title
        one.stage.fail(0, "test_rebuild", 51, "ZeroDivisionError: division by zero\n")
        await one.press()
        assert len(one.app.failures.items) > 2
        assert one.running.detail.title == read
        await one.press("shift+tab")
        one.stage.fail(1, "test_walk_versions", 52, "LookupError: gone\n")
        await one.press()
        await one.press("tab")
        assert one.running.detail.title == "test_walk_versions"  # nobody was reading: the newest


async def test_a_terminal_that_became_tall_after_the_run_shows_a_failure_below_the_summary() -> (
    None
):
    async with seat(stage_ended(), (100, 24)) as one:
        assert one.running.lanes.summary
        assert not one.running.detail.display
        await one.pilot.resize_terminal(100, 36)
        async with asyncio.timeout(20):
            while not one.running.detail.display:
                await one.press()


async def test_the_line_that_failed_stands_out_to_the_edge_of_the_pane() -> None:
    stage = Stage([PY313]).start().list_tests().open_lanes(1, 0)
    stage.fail(
        0, "test_rebuild", 5, "    def test():\n>       assert 1 == 2\nE       assert 1 == 2\n"
    )
    async with seat(stage) as one:
        await one.press("2")
        pane = one.triage.detail
        lines = [pane.compose_line(y)[0] for y in range(pane.size.height)]
        (line,) = [line for line in lines if "> " in text_of(line) and "assert" in text_of(line)]
        assert line[-2].tone == "on:here"
        assert sum(len(span.text) for span in line) == pane.size.width


async def test_failures_that_stood_below_the_lanes_have_the_whole_side_of_a_wide_screen() -> None:
    async with seat(stage_running(), (100, 36)) as one:
        failures, body = one.running.failures, one.running.query_one("#body")
        for size, beside in (((160, 48), True), ((100, 30), False), ((200, 50), True)):
            await one.pilot.resize_terminal(*size)
            async with asyncio.timeout(20):
                while (failures.size.height == body.size.height) is not beside:
                    await one.pilot.pause(0.01)


async def test_what_was_said_on_one_screen_does_not_hide_the_keys_of_the_next() -> None:
    async with seat(Stage([PY313]).start().list_tests().open_lanes(2, 0)) as one:
        await one.press("p")
        assert one.app.notice_line
        await one.press("3")
        assert not one.app.notice_line
        assert "Space mark" in screen_text(one.app)
