"""How the last attempt of each case ended, in arrays: some 45 bytes a case, for runs of 500,000."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ..cases import CaseTable
from ..events import CaseFinished
from ..ids import LOCAL, HostName, Kind, LaneId, ProfileName, Row, Status
from .filing import LOST, Outcome
from .spelling import stored_id, stored_tag

_STATUSES = (None, *Status)
_CODES = {status: code for code, status in enumerate(_STATUSES)}
_PASSED = _CODES[Status.SUCCESS]
_RAN = frozenset(_CODES.values()) - {0}
_FAILED = frozenset(code for status, code in _CODES.items() if status and status.is_failure)
_KINDS = tuple(Kind)
_KIND_CODES = {kind: code for code, kind in enumerate(_KINDS)}


class Finished:
    """A run's results by row, and those under ids that nobody scheduled.

    Asked in the repository's spelling of ids and profiles; ``offset`` and ``length`` say where a
    row's block is in the stream.
    """

    def __init__(self, cases: CaseTable) -> None:
        self.offset = array("q")
        self.length = array("q")
        self.lane = array("i")
        self.flaky: set[Row] = set()
        """Rows of which some attempt but the last failed."""
        self._before: list[tuple[Row, int, int, int, int]] = []
        """(row, status, lane, generation, place) of attempts that were followed by another one."""
        self.extras: dict[tuple[str, ProfileName], Outcome] = {}
        self.hosts: dict[LaneId, HostName] = {}
        self.speeds: dict[HostName, float] = {}
        self.generations: dict[LaneId, int] = {}
        self._cases = cases
        self._status = bytearray()
        self._kind = bytearray()
        self._seconds = array("d")
        self._at = array("q")
        self._generation = array("i")
        self._place = array("i")
        self._places: dict[LaneId, int] = {}
        self._respelled: dict[str, str] | None = None

    def __bool__(self) -> bool:
        return any(self._status) or bool(self.extras)

    def lanes(self) -> set[int]:
        """Return the lanes that the rows' last attempts ran in."""
        return {lane for lane, status in zip(self.lane, self._status, strict=True) if status}

    def lose(self, whole: int) -> int:
        """Mark the rows whose blocks are not within the first ``whole`` bytes; return how many are lost."""
        lost = 0
        for row, status in enumerate(self._status):
            if status and (self.offset[row] == LOST or self.offset[row] + self.length[row] > whole):
                self.offset[row] = LOST
                lost += 1
        return lost

    def ran(self, row: Row) -> bool:
        """Whether a row has a result."""
        return row < len(self._status) and self._status[row] > 0

    def put(self, event: CaseFinished, offset: int, length: int) -> None:
        """Keep an attempt, in place of the row's earlier one."""
        row = event.row
        if self.ran(row):
            was = self.lane[row], self._generation[row], self._place[row]
            self._before.append((row, self._status[row], *was))
        self.put_pass(row, event.lane, event.at, event.seconds, offset, length)
        self._status[row] = _CODES[event.status]
        self._kind[row] = _KIND_CODES[event.kind]

    def put_pass(
        self, row: Row, lane: LaneId, at: int, seconds: float, offset: int, length: int
    ) -> None:
        """Keep a first attempt that passed."""
        if row >= len(self._status):
            self._grow(row + 1)
        place = self._places.get(lane, 0)
        self._places[lane] = place + 1
        self._status[row] = _PASSED
        self._seconds[row] = seconds
        self._at[row] = at
        self.lane[row] = lane
        self._generation[row] = self.generations.get(lane, 0)
        self._place[row] = place
        self.offset[row] = offset
        self.length[row] = length

    def put_extra(
        self,
        test_id: str,
        profile: ProfileName,
        status: Status,
        lane: LaneId,
        at: int,
        offset: int,
        length: int,
    ) -> None:
        """Keep a result under an id of nobody. A failure is not undone by another result of that name."""
        known = self.extras.get((test_id, profile))
        if known is not None and known.status.is_failure and not status.is_failure:
            return
        self.extras[test_id, profile] = Outcome(
            test_id,
            profile,
            status,
            at=at,
            host=self.hosts.get(lane, LOCAL),
            worker=lane,
            generation=self.generations.get(lane, 0),
            place=self._places.get(lane, 0),
            offset=offset,
            length=length,
            own=False,
        )

    def rows(self, *, failed: bool = False) -> list[Row]:
        """Return the rows that ran (only those that failed), in the order of their last attempts."""
        wanted = _FAILED if failed else _RAN
        rows = [Row(row) for row, status in enumerate(self._status) if status in wanted]
        rows.sort(key=self.offset.__getitem__)
        return rows

    def outcomes(self, workers: Mapping[int, int], *, failed: bool = False) -> Iterator[Outcome]:
        """Yield every result, or every failure.

        ``workers``: lane -> its number in the stream, where that differs.
        """
        test_id, profile, flaky = self._cases.test_id, self._cases.profile, self.flaky
        where = {lane: self.hosts.get(lane, LOCAL) for lane in map(LaneId, self.lanes())}
        for row in self.rows(failed=failed):
            lane = LaneId(self.lane[row])
            host = where[lane]
            status = _STATUSES[self._status[row]] or Status.FAIL
            yield Outcome(
                stored_id(test_id(row)),
                stored_profile(profile(row)),
                status,
                _KINDS[self._kind[row]],
                self._at[row],
                self._seconds[row],
                host,
                workers.get(lane, lane),
                self._generation[row],
                self._place[row],
                row in flaky and not status.is_failure if flaky else False,
                self.offset[row],
                self.length[row],
                True,
                self.speeds.get(host, 1.0),
            )
        for extra in self.extras.values():
            if failed and not extra.status.is_failure:
                continue
            lane = extra.worker
            yield extra._replace(worker=None if lane is None else workers.get(lane, lane))

    def earlier(self, workers: Mapping[int, int]) -> Iterator[Outcome]:
        """Yield the attempts that were followed by another one, without their times."""
        for row, status, lane, generation, place in self._before:
            test_id, profile = self._cases.case(row)
            yield Outcome(
                stored_id(test_id),
                stored_profile(profile),
                _STATUSES[status] or Status.FAIL,
                worker=workers.get(lane, lane),
                generation=generation,
                place=place,
            )

    def status_of(self, test_id: str, profile: ProfileName) -> Status | None:
        """Return a case's status, or None if it did not run."""
        row = self.find(test_id, profile)
        if row is not None and self.ran(row):
            return _STATUSES[self._status[row]]
        extra = self.extras.get((test_id, profile))
        return None if extra is None else extra.status

    def find(self, test_id: str, profile: ProfileName) -> Row | None:
        """Return a case's row, or None if this run never heard of it."""
        name = next((one for one in self._cases.profiles if stored_profile(one) == profile), None)
        if name is None:
            return None
        row = self._cases.find(test_id, name)
        if row is None and ("\\" in test_id or test_id == "(no id)"):
            if self._respelled is None:
                ids = {self._cases.test_id(row) for row in self._cases}
                self._respelled = {new: old for old in ids if (new := stored_id(old)) != old}
            row = self._cases.find(self._respelled.get(test_id, test_id), name)
        return row

    def ids(self, profile: ProfileName) -> Iterator[str]:
        """Yield the ids that ran under a profile."""
        for row, status in enumerate(self._status):
            if status and stored_profile(self._cases.profile(Row(row))) == profile:
                yield self._cases.test_id(Row(row))

    def _grow(self, size: int) -> None:
        more = max(size, len(self._cases)) - len(self._status)
        self._status.extend(bytes(more))
        self._kind.extend(bytes(more))
        for column in (
            self._seconds,
            self._at,
            self.lane,
            self._generation,
            self._place,
            self.length,
        ):
            column.frombytes(bytes(more * column.itemsize))
        self.offset.extend([LOST] * more)


@lru_cache(maxsize=512)
def stored_profile(profile: ProfileName) -> ProfileName:
    """Return a profile's name as its tag says it."""
    return ProfileName(stored_tag(profile))
