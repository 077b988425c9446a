"""The runs before this one, for the dashboard: its ``History`` over the repository's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from testlanes.runner.ids import Case, ProfileName, Status
from testlanes.runner.repository import queries
from testlanes.runner.repository.base import Repository
from testlanes.tui.history import (
    CaseRun,
    Comparison,
    Flaky,
    RunSummary,
    Slow,
    Slower,
)

T = TypeVar("T")
SHOWN = 200
"""The most rows of a list."""


class Past:
    """Answers from the repository's index; what was asked once is remembered until ``forget``."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[tuple[object, ...], object] = {}

    def forget(self) -> None:
        """A run was stored: every answer may be another now."""
        self._known.clear()

    def statuses(self, test_id: str, profile: ProfileName, count: int) -> Sequence[Status]:
        """See ``tui.history.History``."""
        return self._ask(
            ("statuses", test_id, profile, count),
            list[Status](),
            lambda history: queries.statuses(history, Case(test_id, profile), count),
        )

    def runs(self, count: int) -> Sequence[RunSummary]:
        """See ``tui.history.History``."""
        return self._ask(
            ("runs", count),
            list[RunSummary](),
            lambda history: [
                RunSummary(
                    run.number,
                    run.started,
                    run.seconds,
                    tuple(ProfileName(name) for name in run.profiles),
                    run.counts,
                    run.label,
                    run.partial,
                    run.interrupted,
                )
                for run in queries.runs(history, count)
            ],
        )

    def compare(self, a: int, b: int) -> Comparison:
        """See ``tui.history.History``."""

        def compared(history: queries.History) -> Comparison:
            found = queries.compare(history, a, b)
            earlier, later = queries.run(history, a), queries.run(history, b)
            return Comparison(
                a,
                b,
                found.newly_failing,
                found.fixed,
                found.still_failing,
                () if earlier is not None and earlier.partial else found.new,
                () if later is not None and later.partial else found.gone,
                tuple(Slower(one.case, one.before, one.after) for one in found.slower),
            )

        return self._ask(("compare", a, b), Comparison(a, b), compared)

    def runs_of(self, test_id: str, profile: ProfileName) -> Sequence[CaseRun]:
        """See ``tui.history.History``."""
        return self._ask(
            ("runs_of", test_id, profile),
            list[CaseRun](),
            lambda history: [
                CaseRun(one.run, one.started, one.status, one.seconds or 0.0)
                for one in queries.results_of(history, Case(test_id, profile), SHOWN)
            ],
        )

    def flaky(self) -> Sequence[Flaky]:
        """See ``tui.history.History``."""
        return self._ask(
            ("flaky",),
            list[Flaky](),
            lambda history: [
                Flaky(one.case, one.flips, one.runs) for one in queries.flaky(history)[:SHOWN]
            ],
        )

    def slowest(self) -> Sequence[Slow]:
        """See ``tui.history.History``."""

        def found(history: queries.History) -> list[Slow]:
            latest = self._repository.latest()
            if latest is None:
                return []
            return [Slow(*one) for one in queries.slowest(history, latest, SHOWN)]

        return self._ask(("slowest",), list[Slow](), found)

    def _ask(
        self, question: tuple[object, ...], nothing: T, answer: Callable[[queries.History], T]
    ) -> T:
        known = self._known
        if question not in known:
            try:
                known[question] = answer(self._repository.history)
            except Exception:  # history is derived data: without it the dashboard shows less
                known[question] = nothing
        return known[question]  # pyright: ignore[reportReturnType] - what this question put there
