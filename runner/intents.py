"""What a user can ask of a running run; keys, the palette and the command line all say these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .ids import LaneId, Row


@dataclass(frozen=True, slots=True)
class Rerun:
    """Run these cases again now, ``times`` times each, before what waits.

    With ``until_failure`` each is run only until it fails, ``times`` times at most.
    """

    rows: tuple[Row, ...]
    times: int = 1
    until_failure: bool = False


@dataclass(frozen=True, slots=True)
class StopTest:
    """Stop the test that runs in a lane; its outcome is a failure that says so."""

    lane: LaneId


@dataclass(frozen=True, slots=True)
class StopRun:
    """Stop handing out (first), or kill what runs (``hard``)."""

    hard: bool = False


@dataclass(frozen=True, slots=True)
class ChangeLanes:
    """Add (positive) or take away (negative) lanes on this machine."""

    by: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Begin or end the live tail of a lane."""

    lane: LaneId
    on: bool


Intent: TypeAlias = Rerun | StopTest | StopRun | ChangeLanes | Watch
