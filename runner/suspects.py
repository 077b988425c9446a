"""Which test is to blame when hosts go down: the one that ran there each time. Pure.

One loss is nobody's fault: what ran there runs elsewhere. A test that was running at a second one took both hosts
down; where several were, they run one at a time from then on, so that the next loss tells which it is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from .ids import Row


class Losses:
    """Counts, for all hosts of a run, which rows were running when one was lost."""

    def __init__(self) -> None:
        self._counts = Counter[Row]()

    def judge(self, rows: Sequence[Row]) -> tuple[Row | None, tuple[Row, ...]]:
        """A host is lost where ``rows`` were running. Return who is to blame, or the several who may be."""
        again = [row for row in rows if self._counts[row]]
        self._counts.update(rows)
        if len(again) == 1:
            return again[0], ()
        return None, tuple(again)


class Bench:
    """Suspects, of whom one at a time is let run."""

    def __init__(self) -> None:
        self._waiting: deque[Row] = deque()
        self._running: Row | None = None

    def put(self, rows: Iterable[Row]) -> None:
        """Let rows wait for their turn."""
        for row in rows:
            if row == self._running:
                self._running = None
            if row not in self._waiting:
                self._waiting.append(row)

    def next(self) -> Row | None:
        """Return who is to run now; None: nobody new."""
        if self._running is None and self._waiting:
            self._running = self._waiting.popleft()
            return self._running
        return None

    def over(self, row: Row) -> None:
        """A row has an outcome."""
        if row == self._running:
            self._running = None

    def clear(self, rows: Iterable[Row] | None = None) -> tuple[Row, ...]:
        """Forget rows (None: all) that wait; return those that did."""
        gone = tuple(self._waiting if rows is None else (set(rows) & set(self._waiting)))
        self._waiting = deque(row for row in self._waiting if row not in gone)
        return gone
