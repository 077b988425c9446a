"""A run together with its record in the repository and its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine import prepare
from ..events import ListingEnded, RunEvent, StopAsked, Warned
from ..frame import Run
from ..journal import Journal
from ..request import Request

if TYPE_CHECKING:
    from ..plan import Plan
    from ..repository.directory import DirectoryRepository
    from ..settings import Settings


class RecordedRun:
    """Make it, let ``run`` go, then ``finish`` it, whatever happened."""

    def __init__(
        self, settings: Settings, repository: DirectoryRepository, request: Request
    ) -> None:
        self.run = prepare(settings, request)
        self._recording = repository.begin(
            self.run.cases, partial=self.run.started.partial, root=settings.root
        )
        self._journal: Journal | None = None
        self._problem = ""
        self.run.observers.append(self._recording.record)
        self.run.supervisor.settled = self._store
        if self._recording.journal is not None:
            try:
                self._journal = Journal(self._recording.journal, self.run.cases)
                self.run.observers.append(self._journal.record)
            except OSError as error:
                self._problem = f"no journal is kept: {error.strerror}"
        if request.plan is not None:
            self.run.observers.append(PlanCheck(request.plan, self.run).record)

    @property
    def problem(self) -> str:
        """Empty, or what could not be stored, in a line."""
        return self._recording.problem or self._problem

    @property
    def number(self) -> int | None:
        """The run's number once it is stored; -1 if it was not."""
        return self._recording.number

    def _store(self) -> None:
        self._recording.finish(interrupted=self.run.state.stopping is not None)

    def finish(self) -> int:
        """Store the run and return its number, -1 if there is nothing to store or it cannot be. Repeatable."""
        state = self.run.state
        number = self._recording.finish(
            interrupted=state.stopping is not None or state.ended is None
        )
        if self._journal is not None:
            self._journal.close()
        return number


class PlanCheck:
    """Compares a plan with the tests there are, when all are listed."""

    def __init__(self, plan: Plan, run: Run) -> None:
        self._plan = plan
        self._run = run
        self._left = {profile.name for profile in run.settings.profiles}

    def record(self, event: RunEvent) -> None:
        """Take an event; the last listing's end brings the plan's problems."""
        if not isinstance(event, ListingEnded):
            return
        self._left.discard(event.profile)
        if self._left or event.error:
            return
        cases = self._run.cases
        names = [profile.name for profile in self._run.settings.profiles]
        for problem in self._plan.problems([cases.case(row) for row in cases], names):
            told: RunEvent = (
                StopAsked(True, problem.text, fault=True)
                if problem.fatal
                else Warned("plan", problem.text)
            )
            self._run.supervisor.take([told])
