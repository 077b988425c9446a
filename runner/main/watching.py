"""A watch with the dashboard over it: the loop is ``runner.watch``'s, what is shown is a ``Board``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from testlanes.runner.cli.entry import settings_of
from testlanes.runner.cli.output import say
from testlanes.runner.cli.watch import unwatchable, watched_project
from testlanes.runner.errors import UserError
from testlanes.runner.events import CaseFinished, CasesPassed, RunEvent, Warned
from testlanes.runner.ids import Case, LaneId, Row
from testlanes.runner.intents import Intent, Rerun, Watch as WatchLane
from testlanes.runner.repository.opening import open_repository
from testlanes.runner.request import Request
from testlanes.runner.state import RunState
from testlanes.runner.state.board import Board
from testlanes.runner.watch import Recorded, Watch
from testlanes.runner.watch.turning import Turning
from testlanes.runner.watch.words import block
from testlanes.runner.watching import (
    Cycle,
    CycleBegan,
    CycleEnded,
    RunCases,
    RunNow,
    WatchEvent,
    WatchIntent,
    Ways,
    What,
)

from .controls import RunControls, repeat
from .dashboard import Going, Sitting

if TYPE_CHECKING:
    from testlanes.runner.cli.arguments import Arguments
    from testlanes.runner.cli.recorded import RecordedRun
    from testlanes.runner.settings import Settings

_WHAT: dict[str, What] = {"all": "all", "failing": "failing", "last": "again"}


def watch_with_dashboard(args: Arguments, load: Callable[[], Settings], ways: Ways) -> int:
    """Watch with the dashboard open. Returns 1 if something is failing at the end, or 128 and a signal."""
    settings = load()
    path = Path(settings.repository)
    with open_repository(path, settings.repository_format, create=True) as repository:
        sitting = Sitting(args, settings, repository)
        return asyncio.run(_live(sitting, Watching(sitting, load, ways)))


async def _live(sitting: Sitting, watching: Watching) -> int:
    async with asyncio.TaskGroup() as tasks:
        sitting.tasks = tasks
        watching.begin()
        code = await sitting.show(watching.board, watching.controls)
        await watching.end()
    return watching.tell_end(code)


def begin_watching(sitting: Sitting) -> None:
    """Let a watch take the dashboard over when the run that it shows is over."""
    if sitting.watching is not None:
        return
    try:
        watching = Watching(sitting, lambda: settings_of(sitting.args), Ways())
    except UserError as error:
        if sitting.dashboard is not None:
            sitting.dashboard.notice(str(error), "fail")
    else:
        watching.begin()


class Watching:
    """A watch of a sitting, its board and its controls. Raises UserError for settings that cannot be used."""

    def __init__(self, sitting: Sitting, load: Callable[[], Settings], ways: Ways) -> None:
        self.board = Board()
        self.often: tuple[int, bool] | None = None
        """How many times the next run is to run its cases, and whether only until they fail."""
        self.lane: LaneId | None = None
        """The lane whose live output is wanted, of each run."""
        self._sitting = sitting
        self.watch = Watch(
            lambda: watched_project(sitting.args, load()), self._tell, ways, self._running
        )
        self.controls = WatchControls(sitting, self)
        self._turning = Turning(sitting.settings, self._warn, quiet=True)
        self._problem: UserError | None = None
        self._finished: set[Case] = set()
        self._ran_in: dict[Case, int] = {}
        self._last: Cycle | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch, from when the run that goes on is over."""
        self._sitting.watching = self
        self._task = self._sitting.tasks.create_task(self._run(), name="watch")

    async def end(self) -> None:
        """Watch no longer; a run of the watch that goes on is killed and stored."""
        self.watch.stop()
        if self._task is not None:
            await self._task

    def tell_end(self, code: int) -> int:
        """Print how it stands, on the terminal that is given back; return the exit code. Raises UserError."""
        if self._problem is not None:
            raise self._problem
        if self._last is not None:
            many = len(self._sitting.settings.profiles) > 1
            with contextlib.suppress(BrokenPipeError):  # the terminal was closed
                say("\n".join(block(self._last, many_profiles=many)))
        return code or int(self._turning.red)

    def run_of(self, case: Case) -> int | None:
        """Return the number of the stored run that a case ran in last, as far as this watch knows."""
        return self._ran_in.get(case)

    async def _run(self) -> None:
        going = self._sitting.going
        if going is not None:
            await asyncio.wait([going.task])
        if (dashboard := self._sitting.dashboard) is not None:
            dashboard.attach(self.board, self.controls)
        try:
            await self.watch.run()
        except OSError as error:
            self._problem = unwatchable(error)
            if (dashboard := self._sitting.dashboard) is not None:
                dashboard.leave(0)

    # -- from the watch ------------------------------------------------------------------------------

    def _tell(self, event: WatchEvent) -> None:
        self.board.tell(event)
        match event:
            case CycleBegan():
                self._finished = set()
            case CycleEnded(cycle):
                if cycle.number:
                    self._last = cycle
                if cycle.run is not None:
                    self._ran_in.update(dict.fromkeys(self._finished, cycle.run))
                self._turning.take(cycle)
                going = self._sitting.going
                if going is not None and not going.task.done():
                    going.task.set_result(None)
                self._sitting.forget()
            case _:
                pass

    def _running(self, recorded: Recorded) -> None:
        """A run is about to begin."""
        run = recorded.run
        run.observers.append(self.board.follow(run.state))

        def note(event: RunEvent) -> None:
            if isinstance(event, CaseFinished):
                self._finished.add(run.cases.case(event.row))
            elif isinstance(event, CasesPassed):
                self._finished.update(map(run.cases.case, event.rows))

        run.observers.append(note)
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sitting.going = Going(cast("RecordedRun", recorded), None, Request(), over)
        if self.often is not None:
            often, self.often = self.often, None
            run.observers.append(repeat(self._sitting, *often))
        if self.lane is not None:
            run.supervisor.ask(WatchLane(self.lane, on=True))

    def _warn(self, text: str) -> None:
        self.board.apply(Warned("watch", text))


