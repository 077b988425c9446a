"""What a watch needs of the project that it watches, and of the runs that it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ..frame import Run
from ..frozen import frozen
from ..ids import Case, ProfileName
from ..request import Request
from ..settings import Settings
from ..watching import KnownFailure


class Recorded(Protocol):
    """A run that is stored as it goes."""

    run: Run

    @property
    def number(self) -> int | None:
        """The run's number in the repository; None or -1 if it was not stored."""
        ...

    @property
    def problem(self) -> str:
        """What could not be stored."""
        ...

    def finish(self) -> int:
        """Store the run."""
        ...


@frozen
class Project:
    """What is watched, as its configuration says now."""

    settings: Settings
    request: Callable[[], Request]
    """What a cycle may run at most: the user's filters, and what times are known."""
    record: Callable[[Request], Recorded]
    failing: Callable[[], frozenset[Case]]
    """What failed when it last ran."""
    failures: Callable[[], tuple[KnownFailure, ...]]
    """The same, with what is stored of it."""
    forget: Callable[[Mapping[ProfileName, frozenset[str]]], None]
    """Forget the failures of tests that are gone: all ids that a profile has are given."""
    close: Callable[[], None]
    """Let go of where runs are stored."""
    notes: Path
    """Where to keep what is known of the files' uses."""
