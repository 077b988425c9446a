"""What the dashboard's keys ask for, done to the run that goes on, or by another run."""

from __future__ import annotations

import asyncio
import re
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from testlanes.runner.cli.run import make_request, place_words
from testlanes.runner.errors import UserError
from testlanes.runner.events import CasesListed, Warned
from testlanes.runner.ids import Case, ProfileName, Row
from testlanes.runner.intents import Intent, Rerun
from testlanes.runner.repository.queries import ran_before
from testlanes.runner.request import Request
from testlanes.runner.settings import PytestSuite, Selection

from .debugging import debug_command

if TYPE_CHECKING:
    from testlanes.runner.cli.recorded import RecordedRun
    from testlanes.runner.events import RunEvent
    from testlanes.runner.repository.base import Repository
    from testlanes.runner.state import RunState
    from testlanes.runner.watching import WatchIntent

    from .dashboard import Going, Sitting


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

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting

    @property
    def _recorded(self) -> RecordedRun:
        going = self._sitting.going
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
        self._sitting.ask(intent)

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
        words = ["testlanes", "run", *place_words(self._sitting.args)]
        profiles = sorted({case.profile for case in cases})
        if self._sitting.settings.all_profiles:
            words += ["-p", ",".join(profiles)]
        words += dict.fromkeys(self._filter(case) for case in cases)
        return shlex.join(words)

    def _filter(self, case: Case) -> str:
        profile = next(p for p in self._sitting.settings.profiles if p.name == case.profile)
        if isinstance(profile.suite, PytestSuite):
            return case.test_id
        return f"^{re.escape(case.test_id)}$"

    async def details_of(self, row: Row) -> Sequence[tuple[str, str, bytes]]:
        """See ``tui.controls.Controls``; what passed is found once the run is stored."""
        case = self.case_of(row)
        number = self.stored_run_of(case)
        if number is None:
            return ()
        left = threading.Event()
        try:
            return await asyncio.to_thread(
                stored_details, self._sitting.repository, number, case, left.is_set
            )
        finally:
            left.set()

    def stored_run_of(self, case: Case) -> int | None:
        """Return the number of the run that a case ran in last, if that is stored."""
        return self.run_number() if self._sitting.over else None

    def where_ran(self, row: Row) -> Sequence[tuple[str, str]]:
        """See ``tui.controls.Controls``."""
        return [("again", self.rerun_command([row]))]

    def run(self, what: str) -> None:
        """See ``tui.controls.Controls``."""
        going = self._sitting.going
        if going is not None and going.task.done():
            self._start(self._request(what, going.request))

    def run_cases(
        self, rows: Sequence[Row], *, times: int = 1, until_failure: bool = False
    ) -> None:
        """See ``tui.controls.Controls``."""
        sitting = self._sitting
        if sitting.going is None or not sitting.going.task.done():
            return
        chosen: dict[ProfileName, frozenset[str]] = {}
        for test_id, profile in map(self.case_of, rows):
            chosen[profile] = chosen.get(profile, frozenset()) | {test_id}
        past = sitting.repository.times()
        often = times > 1 or until_failure
        label = "until failure" if until_failure else f"stress x{times:,}" if often else "again"
        speeds = sitting.repository.speeds()
        request = Request(Selection(per_profile=chosen), label=label, times=past, speeds=speeds)
        going = self._start(request)
        if often:
            going.recorded.run.observers.append(repeat(self._sitting, times, until_failure))

    def _start(self, request: Request) -> Going:
        going = self._sitting.start(request)
        state = going.recorded.run.state
        if self._sitting.dashboard is not None:
            self._sitting.dashboard.attach(state)
        return going

    def _request(self, what: str, last: Request) -> Request:
        sitting = self._sitting
        times = sitting.repository.times()
        if what == "failing":
            args = replace(sitting.args, failing=True, filters=(), load_list=(), listed=None)
            return make_request(args, sitting.settings, sitting.repository)
        if what == "all":
            return Request(Selection(), times=times, speeds=last.speeds, plan=last.plan)
        return replace(last, times=times)

    def bisect(self, row: Row) -> None:
        """See ``tui.controls.Controls``."""
        case = self.case_of(row)
        before = self._ran_before(case)
        sitting = self._sitting
        tell = partial(self._tell, case)
        sitting.bisections.begin(sitting.tasks, case, before, tell, sitting.instances)

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
        before = ran_before(self._sitting.repository.history, number, case)
        return [one.test_id for one in before]

    def _tell(self, case: Case, text: str) -> None:
        self.state.apply(Warned(case.test_id, text))
        if (dashboard := self._sitting.dashboard) is not None:
            dashboard.tell(case.test_id, text)

    def debug_command(self, row: Row) -> Sequence[str]:
        """See ``tui.controls.Controls``."""
        return debug_command(self._sitting.settings, self.case_of(row))

    def begin_watch(self) -> None:
        """See ``tui.controls.Controls``."""
        from .watching import begin_watching

        begin_watching(self._sitting)

    def ask_watch(self, intent: WatchIntent) -> None:
        """See ``tui.controls.Controls``: this is no watch."""

    def watching(self) -> str:
        """See ``tui.controls.Controls``."""
        return ""

    def wants_quit(self) -> None:
        """See ``tui.controls.Controls``."""


def repeat(sitting: Sitting, times: int, until_failure: bool) -> Callable[[RunEvent], None]:
    """Return an observer that has each case run so often, from when it is listed."""
    loop = asyncio.get_running_loop()

    def listed(event: RunEvent) -> None:
        if isinstance(event, CasesListed) and event.selected:
            # An observer sees an event before its consequences: only then is there what to repeat.
            loop.call_soon(sitting.ask, Rerun(tuple(event.selected), times, until_failure))

    return listed
