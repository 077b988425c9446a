"""The core of a run: events in, commands out. It decides and does nothing itself.

A lane's worker (``staff``) is started again while there is something for the lane to run. Every
scheduled case ends with exactly one status: what cannot be run any more is given up, by name and with
a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import assert_never

from .cases import CaseTable
from .commands import (
    Command,
    Finish,
    Kill,
    Publish,
    Send,
    TakeBack,
    WakeAt,
)
from .decisions import Entry, Give, Idle, Move, Recall, Renew
from .dispatch import Dispatcher
from .events import (
    CaseFinished,
    CasesAbsent,
    CasesGivenUp,
    CasesListed,
    CasesPassed,
    CasesQueued,
    CasesReturned,
    CasesSuspected,
    CaseStarted,
    FixtureChanged,
    Group,
    HostLost,
    HostReady,
    HostSpeed,
    HostsProvisioned,
    HostStrained,
    LaneClosed,
    ListingEnded,
    ListingStarted,
    RunEvent,
    StopAsked,
    SuiteLoaded,
    Ticked,
    Warned,
    WorkerLost,
    WorkerStarted,
)
from .frozen import frozen
from .ids import DEFAULT_PROFILE, LOCAL, HostName, LaneId, ProfileName, Row
from .staff import LanePlace, LaneRecord, Staff
from .suites import Hosting, Suites
from .suspects import Bench

STILLBORN_LIMIT = 3
"""Workers in a row that may die before their first test; then the profile is given up."""

DIED_AT_START = "its workers died at start"
_SHARED = ("class", "module", "package", "session")
"""Scopes of fixtures that a test sets up, and others go on with."""
_COMES_UP = ("setup", "up", "failed")
_VERDICT = re.compile(r"^(?:\S+: error: |ERROR: (?!usage)).+", re.MULTILINE)
"""What argparse says below the usage, and pytest below warnings: it was called in the wrong way."""


@frozen
class Rules:
    """What the user asked of the run besides which tests to run."""

    retries: int = 0
    max_fail: int = 0
    spares: Callable[[str], bool] = lambda _id: False
    """Whether a test's failures do not count for ``max_fail``."""


