"""``testlanes`` on a terminal: the engine's runs with the dashboard beside them, in one event loop.

The dashboard may come and go; a run is stored whatever becomes of it.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from testlanes.runner.cli.recorded import RecordedRun
from testlanes.runner.cli.run import make_request, rerun_command, tell_stored, tell_warnings
from testlanes.runner.engine import prepare, replay_request
from testlanes.runner.errors import UserError
from testlanes.runner.events import CasesListed, Warned
from testlanes.runner.headless import exit_code, handlers_kept
from testlanes.runner.ids import Case, ProfileName, Row
from testlanes.runner.intents import Intent, Rerun, StopRun
from testlanes.runner.isolation import Bisection
from testlanes.runner.report.lines import Lines
from testlanes.runner.report.unread import hung_up
from testlanes.runner.repository.queries import ran_before
from testlanes.runner.request import Request
from testlanes.runner.settings import PytestSuite, Selection
from testlanes.runner.state import FAILED

if TYPE_CHECKING:
    from testlanes.runner.cli.arguments import Arguments
    from testlanes.runner.events import RunEvent
    from testlanes.runner.hosts.instances import Instances
    from testlanes.runner.repository.base import Repository
    from testlanes.runner.repository.directory import DirectoryRepository
    from testlanes.runner.settings import Settings
    from testlanes.runner.state import RunState
    from testlanes.runner.watching import WatchIntent
    from testlanes.tui.app import Dashboard

    from .watching import Watching

OPEN_AFTER = 0.3
"""Seconds after which the dashboard opens, if the run is not over by then."""

DEBUG_UNITTEST = """
import pdb, sys, traceback, unittest
suite = unittest.TestLoader().loadTestsFromName(sys.argv[1])
try:
    suite.debug()
except BaseException:
    traceback.print_exc()
    pdb.post_mortem()
    sys.exit(1)
"""


def run_with_dashboard(
    args: Arguments, settings: Settings, repository: DirectoryRepository, request: Request
) -> int:
    """Run with the dashboard open; the exit code is the last run's, or 128 and the signal that ended it."""
    with handlers_kept():
        return asyncio.run(Sitting(args, settings, repository).live(request))


class _Told:
    """The plain lines of a run, kept back while the dashboard has the screen."""

    def __init__(self, state: RunState, settings: Settings, args: Arguments) -> None:
        self._stream = _Held()
        self._lines = Lines(
            state,
            self._stream,
            os.environ,
            slow_after=settings.slow_after,
            rerun=rerun_command(args),
        )
        self.record = self._lines.record

    def go_on(self) -> None:
        """From now on the lines go to the terminal."""
        self._stream.release()

    def summary(self) -> None:
        """Print how the run ended, as without a dashboard."""
        self._stream.release()
        self._lines.finish()


class _Held(io.StringIO):
    """Swallows what is written until it is released; then it is standard output."""

    _released = False

    def release(self) -> None:
        self._released = True

    def isatty(self) -> bool:
        return sys.stdout.isatty()

    def write(self, text: str, /) -> int:
        return sys.stdout.write(text) if self._released else len(text)

    def flush(self) -> None:
        if self._released:
            sys.stdout.flush()


@dataclass(slots=True)
class Going:
    """A run that goes on. ``told``: its lines, for the end; ``task`` is done when it is over and stored."""

    recorded: RecordedRun
    told: _Told | None
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
        self.bisections: set[asyncio.Task[None]] = set()
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
        told = _Told(recorded.run.state, self.settings, self.args)
        recorded.run.observers.append(told.record)
        task = self.tasks.create_task(self._run(recorded), name="run")
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
        from testlanes.tui.app import show_dashboard

        from .past import Past

        past = Past(self.repository)
        self.forget = past.forget
        try:
            return await show_dashboard(state, controls, self.settings, past, opened=self._opened)
        finally:
            for task in self.bisections:
                task.cancel()

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


