"""The controller's side of one host: its agent's messages become run events, commands become messages.

Sans-IO: ``receive`` takes parsed messages and returns events; ``perform`` returns the bytes to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from .cases import CaseTable
from .commands import Kill, LoadSuite, Retire, Send, StartWorker, StopCase, TakeBack
from .errors import ProtocolError
from .events import (
    CasesSuspected,
    FilesUsed,
    HostStrained,
    HostUp,
    ImageChanged,
    OutputReceived,
    PluginReported,
    RunEvent,
    Usage,
    Warned,
    WorkerLost,
    WorkerStarted,
)
from .ids import HostName, LaneId, ProfileName, Row
from .lane import BY_USER, OVER_LIMIT, Lane
from .listings import Listings
from .suspects import Losses
from .wire import bring_up, control, messages, orders
from .wire.messages import AgentMessage
from .wire.subunit import Decoder

REFUSALS = 3
"""Instances whose commands may end without running a case; then that is its outcome."""

LaneCommand = StartWorker | Send | TakeBack | StopCase | Retire | Kill | LoadSuite


@dataclass(slots=True)
class _Suite:
    """A profile's loader as seen from here."""

    foreign: bool
    begun_at: int
    decoder: Decoder = field(init=False)
    listed: bool = False
    import_errors: list[str] = field(default_factory=list[str])
    """What a foreign listing could not import (subunit.run)."""

    def __post_init__(self) -> None:
        self.decoder = Decoder(foreign=self.foreign)


