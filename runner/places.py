"""What a worker was sent, in order: it runs that in this order, and speaks of quick tests by their places in it.

Its agent may tell the same in its place (ARCHITECTURE.md, "pulse"), so that a result can come twice; each place counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from .errors import ProtocolError
from .wire.control import RESULT


class Places:
    """All ids that one worker was sent, and from where on nothing was told of them yet."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        """Ids by place; of what was told nothing is left."""
        self._next = 0

    def give(self, ids: Sequence[str]) -> None:
        """The worker is sent these."""
        self._sent += ids

    def passes(self, results: bytes) -> Iterator[tuple[str, int, int]]:
        """Yield (id, ns that it took, ns since the epoch when it ended) of each result that is news.

        ``results``: see ``control.QuickPasses``. Raises ProtocolError.
        """
        if len(results) % RESULT.size:
            raise ProtocolError("it tells a part of a result")
        for place, took, at in RESULT.iter_unpack(results):
            if place >= self._next:
                test_id = self._at(place)
                self._told(place)
                yield test_id, took, at

    def running(self, place: int) -> str | None:
        """Return the id of the test that runs, by its place; None if more is known of that already. Raises ProtocolError."""
        return self._at(place) if place >= self._next else None

    def ended(self, test_id: str) -> None:
        """A test's end was told by its id."""
        if self._next < len(self._sent) and self._sent[self._next] == test_id:
            self._told(self._next)
            return
        with suppress(ValueError):  # no stream of ours
            self._told(self._sent.index(test_id, self._next))

    def of(self, test_id: str) -> int | None:
        """Return the place of a test of which no end was told; None if that is not known."""
        with suppress(ValueError):
            return self._sent.index(test_id, self._next)
        return None

    def _told(self, place: int) -> None:
        self._sent[place] = ""
        self._next = place + 1

    def _at(self, place: int) -> str:
        if not 0 <= place < len(self._sent):
            raise ProtocolError(f"it tells of test {place}, and was given {len(self._sent)}")
        return self._sent[place]
