"""A run without a screen: signals in, the exit code out. The same engine as the dashboard's."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager

from .events import INTERRUPTED, RunEnded
from .frame import Run
from .intents import StopRun
from .state import RunState, Standing

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handlers_kept() -> Generator[None]:
    """Put the handlers of signals back that an event loop takes away when it ends."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


async def run_headless(run: Run, store: Callable[[], object] = lambda: None) -> RunEnded:
    """Run to the end. The first Ctrl-C stops handing out, the second kills what runs; so do SIGTERM and SIGHUP at once.

    ``store`` is called when the run is over; no further Ctrl-C interrupts it.
    """
    loop = asyncio.get_running_loop()
    presses = 0

    def interrupt() -> None:
        nonlocal presses
        presses += 1
        run.supervisor.ask(StopRun(hard=presses > 1))

    loop.add_signal_handler(signal.SIGINT, interrupt)
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: run.supervisor.ask(StopRun(hard=True)))
    try:
        return await run.go()
    finally:
        store()
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def exit_code(state: RunState) -> int:
    """Return the exit code of a run that has ended.

    0 all passed, or failed as is known of them; 1 tests failed; 3 the run itself went wrong (tests not run, a suite that could not
    be loaded, lanes lost); 4 nothing to run; 130 interrupted.
    """
    ended, stopping = state.ended, state.stopping
    if stopping is not None and stopping.reason == INTERRUPTED:
        return 130
    if ended is None or ended.problem:
        return 3
    if state.counts[Standing.NOT_RUN] and stopping is None:
        return 3
    if state.red or any(report.failed for report in state.plugin_reports):
        return 1
    if not state.selected and not state.extras:
        return 4
    return 0
