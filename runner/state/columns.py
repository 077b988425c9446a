"""The cases of a run, in columns indexed by row, with the counts that go with them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from ..cases import CaseTable
from ..events import CasesListed, CasesPassed
from ..ids import Kind, ProfileName, Row
from .parts import ProfileState
from .standing import KINDS, Standing

_WAITING = int(Standing.WAITING)
_LEFT = (int(Standing.WAITING), int(Standing.RUNNING))


class Columns:
    """What stands of each case. Only the run's ``apply`` writes."""

    def __init__(
        self, cases: CaseTable, expected: Callable[[str, ProfileName], float | None] | None
    ) -> None:
        """``expected``: how many seconds a test took in the past; None if nothing is known of any."""
        self.cases = cases
        self._expected = expected
        self.standing = bytearray()
        self.kind = bytearray()
        self.attempts = bytearray()
        self.flaky: set[Row] = set()
        self.seconds: array[float] = array("f")
        self.expected: array[float] = array("f")
        """Expected seconds from history; negative where unknown."""
        self.lane_of: array[int] = array("h")
        """The lane of the latest attempt; -1 for none."""
        self.counts: array[int] = array("l", [0] * len(Standing))
        self.profiles: dict[ProfileName, ProfileState] = {}
        self.changed_rows: array[int] = array("I")
        """Rows that changed since they were last drained; one can be there several times."""
        self._expected_left = 0.0
        self._unknown_left = 0

    @property
    def selected(self) -> int:
        """How many cases are to run, as far as they are listed."""
        return sum(self.counts) - self.counts[Standing.UNSELECTED]

    @property
    def finished(self) -> int:
        """How many cases have their status."""
        return self.selected - self.counts[Standing.WAITING] - self.counts[Standing.RUNNING]

    def expects(self, test_id: str, profile: ProfileName) -> float | None:
        """Return how long any test took in the past, in seconds; None if nobody knows."""
        return None if self._expected is None else self._expected(test_id, profile)

    def standing_of(self, row: Row) -> Standing:
        """Return where a case stands."""
        return Standing(self.standing[row])

    def kind_of(self, row: Row) -> Kind:
        """Return why a case's latest attempt failed."""
        return KINDS[self.kind[row]]

    def expected_seconds(self, row: Row) -> float | None:
        """Return how long a case took in the past, in seconds; None if nobody knows."""
        seconds = self.expected[row]
        return None if seconds < 0 else seconds

    def _list(self, event: CasesListed) -> None:
        """Make room for what was listed, and let wait what is selected of it."""
        profile = self._profile(event.profile)
        profile.listed += len(event.rows)
        first = len(self.standing)
        grow = event.rows[-1] + 1 - first if event.rows else 0
        if grow > 0:
            self.standing.extend(bytes(grow))
            self.kind.extend(bytes(grow))
            self.attempts.extend(bytes(grow))
            self.seconds.extend([0.0] * grow)
            self.expected.extend([-1.0] * grow)
            self.lane_of.extend([-1] * grow)
            self.counts[Standing.UNSELECTED] += grow
            for name, count in self.cases.shares(first, first + grow):
                if count:
                    self._profile(name).counts[Standing.UNSELECTED] += count
        if self._expected is not None:
            names, expected = self.cases.test_ids(event.selected), self._expected
            for row, test_id in zip(event.selected, names, strict=True):
                seconds = expected(test_id, event.profile)
                self.expected[row] = -1.0 if seconds is None else seconds
        if grow == len(event.rows) and event.rows[:1] == (first,):
            self._await(profile, event.selected)
            return
        for row in event.selected:
            self._move(row, Standing.WAITING)

    def _await(self, profile: ProfileState, rows: Sequence[Row]) -> None:
        """Let rows of a profile wait that are all new: ``_move`` for very many."""
        count, standing = len(rows), self.standing
        for row in rows:
            standing[row] = _WAITING
        for counts in (self.counts, profile.counts):
            counts[Standing.UNSELECTED] -= count
            counts[Standing.WAITING] += count
        times = [seconds for row in rows if (seconds := self.expected[row]) >= 0]
        self._expected_left += sum(times)
        self._unknown_left += count - len(times)
        self.changed_rows.extend(rows)

    def _first_passes(self, event: CasesPassed) -> None:
        """Let rows of one profile pass that never ran: ``_move`` and what else is in columns, for very many."""
        standing, expected, left = self.standing, self.expected, 0.0
        unknown = 0
        for row, seconds in zip(event.rows, event.seconds, strict=True):
            if standing[row] != Standing.WAITING:
                self._move(row, Standing.WAITING)
            standing[row] = Standing.SUCCESS
            self.attempts[row] = 1
            self.seconds[row] = seconds
            self.lane_of[row] = event.lane
            if (known := expected[row]) < 0:
                unknown += 1
            else:
                left += known
        count = len(event.rows)
        for counts in (self.counts, self._profile(self.cases.profile(event.rows[0])).counts):
            counts[Standing.WAITING] -= count
            counts[Standing.SUCCESS] += count
        self._unknown_left -= unknown
        self._expected_left = max(0.0, self._expected_left - left)
        self.changed_rows.extend(event.rows)

    def _move(self, row: Row, to: Standing) -> None:
        """Let a case stand elsewhere, and keep all counts true."""
        before = self.standing[row]
        if before == to:
            return
        self.standing[row] = to
        self.counts[before] -= 1
        self.counts[to] += 1
        counts = self.profiles[self.cases.profile(row)].counts
        counts[before] -= 1
        counts[to] += 1
        if (before in _LEFT) != (to in _LEFT):
            sign = 1 if to in _LEFT else -1
            expected = self.expected[row]
            if expected < 0:
                self._unknown_left += sign
            else:
                self._expected_left = max(0.0, self._expected_left + sign * expected)
        self.changed_rows.append(row)

    def _profile(self, profile: ProfileName) -> ProfileState:
        found = self.profiles.get(profile)
        if found is None:
            found = self.profiles[profile] = ProfileState(profile)
        return found