class WatchControls(RunControls):
    """The dashboard's ``Controls`` over a watch; rows are the board's."""

    offers = frozenset({"run", "bisect", "debug", "watch", "watching"})

    def __init__(self, sitting: Sitting, watching: Watching) -> None:
        super().__init__(sitting)
        self._watching = watching

    @property
    def state(self) -> RunState:
        """See ``RunControls``."""
        return self._watching.board

    def ask(self, intent: Intent) -> None:
        """See ``tui.controls.Controls``."""
        match intent:
            case Rerun(rows, times, until_failure):
                self._rerun(rows, times, until_failure)
            case WatchLane(lane, on):
                self._watching.lane = lane if on else None
                super().ask(intent)
            case _:
                super().ask(intent)

    def _rerun(self, rows: Sequence[Row], times: int, until_failure: bool) -> None:
        """Run some again at once: in the run that goes on, if they are in it, else in one of their own."""
        going = self._sitting.going
        if going is not None and not going.task.done():
            cases = going.recorded.run.cases
            own = [cases.find(*self.case_of(row)) for row in rows]
            if None not in own:
                super().ask(
                    Rerun(tuple(row for row in own if row is not None), times, until_failure)
                )
                return
        self.run_cases(rows, times=times, until_failure=until_failure)

    def run_number(self) -> int | None:
        """See ``tui.controls.Controls``."""
        return None if self._sitting.going is None else super().run_number()

    def stored_run_of(self, case: Case) -> int | None:
        """See ``RunControls``."""
        return self._watching.run_of(case)

    def run(self, what: str) -> None:
        """See ``tui.controls.Controls``."""
        self._watching.watch.ask(RunNow(_WHAT[what]))

    def run_cases(
        self, rows: Sequence[Row], *, times: int = 1, until_failure: bool = False
    ) -> None:
        """See ``tui.controls.Controls``."""
        self._watching.often = (times, until_failure) if times > 1 or until_failure else None
        self._watching.watch.ask(RunCases(frozenset(map(self.case_of, rows))))

    def begin_watch(self) -> None:
        """See ``tui.controls.Controls``: it is one."""

    def ask_watch(self, intent: WatchIntent) -> None:
        """See ``tui.controls.Controls``."""
        self._watching.watch.ask(intent)

    def watching(self) -> str:
        """See ``tui.controls.Controls``."""
        return f"{self._watching.board.watched.files:,} files"
