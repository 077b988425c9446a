"""How much CPU the screen costs: `python tests/benchmarks/screen.py`. It runs on a pseudo-terminal of its own.

The worst case of TEXTUAL.md: 64 lanes, all of them dirty in every frame, 200,000 tests. What is told
is CPU time of the drawing thread, which other processes do not change:

``tick``    view models and the decision what to repaint, for one frame
``paint``   one ``Screen._on_timer_update``: composing, painting, encoding
``list``    opening, filtering and sorting the list of all tests; the longest slice of it
``lag``     with 10,000 events a second: the CPU time that something which arrives at a random
            moment waits for the loop, at most in 99 of 100 cases; and the longest step of the loop
``late``    by how much a timer of the loop comes too late meanwhile, and with 50,000 events a second:
            wall time, which other processes change
``share``   what the loop's thread takes meanwhile, in all and with a screen that is never drawn
``key``     from a key written to the terminal to its effect read from it, meanwhile: wall time
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pty
import select
import statistics
import sys
import termios
import time
from collections.abc import Callable

from testlanes.past import Past
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
from testlanes.runner.repository.memory import MemoryRepository
from testlanes.runner.settings import Profile, Settings
from testlanes.runner.state import RunState
from testlanes.runner.watching import WatchIntent
from testlanes.tui.app import Dashboard
from testlanes.tui.screens.running import RunningScreen
from testlanes.tui.screens.tests import TestsScreen

ONE = ProfileName("py312")
START = 1_790_000_000_000_000_000
KEYS_SECONDS = 8.0
lag: Lag


class Silent:
    """Controls that do nothing; time passes by the tenth of a second a frame."""

    offers: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.now = START
        self.clock: Callable[[], int] | None = None

    def ask(self, intent: Intent) -> None:
        """See ``Controls``."""

    def now_ns(self) -> int:
        """See ``Controls``."""
        return self.now if self.clock is None else self.clock()

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


class Lag:
    """The CPU time of each step of the loop, while it is ``on``."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.on = False
        once = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]

        def timed(loop: asyncio.BaseEventLoop) -> None:
            began = time.thread_time()
            once(loop)
            if self.on:
                self.steps.append((time.thread_time() - began) * 1000)

        asyncio.BaseEventLoop._run_once = timed  # type: ignore[attr-defined]

    def beyond(self, share: float, wall: float) -> float:
        """Return the wait, in ms, that a ``share`` of arrivals at random moments of ``wall`` ms exceeds."""
        low, high = 0.0, max(self.steps, default=0.0)
        for _ in range(40):
            middle = (low + high) / 2
            if sum(max(0.0, step - middle) for step in self.steps) > share * wall:
                low = middle
            else:
                high = middle
        return high


