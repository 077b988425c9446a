"""All that the session can ask the shell to do; the supervisor performs them in order."""

from __future__ import annotations

from typing import TypeAlias

from .events import RunEvent
from .frozen import frozen
from .ids import HostName, LaneId, ProfileName, Row


@frozen
class LoadSuite:
    """Start a profile's loader on a host."""

    host: HostName
    profile: ProfileName


@frozen
class StartWorker:
    """Put a worker under ``profile`` into a lane."""

    lane: LaneId
    host: HostName
    profile: ProfileName
    generation: int


@frozen
class Send:
    """Hand cases to a lane's worker, to be run in this order after what it already holds."""

    lane: LaneId
    rows: tuple[Row, ...]


@frozen
class TakeBack:
    """Ask a lane for cases that it has not started; ``CasesReturned`` answers."""

    lane: LaneId
    rows: tuple[Row, ...]


@frozen
class StopCase:
    """End the attempt that runs in a lane, gently and then by force."""

    lane: LaneId
    row: Row


@frozen
class Retire:
    """Let a worker tear down its fixtures and end."""

    lane: LaneId


@frozen
class Kill:
    """End a worker now, with its whole process group."""

    lane: LaneId


@frozen
class WakeAt:
    """Send ``Ticked`` when the monotonic clock reaches ``seconds``; a later command replaces an earlier one."""

    seconds: float


@frozen
class Publish:
    """Events that the session itself decided; the shell publishes them and feeds them back."""

    event: RunEvent


@frozen
class Finish:
    """All is said: end every agent and close the run."""

    problem: str = ""


Command: TypeAlias = (
    LoadSuite | StartWorker | Send | TakeBack | StopCase | Retire | Kill | WakeAt | Publish | Finish
)
