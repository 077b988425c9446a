"""What the dashboard asks of the runs before this one, and an implementation in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from testlanes.runner.ids import Case, ProfileName, Status


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One stored run."""

    number: int
    at: int
    """When it started: UTC, ns since the epoch."""
    seconds: float
    profiles: tuple[ProfileName, ...]
    counts: Mapping[Status, int]
    label: str = ""
    partial: bool = False
    interrupted: bool = False

    @property
    def failed(self) -> int:
        """How many cases failed."""
        return sum(count for status, count in self.counts.items() if status.is_failure)

    @property
    def passed(self) -> int:
        """How many cases passed, expected failures among them."""
        return self.counts.get(Status.SUCCESS, 0) + self.counts.get(Status.XFAIL, 0)

    @property
    def green(self) -> bool:
        """Whether it ran to its end and nothing failed."""
        return not self.failed and not self.interrupted


@dataclass(frozen=True, slots=True)
class Slower:
    """A case that took longer in run B than in run A, in seconds."""

    case: Case
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Run ``b`` against run ``a``."""

    a: int
    b: int
    newly_failing: tuple[Case, ...] = ()
    fixed: tuple[Case, ...] = ()
    still_failing: tuple[Case, ...] = ()
    new: tuple[Case, ...] = ()
    """What ran in B and not in A; empty if A was partial."""
    gone: tuple[Case, ...] = ()
    """What ran in A and not in B; empty if B was partial."""
    slower: tuple[Slower, ...] = ()
    """At least twice as slow and 0.1 s more, the worst first."""


@dataclass(frozen=True, slots=True)
class CaseRun:
    """How one case ended in one run."""

    run: int
    at: int
    status: Status
    seconds: float


@dataclass(frozen=True, slots=True)
class Flaky:
    """A case whose outcome changed ``flips`` times in ``runs`` runs."""

    case: Case
    flips: int
    runs: int


@dataclass(frozen=True, slots=True)
class Slow:
    """A case and how long it takes, in seconds."""

    case: Case
    seconds: float


def first_failed(runs: Sequence[CaseRun]) -> int | None:
    """Return which of a case's runs, the newest first, began its present row of failures."""
    first: int | None = None
    for run in runs:
        if not run.status.is_failure:
            break
        first = run.run
    return first


def last_passed(runs: Sequence[CaseRun]) -> int | None:
    """Return the latest of a case's runs, the newest first, in which it passed."""
    return next((run.run for run in runs if run.status is Status.SUCCESS), None)


class History(Protocol):
    """The runs before this one.

    The dashboard calls these while it draws: they must answer within a few milliseconds, from
    memory, and give the empty answer for what is not loaded yet. None may raise.
    """

    def statuses(self, test_id: str, profile: ProfileName, count: int) -> Sequence[Status]:
        """Return how a case ended in its latest runs, at most ``count`` of them, oldest first."""
        ...

    def runs(self, count: int) -> Sequence[RunSummary]:
        """Return the latest runs, newest first."""
        ...

    def compare(self, a: int, b: int) -> Comparison:
        """Compare run ``b`` with run ``a``."""
        ...

    def runs_of(self, test_id: str, profile: ProfileName) -> Sequence[CaseRun]:
        """Return every run in which a case had an outcome, newest first."""
        ...

    def flaky(self) -> Sequence[Flaky]:
        """Return the cases with the most changes of outcome, the worst first."""
        ...

    def slowest(self) -> Sequence[Slow]:
        """Return the cases that take longest, the slowest first."""
        ...


SLOWER = 2.0
SLOWER_BY = 0.1
FLAKY_RUNS = 5
LIST = 200


@dataclass(slots=True)
class _Run:
    summary: RunSummary
    results: Mapping[Case, tuple[Status, float]]


@dataclass(slots=True)
class MemoryHistory:
    """A history that holds its runs in memory; ``add`` them oldest first."""

    _runs: list[_Run] = field(default_factory=list[_Run])

    def add(
        self,
        results: Mapping[Case, tuple[Status, float]],
        *,
        number: int | None = None,
        at: int = 0,
        seconds: float = 0.0,
        label: str = "",
        partial: bool = False,
        interrupted: bool = False,
    ) -> RunSummary:
        """Add a run of (status, seconds) by case, and return its summary."""
        counts: dict[Status, int] = {}
        for status, _ in results.values():
            counts[status] = counts.get(status, 0) + 1
        summary = RunSummary(
            len(self._runs) if number is None else number,
            at,
            seconds,
            tuple(sorted({case.profile for case in results})),
            counts,
            label,
            partial,
            interrupted,
        )
        self._runs.append(_Run(summary, results))
        return summary

    def statuses(self, test_id: str, profile: ProfileName, count: int) -> Sequence[Status]:
        """See ``History``."""
        return [run.status for run in self.runs_of(test_id, profile)[:count]][::-1]

    def runs(self, count: int) -> Sequence[RunSummary]:
        """See ``History``."""
        return [run.summary for run in reversed(self._runs[-count:])] if count > 0 else []

    def compare(self, a: int, b: int) -> Comparison:
        """See ``History``."""
        by_number = {run.summary.number: run for run in self._runs}
        if a not in by_number or b not in by_number:
            return Comparison(a, b)
        old, new = by_number[a].results, by_number[b].results
        failing = [case for case, (status, _) in new.items() if status.is_failure]
        failed = {case for case, (status, _) in old.items() if status.is_failure}
        slower = [
            Slower(case, old[case][1], seconds)
            for case, (status, seconds) in new.items()
            if status is Status.SUCCESS
            and case in old
            and seconds >= SLOWER * old[case][1]
            and seconds - old[case][1] >= SLOWER_BY
        ]
        return Comparison(
            a,
            b,
            newly_failing=tuple(case for case in failing if case not in failed),
            fixed=tuple(case for case in failed if case in new and new[case][0] is Status.SUCCESS),
            still_failing=tuple(case for case in failing if case in failed),
            new=()
            if by_number[a].summary.partial
            else tuple(case for case in new if case not in old),
            gone=()
            if by_number[b].summary.partial
            else tuple(case for case in old if case not in new),
            slower=tuple(sorted(slower, key=lambda one: one.before - one.after)),
        )

    def runs_of(self, test_id: str, profile: ProfileName) -> Sequence[CaseRun]:
        """See ``History``."""
        case = Case(test_id, profile)
        return [
            CaseRun(run.summary.number, run.summary.at, *run.results[case])
            for run in reversed(self._runs)
            if case in run.results
        ]

    def flaky(self) -> Sequence[Flaky]:
        """See ``History``."""
        found: list[Flaky] = []
        for case in {case for run in self._runs for case in run.results}:
            outcomes = [
                run.results[case][0].is_failure for run in self._runs if case in run.results
            ]
            flips = sum(one != two for one, two in pairwise(outcomes))
            if flips > 1 and len(outcomes) >= FLAKY_RUNS:
                found.append(Flaky(case, flips, len(outcomes)))
        return sorted(found, key=lambda one: (-one.flips, one.case))[:LIST]

    def slowest(self) -> Sequence[Slow]:
        """See ``History``."""
        latest: dict[Case, float] = {}
        for run in self._runs:
            latest.update(
                {
                    case: seconds
                    for case, (status, seconds) in run.results.items()
                    if status is not Status.SKIP
                }
            )
        found = [Slow(case, seconds) for case, seconds in latest.items()]
        return sorted(found, key=lambda one: (-one.seconds, one.case))[:LIST]
