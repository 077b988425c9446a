"""A run's events on disk, appended as they happen: what is left when the controller is killed.

A stream of msgpack arrays. The first is ``["testlanes journal", 1, {word: [field, …]}]``; then
``["cases", [[id, profile], …]]`` whenever the case table has grown, and
``[stamp, word, value, …]`` for each event: its class's name, and its fields in the order that the
header says. ``stamp`` is the time of recording, UTC in nanoseconds.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, BinaryIO, Union, cast, get_args, get_origin, get_type_hints

import msgpack  # pyright: ignore[reportMissingTypeStubs]

from . import events
from .cases import CaseTable
from .events import (
    CaseFinished,
    DetailReceived,
    ExtraResult,
    Group,
    HostLost,
    OutputReceived,
    RunEnded,
    RunEvent,
    Ticked,
    Usage,
    WorkerLost,
)
from .ids import ProfileName, Row
from .repository.locks import try_lock

_Packer = cast(Any, msgpack.Packer)  # pyright: ignore[reportUnknownMemberType]
_Unpacker = cast(Any, msgpack.Unpacker)  # pyright: ignore[reportUnknownMemberType]

MAGIC = "testlanes journal"
VERSION = 1
FLUSH_AFTER = 200_000_000
"""Nanoseconds that an event waits at most to be written, where an event loop runs or more events come."""

NAMES = 10_000
"""Cases in one frame; a reader holds a frame in memory."""

_OMITTED = (OutputReceived, Usage, Ticked)
_URGENT = (CaseFinished, ExtraResult, WorkerLost, HostLost, RunEnded)
_WORDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in get_args(events.RunEvent) if kind not in _OMITTED
}


def _getter(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    names = [field.name for field in fields(kind)]
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda event: (only(event),)
    return attrgetter(*names)


_GETTERS = {kind: (word, _getter(kind)) for word, kind in _WORDS.items()}


class Journal:
    """Writes one run's journal to ``path``, which must not be there yet. ``cases`` names its rows.

    Locked as long as it is open; ``RunEnded``, the last event, closes it. ``problem`` is empty, or says why nothing more is written.
    """

    def __init__(self, path: Path, cases: CaseTable) -> None:
        self.path = path
        self.problem = ""
        self._cases = cases
        self._named = 0
        self._pending: list[tuple[int, RunEvent]] = []
        self._flushed = 0
        self._timer: asyncio.TimerHandle | None = None
        self._pack: Callable[[object], bytes] = _packer()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try_lock(self._descriptor)
        layout = {word: [field.name for field in fields(kind)] for word, kind in _WORDS.items()}
        self._write(self._pack([MAGIC, VERSION, layout]))

    def record(self, event: RunEvent) -> None:
        """Append an event; live output, usage and ticks only give occasion to flush."""
        now = time.time_ns()
        kind = type(event)
        if kind in _GETTERS and not (kind is DetailReceived and cast(DetailReceived, event).live):
            self._pending.append((now, event))
            if kind in _URGENT and (
                kind is not CaseFinished or cast(CaseFinished, event).status.is_failure
            ):
                self._flushed = 0
        if now - self._flushed > FLUSH_AFTER:
            self._flushed = now
            self.flush()
            if kind is RunEnded:
                self.close()
        elif self._timer is None and self._pending:
            self._wait()

    def _wait(self) -> None:
        """See to it that what waits is written even if nothing else happens for long."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a replay, a test: events follow each other at once
            return
        self._timer = loop.call_later(FLUSH_AFTER / 1e9, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending or self._descriptor < 0:
            return
        pack, getters = self._pack, _GETTERS
        pieces: list[bytes] = []
        if len(self._cases) > self._named:
            rows = [self._cases.case(Row(row)) for row in range(self._named, len(self._cases))]
            self._named += len(rows)
            starts = range(0, len(rows), NAMES)
            pieces += [pack(("cases", rows[at : at + NAMES])) for at in starts]
        for stamp, event in self._pending:
            word, values = getters[type(event)]
            pieces.append(pack((stamp, word, *values(event))))
        self._pending.clear()
        self._write(b"".join(pieces))

    def close(self) -> None:
        """Flush, and let go of the file, which stays."""
        if self._descriptor >= 0:
            self.flush()
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, data: bytes) -> None:
        if self.problem:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            # A torn frame ends what can be read, so nothing may follow it.
            self.problem = f"{self.path}: {error.strerror or error}"


