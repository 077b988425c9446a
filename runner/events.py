"""All that can happen in a run: one closed union, in the order a run meets them.

Every reader (session, state, journal, repository, reporters, dashboard) takes these and nothing
else. ``at`` fields are UTC, in nanoseconds since the epoch, taken where the thing happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .frozen import frozen
from .ids import HostName, Kind, LaneId, ProfileName, Row, Status


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that share something dear (a class or module fixture) or may not be separated.

    A soft group (``hard=False``) is kept together while that costs nothing and may be split at
    the tail; a hard one (``group_regex``, ``xdist_group``) runs in one worker, in order.
    """

    name: str
    hard: bool = False


@frozen
class RunStarted:
    """The first event. ``profiles`` and ``lanes`` are what was asked for."""

    at: int
    root: str
    profiles: tuple[ProfileName, ...]
    lanes: int
    partial: bool
    """Whether less than everything was selected, so that other failures stay known."""
    label: str = ""
    """How the run was asked for (``failing``, ``watch``, ``isolated`` …); empty for a plain run."""
    absent: tuple[ProfileName, ...] = ()
    """Configured profiles that have no part in it, so that their failures stay known."""


@frozen
class HostUp:
    """An agent answered. ``clock_offset`` is its clock minus ours, in seconds."""

    host: HostName
    cpus: int
    python: str
    clock_offset: float = 0.0


@frozen
class HostPhase:
    """What a host is busy with before its lanes run: ``provisioning``, ``connecting``, ``syncing`` …"""

    host: HostName
    phase: str
    note: str = ""


@frozen
class HostReady:
    """All is in place on a host: lanes may be opened there, so many, of these profiles.

    ``latency``: seconds from sending it something until its answer can be here.
    """

    host: HostName
    lanes: int
    profiles: tuple[ProfileName, ...]
    latency: float = 0.0
    root: str = ""
    """The project's folder there."""


@frozen
class HostsProvisioned:
    """Hosts were made for this run, for one profile, and come up now.

    ``pool``: the host under whose name that was told of; ``last``: no more come of it.
    """

    pool: HostName
    profile: ProfileName
    hosts: tuple[HostName, ...]
    last: bool


@frozen
class HostLost:
    """A host is gone, with every lane on it."""

    host: HostName
    reason: str
    again: float | None = None
    """Seconds until it is tried again; None: it is given up."""


@frozen
class HostSpeed:
    """How fast a host has shown itself: expected seconds over measured ones. Told at the end, where there are several.

    This machine's is 1 if it took part; what is stored of a test's time is what it would take here.
    """

    host: HostName
    speed: float


@frozen
class SuiteLoaded:
    """A host's loader has loaded a profile's suite completely; ``error``: or cannot, and why."""

    profile: ProfileName
    host: HostName
    error: str = ""


@frozen
class CasesAbsent:
    """These cases are not in the suite that a host has loaded, so that it cannot run them."""

    profile: ProfileName
    host: HostName
    rows: tuple[Row, ...]


@frozen
class HostStrained:
    """A host hardly gets along with what runs there: it swaps, or a disk fills. ``fewer``: it has gone on for a while."""

    host: HostName
    why: str
    fewer: bool = False


@frozen
class CasesSuspected:
    """Several cases were running each time that two hosts were lost: they run one at a time from now on."""

    rows: tuple[Row, ...]


@frozen
class ListingStarted:
    """A loader began to load a profile's suite, and what it lists is what there is to run."""

    profile: ProfileName
    host: HostName


@frozen
class CasesListed:
    """Some more cases are known. ``rows`` ascend; ``groups`` names the group of those that have one.

    ``selected`` holds the rows of ``rows`` that this run is to run.
    """

    profile: ProfileName
    rows: tuple[Row, ...]
    selected: tuple[Row, ...]
    groups: Mapping[Row, Group] = field(default_factory=dict[Row, Group])


@frozen
class ListingEnded:
    """A profile's suite is completely known. ``error`` is empty, or says why it could not be loaded."""

    profile: ProfileName
    error: str = ""
    seconds: float = 0.0


@frozen
class LaneOpened:
    """A lane exists from now on; nothing runs in it yet."""

    lane: LaneId
    host: HostName
    profile: ProfileName


@frozen
class WorkerStarted:
    """A worker is ready in a lane. ``known`` is how many of its profile's cases, in listing order, it can run."""

    lane: LaneId
    generation: int
    pid: int
    profile: ProfileName
    known: int


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """A worker began an attempt. Not told of one whose end came with its beginning: ``CaseFinished`` says all."""

    lane: LaneId
    row: Row
    at: int


@frozen
class DetailReceived:
    """A piece of a detail of the attempt that runs in ``lane``; ``eof`` with the last one.

    ``live`` pieces are shown at once and repeated as final ones if they are to be recorded.
    """

    lane: LaneId
    row: Row
    name: str
    mime: str
    data: bytes
    eof: bool
    live: bool = False


@dataclass(frozen=True, slots=True)
class CaseFinished:
    """An attempt ended; all of its details came before. ``seconds`` is wall time, so it began at ``at`` less these."""

    lane: LaneId
    row: Row
    status: Status
    kind: Kind
    at: int
    seconds: float
    tags: tuple[str, ...] = ()


@frozen
class CasesPassed:
    """First or further attempts that passed in a lane, one after the other, so quickly that nobody saw them run.

    ``rows``, ``ats`` and ``seconds`` go together; each case of them is what one ``CaseFinished`` would tell.
    """

    lane: LaneId
    rows: tuple[Row, ...]
    ats: tuple[int, ...]
    seconds: tuple[float, ...]

    def each(self) -> Iterator[CaseFinished]:
        """Yield what it stands for."""
        for row, at, seconds in zip(self.rows, self.ats, self.seconds, strict=True):
            yield CaseFinished(self.lane, row, Status.SUCCESS, Kind.NONE, at, seconds)