class HostLanes:
    """All lanes of one host."""

    def __init__(
        self,
        host: HostName,
        cases: CaseTable,
        listings: Listings,
        *,
        foreign: frozenset[ProfileName],
        open_options: Callable[[StartWorker], Mapping[str, object]],
        clock: Callable[[], int],
        loading: Mapping[str, int] | None = None,
        credit: bool = False,
        losses: Losses | None = None,
        refusals: dict[Row, set[HostName]] | None = None,
    ) -> None:
        """``foreign``: profiles whose lanes are commands. ``clock``: UTC, ns since the epoch.

        ``loading``: profiles whose loaders were started already, and when. ``credit``: whether its channel
        is slow enough that one lane's flood could hold up the others. ``losses`` says for all hosts
        who is to blame for one that is lost, ``refusals`` which instances did not run a case that they were
        given; None: it is no instance.
        """
        self.host = host
        self._cases = cases
        self._listings = listings
        self._foreign = foreign
        self._open_options = open_options
        self._clock = clock
        self._lanes: dict[int, Lane] = {}
        self._suites: dict[ProfileName, _Suite] = {}
        self._loading = {ProfileName(name): began for name, began in (loading or {}).items()}
        self._credit = credit
        self._losses = losses or Losses()
        self._refusals = refusals
        self.refused = ""
        """Why the command of an instance ended without running anything: it seems to be out of reach."""
        self._outbox = bytearray()
        self._blameless = False
        self.said_bye = False
        self.last_words = ""
        """What the agent warned of last: why it ends, if it ends by itself."""

    # -- down ----------------------------------------------------------------------------------------

    def perform(self, command: LaneCommand) -> bytes:
        """Return the frames that carry a command out; none where it has become pointless."""
        match command:
            case LoadSuite(_, profile):
                began = self._loading.pop(profile, None)
                self._suites[profile] = _Suite(profile in self._foreign, began or self._clock())
                if began is not None:
                    return b""
                return orders.load(profile)
            case StartWorker(lane, _, profile, generation):
                foreign = profile in self._foreign
                self._lanes[lane] = Lane(lane, profile, foreign, generation, self._clock)
                if self._refusals is not None:
                    self._lanes[lane].elsewhere = self._may_refuse
                return orders.open_lane(lane, profile, generation, self._open_options(command))
            case Send(lane, rows):
                ids = self._cases.test_ids(rows)
                self._lanes[lane].give(ids, rows)
                return orders.run(lane, ids)
            case TakeBack(lane, rows):
                return orders.drop(lane, self._cases.test_ids(rows))
            case StopCase(lane, row):
                if self._lanes[lane].row != row:
                    return b""
                self._lanes[lane].stopped = BY_USER
                return orders.stop(lane, self._lanes[lane].place)
            case Retire(lane):
                self._lanes[lane].leaving = True
                return orders.retire(lane)
            case Kill(lane):
                self._lanes[lane].killed = True
                return orders.kill(lane)
            case _:
                assert_never(command)

    # -- up ------------------------------------------------------------------------------------------

    def receive(self, message: AgentMessage) -> list[RunEvent]:
        """Return the events that a message stands for. Raises ProtocolError when the host breaks the protocol."""
        match message:
            case messages.Data(channel, data):
                if self._credit:
                    self._outbox += orders.credit(channel, len(data))
                if isinstance(channel, str):
                    return self._loader_data(ProfileName(channel), data)
                lane = self._known_lane(channel)
                return self._heard(lane, lambda: lane.receive(data))
            case messages.Ran(number, generation, results, running):
                lane = self._known_lane(number)
                if lane.generation != generation:
                    return []
                return self._heard(lane, lambda: lane.ran(results, running))
            case messages.AgentHello(_, _, python, _, cpus, clock):
                return [HostUp(self.host, cpus, python, (clock - self._clock()) / 1e9)]
            case messages.LoaderState(profile, state, why):
                return self._loader_state(ProfileName(profile), state, why)
            case messages.ImageState(profile, state, why, memory, count):
                return [ImageChanged(ProfileName(profile), state, why, memory, count)]
            case messages.Opened(number, generation, pid):
                lane = self._lanes.get(number)
                if lane is None or not lane.foreign or lane.generation != generation:
                    return []  # other workers say hello themselves, when they can run
                return [WorkerStarted(lane.lane, generation, pid, lane.profile, -1)]
            case messages.Dropped(number, ids):
                return [self._known_lane(number).gave_back(ids)]
            case messages.LimitReached(number, generation):
                lane = self._lanes.get(number)
                if lane is not None and lane.generation == generation and lane.row is not None:
                    lane.stopped = lane.stopped or OVER_LIMIT
                return []
            case messages.Exited(number, generation):
                lane = self._lanes.get(number)
                if lane is None or lane.generation != generation or lane.exited:
                    return []
                events = lane.ended(message)
                self.refused = self.refused or lane.refused
                return events
            case messages.Output(number, source, data):
                return (
                    [OutputReceived(LaneId(number), source, data)] if number in self._lanes else []
                )
            case messages.UsageSeen(number, memory, cpu):
                return [Usage(LaneId(number), memory, cpu)] if number in self._lanes else []
            case messages.StrainSeen(text, fewer):
                return [HostStrained(self.host, text, fewer)]
            case messages.AgentWarning(text):
                self.last_words = text
                return [Warned(self.host, text)]
            case messages.Unheard():
                self._blameless = True
                return []
            case (
                messages.Pong()
                | bring_up.Tree()
                | bring_up.Needs()
                | bring_up.Copied()
                | bring_up.SetupState()
                | bring_up.PythonFound()
                | bring_up.Refused()
            ):
                return []  # heard by who asked
            case messages.Bye():
                self.said_bye = True
                return []
            case _:
                assert_never(message)

    def cannot_load(self, profile: ProfileName, why: str) -> list[RunEvent]:
        """Return what it means that the host cannot run a profile at all."""
        began = self._listings.began(profile, self.host)
        return began + self._listings.loaded(profile, self.host, why, 0.0)

    def lost(self, reason: str, *, for_good: bool = True) -> list[RunEvent]:
        """Return what the end of the channel means: every worker is gone.

        What ran has no verdict here and can run elsewhere; but not, if that took a host down before. (A
        host is not down whose agent ended because it did not hear of us.) ``for_good``: the host is given up.
        """
        events: list[RunEvent] = []
        alive = [lane for lane in self._lanes.values() if not lane.exited]
        running = [lane.row for lane in alive if lane.row is not None]
        blamed, suspects = self._losses.judge([] if self._blameless else running)
        for lane in alive:
            lane.exited = True
            if lane.row is not None and lane.row == blamed:
                events += lane.given_up(
                    f"Host {self.host} was lost while this test ran ({reason}),"
                    f" and so was another before it."
                )
            events.append(WorkerLost(lane.lane, lane.generation, reason, expected=True))
        if suspects:
            text = f"{len(suspects)} tests were running when hosts were lost twice: they run one at a time now"
            events += [CasesSuspected(suspects), Warned(self.host, text)]
        return events + self._listings.lost(self.host, for_good=for_good)

    @property
    def finished(self) -> bool:
        """Whether some test has run to its end on this connection."""
        return any(lane.finished for lane in self._lanes.values())

    def outbox(self) -> bytes:
        """Return what is to be sent because of what was received."""
        data = bytes(self._outbox)
        self._outbox.clear()
        return data

    def tick(self) -> list[RunEvent]:
        """Call about every second: foreign streams are looked through for what a wrong length hides."""
        return [event for lane in self._lanes.values() for event in lane.settle()]

    def _heard(self, lane: Lane, hear: Callable[[], list[RunEvent]]) -> list[RunEvent]:
        was_broken = lane.broken
        events = hear()
        if lane.broken and not was_broken:
            # Its lane alone pays for it: killed and replaced, the others do not notice.
            self._outbox += orders.kill(lane.lane)
        return events

    def _may_refuse(self, rows: Iterable[Row]) -> bool:
        """An instance ended a batch without running anything of it: say whether others get it."""
        known = {} if self._refusals is None else self._refusals
        told = [known.setdefault(row, set()) for row in rows]
        for hosts in told:
            hosts.add(self.host)
        return all(len(hosts) < REFUSALS for hosts in told)

    def _known_lane(self, number: int) -> Lane:
        lane = self._lanes.get(number)
        if lane is None:
            raise ProtocolError(f"it speaks of lane {number}, which was never opened")
        return lane

    # -- loaders -------------------------------------------------------------------------------------

    def _loader_state(self, profile: ProfileName, state: str, why: str) -> list[RunEvent]:
        suite = self._suites.get(profile)
        if suite is None:
            return []
        if state == "loading":
            return self._listings.began(profile, self.host)
        if state == "fresh":
            return [Warned(profile, f"each lane loads the suite by itself: {why}")] if why else []
        if suite.foreign and state == "ready":
            warnings = [Warned(profile, text) for text in suite.import_errors]
            return [*warnings, *self._listing_ended(profile, suite, "")]
        if state == "gone":
            reasons = suite.import_errors or [why or "its loader ended too early"]
            return self._listing_ended(profile, suite, "\n".join(reasons))
        return []

    def _loader_data(self, profile: ProfileName, data: bytes) -> list[RunEvent]:
        suite = self._suites.get(profile)
        if suite is None:
            raise ProtocolError(f"it speaks of profile {profile!r}, which was never loaded")
        events: list[RunEvent] = []
        ids: list[str] = []
        for packet in suite.decoder.feed(data):
            if packet.mime == control.EVENT_MIME:
                events += self._loader_event(profile, suite, control.parse(packet))
            elif packet.status == "exists" and packet.test_id is not None:
                ids.append(packet.test_id)
            elif packet.name == "import errors" and packet.data:
                suite.import_errors.append(packet.data.decode("utf-8", "replace").rstrip("\n"))
        if ids:
            events += self._listings.ids(profile, self.host, ids, {})
        return events

    def _loader_event(
        self, profile: ProfileName, suite: _Suite, event: control.Control
    ) -> list[RunEvent]:
        match event:
            case control.IdsListed(ids, groups):
                return self._listings.ids(profile, self.host, ids, groups)
            case control.IdsGone(ids):
                return self._listings.gone(profile, self.host, ids)
            case control.ListingDone(_, error):
                return self._listing_ended(profile, suite, error)
            case control.WorkerWarning(text):
                return [Warned(profile, text)]
            case control.Summary(text, failed):
                return [PluginReported(profile, text, failed)]
            case control.FilesSeen(files):
                return [FilesUsed(profile, files)]
            case _:
                return []

    def _listing_ended(self, profile: ProfileName, suite: _Suite, error: str) -> list[RunEvent]:
        if suite.listed:
            return []
        suite.listed = True
        seconds = (self._clock() - suite.begun_at) / 1e9
        return self._listings.loaded(profile, self.host, error, seconds)
