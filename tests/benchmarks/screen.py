"""How much CPU the screen costs: `python tests/benchmarks/screen.py`. It runs on a pseudo-terminal of its own.

The worst case of TEXTUAL.md: 64 lanes, all of them dirty in every frame, 200,000 tests. What is told
is CPU time of the drawing thread, which other processes do not change:

``tick``    view models and the decision what to repaint, for one frame
``paint``   one ``Screen._on_timer_update``: composing, painting, encoding
``list``    opening, filtering and sorting the list of all tests; the longest slice of it
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pty
import statistics
import sys
import termios
import threading
import time
from collections.abc import Callable

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CaseFinished,
    CasesListed,
    CaseStarted,
    HostUp,
    LaneOpened,
    ListingEnded,
    RunStarted,
    WorkerStarted,
)
from testlanes.runner.ids import LOCAL, Kind, LaneId, ProfileName, Row, Status
from testlanes.runner.intents import Intent
from testlanes.runner.settings import Profile, Settings
from testlanes.runner.state import RunState
from testlanes.runner.watching import WatchIntent
from testlanes.tui.app import Dashboard
from testlanes.tui.history import MemoryHistory
from testlanes.tui.screens.running import RunningScreen
from testlanes.tui.screens.tests import TestsScreen

ONE = ProfileName("py312")
START = 1_790_000_000_000_000_000


class Silent:
    """Controls that do nothing; time passes by the tenth of a second a frame."""

    offers: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.now = START

    def ask(self, intent: Intent) -> None:
        """See ``Controls``."""

    def now_ns(self) -> int:
        """See ``Controls``."""
        return self.now

    def run_number(self) -> int | None:
        """See ``Controls``."""
        return 1

    def rerun_command(self, rows: object) -> str:
        """See ``Controls``."""
        return ""

    async def details_of(self, row: Row) -> list[tuple[str, str, bytes]]:
        """See ``Controls``."""
        return []

    def where_ran(self, row: Row) -> list[tuple[str, str]]:
        """See ``Controls``."""
        return []

    def run(self, what: str) -> None:
        """See ``Controls``."""

    def run_cases(self, rows: object, *, times: int = 1, until_failure: bool = False) -> None:
        """See ``Controls``."""

    def bisect(self, row: Row) -> None:
        """See ``Controls``."""

    def debug_command(self, row: Row) -> list[str]:
        """See ``Controls``."""
        return []

    def begin_watch(self) -> None:
        """See ``Controls``."""

    def ask_watch(self, intent: WatchIntent) -> None:
        pass

    def watching(self) -> str:
        """See ``Controls``."""
        return ""

    def wants_quit(self) -> None:
        """See ``Controls``."""


def world(tests: int, lanes: int) -> RunState:
    """Return a run of so many tests in so many lanes, each of which runs one."""
    cases = CaseTable()
    state = RunState(cases, lambda _, __: 0.5)
    state.apply(RunStarted(START, "/project", (ONE,), lanes, partial=False))
    rows = tuple(
        cases.add(
            f"project.tests.module_{number % 211}.Class{number % 1777}Test.test_case_{number:06}",
            ONE,
        )
        for number in range(tests)
    )
    state.apply(CasesListed(ONE, rows, rows))
    state.apply(ListingEnded(ONE))
    state.apply(HostUp(LOCAL, 64, "3.12"))
    for number in range(lanes):
        lane = LaneId(number)
        state.apply(LaneOpened(lane, LOCAL, ONE))
        state.apply(WorkerStarted(lane, 0, number + 1, ONE, -1))
        state.apply(CaseStarted(lane, Row(number), START))
    return state


def spent(work: Callable[[], object]) -> float:
    """Return the CPU milliseconds of a call."""
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1000


async def measure(tests: int, lanes: int, frames: int) -> dict[str, float]:
    """Draw so many frames, then work in the list; return the figures in milliseconds."""
    state = world(tests, lanes)
    controls = Silent()
    settings = Settings("/project", (Profile(ONE),), theme="testlanes-dark")
    app = Dashboard(state, controls, settings, MemoryHistory())
    found: dict[str, float] = {}
    paints: list[float] = []
    ticks: list[float] = []

    paint = RunningScreen._on_timer_update  # pyright: ignore[reportPrivateUsage]

    def timed(self: RunningScreen) -> None:
        paints.append(spent(lambda: paint(self)))

    RunningScreen._on_timer_update = timed  # type: ignore[method-assign]

    async def drive() -> None:
        while not app.is_running or not app.running.is_mounted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        app.clock.paused = True
        for dirty, name in ((lanes, "all"), (4, "few")):
            at = lanes
            paints.clear()
            ticks.clear()
            for frame in range(frames):
                for number in range(dirty):
                    lane = LaneId(number)
                    row = state.lanes[lane].row
                    if row is not None:
                        state.apply(
                            CaseFinished(lane, row, Status.SUCCESS, Kind.NONE, controls.now, 0.1)
                        )
                    state.apply(CaseStarted(lane, Row(at % tests), controls.now - frame * 1000))
                    at += 1
                if dirty == lanes:
                    controls.now += 100_000_000
                ticks.append(spent(app.draw))
                await asyncio.sleep(0.03)
            found[f"tick {name} lanes"] = statistics.median(ticks)
            found[f"paint {name} lanes"] = statistics.median(paints)
            found[f"paint {name} lanes, 95 %"] = sorted(paints)[int(0.95 * len(paints))]
        app.call_later(app.go, "tests")
        await asyncio.sleep(1.5)
        front = app.front
        if isinstance(front, TestsScreen):
            for text, sort in (
                ("", "listed"),
                ("case_1 -2", "listed"),
                ("", "slowest"),
                ("", "name"),
            ):
                slices: list[float] = []
                steps = front.model.work(text, sort)  # type: ignore[arg-type]
                while True:
                    began = time.thread_time()
                    ended = next(steps, steps) is steps
                    slices.append((time.thread_time() - began) * 1000)
                    if ended:
                        break
                label = f"list {text or 'everything'} by {sort}"
                found[f"{label}: all"] = sum(slices)
                found[f"{label}: longest step"] = max(slices)
        app.exit(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(drive())
        await app.run_async()
    return found


def main() -> None:
    """Fork onto a pseudo-terminal, read what is drawn, print the figures."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    options.add_argument("--tests", type=int, default=200_000)
    options.add_argument("--lanes", type=int, default=64)
    options.add_argument("--frames", type=int, default=60)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    reading, writing = os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        os.close(reading)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        termios.tcsetwinsize(0, (80, 160))
        found = asyncio.run(measure(chosen.tests, chosen.lanes, chosen.frames))
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)

    def drain() -> None:
        try:
            while os.read(master, 1 << 16):
                pass
        except OSError:
            return

    threading.Thread(target=drain, daemon=True).start()
    with os.fdopen(reading, "rb") as file:
        found: dict[str, float] = json.loads(file.read() or b"{}")
    os.waitpid(pid, 0)
    if chosen.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:<45} {value:8.2f} ms\n")


if __name__ == "__main__":
    main()
