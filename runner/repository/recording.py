"""Writing a run down while it goes on: an observer of its events.

Each finished case becomes a block of the stream at once, so that finishing takes no second look at
the details. What the indices need is kept in arrays, some 45 bytes a case.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

from ..cases import CaseTable
from ..events import (
    CaseFinished,
    CasesListed,
    DetailReceived,
    ExtraResult,
    LaneClosed,
    LaneOpened,
    ListingEnded,
    RunEnded,
    RunEvent,
    RunStarted,
    Ticked,
    Usage,
    WorkerLost,
    WorkerStarted,
)
from ..ids import DEFAULT_PROFILE, LOCAL, HostName, Kind, LaneId, ProfileName, Row, Status
from .base import Detail, StoredResult
from .failing import Facts
from .filing import LOST, About, Draft, Filing, Outcome
from .spelling import own_tag, stored_id, stored_tag
from .stream_v1 import block_v1, details_v1, read_v1, tag_lines, v1_time

FLUSH_AFTER = 1_000_000_000
"""Nanoseconds between writes to the stream."""

CARRIED = 5
"""How many earlier attempts' tracebacks a result keeps."""

NOT_STORED = -1
"""What ``finish`` returns for a run that has no number: nothing ran, or it could not be stored."""

_STATUSES = (None, *Status)
_CODES = {status: code for code, status in enumerate(_STATUSES)}
_KINDS = tuple(Kind)
_KIND_CODES = {kind: code for code, kind in enumerate(_KINDS)}


