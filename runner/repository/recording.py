"""Writing a run down while it goes on: an observer of its events.

Each finished case becomes a block of the stream at once, so that finishing takes no second look at
the details.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

from ..cases import CaseTable
from ..events import (
    CaseFinished,
    CasesListed,
    CasesPassed,
    DetailReceived,
    ExtraResult,
    HostSpeed,
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
from ..ids import DEFAULT_PROFILE, LOCAL, Kind, LaneId, ProfileName, Row, Status
from .base import Detail
from .failing import Facts
from .filing import LOST, About, Draft, Filing
from .finished import Finished, stored_profile
from .spelling import own_tag, stored_id, stored_tag
from .stream_v1 import block_v1, details_v1, read_v1, tag_lines, v1_time

FLUSH_AFTER = 1_000_000_000
"""Nanoseconds between writes to the stream."""

CARRIED = 5
"""How many earlier attempts' tracebacks a result keeps."""

NOT_STORED = -1
"""What ``finish`` returns for a run that has no number: nothing ran, or it could not be stored."""


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
        """Whose tests are not known: the suite could not be loaded, or the profile was left out."""
        self._selected = 0
        self._finished = Finished(cases)
        self._open: dict[LaneId, tuple[Row, dict[str, tuple[str, list[bytes]]]]] = {}
        self._tags: dict[tuple[LaneId, ProfileName, tuple[str, ...]], tuple[bytes, bytes]] = {}
        self._attempts: dict[Row, int] = {}
        self._extra_blocks: list[tuple[int, int, LaneId]] = []
        self._workers: dict[int, int] = {}
        self._flushed = 0
        self._untidy = ""
        self._takes: dict[type[Any], Callable[[Any], None]] = {
            DetailReceived: self._detail,
            CaseFinished: self._case_finished,
            CasesPassed: self._cases_passed,
            ExtraResult: self._extra,
            RunStarted: self._run_started,
            RunEnded: self._run_ended,
            CasesListed: self._listed,
            ListingEnded: self._listing_ended,
            LaneOpened: self._lane_opened,
            HostSpeed: self._host_speed,
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
            if self._finished:
                self.number = self._file()
            else:
                self.abandon()
        return NOT_STORED if self.number is None else self.number

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
        self._unlisted.update(event.absent)

    def _run_ended(self, event: RunEnded) -> None:
        self._ended = event.at
        self._interrupted |= event.interrupted

    def _listed(self, event: CasesListed) -> None:
        self._selected += len(event.selected)

    def _listing_ended(self, event: ListingEnded) -> None:
        if event.error:
            self._unlisted.add(event.profile)

    def _lane_opened(self, event: LaneOpened) -> None:
        self._finished.hosts[event.lane] = event.host

    def _host_speed(self, event: HostSpeed) -> None:
        self._finished.speeds[event.host] = event.speed

    def _worker_started(self, event: WorkerStarted) -> None:
        self._finished.generations[event.lane] = event.generation
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

    def _case_finished(self, event: CaseFinished) -> None:
        row, tags = event.row, event.tags
        current = self._open.pop(event.lane, None)
        if event.status is Status.NOT_RUN:
            return
        details: list[Detail] = []
        if current is not None and current[0] == row:
            details = [(name, mime, b"".join(data)) for name, (mime, data) in current[1].items()]
        if self._finished.ran(row):
            tags = self._again(row, event.status, details, tags)
        block = block_v1(
            stored_id(self._cases.test_id(row)).encode(),
            event.status,
            v1_time(event.at - round(event.seconds * 1e9)),
            v1_time(event.at),
            self._tag_lines(event.lane, self._cases.profile(row), tags),
            details_v1(details) if details else b"",
        )
        self._finished.put(event, self._draft.add(block), len(block))
        self._tick(event)

    def _cases_passed(self, event: CasesPassed) -> None:
        lane = event.lane
        self._open.pop(lane, None)
        add, keep = self._draft.add, self._finished.put_pass
        # A worker runs one profile's tests.
        tags = self._tag_lines(lane, self._cases.profile(event.rows[0]), ())
        names = self._cases.test_ids(event.rows)
        ends = zip(event.rows, names, event.ats, event.seconds, strict=True)
        for row, test_id, at, seconds in ends:
            if self._finished.ran(row):
                passed = Status.SUCCESS, Kind.NONE, at, seconds
                self._case_finished(CaseFinished(lane, row, *passed))
                continue
            name = stored_id(test_id).encode()
            start, stop = v1_time(at - round(seconds * 1e9)), v1_time(at)
            block = block_v1(name, Status.SUCCESS, start, stop, tags, b"")
            keep(row, lane, at, seconds, add(block), len(block))
        self._tick(event)

    def _again(
        self, row: Row, status: Status, details: list[Detail], tags: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Add to a further attempt's details what earlier ones failed of; return its tags.

        The earlier attempt's block is superseded: the old tools would count it as a test of its own.
        """
        number = self._attempts[row] = self._attempts.get(row, 1) + 1
        if self._finished.offset[row] != LOST:
            at, length = self._finished.offset[row], self._finished.length[row]
            for before in read_v1(self._draft.read(at, length)):
                carried = [one for one in before.details if one[0].startswith("attempt ")]
                details += carried
                if before.status.is_failure:
                    self._finished.flaky.add(row)
                    if len(carried) < CARRIED:
                        details += [
                            (f"attempt {number - 1} {name}", mime, data)
                            for name, mime, data in before.details
                            if name.startswith("traceback")
                        ]
        passed = row in self._finished.flaky and not status.is_failure
        return (*tags, "flaky") if passed else tags

    def _extra(self, event: ExtraResult) -> None:
        if event.status is Status.NOT_RUN:
            return
        test_id, moment = stored_id(event.test_id), v1_time(event.at)
        tags = self._tag_lines(event.lane, event.profile, ())
        block = block_v1(
            test_id.encode(), event.status, moment, moment, tags, details_v1(event.details)
        )
        offset, length = self._draft.add(block), len(block)
        if offset != LOST:
            self._extra_blocks.append((offset, length, event.lane))
        profile = stored_profile(event.profile)
        self._finished.put_extra(
            test_id, profile, event.status, event.lane, event.at, offset, length
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
            host = self._finished.hosts.get(lane, LOCAL)
            if host != LOCAL:
                words.append(f"host-{stored_tag(host)}")
            words += [tag for tag in map(own_tag, own) if tag]
            if len(self._tags) > 10_000:
                self._tags.clear()
            lines = self._tags[lane, profile, own] = tag_lines(dict.fromkeys(words))
        return lines

    def _file(self) -> int:
        self._draft.cut()
        lost = self._finished.lose(self._draft.whole)
        self._tidy()
        filing = Filing(
            self._draft,
            self._about(),
            self._facts(),
            lambda: self._finished.outcomes(self._workers),
            lambda: self._finished.outcomes(self._workers, failed=True),
            lambda: self._finished.earlier(self._workers),
        )
        number, problem = self._store(filing)
        problems = [one for one in (problem, self._untidy) if one]
        if lost:
            problems.append(f"{lost} results are not in the stored run")
        self.problem = "; ".join(problems)
        return number

    def _tidy(self) -> None:
        """Take blocks of earlier attempts out, and number the workers without gaps (stestr warns of them)."""
        done, whole = self._finished, self._draft.whole
        extras = [(at, size, lane) for at, size, lane in self._extra_blocks if at + size <= whole]
        used = done.lanes() | {lane for _, _, lane in extras}
        gaps = used != {*range(len(used))}
        if not (self._attempts or gaps):
            return
        blocks: list[tuple[int, int, Row | None]] = [(at, size, None) for at, size, _ in extras]
        stored = (row for row in done.rows() if done.offset[row] != LOST)
        blocks += [(done.offset[row], done.length[row], row) for row in stored]
        workers = {old: new for new, old in enumerate(sorted(used))} if gaps else {}
        blocks.sort(key=itemgetter(0))
        try:
            offsets = self._draft.compact([block[:2] for block in blocks], workers)
        except OSError as error:
            self._untidy = f"earlier attempts are still in the stored run: {error}"
            return
        self._workers = workers
        moved: dict[int, tuple[int, int]] = {}
        ends = [*offsets[1:], self._draft.size][: len(offsets)]
        for (old, _, row), new, end in zip(blocks, offsets, ends, strict=True):
            if row is not None:
                done.offset[row], done.length[row] = new, end - new
            else:
                moved[old] = (new, end - new)
        for key, extra in done.extras.items():
            offset, length = moved.get(extra.offset, (LOST, 0))
            done.extras[key] = extra._replace(offset=offset, length=length)

    def _about(self) -> About:
        profiles = dict.fromkeys((*self._profiles, *self._cases.profiles))
        return About(
            self._started,
            max(0, (self._ended or time.time_ns()) - self._started) / 1e9,
            self._partial,
            self._interrupted,
            self._label,
            tuple(map(stored_profile, profiles)),
            max(0, self._selected - len(self._finished.rows())),
        )

    def _facts(self) -> Facts:
        profiles = dict.fromkeys((*self._profiles, *self._cases.profiles))
        return Facts(
            status=self._finished.status_of,
            known=lambda test_id, profile: self._finished.find(test_id, profile) is not None,
            ran=self._finished.ids,
            profiles=tuple(map(stored_profile, profiles)),
            partial=self._partial or self._interrupted,
            interrupted=self._interrupted,
            unlisted=frozenset(map(stored_profile, self._unlisted)),
        )
