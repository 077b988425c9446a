"""What a user can ask of a running run; keys, the palette and the command line all say these."""

from __future__ import annotations

from typing import TypeAlias

from .frozen import frozen
from .ids import LOCAL, HostName, LaneId, Row


@frozen
class Rerun:
    """Run these cases again now, ``times`` times each, before what waits.

    With ``until_failure`` each is run only until it fails, ``times`` times at most.
    """

    rows: tuple[Row, ...]
    times: int = 1
    until_failure: bool = False


@frozen
class StopTest:
    """Stop the test that runs in a lane; its outcome is a failure that says so."""

    lane: LaneId


@frozen
class StopRun:
    """Stop handing out (first), or kill what runs (``hard``)."""

    hard: bool = False


@frozen
class ChangeLanes:
    """Add (positive) or take away (negative) lanes on a host."""

    by: int
    host: HostName = LOCAL


@frozen
class JoinHost:
    """Bring a host into the run: one that was given up or taken out of it."""

    host: HostName


@frozen
class LeaveHost:
    """Take a host out of the run; what runs there runs elsewhere."""

    host: HostName


@frozen
class Watch:
    """Begin or end the live tail of a lane."""

    lane: LaneId
    on: bool


@frozen
class DumpStacks:
    """Have a lane's worker say in its live output where each of its threads is."""

    lane: LaneId


Intent: TypeAlias = (
    Rerun | StopTest | StopRun | ChangeLanes | JoinHost | LeaveHost | Watch | DumpStacks
)