def stored_details(
    repository: Repository, number: int, case: Case, left: Callable[[], bool]
) -> Sequence[tuple[str, str, bytes]]:
    """Return the details of a case in a stored run; nothing if it has none or cannot be read.

    ``left`` is asked with each result: whether nobody waits for the answer any more.
    """
    try:
        for result in repository.read(number):
            if left():
                break
            if result.test_id == case.test_id and result.case.profile == case.profile:
                return result.details
    except UserError:
        pass  # the run was pruned meanwhile: its details are gone
    return ()


class RunControls:
    """The dashboard's ``Controls`` over the run that goes on."""

    offers = frozenset({"run", "bisect", "debug", "watch"})

    def __init__(self, session: Sitting) -> None:
        self._session = session

    @property
    def _recorded(self) -> RecordedRun:
        going = self._session.going
        if going is None:
            raise RuntimeError("the dashboard opens after the first run has begun")
        return going.recorded

    @property
    def state(self) -> RunState:
        """What is shown; rows are its rows."""
        return self._recorded.run.state

    def case_of(self, row: Row) -> Case:
        """Return the case of a row that is shown."""
        return self.state.cases.case(row)

    def ask(self, intent: Intent) -> None:
        """See ``tui.controls.Controls``."""
        self._session.ask(intent)

    def now_ns(self) -> int:
        """See ``tui.controls.Controls``."""
        return time.time_ns()

    def run_number(self) -> int | None:
        """See ``tui.controls.Controls``."""
        number = self._recorded.number
        return None if number == -1 else number

    def rerun_command(self, rows: Sequence[Row]) -> str:
        """See ``tui.controls.Controls``."""
        cases = [self.case_of(row) for row in rows]
        words = ["testlanes", "run"]
        profiles = sorted({case.profile for case in cases})
        if self._session.settings.all_profiles:
            words += ["-p", ",".join(profiles)]
        words += dict.fromkeys(self._filter(case) for case in cases)
        return shlex.join(words)

    def _filter(self, case: Case) -> str:
        profile = next(p for p in self._session.settings.profiles if p.name == case.profile)
        if isinstance(profile.suite, PytestSuite):
            return case.test_id
        return f"^{re.escape(case.test_id)}$"

    async def details_of(self, row: Row) -> Sequence[tuple[str, str, bytes]]:
        """See ``tui.controls.Controls``; what passed is found once the run is stored."""
        number = self.run_number()
        if number is None or not self._session.over:
            return ()
        case = self.case_of(row)
        left = threading.Event()
        try:
            return await asyncio.to_thread(
                stored_details, self._session.repository, number, case, left.is_set
            )
        finally:
            left.set()

    def where_ran(self, row: Row) -> Sequence[tuple[str, str]]:
        """See ``tui.controls.Controls``."""
        return [("again", self.rerun_command([row]))]

    def run(self, what: str) -> None:
        """See ``tui.controls.Controls``."""
        going = self._session.going
        if going is not None and going.task.done():
            self._start(self._request(what, going.request))

    def run_cases(
        self, rows: Sequence[Row], *, times: int = 1, until_failure: bool = False
    ) -> None:
        """See ``tui.controls.Controls``."""
        session = self._session
        if session.going is None or not session.going.task.done():
            return
        chosen: dict[ProfileName, frozenset[str]] = {}
        for test_id, profile in map(self.case_of, rows):
            chosen[profile] = chosen.get(profile, frozenset()) | {test_id}
        past = session.repository.times()
        often = times > 1 or until_failure
        label = "until failure" if until_failure else f"stress x{times:,}" if often else "again"
        speeds = session.repository.speeds()
        request = Request(Selection(per_profile=chosen), label=label, times=past, speeds=speeds)
        going = self._start(request)
        if often:
            going.recorded.run.observers.append(repeat(self._session, times, until_failure))

    def _start(self, request: Request) -> Going:
        going = self._session.start(request)
        state = going.recorded.run.state
        if self._session.dashboard is not None:
            self._session.dashboard.attach(state)
        return going

    def _request(self, what: str, last: Request) -> Request:
        session = self._session
        times = session.repository.times()
        if what == "failing":
            args = replace(session.args, failing=True, filters=(), load_list=(), listed=None)
            return make_request(args, session.settings, session.repository)
        if what == "all":
            return Request(Selection(), times=times, speeds=last.speeds, plan=last.plan)
        return replace(last, times=times)

    def bisect(self, row: Row) -> None:
        """See ``tui.controls.Controls``."""
        case = self.case_of(row)
        bisection = self._bisect(case, self._ran_before(case))
        task = self._session.tasks.create_task(bisection, name="bisection")
        self._session.bisections.add(task)
        task.add_done_callback(self._session.bisections.discard)

    async def _bisect(self, case: Case, before: list[str]) -> None:
        bisection = Bisection(case.test_id, before)
        while (trial := bisection.trial()) is not None:
            others = len(trial) - 1
            after = f"after {others:,} other{'s' * (others != 1)}" if others else "alone"
            self._tell(case, f"trial {bisection.trials + 1}: {after} …")
            instances = self._session.instances
            replay = replay_request(case.profile, trial, "isolation", instances=instances)
            run = prepare(self._session.settings, replay)
            await run.go()
            row = run.cases.find(*case)
            bisection.outcome(row is not None and run.state.standing_of(row) in FAILED)
        if bisection.verdict is not None:
            self._tell(case, bisection.verdict.why)

    def _ran_before(self, case: Case) -> list[str]:
        """Return what the worker ran before ``case`` when it failed: in this run, else in its stored one."""
        state = self.state
        cases = state.cases
        row = cases.find(*case)
        if row is not None and (around := state.surroundings.get(row)) is not None:
            return [cases.test_id(other) for other in around.rows_before]
        number = self.run_number()
        if number is None:
            return []
        before = ran_before(self._session.repository.history, number, case)
        return [one.test_id for one in before]

    def _tell(self, case: Case, text: str) -> None:
        self.state.apply(Warned(case.test_id, text))
        if (dashboard := self._session.dashboard) is not None:
            dashboard.tell(case.test_id, text)

    def debug_command(self, row: Row) -> Sequence[str]:
        """See ``tui.controls.Controls``."""
        case = self.case_of(row)
        settings = self._session.settings
        profile = next(p for p in settings.profiles if p.name == case.profile)
        words = ["env", "-C", profile.directory or settings.root]
        words += [f"{name}={value}" for name, value in profile.env.items()]
        if isinstance(profile.suite, PytestSuite):
            return [
                *words,
                profile.python,
                "-m",
                "pytest",
                "--pdb",
                "-p",
                "no:cacheprovider",
                case.test_id,
            ]
        return [*words, profile.python or sys.executable, "-c", DEBUG_UNITTEST, case.test_id]

    def begin_watch(self) -> None:
        """See ``tui.controls.Controls``."""
        from .watching import begin_watching

        begin_watching(self._session)

    def ask_watch(self, intent: WatchIntent) -> None:
        """See ``tui.controls.Controls``: this is no watch."""

    def watching(self) -> str:
        """See ``tui.controls.Controls``."""
        return ""

    def wants_quit(self) -> None:
        """See ``tui.controls.Controls``."""


def repeat(session: Sitting, times: int, until_failure: bool) -> Callable[[RunEvent], None]:
    """Return an observer that has each case run so often, from when it is listed."""
    loop = asyncio.get_running_loop()

    def listed(event: RunEvent) -> None:
        if isinstance(event, CasesListed) and event.selected:
            # An observer sees an event before its consequences: only then is there what to repeat.
            loop.call_soon(session.ask, Rerun(tuple(event.selected), times, until_failure))

    return listed