def replay(path: Path) -> tuple[CaseTable, list[tuple[int, RunEvent]]]:
    """Return a journal's case table and its events as (stamp, event); a torn end is left out.

    Raises ``ValueError`` if it is no journal.
    """
    cases = CaseTable()
    return cases, list(_events(path, cases))


def _events(path: Path, cases: CaseTable) -> Iterator[tuple[int, RunEvent]]:
    with path.open("rb") as stream:
        frames = _frames(stream)
        layout = _layout(next(frames, None), path)
        for frame in frames:
            if frame[0] == "cases":
                for test_id, profile in frame[1]:
                    cases.add(test_id, ProfileName(profile))
                continue
            stamp, word, *values = frame
            kind = _WORDS.get(word)
            if kind is None or word not in layout:
                continue  # from another version, which knew more
            try:
                event = _event(kind, dict(zip(layout[word], values, strict=True)))
            except (ValueError, TypeError, KeyError):
                return
            yield stamp, event


def _packer() -> Callable[[object], bytes]:
    packer = _Packer(default=_plain, unicode_errors="surrogatepass")
    return packer.pack


def _frames(stream: BinaryIO) -> Iterator[tuple[Any, ...]]:
    """Yield what is whole; the first thing that is not ends it."""
    unpacker = _Unpacker(
        stream, use_list=False, unicode_errors="surrogatepass", strict_map_key=False
    )
    while True:
        try:
            frame: object = unpacker.unpack()
        except (msgpack.OutOfData, msgpack.UnpackException, ValueError):
            return
        if not isinstance(frame, tuple) or len(cast(tuple[Any, ...], frame)) < 2:
            return
        yield cast(tuple[Any, ...], frame)


def _layout(header: tuple[Any, ...] | None, path: Path) -> Mapping[str, tuple[str, ...]]:
    if header is None or header[0] != MAGIC:
        raise ValueError(f"{path} is no journal")
    if header[1] != VERSION:
        raise ValueError(f"{path} is a journal of version {header[1]}, not {VERSION}")
    return header[2]


def _event(kind: type[Any], values: dict[str, Any]) -> RunEvent:
    """Make an event from what was written by this or another version."""
    decoders = _decoders(kind)
    known = {name: decoders[name](value) for name, value in values.items() if name in decoders}
    for one in fields(kind):
        if one.name not in known and one.default is MISSING and one.default_factory is MISSING:
            raise ValueError(f"a journal's {kind.__name__} has no {one.name}")
    return kind(**known)


@cache
def _decoders(kind: type[Any]) -> dict[str, Callable[[Any], Any]]:
    return {name: _decoder(hint) for name, hint in get_type_hints(kind).items()}


def _decoder(hint: Any) -> Callable[[Any], Any]:
    """Return what makes a field's value from what msgpack gives for it."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        kinds = [_decoder(part) for part in parts if part is not NoneType]
        if len(kinds) == 1:
            return lambda value: None if value is None else kinds[0](value)
        return lambda value: value
    if origin is tuple and len(parts) == 2 and parts[1] is Ellipsis:
        item = _decoder(parts[0])
        if item is _same:
            return tuple
        return lambda value: tuple(map(item, value))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, value_of = _decoder(parts[0]), _decoder(parts[1])
        return lambda value: {key(one): value_of(two) for one, two in value.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda value: hint(*value)
    return _same


def _same(value: Any) -> Any:
    return value


def _plain(value: Any) -> Any:
    """Return what msgpack takes for a value of ours that it does not know."""
    if isinstance(value, Group):
        return (value.name, value.hard)
    if isinstance(value, Mapping):
        return dict(cast(Mapping[Any, Any], value))
    if isinstance(value, frozenset | set):
        return sorted(cast(set[Any], value))
    raise TypeError(f"a journal cannot hold {type(value).__name__}")
