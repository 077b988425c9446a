"""What the dispatcher is told of a case, and all that it can decide."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from .events import Group
from .frozen import frozen
from .ids import HostName, LaneId, ProfileName, Row


class Entry(NamedTuple):
    """A case that is to run. ``position``: where it is in its profile's listing."""

    row: Row
    profile: ProfileName
    position: int
    seconds: float | None
    """How long it is expected to take; None if that is not known."""
    group: Group | None
    segment: int = 0
    hosts: frozenset[HostName] | None = None
    """The only hosts that may run it; None: any."""
    urgent: bool = False
    """Whether it comes before all of its segment that are not."""


@frozen
class Give:
    """Hand ``rows`` to a lane's worker, in this order, after what it already holds."""

    lane: LaneId
    rows: tuple[Row, ...]


@frozen
class Recall:
    """Ask a lane for ``rows`` back, as far as it has not started them."""

    lane: LaneId
    rows: tuple[Row, ...]


@frozen
class Renew:
    """Put a newer worker into this idle lane: what is left was listed after its worker was forked.

    It gets nothing until it has one. So it is with ``Idle`` and ``Move``.
    """

    lane: LaneId


@frozen
class Idle:
    """Nothing will come for this lane any more, unless something is run again: let its worker go.

    Keep the lane: where ``Dispatcher.wants_worker`` comes true, put a new worker in.
    """

    lane: LaneId


@frozen
class Move:
    """This idle lane should serve ``profile``, which has more left than its own lanes can do soon.

    From now on it does, for the dispatcher; it gets nothing until it has a worker of that profile.
    The lane may have no worker now.
    """

    lane: LaneId
    profile: ProfileName


Decision: TypeAlias = Give | Recall | Renew | Idle | Move
