"""What a run learns of its hosts and tests while it goes on: from when a test began, and how long it took."""

from __future__ import annotations

from ..ids import Row
from .floor import Floor
from .holding import Holding


def learn_beginning(floor: Floor, holding: Holding, row: Row, now: float) -> None:
    """A lane got to a row: until then its process started, or what the row's group needs was set up."""
    speed = floor.speeds.of(holding.host)
    if holding.given_at is not None:
        floor.learn_start_up(holding.profile, (now - holding.given_at) * speed)
        holding.given_at = None
    part = floor.backlog.part(row)
    if part is not None:
        part.begun = part.begun or part.owner == holding.lane
        if part.set_up is not holding.family:
            gap = max(now - holding.free_at - holding.latency, 0.0)
            part.set_up.learn(gap * speed)
            holding.beginner = row
    holding.family = None if part is None else part.set_up


def learn_fixture(floor: Floor, holding: Holding, row: Row, seconds: float, *, own: bool) -> None:
    """A fixture that others share came up in a row; ``own``: that it shares with its group only."""
    holding.fixtures[row] = holding.fixtures.get(row, 0.0) + seconds
    part = floor.backlog.part(row)
    if own and part is not None and row == holding.running == holding.beginner:
        part.set_up.more(seconds * floor.speeds.of(holding.host))


def learn_duration(floor: Floor, holding: Holding, row: Row, seconds: float, shared: float) -> None:
    """A row took so many wall seconds: that says something of its host, or of what was not timed before either.

    ``shared``: what of it fixtures took that others need not set up any more.
    """
    host = holding.host
    expected = floor.backlog.seconds(row)
    if expected is not None:
        floor.speeds.learn(host, expected, seconds)
        return
    seconds = max(seconds - shared, 0.0)
    floor.guess.learn(seconds * floor.speeds.of(host))
    if len(floor.hosts) > 1:
        floor.speeds.compare(host, holding.profile, floor.backlog.position(row), seconds)
