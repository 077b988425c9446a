"""What an agent says to the controller; ARCHITECTURE.md has the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..errors import ProtocolError
from ..frozen import frozen
from .bring_up import (
    READERS as BRING_UP,
    BringUp,
    Copied,
    Needs,
    PythonFound,
    Refused,
    SetupState,
    Tree,
)
from .fields import items, mapping, raw, real, text, texts, whole
from .orders import VERSION


@frozen
class AgentHello:
    """An agent is there. ``clock``: its UTC, in ns since the epoch. ``dir``: its run directory."""

    version: int
    pid: int
    python: str
    host: str
    cpus: int
    clock: int
    dir: str


@frozen
class Data:
    """Subunit v2 from a lane (an int) or from a profile's loader (its name)."""

    channel: int | str
    data: bytes


@frozen
class LoaderState:
    """``state``: ``loading``, ``ready`` (it forks), ``fresh`` (forking is unsafe: ``why``) or ``gone``."""

    profile: str
    state: str
    why: str


@frozen
class ImageState:
    """A profile's warm image is ``starting``, ``ready``, ``unsafe`` or ``gone`` (``why``).

    ``memory``: its resident bytes; ``count``: the modules that it imported.
    """

    profile: str
    state: str
    why: str
    memory: int
    count: int


@frozen
class Ran:
    """What a worker ran and could not tell itself: see ``control.QuickPasses`` for ``results``.

    ``running``: the place of the test that it is in, and when that began (ns since the epoch).
    """

    lane: int
    generation: int
    results: bytes
    running: tuple[int, int] | None


@frozen
class Opened:
    """A worker's process exists."""

    lane: int
    generation: int
    pid: int


@frozen
class Dropped:
    """The ids that a lane gave back."""

    lane: int
    ids: tuple[str, ...]


@frozen
class LimitReached:
    """The running test is over its time limit and is being stopped."""

    lane: int
    generation: int


@frozen
class Exited:
    """A worker is gone. ``code`` or ``signal`` is None where the other is known.

    ``why`` goes after "the worker" (``was killed by SIGSEGV``); the outputs are the last ones.
    """

    lane: int
    generation: int
    code: int | None
    signal: int | None
    why: str
    stacks: str
    stdout: str
    stderr: str
    sources: tuple[tuple[str, str, bytes], ...] = ()
    """(name, mime, last bytes) of each live source of the test that ran."""


@frozen
class Output:
    """Live output of a lane."""

    lane: int
    source: str
    data: bytes


@frozen
class UsageSeen:
    """A worker's resident memory in bytes and its share of one core."""

    lane: int
    memory: int
    cpu: float


@frozen
class StrainSeen:
    """The host hardly gets along with what runs there; ``fewer``: fewer lanes would help by now."""

    text: str
    fewer: bool


@frozen
class AgentWarning:
    """Something a user should know."""

    text: str


@frozen
class Pong:
    """The answer to a ping of this number."""

    number: int


@frozen
class Unheard:
    """The agent ends all, for it did not hear of us for its lease; nothing that ran there is to blame."""


@frozen
class Bye:
    """The agent ends."""


AgentMessage: TypeAlias = (
    AgentHello
    | Data
    | LoaderState
    | ImageState
    | Ran
    | Opened
    | Dropped
    | LimitReached
    | Exited
    | Output
    | UsageSeen
    | StrainSeen
    | AgentWarning
    | Pong
    | Unheard
    | Bye
    | BringUp
)


ANSWERS = (AgentHello, Pong, Tree, Needs, Copied, SetupState, PythonFound, Refused)
"""What answers a question of ours while a host is brought up."""


def parse(frame: Sequence[object]) -> AgentMessage:
    """Return the message that a frame of the agent is. Raises ProtocolError."""
    word = frame[0] if frame else None
    if not isinstance(word, str) or word not in _READERS:
        raise ProtocolError(
            f"the agent says {word!r:.80}, which protocol version {VERSION} has not"
        )
    count, read = _READERS[word]
    if len(frame) != count + 1:
        raise ProtocolError(f"the agent says {word!r} with {len(frame) - 1} fields, not {count}")
    return read(frame)


