"""The mouse does what the keys do."""

from __future__ import annotations

import os

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from testlanes.tui.app import Dashboard
from testlanes.tui.screens.help import HelpScreen
from testlanes.tui.screens.tail import TailScreen
from testlanes.tui.screens.tests import TestsScreen
from testlanes.tui.screens.triage import TriageScreen
from testlanes.tui.widgets.bars import Footer

from .stage import Stage, stage_running


def dashboard(stage: Stage) -> Dashboard:
    return Dashboard(stage.state, stage.notes, stage.settings, stage.history)


async def settle(app: Dashboard, pilot: Pilot[int]) -> None:
    await pilot.pause()
    app.draw()
    await pilot.pause()


async def test_a_click_moves_the_cursor_and_a_double_click_opens() -> None:
    app = dashboard(stage_running())
    async with app.run_test(size=(130, 36)) as pilot:
        await settle(app, pilot)
        await pilot.click("#lanes", offset=(10, 4))
        assert app.running.lanes.cursor == 3
        await pilot.click("#lanes", offset=(10, 4), times=2)
        await settle(app, pilot)
        assert isinstance(app.front, TailScreen)


async def test_a_click_beside_the_lines_does_nothing() -> None:
    app = dashboard(stage_running())
    async with app.run_test(size=(130, 36)) as pilot:
        await settle(app, pilot)
        before = app.running.lanes.cursor
        await pilot.click("#lanes", offset=(10, 0))
        await pilot.click("#lanes", offset=(10, 14))
        assert app.running.lanes.cursor == before


async def test_the_wheel_moves_a_list() -> None:
    app = dashboard(stage_running())
    async with app.run_test(size=(130, 36)) as pilot:
        await settle(app, pilot)
        await pilot.press("3")
        await settle(app, pilot)
        front = app.front
        assert isinstance(front, TestsScreen)
        for event, cursor in ((MouseScrollDown, 3), (MouseScrollUp, 0)):
            await pilot._post_mouse_events(  # pyright: ignore[reportPrivateUsage]
                [event], "#list", button=0, offset=(5, 5)
            )
            await settle(app, pilot)
            assert front.list.cursor == cursor


async def test_a_click_on_a_key_of_the_footer_presses_it() -> None:
    app = dashboard(stage_running())
    async with app.run_test(size=(130, 36)) as pilot:
        await settle(app, pilot)
        footer = app.front.query_one(Footer)
        at = next(start for start, _, name in footer.places if name == "go.failures")
        await pilot.click("#footer", offset=(at, 0))
        await settle(app, pilot)
        assert isinstance(app.front, TriageScreen)


async def test_a_click_on_a_section_shows_it() -> None:
    app = dashboard(stage_running())
    async with app.run_test(size=(130, 36)) as pilot:
        await settle(app, pilot)
        await pilot.press("2")
        await settle(app, pilot)
        front = app.front
        assert isinstance(front, TriageScreen)
        start, _ = front.detail.places[2]
        await pilot.click("#detail", offset=(start + 1, len(front.detail.above) + 1))
        assert front.detail.section is not None
        assert front.detail.section.name == "log"


async def test_without_colours_the_cursor_is_still_seen_and_workers_keep_the_wish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = dashboard(stage_running())
    async with app.run_test(size=(130, 36)) as pilot:
        await settle(app, pilot)
        assert os.environ["NO_COLOR"] == "1"
        assert app.tones.style("text", "cursor").reverse
        assert app.tones.style("badge-fail").reverse


async def test_help_is_at_the_right_of_the_footer_however_narrow_and_can_be_clicked() -> None:
    stage = stage_running()
    app = Dashboard(stage.state, stage.notes, stage.settings, stage.history)
    async with app.run_test(size=(60, 24)) as pilot:
        app.draw()
        await pilot.pause()
        places = app.front.query_one(Footer).places
        start, end, name = places[-2]
        assert name == "help"
        assert places[-1][2] == "quit"
        await pilot.click("#footer", offset=(start, 0))
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await pilot.click("#footer", offset=(end - 1, 0))
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