@frozen
class ExtraResult:
    """A result under an id that nobody scheduled (``setUpClass (m.C)``, ``process-returncode``).

    It is recorded as it is and counts as a failure if it is one.
    """

    lane: LaneId
    test_id: str
    profile: ProfileName
    status: Status
    at: int
    details: tuple[tuple[str, str, bytes], ...] = ()
    """(name, mime, content) of each attachment."""


@frozen
class CasesReturned:
    """A lane gave back cases it had not started."""

    lane: LaneId
    rows: tuple[Row, ...]


@frozen
class FixtureChanged:
    """A fixture's life, told by a worker: ``setup``, ``up``, ``failed``, ``cleanup``, ``down``.

    ``number`` is unique in its worker; ``parent`` is 0 at the top. ``seconds`` is set with the
    ends of phases.
    """

    lane: LaneId
    row: Row | None
    number: int
    parent: int
    name: str
    scope: str
    phase: str
    seconds: float = 0.0
    at: int = 0
    """When the phase began or ended; 0 where the worker did not say."""


@frozen
class OutputReceived:
    """Live output of a lane. ``source`` is ``stdout``, ``stderr`` or the name of a fixture's log."""

    lane: LaneId
    source: str
    data: bytes


@frozen
class LeaksFound:
    """What a test or fixture left behind: ``kind`` -> descriptions."""

    lane: LaneId
    row: Row | None
    leaks: Mapping[str, tuple[str, ...]]


@frozen
class FilesUsed:
    """What a process of a profile did with the project's files, paths relative to its folder; in watch mode only.

    Each is (kind, who, what): ``who`` (a file, or ``::`` and a test's id; ``*``: the framework) did
    ``read`` a file, ``list`` a folder or ``start`` a process, which may read anything; a ``write`` is nobody's.
    """

    profile: ProfileName
    files: tuple[tuple[str, str, str], ...]


@frozen
class ImageChanged:
    """A profile's warm image is ``starting``, ``ready``, ``unsafe``, ``large`` or ``gone``; in watch mode only.

    ``why``: of a ready one, why pytest has not begun in it.
    ``memory``: its resident bytes; ``count``: the modules that it has imported.
    """

    profile: ProfileName
    state: str
    why: str = ""
    memory: int = 0
    count: int = 0


@frozen
class Usage:
    """A worker's resident memory, in bytes, and its share of one core since the last look."""

    lane: LaneId
    memory: int
    cpu: float


@frozen
class WorkerLost:
    """A lane's worker is gone. The verdict of what it ran came before; what it held returns to the queue.

    ``expected`` is true for one that was asked to go, or that retired by itself.
    """

    lane: LaneId
    generation: int
    reason: str
    expected: bool = False


@frozen
class LaneClosed:
    """A lane ends; its number is not used again in this run."""

    lane: LaneId


NOTHING_LEFT, TEARING_DOWN = "nothing left", "tearing down"
"""Of what ``LaneWaits`` says, the two that a lane does not go on from by itself."""


@frozen
class LaneWaits:
    """Why a lane has nothing to run just now (``group db held by lane 7``); empty when it has."""

    lane: LaneId
    why: str


@frozen
class Warned:
    """Something the user should know that is no test's result. ``about`` is a lane, host or profile."""

    about: str
    text: str


@frozen
class PluginReported:
    """What plugins of the suite's framework say at the end (a coverage table, say), as text."""

    profile: ProfileName
    text: str
    failed: bool = False
    """Whether a plugin says that the run failed (coverage below its limit)."""


@frozen
class Ticked:
    """Time passed. ``now`` is monotonic, in seconds."""

    now: float


INTERRUPTED = "interrupted"
"""The reason of a stop that the user asked for."""


@frozen
class StopAsked:
    """The run is to end early. ``hard`` kills what runs; otherwise running tests end by themselves."""

    hard: bool
    reason: str
    fault: bool = False
    """Whether something is wrong with the run itself, so that it ends with ``reason`` as its problem."""


@frozen
class CasesQueued:
    """The user asked for these cases to run again now, ``times`` times each, before anything else.

    With ``until_failure`` a case is not run any more after it failed.
    """

    rows: tuple[Row, ...]
    times: int = 1
    until_failure: bool = False


@frozen
class CasesGivenUp:
    """These cases were to run and will not; their status is ``NOT_RUN``."""

    rows: tuple[Row, ...]
    reason: str


@frozen
class RunEnded:
    """The last event. ``problem`` is empty, or says what went wrong with the run itself."""

    at: int
    interrupted: bool
    problem: str = ""


RunEvent: TypeAlias = (
    RunStarted
    | HostUp
    | HostPhase
    | HostReady
    | HostLost
    | HostsProvisioned
    | HostSpeed
    | HostStrained
    | ListingStarted
    | SuiteLoaded
    | CasesListed
    | CasesAbsent
    | CasesSuspected
    | ListingEnded
    | LaneOpened
    | WorkerStarted
    | CaseStarted
    | DetailReceived
    | CaseFinished
    | CasesPassed
    | ExtraResult
    | CasesReturned
    | FixtureChanged
    | OutputReceived
    | LeaksFound
    | FilesUsed
    | ImageChanged
    | Usage
    | WorkerLost
    | LaneClosed
    | LaneWaits
    | Warned
    | PluginReported
    | Ticked
    | StopAsked
    | CasesQueued
    | CasesGivenUp
    | RunEnded
)
