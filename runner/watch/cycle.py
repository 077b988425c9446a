"""What a watch tells of one cycle: from a change of files to the results of what it affects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..ids import Case, Kind, ProfileName

Mode: TypeAlias = Literal["affected", "failing", "all"]
"""What a cycle runs: what the change affects, what is failing, or everything."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A source that cannot be compiled: half saved, most often. ``line`` counts from 1."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed test. ``path`` and ``line`` say where, empty and 0 where that is not known."""

    case: Case
    kind: Kind
    message: str
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle, told when it ends. Times: UTC, ns since the epoch."""

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
    """Sources that cannot be compiled: nothing runs until they can."""
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    """Status -> how many tests ended so."""
    failures: tuple[Failure, ...] = ()
    fixed: tuple[Case, ...] = ()
    """Failed before this cycle, and passed in it."""
    failing: int = 0
    """How many tests are failing now, those that did not run included."""
    due: int = 0
    """Affected, and not run: stopped because a file changed again, or left out by the mode."""
    unseen: int = 0
    """Tests that have not run since this watch, or the last full run in it, began."""
    stopped: bool = False
    """It was cut short because another file changed."""
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
