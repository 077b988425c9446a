"""Finding out which other test makes one fail, beside whatever else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from testlanes.runner.engine import prepare, replay_request
from testlanes.runner.errors import UserError
from testlanes.runner.ids import Case
from testlanes.runner.isolation import Bisection
from testlanes.runner.state import FAILED

if TYPE_CHECKING:
    from testlanes.runner.hosts.instances import Instances
    from testlanes.runner.settings import Settings


class Bisections:
    """The bisections that go on; each tells how far it is, and what it found."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._going: set[asyncio.Task[None]] = set()

    def begin(
        self,
        tasks: asyncio.TaskGroup,
        case: Case,
        before: Sequence[str],
        tell: Callable[[str], None],
        instances: Instances | None,
    ) -> None:
        """Find out which of the tests that ran ``before`` makes ``case`` fail, in a task of ``tasks``.

        ``instances``: where its lane is, if it is on one.
        """
        bisection = self._bisect(case, before, tell, instances)
        task = tasks.create_task(bisection, name="bisection")
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    def end(self) -> None:
        """End all of them."""
        for task in self._going:
            task.cancel()

    async def _bisect(
        self,
        case: Case,
        before: Sequence[str],
        tell: Callable[[str], None],
        instances: Instances | None,
    ) -> None:
        bisection = Bisection(case.test_id, before)
        try:
            while (trial := bisection.trial()) is not None:
                others = len(trial) - 1
                after = f"after {others:,} other{'s' * (others != 1)}" if others else "alone"
                tell(f"trial {bisection.trials + 1}: {after} …")
                bisection.outcome(await self._fails(case, trial, instances))
        except UserError as error:
            tell(str(error))
        if bisection.verdict is not None:
            tell(bisection.verdict.why)

    async def _fails(self, case: Case, trial: Sequence[str], instances: Instances | None) -> bool:
        """Whether a test fails when these run in one worker, in this order."""
        replay = replay_request(case.profile, trial, "isolation", instances=instances)
        run = prepare(self._settings, replay)
        await run.go()
        row = run.cases.find(*case)
        return row is not None and run.state.standing_of(row) in FAILED
