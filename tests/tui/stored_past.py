"""The runs before the one on the stage: the real history, over a repository in memory."""

from __future__ import annotations

from collections.abc import Mapping

from testlanes.past import Past
from testlanes.runner.ids import Case, Status
from testlanes.runner.repository.filing import About, Outcome
from testlanes.runner.repository.memory import MemoryRepository


class _Indexed(MemoryRepository):
    """A repository of which only the index is there."""

    newest: int | None = None

    def latest(self) -> int | None:
        return self.newest


class StoredPast(Past):
    """``add`` runs to it, oldest first."""

    def __init__(self) -> None:
        self._kept = _Indexed()
        super().__init__(self._kept)

    def add(
        self,
        results: Mapping[Case, tuple[Status, float]],
        *,
        number: int,
        at: int = 0,
        seconds: float = 0.0,
        label: str = "",
        partial: bool = False,
    ) -> None:
        """Add a run of (status, seconds) by case."""
        profiles = tuple(sorted({case.profile for case in results}))
        about = About(at, seconds, partial, label=label, profiles=profiles)
        outcomes = [
            Outcome(*case, status, seconds=took) for case, (status, took) in results.items()
        ]
        self._kept.history.add(number, 0, about, lambda: outcomes)
        self._kept.newest = number
        self.forget()
