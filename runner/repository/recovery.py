"""What a killed testlanes left behind: its unfinished run is stored as such, its temporary files go.

A living owner holds a lock (flock) on its stream and on its journal; what nobody holds is left over.
A stream whose file has a second name was stored already, and only the indices may be missing: it is
taken back and stored again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError
from ..events import CaseFinished, CasesPassed, ExtraResult, RunEnded, RunEvent, RunStarted
from .directory import DirectoryRepository
from .locks import try_lock
from .numbers import TEMPORARY
from .recording import NOT_STORED
from .stream_v1 import read_v1

_PIECES = ("next-stream", "format", "failing", "profiles")
"""Our other temporary names; they are used under the repository's lock only."""


@dataclass
class _Left:
    """What is left of one run. ``held``: descriptors by which we own it now."""

    stream: Path | None = None
    journal: Path | None = None
    held: list[int] = field(default_factory=list[int])


def recover(repository: DirectoryRepository) -> None:
    """Adopt and clean. Trouble becomes a warning of the repository, never an error."""
    try:
        if not _anything(repository):
            return
        with repository.locked():
            left = _claim(repository)
        for one in left:
            try:
                _adopt(repository, one)
            finally:
                for descriptor in one.held:
                    os.close(descriptor)
    except (OSError, UserError) as error:
        repository.warn(f"An interrupted run could not be recovered: {error}")


def _anything(repository: DirectoryRepository) -> bool:
    streams = any(one.name.startswith(TEMPORARY) for one in repository.path.iterdir())
    return streams or any(repository.own.glob("*.journal"))


def _claim(repository: DirectoryRepository) -> list[_Left]:
    """Take hold of what has no living owner; the repository is locked, so nobody begins or ends a run."""
    left: dict[str, _Left] = {}
    busy: set[str] = set()
    streams = [path for path in repository.path.iterdir() if path.name.startswith(TEMPORARY)]
    journals = list(repository.own.glob("*.journal"))
    for path in (*streams, *journals):
        token = path.name.removeprefix(TEMPORARY).removesuffix(".journal")
        if token in _PIECES or token.endswith("-times"):
            path.unlink(missing_ok=True)
            continue
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        if not try_lock(descriptor):
            os.close(descriptor)
            busy.add(token.removesuffix(".2"))
            continue
        if token.endswith(".2"):  # half of a stream made tidy: the whole one is there too
            path.unlink()
            os.close(descriptor)
            continue
        one = left.setdefault(token, _Left())
        one.held.append(descriptor)
        if path.suffix == ".journal":
            one.journal = path
        else:
            one.stream = path
    for token in busy & left.keys():
        for descriptor in left.pop(token).held:
            os.close(descriptor)
    return list(left.values())


def _adopt(repository: DirectoryRepository, left: _Left) -> None:
    if left.stream is not None and left.stream.stat().st_nlink > 1:
        _take_back(repository, left.stream)
    number = NOT_STORED
    if left.journal is not None:
        number = _from_journal(repository, left.journal)
    if number == NOT_STORED and left.stream is not None:
        results = list(read_v1(left.stream.read_bytes(), repository.profiles))
        # A block that is cut off reads as a failure without an end. It is no result.
        if results and results[-1].stop is None:
            results.pop()
        if results:
            number = repository.insert(results, partial=True, interrupted=True)
    for path in (left.stream, left.journal):
        if path is not None:
            path.unlink(missing_ok=True)
    if number != NOT_STORED:
        repository.warn(f"A run that was cut short is stored as run {number}.")


def _take_back(repository: DirectoryRepository, stream: Path) -> None:
    with repository.locked():
        for number in reversed(repository.run_numbers()):
            path = repository.path / str(number)
            if path.samefile(stream):
                path.unlink()
                return


def _from_journal(repository: DirectoryRepository, journal: Path) -> int:
    """Store the run that a journal tells of; ``NOT_STORED`` if it does not tell of any result."""
    from ..journal import replay  # rarely needed, and not quick to import

    events: list[RunEvent] = []
    with suppress(ValueError):
        cases, stamped = replay(journal)
        events = [event for _, event in stamped]
        if any(isinstance(event, CaseFinished | CasesPassed | ExtraResult) for event in events):
            started = next((event for event in events if isinstance(event, RunStarted)), None)
            partial = started is None or started.partial
            root = "" if started is None else started.root
            recording = repository.begin(cases, partial=partial, root=root)
            for event in events:
                recording.record(event)
            return recording.finish(interrupted=not isinstance(events[-1], RunEnded))
    return NOT_STORED
