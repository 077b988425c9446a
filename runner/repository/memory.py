"""A repository that lives and dies with the process: for runs that are not to be kept, and for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import BinaryIO

from ..cases import CaseTable
from ..errors import UserError
from ..ids import DEFAULT_PROFILE, Case, HostName
from . import queries
from .base import Repository, StoredResult, StoredRun
from .failing import Remembering
from .filing import Draft, Filing
from .history import History
from .inserting import filing_of
from .recording import Recording
from .stream_v1 import read_v1
from .stream_v2 import write_v2


class MemoryRepository(Repository):
    """See ``Repository``."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._runs: dict[int, bytes] = {}
        self._next = 0
        self._failing: dict[Case, StoredResult] = {}
        self._profiles: frozenset[str] = frozenset([DEFAULT_PROFILE])
        self._history = History(None)

    def begin(self, cases: CaseTable, *, partial: bool, root: str) -> Recording:
        """Start to store a run."""
        return Recording(cases, Draft(None), self._store, partial=partial)

    def insert(self, results: Iterable[StoredResult], partial: bool) -> int:
        """Store results as a run."""
        filing = filing_of(results, Draft(None), self._profiles, partial=partial)
        return self._store(filing)[0]

    def _store(self, filing: Filing) -> tuple[int, str]:
        number = self._next
        self._next += 1
        self._profiles |= frozenset(filing.about.profiles)
        failed = ((one.test_id, one.profile) for one in filing.failures())
        known = Remembering(filing.facts, self._profiles, failed)
        self._failing = {case: one for case, one in self._failing.items() if known.stays(one)}
        for one in filing.failures():
            block = filing.draft.read(one.offset, one.length)
            result = next(read_v1(block, self._profiles))
            self._failing.pop(result.case, None)
            self._failing[result.case] = result
        self._runs[number] = filing.draft.data()
        self._history.add(number, filing.draft.size, filing.about, filing.outcomes, filing.earlier)
        return number, ""

    def run_numbers(self) -> list[int]:
        """Return the runs that exist, ascending."""
        return sorted(self._runs)

    def read(self, number: int) -> StoredRun:
        """Return a run."""
        if number not in self._runs:
            raise UserError(f"There is no run {number}.")
        return StoredRun(number, self._runs[number], self._profiles)

    def remove(self, number: int) -> None:
        """Forget a run."""
        self.read(number)
        del self._runs[number]
        self._history.forget(number)

    def failing(self) -> list[StoredResult]:
        """Return what failed when it last ran."""
        return list(self._failing.values())

    def times(self) -> Mapping[Case, float]:
        """Return how long cases took when they last ended by themselves."""
        return queries.latest_seconds(self._history)

    def speeds(self) -> Mapping[HostName, float]:
        """Return how fast each host showed itself last."""
        return queries.host_speeds(self._history)

    def subunit_v2(self, number: int | None, out: BinaryIO) -> None:
        """Write a run or what is failing as subunit v2."""
        write_v2(self.failing() if number is None else self.read(number), out)

    def close(self) -> None:
        """Let go of the history, which is gone then."""
        self._history.close()

    @property
    def history(self) -> History:
        """What happened in earlier runs."""
        return self._history

    @property
    def profiles(self) -> frozenset[str]:
        """The names of all profiles that were ever recorded."""
        return self._profiles
