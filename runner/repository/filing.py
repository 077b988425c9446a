"""A run on its way into a repository: its stream so far, and what the indices are made from."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..frozen import frozen
from ..ids import LOCAL, HostName, Kind, ProfileName, Status
from .failing import Facts
from .locks import try_lock

PENDING = 1 << 20
"""Bytes that wait in memory before they are written."""

PENDING_LIMIT = 8 << 20
"""Bytes that wait in memory while the disk is full; what is more is given up."""

LOST = -1
"""The offset of a block that could not be written."""

_ENDED_FROM_OUTSIDE = (Kind.CRASH, Kind.TIMEOUT, Kind.SETUP)
_WORKER = re.compile(rb"\Atags: worker-(\d+)|(?<=\n)tags: worker-(\d+)")


class Outcome(NamedTuple):
    """How a case's last attempt ended, for failing, times and history. ``at`` is its end, in ns (UTC)."""

    test_id: str
    profile: ProfileName
    status: Status
    kind: Kind = Kind.NONE
    at: int = 0
    seconds: float | None = None
    host: HostName = LOCAL
    worker: int | None = None
    generation: int = 0
    place: int = 0
    """Its position among what its worker ran."""
    flaky: bool = False
    """It passed after it had failed in the same run."""
    offset: int = LOST
    length: int = 0
    own: bool = True
    """Whether it is a test's; a result under an id that nobody scheduled has no time of its own."""
    speed: float = 1.0
    """Its host's: how much faster it is than the one that times are stored of."""

    @property
    def lasts(self) -> bool:
        """Whether its duration says how long it will take next time."""
        return self.own and (not self.kind or self.kind not in _ENDED_FROM_OUTSIDE)

    @property
    def normal(self) -> float | None:
        """The seconds that it is expected to take next time on a host of speed 1, or None."""
        return self.seconds * self.speed if self.lasts and self.seconds is not None else None


@frozen
class About:
    """What is said of a run as a whole. ``started`` is UTC in ns, ``seconds`` wall time."""

    started: int
    seconds: float
    partial: bool
    interrupted: bool = False
    label: str = ""
    profiles: tuple[str, ...] = ()
    not_run: int = 0


@frozen
class Filing:
    """A finished run. ``outcomes`` yields each case once, in the stream's order, each time anew.

    ``failures`` yields those of them that failed, ``earlier`` attempts that were followed by another one.
    """

    draft: Draft
    about: About
    facts: Facts
    outcomes: Callable[[], Iterator[Outcome]]
    failures: Callable[[], Iterator[Outcome]]
    earlier: Callable[[], Iterator[Outcome]] = lambda: iter(())


class Draft:
    """A v1 stream being written: append only, buffered, and patient with a full disk.

    ``path`` is None for one in memory. The file is locked as long as it is open, so that others see
    that its owner lives.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.problem = ""
        self.size = 0
        self._file = _open(path) if path is not None else io.BytesIO()
        self._pending: list[bytes] = []
        self._written = 0

    def add(self, block: bytes) -> int:
        """Append a block and return its offset, or ``LOST``."""
        if self.problem and self.size - self._written > PENDING_LIMIT:
            return LOST
        offset = self.size
        self._pending.append(block)
        self.size = offset + len(block)
        if self.size - self._written > PENDING and not self.problem:
            self.flush()
        return offset

    def flush(self) -> None:
        """Write what waits. A failure is kept in ``problem`` and tried again next time."""
        try:
            self._write()
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror or error}"

    def _write(self) -> None:
        if not self._pending:
            return
        data = b"".join(self._pending)
        self._pending = [data]
        self._file.seek(self._written)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._pending.clear()
        self._written += len(data)
        self.problem = ""

    def read(self, offset: int, length: int) -> bytes:
        """Return a block that was added."""
        if offset + length > self._written:
            self.flush()
        if offset + length > self._written:  # the disk is full: it still waits
            return b"".join(self._pending)[offset - self._written :][:length]
        self._file.seek(offset)
        return self._file.read(length)

    def cut(self) -> None:
        """Give up what could not be written; the file ends with its last whole block."""
        self.flush()
        if self.path is not None:
            os.ftruncate(self._file.fileno(), self._written)

    @property
    def name(self) -> Path:
        """Where it is on disk; not to be asked of one in memory."""
        if self.path is None:
            raise ValueError("this draft is in memory")
        return self.path

    @property
    def whole(self) -> int:
        """How much of the stream is on disk, in bytes."""
        return self._written

    def compact(self, blocks: Iterable[tuple[int, int]], workers: dict[int, int]) -> list[int]:
        """Keep only these (offset, length) blocks, in this order, and number their workers anew.

        Returns their new offsets; their lengths may change with the numbers' digits. On ``OSError``
        everything is as it was.
        """
        path = self.path.with_name(f"{self.path.name}.2") if self.path is not None else None
        other = Draft(path)
        offsets: list[int] = []
        try:
            for offset, length in blocks:
                block = self.read(offset, length)
                offsets.append(other.add(renumber(block, workers) if workers else block))
                if other.problem:
                    break
            other._write()
            if path is not None and self.path is not None:
                path.replace(self.path)
        except OSError:
            other.discard()
            raise
        self._file.close()
        self._file, self._pending = other._file, []
        self.size = self._written = other.size
        return offsets

    def data(self) -> bytes:
        """Return all of it."""
        return self.read(0, self.size)

    def close(self) -> None:
        """Let go of the file, which stays."""
        self._file.close()

    def discard(self) -> None:
        """Let go of the file and remove it."""
        if self.path is not None:  # before the lock ends, so that nobody takes it for left over
            self.path.unlink(missing_ok=True)
        self._file.close()


def _open(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try_lock(descriptor)
    return os.fdopen(descriptor, "r+b", buffering=0)


def renumber(block: bytes, workers: dict[int, int]) -> bytes:
    """Return one of our blocks with its worker's number replaced."""
    head, test, rest = block.partition(b"test: ")
    match = _WORKER.search(head)
    if match is None:
        return block
    old = int(match[1] or match[2])
    was, now = b"worker-%d" % old, b"worker-%d" % workers.get(old, old)
    body, tail, last = rest.rpartition(b"\ntags: -")
    return head.replace(was, now, 1) + test + body + tail + last.replace(was, now, 1)
