"""Which earlier test makes this one fail? Bisection over what ran before it in its worker. Pure.

As in testrepository's ``--analyze-isolation``: a test that fails alone has no one to blame; else the
half of its predecessors with which it still fails is halved again, until one is left.
"""

from __future__ import annotations

from collections.abc import Sequence

from .frozen import frozen


@frozen
class Verdict:
    """What a bisection found. ``culprit`` is None where there is none, and ``why`` says so."""

    test_id: str
    culprit: str | None
    why: str


class Bisection:
    """Ask ``trial`` what to run, in that order in one worker; tell ``outcome`` whether the last of it failed."""

    def __init__(self, test_id: str, predecessors: Sequence[str]) -> None:
        self.test_id = test_id
        self.verdict: Verdict | None = None
        self.trials = 0
        self._suspects = [each for each in predecessors if each != test_id]
        self._stage = "alone"
        self._first: list[str] = []
        self._second: list[str] = []

    def trial(self) -> list[str] | None:
        """Return the ids to run next, the test itself last; None when there is a verdict."""
        if self.verdict is not None:
            return None
        if self._stage == "alone":
            return [self.test_id]
        if self._stage == "together":
            return [*self._suspects, self.test_id]
        if self._stage == "first":
            return [*self._first, self.test_id]
        return [*self._second, self.test_id]

    def outcome(self, failed: bool) -> None:
        """Take the outcome of the last trial."""
        self.trials += 1
        match self._stage:
            case "alone":
                if failed:
                    self._decide(None, "it fails alone")
                elif not self._suspects:
                    self._decide(None, "it passes alone, and nothing ran before it in its worker")
                else:
                    self._stage = "together"
            case "together":
                if failed:
                    self._halve(self._suspects)
                else:
                    self._decide(None, "it passes after everything that ran before it: it is flaky")
            case "first":
                if failed:
                    self._halve(self._first)
                else:
                    self._stage = "second"
            case _:
                if failed:
                    self._halve(self._second)
                else:
                    several = len(self._first) + len(self._second)
                    self._decide(None, f"it fails only after several of {several} tests together")

    def _halve(self, suspects: list[str]) -> None:
        if len(suspects) == 1:
            self._decide(suspects[0], f"it fails after {suspects[0]}")
            return
        middle = len(suspects) // 2
        self._first, self._second = suspects[:middle], suspects[middle:]
        self._stage = "first"

    def _decide(self, culprit: str | None, why: str) -> None:
        self.verdict = Verdict(self.test_id, culprit, why)
