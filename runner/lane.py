"""One lane as the controller sees it: its worker's stream becomes events, and a worker's death a verdict.

Sans-IO. What the worker was given is ``held`` until it has an outcome; the one test that runs is ``row``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from .deaths import TEXT, death_between, last_words
from .errors import ProtocolError
from .events import (
    CaseFinished,
    CasesPassed,
    CasesReturned,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    FilesUsed,
    FixtureChanged,
    LeaksFound,
    OutputReceived,
    PluginReported,
    RunEvent,
    Warned,
    WorkerLost,
    WorkerStarted,
)
from .extras import Extras
from .ids import RETURNCODE, Kind, LaneId, ProfileName, Row, Status
from .places import Places
from .wire import control
from .wire.messages import Exited
from .wire.subunit import BadStreamError, Decoder, Packet

OVER_LIMIT, BY_USER = "over its time limit", "stopped by the user"
"""Why a running test is being stopped."""

# To look a member up in its enumeration takes Python 3.11 as long as a call, and each test needs some.
_NONE, _FAIL = Kind.NONE, Status.FAIL
_STATUSES = {str(status): status for status in Status}


@dataclass(slots=True)
class Lane:
    """A lane's present worker. ``foreign``: it is a command that runs one batch and ends."""

    lane: LaneId
    profile: ProfileName
    foreign: bool
    generation: int
    clock: Callable[[], int]
    decoder: Decoder = field(init=False)
    held: dict[str, Row] = field(default_factory=dict[str, Row])
    row: Row | None = None
    test_id: str = ""
    started_at: int = 0
    stopped: str = ""
    """Why the running test is being stopped, if it is: ``OVER_LIMIT`` or ``BY_USER``."""
    leaving: bool = False
    """Whether its worker was asked to end, or ends by itself in good order."""
    killed: bool = False
    exited: bool = False
    finished: int = 0
    """How many tests its worker ran to their end."""
    elsewhere: Callable[[Iterable[Row]], bool] = lambda _rows: False
    """Whether cases may run on another host that its command ended without running."""
    refused: str = ""
    """Why its command ran nothing, if these go elsewhere."""
    broken: str = ""
    """How its stream broke the protocol; it is killed then, and what still comes is not looked at."""
    _places: Places = field(default_factory=Places)
    _settling: int | None = None
    _kind: Kind = Kind.NONE
    _beside: dict[str, int] = field(default_factory=dict[str, int])
    """When tests began that run beside ``row`` in a foreign command."""
    _extras: Extras = field(init=False)

    def __post_init__(self) -> None:
        self.decoder = Decoder(foreign=self.foreign)
        self._extras = Extras(self.lane, self.profile)

    def give(self, ids: Sequence[str], rows: Iterable[Row]) -> None:
        """The worker is sent these."""
        self.held.update(zip(ids, rows, strict=True))
        self._places.give(ids)

    @property
    def place(self) -> int | None:
        """The place of the running test among what the worker was sent, if that is known."""
        return None if self.row is None else self._places.of(self.test_id)

    # -- what the worker says ------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[RunEvent]:
        """Return the events in a piece of the worker's stream; sets ``broken`` where that is no subunit."""
        events: list[RunEvent] = []
        if self.broken:
            return events
        try:
            self._packets(self.decoder.feed(data), events)
        except BadStreamError as error:
            self.broken = str(error)
            self._packets(error.before, events)
        except ProtocolError as error:
            self.broken = str(error)
        return events

    def settle(self) -> list[RunEvent]:
        """Look past a packet that has stayed incomplete since the last call (a foreign stream's wrong length)."""
        waiting, self._settling = self._settling, self.decoder.waiting
        events: list[RunEvent] = []
        if self.foreign and not self.exited and waiting is not None and waiting == self._settling:
            self._packets(self.decoder.settle(), events)
        return events

    def _packets(self, packets: Iterable[Packet], events: list[RunEvent]) -> None:
        for packet in packets:
            if packet.mime == control.EVENT_MIME:
                self._event(control.parse(packet), packet.ns or 0, events)
            elif packet.test_id is not None:
                self._result(packet.test_id, packet, events)
            elif self.foreign and packet.data:
                events.append(OutputReceived(self.lane, packet.name or "stdout", packet.data))

    def _event(self, event: control.Control, at: int, events: list[RunEvent]) -> None:
        about = f"lane {self.lane}"
        match event:
            case control.WorkerHello(pid, _, _, known):
                events.append(WorkerStarted(self.lane, self.generation, pid, self.profile, known))
            case control.QuickPasses(results):
                self._passed(results, events)
            case control.FailureKind(kind):
                self._kind = kind
            case control.DroppedIds(ids):
                events.append(self.gave_back(ids))
            case control.Retiring(why, unrun):
                self.leaving = True
                events += (
                    self.gave_back(unrun),
                    Warned(about, f"its worker is replaced: {', '.join(why)}"),
                )
            case control.FixtureEvent(number, parent, name, scope, phase, seconds):
                about_it = self.lane, self.row, number, parent, name, scope, phase, seconds
                events.append(FixtureChanged(*about_it, at))
            case control.LeaksSeen(leaks):
                events.append(LeaksFound(self.lane, self.row, leaks))
            case control.WorkerWarning(text):
                events.append(Warned(about, text))
            case control.Summary(text, failed):
                events.append(PluginReported(self.profile, text, failed))
            case control.FilesSeen(files):
                events.append(FilesUsed(self.profile, files))
            case control.WorkerBye():
                self.leaving = True
            case _:
                pass

    def ran(self, results: bytes, running: tuple[int, int] | None) -> list[RunEvent]:
        """Return what an agent tells in the place of its worker; the worker may have told, or still tell, the same.

        Sets ``broken`` as ``receive`` does.
        """
        events: list[RunEvent] = []
        if self.broken or self.exited:
            return events
        try:
            self._passed(results, events)
            test_id = None if running is None else self._places.running(running[0])
            if running is not None and test_id is not None:
                self._begin(test_id, running[1], events)
        except ProtocolError as error:
            self.broken = str(error)
        return events

    def _passed(self, results: bytes, events: list[RunEvent]) -> None:
        rows: list[Row] = []
        ats: list[int] = []
        times: list[float] = []
        for test_id, took, at in self._places.passes(results):
            row = self.held.get(test_id)
            if row is None:
                continue
            if self.row is None:
                del self.held[test_id]
                rows.append(row)
                ats.append(at)
                times.append(took / 1e9)
            elif self.row == row:  # the first of them, if any: it was seen to run
                self._end(row, Status.SUCCESS, at, (), events)
        if rows:
            self.finished += len(rows)
            events.append(CasesPassed(self.lane, tuple(rows), tuple(ats), tuple(times)))

    def _result(self, test_id: str, packet: Packet, events: list[RunEvent]) -> None:
        status = packet.status
        if status == "inprogress":
            self._begin(test_id, packet.ns, events)
            return
        if (
            self.row is None
            and test_id in self.held
            and (status or packet.data)
            and status != "exists"
        ):
            self._begin(test_id, packet.ns, events)  # a stream need not say that a test begins
        mine = test_id == self.test_id and self.row is not None
        if packet.name is not None and packet.data is not None:
            if mine and self.row is not None:
                events.append(
                    DetailReceived(
                        self.lane,
                        self.row,
                        packet.name,
                        packet.mime or TEXT,
                        packet.data,
                        packet.eof,
                    )
                )
            else:
                self._extras.keep(test_id, packet)
        if status is None or status == "exists":
            return
        at = self.clock() if packet.ns is None else packet.ns
        tags = tuple(sorted(packet.tags))
        if mine and self.row is not None:
            if not self.foreign:
                self._places.ended(test_id)
            self._end(self.row, _STATUSES[status], at, tags, events)
        elif test_id in self.held:
            self._end_beside(test_id, _STATUSES[status], at, tags, events)
        else:
            events.append(self._extras.end(test_id, _STATUSES[status], at))

    def _begin(self, test_id: str, ns: int | None, events: list[RunEvent]) -> None:
        row = self.held.get(test_id)
        if row is None:
            return  # nobody scheduled it: told when it ends
        if test_id == self.test_id and not self.foreign:
            return  # its agent told that
        at = self.clock() if ns is None else ns
        if self.row is not None:
            self._beside[test_id] = at
            return
        self.row, self.test_id, self._kind, self.stopped = row, test_id, _NONE, ""
        self.started_at = at
        events.append(CaseStarted(self.lane, row, at))

    def _end(
        self, row: Row, status: Status, at: int, tags: tuple[str, ...], events: list[RunEvent]
    ) -> None:
        kind = self._kind if status is _FAIL else _NONE
        if self.stopped:
            kind = self._stop_kind()
            if status is not _FAIL:
                # Whatever it says now, it was to end, and the signal may have cut a wait short.
                status = _FAIL
                events.append(self._reason(row, f"It ended, but was {self.stopped}."))
        self._finish(row, status, kind, at, tags, events)

    def _stop_kind(self) -> Kind:
        return Kind.TIMEOUT if self.stopped == OVER_LIMIT else Kind.ERROR

    def _finish(
        self,
        row: Row,
        status: Status,
        kind: Kind,
        at: int,
        tags: tuple[str, ...],
        events: list[RunEvent],
    ) -> None:
        seconds = max(0.0, (at - self.started_at) / 1e9)
        del self.held[self.test_id]
        self.row, self.test_id, self.stopped = None, "", ""
        self.finished += 1
        if events and type(events[-1]) is CaseStarted:
            events.pop()  # nobody could have seen it run: most of a suite of quick tests is told by one event each
        events.append(CaseFinished(self.lane, row, status, kind, at, seconds, tags))

    def _end_beside(
        self, test_id: str, status: Status, at: int, tags: tuple[str, ...], events: list[RunEvent]
    ) -> None:
        """A foreign command may run tests side by side; each is told as a whole when it ends."""
        row = self.held.pop(test_id)
        self.finished += 1
        start = self._beside.pop(test_id, at)
        events.append(CaseStarted(self.lane, row, start))
        for name, mime, data in self._extras.take(test_id):
            events.append(DetailReceived(self.lane, row, name, mime, data, eof=True))
        seconds = max(0.0, (at - start) / 1e9)
        events.append(CaseFinished(self.lane, row, status, Kind.NONE, at, seconds, tags))

    def _reason(self, row: Row, text: str) -> DetailReceived:
        data = text.encode("utf-8", "backslashreplace")
        return DetailReceived(self.lane, row, "reason", TEXT, data, eof=True)

    def gave_back(self, ids: Iterable[str]) -> CasesReturned:
        """Return what it means that the worker has not started ``ids`` and will not."""
        rows = tuple(
            self.held.pop(test_id)
            for test_id in ids
            if test_id in self.held and test_id != self.test_id
        )
        return CasesReturned(self.lane, rows)

    # -- how the worker ended ------------------------------------------------------------------------

    def ended(self, message: Exited) -> list[RunEvent]:
        """Return what a worker's end means: a verdict for the test that ran, and that the worker is gone."""
        self.exited = True
        events: list[RunEvent] = []
        with suppress(ProtocolError):  # a packet cut short by the end that is told here
            self._packets(self.decoder.close(), events)
        if self.broken:
            message = replace(message, why=f"was killed, for it broke the protocol: {self.broken}")
        expected = self.leaving or self.killed or self.row is not None
        if self.row is not None:
            if not self.killed:
                self._died(self.row, message, events)
        elif self.killed:
            pass
        elif self.foreign:
            self._batch_ended(message, events)
            expected = True
        elif not expected:
            events.append(self._unexpected(message))
        events.append(WorkerLost(self.lane, self.generation, message.why, expected))
        return events

    def given_up(self, text: str) -> list[RunEvent]:
        """Return the verdict on the running test where its host is gone: ``text`` says why it fails."""
        events: list[RunEvent] = []
        if self.row is not None:
            events.append(self._reason(self.row, text))
            self._finish(self.row, Status.FAIL, Kind.CRASH, self.clock(), (), events)
        return events

    def _died(self, row: Row, message: Exited, events: list[RunEvent]) -> None:
        kind = self._stop_kind() if self.stopped else Kind.CRASH
        for name, mime, data in last_words(message, self.stopped):
            events.append(DetailReceived(self.lane, row, name, mime, data, eof=True))
        self._finish(row, Status.FAIL, kind, self.clock(), (), events)

    def _batch_ended(self, message: Exited, events: list[RunEvent]) -> None:
        if not self.held:
            if message.code or message.signal:
                events.append(self._unexpected(message))
            return
        if not self.finished and not self._extras.count and self.elsewhere(self.held.values()):
            last = message.stderr.strip().rpartition("\n")[2]
            self.refused = f"{message.why}: {last}" if last else message.why
            events.append(self.gave_back(list(self.held)))
            return
        if message.code or message.signal:
            # It died between two tests, or never began one: the first that it did not run is the
            # suspect; the others return to the queue.
            self._begin(next(iter(self.held)), None, events)
            if self.row is not None:
                self._died(self.row, message, events)
            return
        for test_id in list(self.held):
            self._begin(test_id, None, events)
            if self.row is not None:
                text = "The test command ended without a word about this test."
                events.append(self._reason(self.row, text))
                self._finish(self.row, Status.FAIL, Kind.ERROR, self.clock(), (), events)

    def _unexpected(self, message: Exited) -> ExtraResult:
        details = (death_between(message),)
        return ExtraResult(self.lane, RETURNCODE, self.profile, Status.FAIL, self.clock(), details)