class Session:
    """Takes the events of a run in the order they were published, and says what must be done."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        cases: CaseTable,
        places: Sequence[LanePlace],
        entry: Callable[[Row, int, Group | None], Entry],
        rules: Rules | None = None,
        more: Iterable[ProfileName] = (),
        hosting: Hosting | None = None,
    ) -> None:
        """``entry`` tells the dispatcher about a row: (row, index in its profile's listing, group).

        ``more``: profiles that no lane begins with. They are loaded on the first lane's host, and
        lanes go over to them when there is work.
        """
        self._hosting = hosting or Hosting()
        self._dispatcher = dispatcher
        self._cases = cases
        self._entry = entry
        self._rules = rules or Rules()
        self._staff = Staff(dispatcher, places)
        self._suites = Suites(places, more, self._hosting)
        self._attempts: dict[Row, int] = {}
        self._until: set[Row] = set()  # what is run many times, but only until it fails
        self._bench = Bench()
        self._failed = 0
        self._stillborn: dict[ProfileName, int] = {}
        self._broken: set[ProfileName] = set()
        self._problems: list[str] = []
        self._stopping: StopAsked | None = None
        self._finished = False
        self._woken_at: float | None = None

    def begin(self, now: float) -> list[Command]:
        """Return what starts the run."""
        commands = [self._staff.open(record) for record in self._staff]
        return [*commands, *self._suites.begin(), *self._feed(now)]

    def step(self, events: Iterable[RunEvent], now: float) -> list[Command]:
        """Take events that were published; return what must now be done, in order."""
        commands: list[Command] = []
        for event in events:
            self._take(event, now, commands)
        if self._finished:
            return commands
        return commands + self._feed(now)

    def change_lanes(self, by: int, now: float, host: HostName = LOCAL) -> list[Command]:
        """Open ``by`` more lanes on a host that has some, or let that many (the newest) go."""
        if self._finished or self._stopping is not None:
            return []
        return [*self._staff.change(host, by), *self._feed(now)]

    # -- events --------------------------------------------------------------------------------------

    def _take(self, event: RunEvent, now: float, commands: list[Command]) -> None:
        match event:
            case CaseStarted(lane, row):
                self._dispatcher.started(lane, row, now)
            case CaseFinished():
                self._case_finished(event, now, commands)
            case CasesPassed(lane, rows, _, seconds):
                for row, took in zip(rows, seconds, strict=True):
                    self._dispatcher.finished(lane, row, took, now)
                    self._bench.over(row)
                self._vital(lane, len(rows))
            case CasesListed():
                self._cases_listed(event, now, commands)
            case ListingEnded(profile, error, seconds):
                self._dispatcher.listing_ended(profile, seconds)
                self._listing_ended(profile, error, commands)
            case WorkerStarted(lane, generation, _, _, known):
                record = self._staff[lane]
                if generation == record.generation:
                    record.phase, record.finished = "ready", 0
                    self._dispatcher.worker_ready(lane, known, now)
            case WorkerLost():
                self._worker_lost(event, now, commands)
            case CasesReturned(lane, rows):
                self._dispatcher.returned(lane, rows, now)
                if self._stopping is not None:
                    self._give_up(None, self._stopping.reason, commands)
            case CasesQueued(rows, times, until_failure):
                if self._stopping is None:
                    self._bench.clear(rows)
                    (self._until.update if until_failure else self._until.difference_update)(rows)
                    self._dispatcher.again(rows, now, urgent=True, times=times)
                    lost = tuple(row for row in rows if self._cases.profile(row) in self._broken)
                    self._give_up(lost, DIED_AT_START, commands)
                    self._give_up_stranded(commands, rows)
            case CasesGivenUp(rows, _) if self._stopping is None:
                self._dispatcher.give_up(rows)
                self._bench.clear(rows)
            case StopAsked():
                self._stop(event, commands)
            case ListingStarted(profile, host):
                self._suites.began(profile, host)
            case SuiteLoaded(profile, host, error):
                self._suite_loaded(profile, host, error, commands)
            case CasesAbsent(_, host, rows):
                self._dispatcher.exclude(host, rows)
                self._give_up_stranded(commands, rows)
            case HostStrained(host, _, True):
                commands += self._staff.change(host, -1)
            case CasesSuspected(rows) if self._stopping is None:
                self._bench.put(self._dispatcher.give_up(rows))
            case HostsProvisioned(pool, profile, hosts, last):
                for host in hosts:
                    self._dispatcher.serve(profile, host)
                self._suites.coming.update(hosts)
                if last:
                    self._suites.coming.discard(pool)
            case HostReady():
                self._host_ready(event, commands)
            case HostLost():
                self._host_lost(event, commands)
            case LaneClosed(lane):
                self._staff.forget(lane)
            case FixtureChanged(lane, row, _, 0, _, scope, phase, seconds) if row is not None:
                if phase in _COMES_UP and scope in _SHARED:
                    took = None if phase == "setup" else seconds
                    self._dispatcher.fixture(lane, row, took, own=scope != "session")
            case Ticked(now=moment):
                commands += self._staff.hurry(moment)
            case _:
                pass  # told to readers, nothing to decide

    def _case_finished(self, event: CaseFinished, now: float, commands: list[Command]) -> None:
        until_failure = event.row in self._until and event.status.is_failure
        if until_failure:
            self._until.discard(event.row)
            self._dispatcher.enough((event.row,))
        self._dispatcher.finished(event.lane, event.row, event.seconds, now)
        self._bench.over(event.row)
        self._vital(event.lane, 1)
        if not event.status.is_failure:
            return
        attempts = self._attempts[event.row] = self._attempts.get(event.row, 0) + 1
        hopeless = (
            until_failure
            or self._stopping is not None
            or self._cases.profile(event.row) in self._broken
        )
        if attempts <= self._rules.retries and not hopeless:
            self._dispatcher.again((event.row,), now, urgent=False)
            commands.append(Publish(CasesQueued((event.row,), 0)))
            return
        if self._rules.spares(self._cases.test_id(event.row)):
            return
        self._failed += 1
        if self._failed == self._rules.max_fail:
            # More may fail: what was running, or was done before its worker heard of this.
            limit = "1 failure" if self._failed == 1 else f"{self._failed} failures"
            commands.append(Publish(StopAsked(False, f"the limit is {limit} (--max-fail)")))

    def _vital(self, lane: LaneId, finished: int) -> None:
        record = self._staff.get(lane)
        if record is not None:
            record.finished += finished
            self._stillborn[record.profile] = 0

    def _cases_listed(self, event: CasesListed, now: float, commands: list[Command]) -> None:
        first = self._suites.count(event.profile, len(event.rows))
        if self._stopping is not None or event.profile in self._broken:
            reason = DIED_AT_START if self._stopping is None else self._stopping.reason
            if event.selected:
                commands.append(Publish(CasesGivenUp(event.selected, reason)))
            return
        index = dict(zip(event.rows, count(first)))
        entry, group = self._entry, event.groups.get
        self._dispatcher.add([entry(row, index[row], group(row)) for row in event.selected], now)

    def _listing_ended(self, profile: ProfileName, error: str, commands: list[Command]) -> None:
        commands += self._suites.ended(profile, failed=bool(error))
        if error:
            whose = "" if profile == DEFAULT_PROFILE else f" of profile {profile}"
            self._problems.append(f"the suite{whose} could not be loaded: {_brief(error)}")
            self._give_up(self._rows_of(profile), "its suite could not be loaded", commands)

    def _worker_lost(self, event: WorkerLost, now: float, commands: list[Command]) -> None:
        record = self._staff.get(event.lane)
        if record is None or event.generation != record.generation:
            return
        self._dispatcher.worker_gone(event.lane, now)
        record.phase = "wanted"
        if record.finished == 0 and not event.expected:
            deaths = self._stillborn[record.profile] = self._stillborn.get(record.profile, 0) + 1
            if deaths >= STILLBORN_LIMIT and record.profile not in self._broken:
                self._broken.add(record.profile)
                self._problems.append(
                    f"{deaths} workers in a row died before their first test: {event.reason}"
                )
        if record.profile in self._broken:
            self._give_up(self._rows_of(record.profile), DIED_AT_START, commands)
        if self._stopping is not None:
            self._give_up(None, self._stopping.reason, commands)
        if record.closing:
            commands.append(self._staff.close(record, now))

    def _stop(self, event: StopAsked, commands: list[Command]) -> None:
        first = self._stopping is None
        if event.fault:
            self._problems.append(event.reason)
        if first:
            self._stopping = event
            self._give_up(None, event.reason, commands)
            for profile in self._suites.stop():
                self._dispatcher.listing_ended(profile)
        for record in self._staff:
            lane = record.place.lane
            if event.hard and record.phase in ("starting", "ready", "leaving"):
                commands.append(Kill(lane))
            elif first and (held := self._dispatcher.not_started(lane)):
                commands.append(TakeBack(lane, held))

    # -- hosts ---------------------------------------------------------------------------------------

    def _host_ready(self, event: HostReady, commands: list[Command]) -> None:
        self._suites.coming.discard(event.host)
        if self._stopping is not None:
            return
        commands += [self._staff.add(place) for place in self._hosting.places(event)]
        commands += self._suites.ready(event)

    def _suite_loaded(
        self, profile: ProfileName, host: HostName, error: str, commands: list[Command]
    ) -> None:
        commands += self._suites.loaded(host, profile, failed=bool(error))
        if not error or profile in self._suites.unloadable:
            return
        commands.append(Publish(Warned(host, f"it cannot run {profile}: {_brief(error)}")))
        self._dispatcher.bar(profile, host)
        mine = self._suites.rest(host, profile)
        for number, record in enumerate(self._staff.of_host(host)):
            if record.profile == profile:
                record.closing = not mine
                if mine:
                    record.profile = mine[number % len(mine)]
                    commands.append(self._staff.open(record))

    def _host_lost(self, event: HostLost, commands: list[Command]) -> None:
        host = event.host
        commands += self._staff.lose(host)
        commands += self._suites.lost(host, again=event.again is not None)
        if self._stopping is not None:
            self._give_up(None, self._stopping.reason, commands)
        elif not self._staff and not self._suites.coming and not self._dispatcher.done:
            self._problems.append(f"host {host} was lost and no other is left: {event.reason}")
            self._give_up(None, f"host {host} was lost", commands)
        elif event.again is None:
            self._give_up_stranded(commands)

    def _give_up_stranded(self, commands: list[Command], rows: Iterable[Row] | None = None) -> None:
        """Give up what of ``rows`` (None: of all) no host can run that is there or may come."""
        hosts = {record.place.host for record in self._staff} | self._suites.coming
        if lost := self._dispatcher.stranded(hosts, rows):
            problem = "hosts were lost that alone could run some tests"
            if problem not in self._problems:
                self._problems.append(problem)
            self._give_up(lost, "no host is left that could run it", commands)

    # -- decisions -----------------------------------------------------------------------------------

    def _feed(self, now: float) -> list[Command]:
        commands: list[Command] = []
        if (suspect := self._bench.next()) is not None:
            self._dispatcher.again((suspect,), now, urgent=True)
            self._give_up_stranded(commands, (suspect,))
        for decision in self._dispatcher.decide(now):
            match decision:
                case Give(lane, rows):
                    commands.append(Send(lane, rows))
                case Recall(lane, rows):
                    commands.append(TakeBack(lane, rows))
                case Renew(lane):
                    commands.append(self._staff.leave(self._staff[lane]))
                case Idle(lane):  # the lane stays: what a lost host leaves may come back to it
                    if self._staff[lane].phase == "ready":
                        commands.append(self._staff.leave(self._staff[lane]))
                case Move(lane, profile):
                    commands += self._staff.move(self._staff[lane], profile)
                case _:
                    assert_never(decision)
        starting = self._staff.starting()
        for record in self._staff:
            if record.phase == "wanted":
                self._start_or_close(record, starting, now, commands)
        commands += self._staff.waits()
        waiting = self._suites.coming or (self._staff and self._suites.expected)
        if self._staff.idle and (self._dispatcher.done or not waiting):
            self._finish(commands)
        elif (wake := self._dispatcher.wake_at) is not None and wake != self._woken_at:
            self._woken_at = wake
            commands.append(WakeAt(wake))
        return commands

    def _start_or_close(
        self, record: LaneRecord, starting: list[LaneId], now: float, commands: list[Command]
    ) -> None:
        """Decide about a lane without a worker; ``starting``: those whose workers come up."""
        lane = record.place.lane
        if record.closing or self._stopping is not None or self._dispatcher.done:
            commands.append(self._staff.close(record, now))
        elif (
            record.profile not in self._broken
            and self._suites.knows(record)
            and self._dispatcher.wants_worker(lane, starting)
        ):
            commands.append(self._staff.start(record))
            starting.append(lane)

    def _finish(self, commands: list[Command]) -> None:
        self._finished = True
        before = len(commands)
        self._give_up(None, "no lane was left to run it", commands)
        if len(commands) > before:
            self._problems.append("no lane was left to run every test")
        if self._suites.unlisted and not self._problems:
            names = ", ".join(sorted(self._suites.unlisted))
            self._problems.append(f"the run ended before this was listed: {names}")
        if self._hosting.coming:
            for host, speed in self._dispatcher.speeds.learnt().items():
                commands.append(Publish(HostSpeed(host, speed)))
        commands.append(Finish("; ".join(self._problems)))

    def _give_up(self, rows: tuple[Row, ...] | None, reason: str, commands: list[Command]) -> None:
        gone = self._dispatcher.give_up(rows)
        for row in gone:
            self._bench.over(row)
        if gone := (*gone, *self._bench.clear(rows)):
            commands.append(Publish(CasesGivenUp(gone, reason)))

    def _rows_of(self, profile: ProfileName) -> tuple[Row, ...]:
        return tuple(row for row in self._cases if self._cases.profile(row) == profile)


def _brief(error: str) -> str:
    """Return what tells most of what a loader said; the whole of it is in ``ListingEnded``.

    That is an argument parser's verdict below its usage, a traceback's exception, else the first and the last line.
    """
    if verdict := _VERDICT.search(error):
        return verdict[0]
    if error.startswith("Traceback (most recent"):  # its message may have several lines
        raised = error.rstrip().rpartition('\n  File "')[2].splitlines()[1:]
        error = next((line for line in raised if not line.startswith(" ") and line), error)
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return " … ".join(dict.fromkeys((lines[0], lines[-1]))) if lines else "it gave no reason"
