"""What the dashboard asks of the runs before this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """What ran in B and not in A, and did not fail; empty if A was partial."""
    gone: tuple[Case, ...] = ()
    """What ran in A and not in B; empty if B was partial."""
    slower: tuple[Slower, ...] = ()
    """Took half as long again or more, and 0.1 s more at least, the worst first."""


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
