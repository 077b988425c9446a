"""A program for the tests: shows a staged run on the terminal it has. Arguments: the way, a file for notes."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from testlanes.runner.events import OutputReceived, RunEnded
from testlanes.runner.ids import LaneId, Row
from testlanes.runner.intents import Intent
from testlanes.tui.app import Dashboard
from testlanes.tui.showing import show_dashboard


def load_stage() -> Any:
    """Load the stage beside this file, which is in no package when run as a program."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    return importlib.import_module("tui.stage")


async def show(way: str, notes: Path) -> int:
    """Show the dashboard in one of the ways that tests need."""
    stage_module = load_stage()
    stage = stage_module.stage_ended() if way == "ended" else stage_module.stage_running()
    stage.settings = stage_module.Settings(str(notes.parent), stage.settings.profiles)
    file = notes.open("a", buffering=1)

    def ask(intent: Intent) -> None:
        file.write(f"{intent}\n")

    stage.notes.ask = ask
    if way == "broken":

        def fails(secret: str = "secret-token") -> float:  # noqa: S107
            return len(secret) / 0

        stage.notes.watching = fails
    if way == "lend":

        def guest(row: Row) -> Sequence[str]:
            code = "print('the guest ' + 'speaks', flush=True); print('the guest heard', input())"
            return [sys.executable, "-Ic", code]

        stage.notes.debug_command = guest

    if way in ("busy", "busy, then over"):
        app = Dashboard(stage.state, stage.notes, stage.settings, stage.history)
        work = flood(stage, app, file, ends=way != "busy")
    elif way == "lend":
        app, work = None, beat(file)
    else:
        return await show_dashboard(stage.state, stage.notes, stage.settings, stage.history)
    async with asyncio.TaskGroup() as tasks:
        beside = tasks.create_task(work)
        if app is not None:
            code = await app.run_async() or 0
        else:
            code = await show_dashboard(stage.state, stage.notes, stage.settings, stage.history)
        beside.cancel()
    return code


async def beat(file: TextIO) -> None:
    """Say that the loop goes on."""
    while True:
        await asyncio.sleep(0.05)
        file.write("beat\n")


async def flood(stage: Any, app: Dashboard, file: TextIO, *, ends: bool) -> None:
    """Change much in every frame; say when the terminal stalls, when it reads again, and missed nothing.

    With ``ends`` the run ends while the terminal stalls, and nothing changes any more.
    """
    stalled = 0
    number = 0
    while True:
        await asyncio.sleep(0.05)
        number += 1
        if stage.state.ended is None:
            text = "".join(f"{number * 7919 + line:>100}\n" for line in range(30))
            stage.say(OutputReceived(LaneId(0), "stdout", text.encode()))
            stage.pass_time(52 + number / 10)
        driver = app.terminal.driver
        if driver is None:
            continue
        if not stalled and driver.backlog > 2:
            stalled = number
        elif stalled > 0 and number > stalled + 20:
            if ends:
                stage.say(RunEnded(stage.notes.now, interrupted=False))
            file.write(f"stalled, {driver.dropped} writes dropped\n")
            stalled = -1
        elif stalled == -1 and driver.backlog == 0 and number > stalled + 40:
            file.write("resumed\n")
            driver.stale = True  # as if the last frame of all had been dropped
            stalled = -2
        elif stalled == -2 and not driver.stale:
            file.write("up to date\n")
            stalled = -3


if __name__ == "__main__":
    code = asyncio.run(show(sys.argv[1], Path(sys.argv[2])))
    # Of a terminal that is gone, Python's own last flush would make it 120; the real program hushes it.
    os._exit(code) if sys.argv[1] == "deaf" else sys.exit(code)
