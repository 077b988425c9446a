"""``testlanes`` on a terminal: the engine's runs with the dashboard beside them, in one event loop.

The dashboard may come and go; a run is stored whatever becomes of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from testlanes.runner.cli.recorded import RecordedRun
from testlanes.runner.cli.run import tell_stored, tell_warnings
from testlanes.runner.headless import exit_code, handlers_kept
from testlanes.runner.intents import Intent, StopRun
from testlanes.runner.report.unread import hung_up
from testlanes.runner.request import Request

from .bisecting import Bisections
from .controls import RunControls
from .told import Told

if TYPE_CHECKING:
    from testlanes.runner.cli.arguments import Arguments
    from testlanes.runner.hosts.instances import Instances
    from testlanes.runner.repository.directory import DirectoryRepository
    from testlanes.runner.settings import Settings
    from testlanes.runner.state import RunState
    from testlanes.tui.app import Dashboard

    from .watching import Watching

OPEN_AFTER = 0.3
"""Seconds after which the dashboard opens, if the run is not over by then."""


def run_with_dashboard(
    args: Arguments, settings: Settings, repository: DirectoryRepository, request: Request
) -> int:
    """Run with the dashboard open; the exit code is the last run's, or 128 and the signal that ended it."""
    with handlers_kept():
        return asyncio.run(Sitting(args, settings, repository).live(request))


@dataclass(slots=True)
class Going:
    """A run that goes on. ``told``: its lines, for the end; ``task`` is done when it is over and stored."""

    recorded: RecordedRun
    told: Told | None
    request: Request
    task: asyncio.Future[None]


class Sitting:
    """One sitting at the dashboard: a run, and whatever runs the user starts after it."""

    def __init__(
        self,
        args: Arguments,
        settings: Settings,
        repository: DirectoryRepository,
    ) -> None:
        self.args = args
        self.settings = settings
        self.repository = repository
        self.instances: Instances | None = None
        """Where the lanes of every run of this sitting are, if they are on instances."""
        self.going: Going | None = None
        self.watching: Watching | None = None
        self.dashboard: Dashboard | None = None
        self.bisections = Bisections(settings)
        self.forget: Callable[[], None] = lambda: None

    async def live(self, request: Request) -> int:
        """Run, show, and return the exit code."""
        self.instances = request.instances
        async with asyncio.TaskGroup() as tasks:
            self.tasks = tasks
            going = self.start(request)
            self._signals()
            await asyncio.wait([going.task], timeout=OPEN_AFTER)
            code = 0
            if not going.task.done():
                code = await self.show(going.recorded.run.state, RunControls(self))
            going = self.going or going
            if self.watching is not None:
                self._signals()
                await self.watching.end()
            if not going.task.done():
                self._signals()
                if going.told is not None:
                    going.told.go_on()
            await going.task
        if self.watching is not None:
            return self.watching.tell_end(code)
        return self._end(going, code)

    @property
    def over(self) -> bool:
        """Whether the run has ended and is stored."""
        return self.going is not None and self.going.task.done()

    def start(self, request: Request) -> Going:
        """Start a run."""
        request = replace(request, instances=self.instances)
        recorded = RecordedRun(self.settings, self.repository, request)
        told = Told(recorded.run.state, self.settings, self.args)
        recorded.run.observers.append(told.record)
        task = self.tasks.create_task(self._run(recorded), name="run")
        if self.dashboard is not None:
            told.give_way()
        self.going = Going(recorded, told, request, task)
        return self.going

    async def _run(self, recorded: RecordedRun) -> None:
        try:
            await recorded.run.go()
        finally:
            recorded.finish()
            self.forget()
            if self.dashboard is not None:
                self.dashboard.stored()

    async def show(self, state: RunState, controls: RunControls) -> int:
        """Show the dashboard until the user leaves; return its exit code."""
        # Imported only now: the run has begun, and loads its suite meanwhile.
        from testlanes.tui.showing import show_dashboard

        from .past import Past

        if self.going is not None and self.going.told is not None:
            self.going.told.give_way()
        past = Past(self.repository)
        self.forget = past.forget
        try:
            return await show_dashboard(state, controls, self.settings, past, opened=self._opened)
        finally:
            self.bisections.end()

    def _opened(self, dashboard: Dashboard) -> None:
        self.dashboard = dashboard

    def _signals(self) -> None:
        presses = 0

        def interrupt() -> None:
            nonlocal presses
            presses += 1
            self.ask(StopRun(hard=presses > 1))

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, lambda: self.ask(StopRun(hard=True)))

    def ask(self, intent: Intent) -> None:
        """Hand an intent to the run that goes on, if one does."""
        if self.going is not None:
            self.going.recorded.run.supervisor.ask(intent)

    def _end(self, going: Going, code: int) -> int:
        _hush_where_gone()
        if going.told is not None:
            going.told.summary()
        tell_warnings(self.repository)
        run_code = exit_code(going.recorded.run.state)
        run_code = tell_stored(going.recorded, self.settings, run_code, quiet=False)
        return code if code in (129, 130, 143) else run_code


def _hush_where_gone() -> None:
    """What is still said to a terminal that has hung up goes nowhere, instead of ending us with an error."""
    for descriptor in (1, 2):
        if hung_up(descriptor):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, descriptor)
            os.close(null)