class Recording:
    """One run's record. Give it every published event, then ``finish`` or ``abandon`` it.

    ``problem`` is empty, or says in a line what of the run could not be stored.
    """

    def __init__(
        self,
        cases: CaseTable,
        draft: Draft,
        store: Callable[[Filing], tuple[int, str]],
        *,
        partial: bool,
        journal: Path | None = None,
    ) -> None:
        self.problem = ""
        self.number: int | None = None
        self.journal = journal
        """Where this run's journal belongs, for a killed run to be found; removed when the run is stored."""
        self._cases = cases
        self._draft = draft
        self._store = store
        self._partial = partial
        self._interrupted = False
        self._label = ""
        self._started = time.time_ns()
        self._ended = 0
        self._profiles: tuple[ProfileName, ...] = ()
        self._unlisted: set[ProfileName] = set()
        self._selected = 0
        self._hosts: dict[LaneId, HostName] = {}
        self._generations: dict[LaneId, int] = {}
        self._places: dict[LaneId, int] = {}
        self._workers: dict[int, int] = {}
        self._open: dict[LaneId, tuple[Row, dict[str, tuple[str, list[bytes]]]]] = {}
        self._tags: dict[tuple[LaneId, ProfileName, tuple[str, ...]], tuple[bytes, bytes]] = {}
        self._attempts: dict[Row, int] = {}
        self._flaky: set[Row] = set()
        self._extras: dict[tuple[str, ProfileName], Outcome] = {}
        self._extra_blocks: list[tuple[int, int, LaneId]] = []
        self._flushed = 0
        self._superseded = False
        self._untidy = ""
        self._spelled: dict[str, str] | None = None
        self._status = bytearray()
        self._kind = bytearray()
        self._seconds = array("d")
        self._at = array("q")
        self._lane = array("i")
        self._generation = array("i")
        self._place = array("i")
        self._offset = array("q")
        self._length = array("q")
        self._takes: dict[type[Any], Callable[[Any], None]] = {
            DetailReceived: self._detail,
            CaseFinished: self._finished,
            ExtraResult: self._extra,
            RunStarted: self._run_started,
            RunEnded: self._run_ended,
            CasesListed: self._listed,
            ListingEnded: self._listing_ended,
            LaneOpened: self._lane_opened,
            WorkerStarted: self._worker_started,
            WorkerLost: self._lane_lost,
            LaneClosed: self._lane_lost,
            Ticked: self._tick,
            Usage: self._tick,
        }

    def record(self, event: RunEvent) -> None:
        """Take note of an event. Never raises for a disk that is full."""
        take = self._takes.get(type(event))
        if take is not None:
            take(event)

    def finish(self, *, interrupted: bool) -> int:
        """Store the run and return its number, or ``NOT_STORED``; ``problem`` then says why.

        A run in which nothing ran is not stored. An interrupted one keeps the failures that it did
        not reach. Calling it again returns the same.
        """
        if self.number is None:
            self._interrupted |= interrupted
            self.number = self._file()
        return self.number

    def abandon(self) -> None:
        """Forget the run: nothing of it is stored, and nothing is left of it."""
        if self.number is None:
            self.number = NOT_STORED
            self._draft.discard()
            if self.journal is not None:
                self.journal.unlink(missing_ok=True)

    def _run_started(self, event: RunStarted) -> None:
        self._started, self._label = event.at, event.label
        self._partial |= event.partial
        self._profiles = event.profiles

    def _run_ended(self, event: RunEnded) -> None:
        self._ended = event.at
        self._interrupted |= event.interrupted

    def _listed(self, event: CasesListed) -> None:
        self._selected += len(event.selected)

    def _listing_ended(self, event: ListingEnded) -> None:
        if event.error:
            self._unlisted.add(event.profile)

    def _lane_opened(self, event: LaneOpened) -> None:
        self._hosts[event.lane] = event.host

    def _worker_started(self, event: WorkerStarted) -> None:
        self._generations[event.lane] = event.generation
        self._open.pop(event.lane, None)

    def _lane_lost(self, event: WorkerLost | LaneClosed) -> None:
        self._open.pop(event.lane, None)

    def _tick(self, _: RunEvent) -> None:
        now = time.monotonic_ns()
        if now - self._flushed > FLUSH_AFTER:
            self._flushed = now
            self._draft.flush()
            self.problem = self._draft.problem

    def _detail(self, event: DetailReceived) -> None:
        if event.live:
            return
        current = self._open.get(event.lane)
        if current is None or current[0] != event.row:
            current = self._open[event.lane] = (event.row, {})
        pieces = current[1].get(event.name)
        if pieces is None:
            current[1][event.name] = (event.mime, [event.data])
        else:
            pieces[1].append(event.data)

    def _finished(self, event: CaseFinished) -> None:
        row, lane, status, tags = event.row, event.lane, event.status, event.tags
        current = self._open.pop(lane, None)
        if status is Status.NOT_RUN:
            return
        if row >= len(self._status):
            self._grow(row + 1)
        details: list[Detail] = []
        if current is not None and current[0] == row:
            details = [(name, mime, b"".join(data)) for name, (mime, data) in current[1].items()]
        if self._status[row]:
            details, tags = self._again(row, status, details, tags)
        profile = self._cases.profile(row)
        block = block_v1(
            stored_id(self._cases.test_id(row)).encode(),
            status,
            v1_time(event.at - round(event.seconds * 1e9)),
            v1_time(event.at),
            self._tag_lines(lane, profile, tags),
            details_v1(details) if details else b"",
        )
        place = self._places.get(lane, 0)
        self._places[lane] = place + 1
        self._status[row] = _CODES[status]
        self._kind[row] = _KIND_CODES[event.kind]
        self._seconds[row] = event.seconds
        self._at[row] = event.at
        self._lane[row] = lane
        self._generation[row] = self._generations.get(lane, 0)
        self._place[row] = place
        self._offset[row] = self._draft.add(block)
        self._length[row] = len(block)
        self._tick(event)

    def _again(
        self, row: Row, status: Status, details: list[Detail], tags: tuple[str, ...]
    ) -> tuple[list[Detail], tuple[str, ...]]:
        """Return the details and tags of a case's further attempt, with what earlier ones failed of."""
        number = self._attempts[row] = self._attempts.get(row, 1) + 1
        self._superseded = True
        failed = row in self._flaky
        carried: list[Detail] = []
        if self._offset[row] != LOST:
            block = self._draft.read(self._offset[row], self._length[row])
            for before in read_v1(block):
                carried = [one for one in before.details if one[0].startswith("attempt ")]
                if before.status.is_failure:
                    failed = True
                    if len(carried) < CARRIED:
                        carried += [
                            (f"attempt {number - 1} {name}", mime, data)
                            for name, mime, data in before.details
                            if name.startswith("traceback")
                        ]
        if failed:
            self._flaky.add(row)
            if not status.is_failure:
                tags = (*tags, "flaky")
        return [*details, *carried], tags

    def _extra(self, event: ExtraResult) -> None:
        if event.status is Status.NOT_RUN:
            return
        test_id, moment = stored_id(event.test_id), v1_time(event.at)
        block = block_v1(
            test_id.encode(),
            event.status,
            moment,
            moment,
            self._tag_lines(event.lane, event.profile, ()),
            details_v1(event.details),
        )
        offset = self._draft.add(block)
        if offset != LOST:
            self._extra_blocks.append((offset, len(block), event.lane))
        # A failure is not undone by another result of the same name, from another worker.
        known = self._extras.get((test_id, event.profile))
        if known is None or event.status.is_failure or not known.status.is_failure:
            self._extras[test_id, event.profile] = Outcome(
                test_id,
                _spelled(event.profile),
                event.status,
                at=event.at,
                host=self._hosts.get(event.lane, LOCAL),
                worker=event.lane,
                generation=self._generations.get(event.lane, 0),
                place=self._places.get(event.lane, 0),
                offset=offset,
                length=len(block),
                own=False,
            )
        self._tick(event)

    def _tag_lines(
        self, lane: LaneId, profile: ProfileName, own: tuple[str, ...]
    ) -> tuple[bytes, bytes]:
        lines = self._tags.get((lane, profile, own))
        if lines is None:
            words = [f"worker-{lane}"]
            if {profile, *self._profiles, *self._cases.profiles} != {DEFAULT_PROFILE}:
                words.append(stored_tag(profile))
            host = self._hosts.get(lane, LOCAL)
            if host != LOCAL:
                words.append(f"host-{stored_tag(host)}")
            words += [tag for tag in map(own_tag, own) if tag]
            if len(self._tags) > 10_000:
                self._tags.clear()
            lines = self._tags[lane, profile, own] = tag_lines(dict.fromkeys(words))
        return lines

    def _grow(self, size: int) -> None:
        more = max(size, len(self._cases)) - len(self._status)
        self._status.extend(bytes(more))
        self._kind.extend(bytes(more))
        for column in (self._seconds, self._at, self._lane, self._generation, self._place):
            column.frombytes(bytes(more * column.itemsize))
        self._offset.extend([LOST] * more)
        self._length.frombytes(bytes(more * self._length.itemsize))

    def _rows(self) -> list[Row]:
        """Return the rows that ran, in the order of their last attempts."""
        rows = [Row(row) for row, status in enumerate(self._status) if status]
        rows.sort(key=self._offset.__getitem__)
        return rows

    def _file(self) -> int:
        self._draft.flush()
        if not any(self._status) and not self._extras:
            self._draft.discard()
            if self.journal is not None:
                self.journal.unlink(missing_ok=True)
            return NOT_STORED
        self._tidy()
        filing = Filing(self._draft, self._about(), self._facts(), self._outcomes)
        number, problem = self._store(filing)
        problems = [one for one in (problem, self._untidy) if one]
        lost = sum(1 for row in self._rows() if self._offset[row] == LOST)
        if lost:
            problems.append(f"{lost} results are not in the stored run")
        self.problem = "; ".join(problems)
        return number

    def _tidy(self) -> None:
        """Take blocks of earlier attempts out, and number the workers without gaps (stestr warns of them)."""
        self._draft.cut()
        whole = self._draft.whole
        blocks: list[tuple[int, int, Row | None]] = []
        used: set[int] = set()
        for row, status in enumerate(self._status):
            if not status:
                continue
            if self._offset[row] + self._length[row] > whole:
                self._offset[row] = LOST
            if self._offset[row] != LOST:
                blocks.append((self._offset[row], self._length[row], Row(row)))
                used.add(self._lane[row])
        for offset, length, lane in self._extra_blocks:
            if offset + length <= whole:
                blocks.append((offset, length, None))
                used.add(lane)
        gaps = used != {*range(len(used))}
        if not (self._superseded or gaps):
            return
        numbers = {old: new for new, old in enumerate(sorted(used))} if gaps else {}
        blocks.sort(key=itemgetter(0))
        try:
            offsets = self._draft.compact([block[:2] for block in blocks], numbers)
        except OSError as error:
            self._untidy = f"earlier attempts are still in the stored run: {error}"
            return
        self._workers = numbers
        moved: dict[int, tuple[int, int]] = {}
        ends = [*offsets[1:], self._draft.size]
        for (old, _, row), new, end in zip(blocks, offsets, ends, strict=True):
            moved[old] = (new, end - new)
            if row is not None:
                self._offset[row], self._length[row] = moved[old]
        for key, extra in self._extras.items():
            offset, length = moved.get(extra.offset, (LOST, 0))
            self._extras[key] = extra._replace(offset=offset, length=length)

    def _about(self) -> About:
        profiles = dict.fromkeys((*self._profiles, *self._cases.profiles))
        ran = sum(1 for status in self._status if status)
        return About(
            self._started,
            max(0, (self._ended or time.time_ns()) - self._started) / 1e9,
            self._partial,
            self._interrupted,
            self._label,
            tuple(map(_spelled, profiles)),
            max(0, self._selected - ran),
        )

    def _facts(self) -> Facts:
        profiles = tuple(dict.fromkeys((*self._profiles, *self._cases.profiles)))
        return Facts(
            status=self._status_of,
            known=lambda test_id, profile: self._find(test_id, profile) is not None,
            ran=self._ran,
            profiles=tuple(map(_spelled, profiles)),
            partial=self._partial or self._interrupted,
            interrupted=self._interrupted,
            unlisted=frozenset(map(_spelled, self._unlisted)),
        )

    def _find(self, test_id: str, profile: ProfileName) -> Row | None:
        """Return the row of a case that is spelled as in the repository."""
        name = next((one for one in self._cases.profiles if _spelled(one) == profile), None)
        if name is None:
            return None
        row = self._cases.find(test_id, name)
        if row is None and ("\\" in test_id or test_id == "(no id)"):
            if self._spelled is None:
                ids = {self._cases.test_id(row) for row in self._cases}
                self._spelled = {new: old for old in ids if (new := stored_id(old)) != old}
            row = self._cases.find(self._spelled.get(test_id, test_id), name)
        return row

    def _status_of(self, test_id: str, profile: ProfileName) -> Status | None:
        row = self._find(test_id, profile)
        if row is not None and row < len(self._status) and self._status[row]:
            return _STATUSES[self._status[row]]
        extra = next((e for e in self._extras.values() if e[:2] == (test_id, profile)), None)
        return None if extra is None else extra.status

    def _ran(self, profile: ProfileName) -> Iterator[str]:
        for row, status in enumerate(self._status):
            if status and _spelled(self._cases.profile(Row(row))) == profile:
                yield self._cases.test_id(Row(row))

    def _outcomes(self) -> Iterator[Outcome]:
        for row in self._rows():
            lane = LaneId(self._lane[row])
            status = _STATUSES[self._status[row]] or Status.FAIL
            yield Outcome(
                stored_id(self._cases.test_id(row)),
                _spelled(self._cases.profile(row)),
                status,
                _KINDS[self._kind[row]],
                self._at[row],
                self._seconds[row],
                self._hosts.get(lane, LOCAL),
                self._workers.get(lane, lane),
                self._generation[row],
                self._place[row],
                row in self._flaky and not status.is_failure,
                self._offset[row],
                self._length[row],
            )
        for extra in self._extras.values():
            worker = extra.worker
            yield extra._replace(
                worker=None if worker is None else self._workers.get(worker, worker)
            )


def _spelled(profile: ProfileName) -> ProfileName:
    return ProfileName(stored_tag(profile))


def unstored(outcome: Outcome) -> StoredResult:
    """Return what is left of a result whose block could not be written."""
    tags = () if outcome.profile == DEFAULT_PROFILE else (outcome.profile,)
    return StoredResult(
        outcome.test_id, outcome.status, outcome.profile, tags, outcome.at, outcome.at
    )
