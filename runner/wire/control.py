"""What workers and loaders say beside subunit's statuses; ARCHITECTURE.md has the table.

On the stream these are file packets named ``testlanes.KIND`` with a mime type of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import TypeAlias, cast

from ..errors import ProtocolError
from ..frozen import frozen
from ..ids import Kind
from .fields import items, mapping, raw, real, text, texts, whole
from .frames import unpack
from .subunit import Packet

EVENT_MIME = "application/vnd.testlanes.event+msgpack"
PREFIX = "testlanes."

Fields: TypeAlias = Mapping[object, object]


@frozen
class WorkerHello:
    """A worker can run. ``known``: how many listed cases it can run, -1 for all."""

    pid: int
    python: str
    kind: str
    known: int


@frozen
class IdsListed:
    """More ids, in listing order. ``groups``: index in ``ids`` -> (name, is it hard)."""

    ids: tuple[str, ...]
    groups: Mapping[int, tuple[str, bool]]


@frozen
class IdsGone:
    """Ids that were announced and that the complete suite does not have."""

    ids: tuple[str, ...]


@frozen
class ListingDone:
    """The suite is known. ``error`` is empty, or why it could not be loaded."""

    count: int
    error: str


@frozen
class ForkState:
    """Whether the loader may fork workers, and why not."""

    safe: bool
    why: str


RESULT = Struct("<IIQ")
"""One of ``QuickPasses``; ``agent.untold`` writes them."""


@frozen
class QuickPasses:
    """Tests that passed without a word, in the order in which they ran.

    ``results``: of each its place among all ids that the worker was sent, what it took (ns), when it ended
    (ns since the epoch), as ``RESULT`` has them.
    """

    results: bytes


@frozen
class DroppedIds:
    """Ids that a worker gave back."""

    ids: tuple[str, ...]


@frozen
class FailureKind:
    """Why the running test fails."""

    kind: Kind


@frozen
class FixtureEvent:
    """A fixture's life. ``number`` is unique in its worker; ``parent`` is 0 at the top."""

    number: int
    parent: int
    name: str
    scope: str
    phase: str
    seconds: float


@frozen
class LeaksSeen:
    """What was left behind: kind -> descriptions."""

    leaks: Mapping[str, tuple[str, ...]]


@frozen
class StateChanged:
    """Process state that a test changed: what was put right, and what makes the worker sick."""

    fixed: tuple[str, ...]
    sick: tuple[str, ...]


@frozen
class Retiring:
    """A worker is sick and ends by itself; ``unrun`` is what it had not started."""

    why: tuple[str, ...]
    unrun: tuple[str, ...]


@frozen
class WorkerWarning:
    """Something a user should know."""

    text: str


@frozen
class Summary:
    """What plugins say at the end, as text."""

    text: str
    failed: bool = False


@frozen
class FilesSeen:
    """The project's files that were used: (``read``, ``list``, ``write`` or ``start``, who, what), see ``events.FilesUsed``."""

    files: tuple[tuple[str, str, str], ...]


@frozen
class WorkerBye:
    """All fixtures are down. ``output``: what plugins hand over."""

    output: Fields


@frozen
class Unknown:
    """A kind that nothing here reads (``subtest``, or from a newer worker)."""

    kind: str


Control: TypeAlias = (
    WorkerHello
    | IdsListed
    | IdsGone
    | ListingDone
    | ForkState
    | QuickPasses
    | DroppedIds
    | FailureKind
    | FixtureEvent
    | LeaksSeen
    | StateChanged
    | Retiring
    | WorkerWarning
    | Summary
    | FilesSeen
    | WorkerBye
    | Unknown
)


def parse(packet: Packet) -> Control:
    """Return the event in a packet of ``EVENT_MIME``.

    Fields that are missing count as empty, unknown fields are skipped; a field of a wrong type raises ProtocolError.
    """
    name = packet.name or ""
    if not name.startswith(PREFIX):
        raise ProtocolError(f"a control event named {name!r:.80}")
    kind = name.removeprefix(PREFIX)
    found = mapping(unpack(packet.data or b""), f"a {kind!r:.80} event")
    read = _READERS.get(kind)
    return Unknown(kind) if read is None else read(found)


def _ids_listed(found: Fields) -> IdsListed:
    ids = texts(found.get("ids"), "listed ids")
    groups: dict[int, tuple[str, bool]] = {}
    for index, value in mapping(found.get("groups"), "groups").items():
        if not isinstance(value, list):
            raise ProtocolError("a group is no list")
        name, hard = (*cast("list[object]", value), None, None)[:2]
        groups[whole(index, "a group's index")] = (text(name, "a group's name"), bool(hard))
    return IdsListed(ids, groups)


def _kind(found: Fields) -> FailureKind:
    kind = text(found.get("kind"), "a failure's kind")
    try:
        return FailureKind(Kind(kind))
    except ValueError:
        return FailureKind(Kind.ERROR)  # a newer worker's word


def _leaks(found: Fields) -> LeaksSeen:
    leaks = mapping(found["leaks"], "leaks") if "leaks" in found else found
    return LeaksSeen({text(key, "a leak"): texts(value, "leaks") for key, value in leaks.items()})


def _files(found: Fields) -> FilesSeen:
    rows: list[tuple[str, str, str]] = []
    for each in items(found.get("files"), "files"):
        kind, who, what = (*items(each, "a file"), None, None, None)[:3]
        rows.append((text(kind, "a use"), text(who, "a user"), text(what, "a file")))
    return FilesSeen(tuple(rows))


def _fixture(found: Fields) -> FixtureEvent:
    return FixtureEvent(
        _whole(found, "n"),
        _whole(found, "parent"),
        _text(found, "name"),
        _text(found, "scope"),
        _text(found, "phase"),
        real(found.get("took") or 0, "took") / 1e9,
    )


def _whole(found: Fields, key: str, default: int = 0) -> int:
    value = found.get(key)
    return default if value is None else whole(value, key)


def _text(found: Fields, key: str) -> str:
    return text(found.get(key), key)


def _texts(found: Fields, key: str) -> tuple[str, ...]:
    return texts(found.get(key), key)


_READERS: dict[str, Callable[[Fields], Control]] = {
    "hello": lambda f: WorkerHello(
        _whole(f, "pid"), _text(f, "python"), _text(f, "kind"), _whole(f, "known", -1)
    ),
    "ids": _ids_listed,
    "gone": lambda f: IdsGone(_texts(f, "ids")),
    "listed": lambda f: ListingDone(_whole(f, "count"), _text(f, "error")),
    "fork": lambda f: ForkState(bool(f.get("safe")), _text(f, "why")),
    "ran": lambda f: QuickPasses(raw(f.get("results"), "results")),
    "dropped": lambda f: DroppedIds(_texts(f, "ids")),
    "kind": _kind,
    "fixture": _fixture,
    "leaks": _leaks,
    "state": lambda f: StateChanged(_texts(f, "fixed"), _texts(f, "sick")),
    "retire": lambda f: Retiring(_texts(f, "why"), _texts(f, "unrun")),
    "warning": lambda f: WorkerWarning(_text(f, "text")),
    "summary": lambda f: Summary(_text(f, "text"), bool(f.get("failed"))),
    "files": _files,
    "bye": lambda f: WorkerBye(mapping(f.get("output"), "output")),
}
