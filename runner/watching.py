"""What a watch tells, and what can be asked of it. Data only.

A watch tells ``WatchEvent``s; ``state.WatchState`` is their fold. Keys and the command line say ``WatchIntent``s.
Paths are relative to the project's folder, with ``/``. Times ``at`` and ``began``: UTC, ns since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from .events import ImageChanged
from .frozen import frozen
from .ids import Case, Kind, ProfileName

Mode: TypeAlias = Literal["affected", "branch", "all"]
"""What a change runs: what it affects, what all changes since the branch began affect, or everything."""
MODES: tuple[Mode, ...] = ("affected", "branch", "all")
What: TypeAlias = Literal["again", "all", "rest", "failing"]
"""What can be asked for by name: what waits (else the last cycle once more), everything, what has not run
since the last full run, what is failing."""


@frozen
class Ways:
    """How a watch answers changes, until that is changed."""

    mode: Mode = "affected"
    failing: bool = False
    """Of that only what is failing."""
    filter: str = ""
    """Of that only what has this regex in its id (``re.search``)."""
    profiles: frozenset[ProfileName] = frozenset()
    """Of that only what is of these profiles; none stands for all."""
    collect: bool = False
    """Wait with what changed until it is asked for."""
    off: bool = False
    """Do not run anything by itself."""

    @property
    def waits(self) -> bool:
        """Whether changes start no cycle."""
        return self.collect or self.off

    @property
    def narrow(self) -> bool:
        """Whether some of what is affected is left out."""
        return bool(self.failing or self.filter or self.profiles)


@frozen
class Broken:
    """A source that cannot be compiled: half saved, most often. ``line`` counts from 1."""

    path: str
    line: int
    message: str


@frozen
class Failure:
    """One failed test. ``path`` and ``line`` say where, empty and 0 where that is not known."""

    case: Case
    kind: Kind
    message: str
    path: str = ""
    line: int = 0


@frozen
class Cycle:
    """One cycle, from a change of files to the results of what it affects. ``number`` 0: nothing ran."""

    number: int
    began: int
    seconds: float = 0.0
    """From the first change that it took in to its last result."""
    first: float | None = None
    """From there to its first result."""
    changed: tuple[str, ...] = ()
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Changed file -> the files of the tests that ran because of it."""
    everything: str = ""
    """Why all tests ran; empty if not all did."""
    unused: tuple[str, ...] = ()
    """Changed files that no test is known to use."""
    broken: tuple[Broken, ...] = ()
    """Sources that cannot be compiled: what uses them does not run until they can."""
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    """Status -> how many tests ended so."""
    failures: tuple[Failure, ...] = ()
    fixed: tuple[Case, ...] = ()
    """Failed before this cycle, and passed in it."""
    failing: int = 0
    """How many tests are failing now, those that did not run included."""
    due: int = 0
    """Affected, and not run: stopped because a file changed again, or left out by the ways."""
    unseen: int = 0
    """Tests that have not run since this watch, or the last full run in it, began."""
    stopped: bool = False
    """It was cut short: because another file changed, or by the user."""
    problem: str = ""
    """What went wrong with the run itself."""
    run: int | None = None
    """The number under which it is stored."""
    images: Mapping[ProfileName, str] = field(default_factory=dict[ProfileName, str])
    """Profile -> its warm image: ``ready, 41 MB``, or why there is none."""

    @property
    def ran(self) -> int:
        """How many tests have an outcome."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """How many failed in it: tests, and what belongs to none, like the end of a class."""
        return len(self.failures)

    @property
    def red(self) -> bool:
        """Whether something is failing after it."""
        return bool(self.failing or self.problem)


@frozen
class KnownFailure:
    """A test that failed when it last ran, before this watch. ``details``: (name, mime, content) each."""

    case: Case
    kind: Kind
    details: tuple[tuple[str, str, bytes], ...] = ()


@frozen
class WatchBegan:
    """The first event: how many files are watched, and what is failing."""

    files: int
    ways: Ways
    failures: tuple[KnownFailure, ...] = ()


@frozen
class FilesSaved:
    """Files changed. ``waiting`` are all that no cycle has taken up, ``ignored`` is path -> why it is no matter."""

    at: int
    changed: tuple[str, ...]
    waiting: tuple[str, ...]
    files: int
    ignored: Mapping[str, str] = field(default_factory=dict[str, str])


@frozen
class SourcesBroken:
    """Which of the saved sources cannot be compiled is another list now; empty when all can."""

    at: int
    changed: tuple[str, ...]
    broken: tuple[Broken, ...]


@frozen
class WaysChanged:
    """Changes are answered otherwise from now on."""

    ways: Ways


@frozen
class CycleBegan:
    """Tests are about to run. The run's own events follow."""

    cycle: Cycle
    waiting: tuple[str, ...] = ()


@frozen
class CycleEnded:
    """A cycle is over, or there was nothing to run. ``failing`` are all that fail now."""

    cycle: Cycle
    failing: frozenset[Case]
    waiting: tuple[str, ...] = ()


WatchEvent: TypeAlias = (
    WatchBegan | FilesSaved | SourcesBroken | WaysChanged | CycleBegan | CycleEnded | ImageChanged
)


@frozen
class RunNow:
    """Run something now, whatever the ways say of failing ones."""

    what: What


@frozen
class RunCases:
    """Run exactly these now."""

    cases: frozenset[Case]


@frozen
class ChangeWays:
    """Answer changes otherwise."""

    ways: Ways


WatchIntent: TypeAlias = RunNow | RunCases | ChangeWays
