"""The contract of a repository: what is stored, and what every kind of repository can do."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, Self

from ..frozen import frozen
from ..ids import DEFAULT_PROFILE, LOCAL, Case, HostName, ProfileName, Status

if TYPE_CHECKING:
    from ..cases import CaseTable
    from .history import History
    from .recording import Recording

Detail = tuple[str, str, bytes]
"""An attachment: name, MIME type, content."""

_WORKER = re.compile(r"worker-(\d+)")


@frozen
class StoredResult:
    """One result of a stored run, as any of the tools may have written it.

    ``start`` and ``stop`` are UTC in nanoseconds since the epoch, and None where the stream has none.
    ``profile`` is the tag that names a profile known to the repository, else ``DEFAULT_PROFILE``.
    """

    test_id: str
    status: Status
    profile: ProfileName = DEFAULT_PROFILE
    tags: tuple[str, ...] = ()
    start: int | None = None
    stop: int | None = None
    details: tuple[Detail, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it took; None if it never ended or nothing says when."""
        if self.start is None or self.stop is None:
            return None
        return max(0, self.stop - self.start) / 1e9

    @property
    def worker(self) -> int | None:
        """The number in its ``worker-N`` tag."""
        for tag in self.tags:
            if match := _WORKER.fullmatch(tag):
                return int(match[1])
        return None

    @property
    def host(self) -> HostName:
        """The host in its ``host-NAME`` tag, else this machine."""
        for tag in self.tags:
            if tag.startswith("host-"):
                return HostName(tag[5:])
        return LOCAL

    @property
    def case(self) -> Case:
        """What "the same test" means."""
        return Case(self.test_id, self.profile)

    @property
    def traceback(self) -> str:
        """The text of its traceback, or the first other thing it says; empty if there is none."""
        best = b""
        for name, _, data in self.details:
            if name.startswith("traceback"):
                return data.decode("utf-8", "replace")
            if not best and name == "reason":
                best = data
        return best.decode("utf-8", "replace")


class StoredRun:
    """A stored run. Iterating reads its results one after the other, each time anew."""

    def __init__(self, number: int | None, data: bytes, profiles: Iterable[str] = ()) -> None:
        self.number = number
        self._data = data
        self._profiles = frozenset(profiles)

    def __iter__(self) -> Iterator[StoredResult]:
        from .stream_v1 import read_v1

        return read_v1(self._data, self._profiles)

    @property
    def size(self) -> int:
        """The stream's length in bytes."""
        return len(self._data)


@frozen
class Stats:
    """What a repository holds."""

    runs: int
    failing: int


class Repository(ABC):
    """Where runs are kept. Numbers of runs start at 0 and only grow. As a context manager it is closed at the end.

    Methods that write raise ``UserError`` when the repository cannot be used at all, and otherwise
    go on and say so (``Recording.problem``, ``warnings``): a run is worth more than its record.
    """

    warnings: list[str]
    """What a user should know about this repository, found on the way; each said once."""

    @abstractmethod
    def begin(self, cases: CaseTable, *, partial: bool, root: str) -> Recording:
        """Start to store a run. ``partial``: other failures stay known. ``root``: the project's folder."""

    @abstractmethod
    def insert(self, results: Iterable[StoredResult], partial: bool) -> int:
        """Store results that come from elsewhere (``load``) as a run, and return its number."""

    @abstractmethod
    def run_numbers(self) -> list[int]:
        """Return the numbers of the runs that exist, ascending."""

    @abstractmethod
    def read(self, number: int) -> StoredRun:
        """Return a run; ``UserError`` if there is none of that number."""

    @abstractmethod
    def remove(self, number: int) -> None:
        """Forget a run; ``UserError`` if there is none. Failing tests and times stay."""

    @abstractmethod
    def failing(self) -> list[StoredResult]:
        """Return what failed when it last ran, one result a case."""

    @abstractmethod
    def times(self) -> Mapping[Case, float]:
        """Return how long cases took when they last ended by themselves, in seconds."""

    @abstractmethod
    def speeds(self) -> Mapping[HostName, float]:
        """Return how fast each host showed itself last; those times are of hosts of speed 1."""

    @abstractmethod
    def subunit_v2(self, number: int | None, out: BinaryIO) -> None:
        """Write a run, or what is failing (None), as subunit v2."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it keeps open. Repeatable; nothing is to be asked of it afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    @abstractmethod
    def history(self) -> History:
        """What happened in earlier runs, brought up to date with the streams."""

    @property
    @abstractmethod
    def profiles(self) -> frozenset[str]:
        """The names of all profiles that were ever recorded."""

    def latest(self) -> int | None:
        """Return the newest run's number, or None."""
        numbers = self.run_numbers()
        return numbers[-1] if numbers else None

    def stats(self) -> Stats:
        """Count what is there."""
        return Stats(runs=len(self.run_numbers()), failing=len(self.failing()))