def _hello(frame: Sequence[object]) -> AgentMessage:
    found = mapping(frame[1], "hello")
    version = whole(found.get("version"), "hello's version")
    if version != VERSION:
        raise ProtocolError(f"the agent speaks protocol version {version}, we speak {VERSION}")
    cpus = whole(found.get("cpus"), "hello's cpus")
    if not 0 < cpus <= 1 << 16:
        raise ProtocolError(f"the agent says that it has {cpus} processors")
    return AgentHello(
        version,
        whole(found.get("pid"), "hello's pid"),
        text(found.get("python"), "hello's python"),
        text(found.get("host"), "hello's host"),
        cpus,
        whole(found.get("clock"), "hello's clock"),
        text(found.get("dir"), "hello's dir"),
    )


def _data(frame: Sequence[object]) -> AgentMessage:
    channel, data = frame[1], frame[2]
    if type(channel) is not str and type(channel) is not int:
        raise ProtocolError(f"data of a channel that is {type(channel).__name__}")
    return Data(channel, raw(data, "data"))


def _loader(frame: Sequence[object]) -> AgentMessage:
    found = mapping(frame[2], "loader")
    state = text(found.get("state"), "a loader's state")
    if state not in ("loading", "ready", "fresh", "gone"):
        raise ProtocolError(f"a loader is {state!r:.80}, which protocol version {VERSION} has not")
    return LoaderState(
        text(frame[1], "a loader's name"), state, text(found.get("why"), "a loader's why")
    )


def _image(frame: Sequence[object]) -> AgentMessage:
    found = mapping(frame[2], "image")
    return ImageState(
        text(frame[1], "an image's name"),
        text(found.get("state"), "an image's state"),
        text(found.get("why"), "an image's why"),
        whole(found.get("memory") or 0, "an image's memory"),
        whole(found.get("count") or 0, "an image's count"),
    )


def _ran(frame: Sequence[object]) -> AgentMessage:
    results = raw(frame[3], "what ran")
    if frame[4] is None:
        return Ran(_lane(frame), _generation(frame), results, None)
    place, began = (*items(frame[4], "what runs"), None, None)[:2]
    running = whole(place, "a place"), whole(began, "a beginning")
    return Ran(_lane(frame), _generation(frame), results, running)


def _exited(frame: Sequence[object]) -> AgentMessage:
    found = mapping(frame[3], "exited")
    code, signal = found.get("code"), found.get("signal")
    return Exited(
        _lane(frame),
        _generation(frame),
        None if code is None else whole(code, "an exit code"),
        None if signal is None else whole(signal, "a signal"),
        text(found.get("why"), "exited's why"),
        text(found.get("stacks"), "exited's stacks"),
        text(found.get("stdout"), "exited's stdout"),
        text(found.get("stderr"), "exited's stderr"),
        tuple(_source(each) for each in items(found.get("sources"), "exited's sources")),
    )


def _source(value: object) -> tuple[str, str, bytes]:
    name, mime, data = (*items(value, "a source"), None, None, None)[:3]
    return (
        text(name, "a source's name"),
        text(mime, "a source's type"),
        raw(data, "a source's bytes"),
    )


def _usage(frame: Sequence[object]) -> AgentMessage:
    found = mapping(frame[2], "usage")
    return UsageSeen(
        _lane(frame),
        whole(found.get("memory"), "usage's memory"),
        real(found.get("cpu"), "usage's cpu"),
    )


def _strain(frame: Sequence[object]) -> AgentMessage:
    found = mapping(frame[1], "strain")
    return StrainSeen(text(found.get("text"), "a strain"), found.get("fewer") is True)


def _lane(frame: Sequence[object]) -> int:
    return whole(frame[1], "a lane")


def _generation(frame: Sequence[object]) -> int:
    return whole(frame[2], "a generation")


_READERS: dict[str, tuple[int, Callable[[Sequence[object]], AgentMessage]]] = {
    "hello": (1, _hello),
    "data": (2, _data),
    "loader": (2, _loader),
    "image": (2, _image),
    "ran": (4, _ran),
    "opened": (3, lambda f: Opened(_lane(f), _generation(f), whole(f[3], "a pid"))),
    "dropped": (2, lambda f: Dropped(_lane(f), texts(f[2], "dropped ids"))),
    "limit": (2, lambda f: LimitReached(_lane(f), _generation(f))),
    "exited": (3, _exited),
    "output": (3, lambda f: Output(_lane(f), text(f[2], "a source"), raw(f[3], "output"))),
    "usage": (2, _usage),
    "strain": (1, _strain),
    "warn": (1, lambda f: AgentWarning(text(f[1], "a warning"))),
    "pong": (1, lambda f: Pong(whole(f[1], "a pong's number"))),
    "unheard": (0, lambda _: Unheard()),
    "bye": (0, lambda _: Bye()),
    **BRING_UP,
}