async def flood(state: RunState, lanes: int, rate: int, seconds: float) -> None:
    """Apply so many events a second, in batches as they come from workers."""
    at, tests = lanes * 2, len(state.standing)
    end = time.monotonic() + seconds
    due = time.monotonic()
    number = 0
    while time.monotonic() < end:
        due += 0.005
        for _ in range(rate // 400):
            lane = LaneId(number % lanes)
            now = time.time_ns()
            row = state.lanes[lane].row
            if row is not None:
                state.apply(CaseFinished(lane, row, Status.SUCCESS, Kind.NONE, now, 0.1))
            state.apply(CaseStarted(lane, Row(at % tests), now))
            at, number = at + 1, number + 1
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def lags(app: Dashboard, state: RunState, lanes: int, found: dict[str, float]) -> None:
    """Measure the loop's lag and its share of a core under 10,000 events a second, and under 50,000."""
    for name, still, rate in (
        ("screen not drawn", True, 10_000),
        ("all lanes", False, 10_000),
        ("all lanes, 50,000/s", False, 50_000),
    ):
        app.clock.paused = still
        lag.steps.clear()
        lag.on = True
        began, spent_before = time.monotonic(), time.thread_time()
        probing = asyncio.create_task(late_timers(5))  # noqa: TID251 - it ends with the flood
        await flood(state, lanes, rate, 5)
        late = sorted(await probing)
        lag.on = False
        wall = (time.monotonic() - began) * 1000
        found[f"lag, 99 %, {name}"] = lag.beyond(0.01, wall)
        found[f"lag, longest step, {name}"] = max(lag.steps)
        found[f"late, 99 %, {name}"] = late[int(0.99 * len(late))]
        found[f"late, most, {name}"] = late[-1]
        found[f"share of a core in %, {name}"] = (time.thread_time() - spent_before) / wall * 1e5


async def late_timers(seconds: float) -> list[float]:
    """Return by how many ms each of the timers came too late that were set in so many seconds."""
    late: list[float] = []
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        await asyncio.sleep(0.004)
        late.append((time.monotonic() - began - 0.004) * 1000)
    return late


async def measure(tests: int, lanes: int, frames: int, keys: int) -> dict[str, float]:
    """Draw so many frames, then work in the list; return the figures in milliseconds."""
    state = world(tests, lanes)
    controls = Silent()
    settings = Settings("/project", (Profile(ONE),), theme="testlanes-dark")
    app = Dashboard(state, controls, settings, Past(MemoryRepository()))
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
        controls.clock = time.time_ns
        await lags(app, state, lanes, found)
        app.call_later(app.go, "tests")
        await asyncio.sleep(1.5)
        app.clock.paused = False
        os.write(keys, b"k")
        await flood(state, lanes, 10_000, KEYS_SECONDS)
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


def press_keys(master: int, keys: int, tests: int) -> list[float]:
    """Read the terminal to its end; when told to, move the cursor down and time its way to the screen, in ms."""
    seen = bytearray()
    taken: list[float] = []
    number, pressed, at = 1, 0.0, 0.0
    told = False
    while True:
        ready = select.select([master, keys] if not told else [master], [], [], 0.005)[0]
        if keys in ready:
            told = True
        if master in ready:
            try:
                data = os.read(master, 1 << 16)
            except OSError:
                return taken
            seen += data
        now = time.monotonic()
        wanted = f"m{number:,} of {tests:,}".encode()  # after its style
        if pressed and wanted in seen:
            taken.append((now - pressed) * 1000)
            pressed, at = 0.0, now + 0.12
            seen.clear()
        elif told and not pressed and now >= at and len(taken) < (KEYS_SECONDS - 2) / 0.2:
            number += 1
            seen.clear()
            pressed = now
            os.write(master, b"j")
        elif pressed and now - pressed > 5:
            return drained(master, taken)


def drained(master: int, taken: list[float]) -> list[float]:
    """Read the terminal to its end."""
    with contextlib.suppress(OSError):
        while os.read(master, 1 << 16):
            pass
    return taken


def main() -> None:
    """Fork onto a pseudo-terminal, read what is drawn, print the figures."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    options.add_argument("--tests", type=int, default=200_000)
    options.add_argument("--lanes", type=int, default=64)
    options.add_argument("--frames", type=int, default=60)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    reading, writing = os.pipe()
    keys_reading, keys_writing = os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        global lag
        lag = Lag()
        os.close(reading)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        termios.tcsetwinsize(0, (80, 160))
        found = asyncio.run(measure(chosen.tests, chosen.lanes, chosen.frames, keys_writing))
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    taken = press_keys(master, keys_reading, chosen.tests)
    with os.fdopen(reading, "rb") as file:
        found: dict[str, float] = json.loads(file.read() or b"{}")
    os.waitpid(pid, 0)
    if taken:
        found["key to its effect, median"] = statistics.median(taken)
        found["key to its effect, 95 %"] = sorted(taken)[int(0.95 * len(taken))]
    if chosen.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        unit = "  " if "in %" in name else "ms"
        sys.stdout.write(f"{name:<45} {value:8.2f} {unit}\n")


if __name__ == "__main__":
    main()
