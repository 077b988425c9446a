"""What is known of a run: ``RunState``, and what it is made of."""

from .board import Board
from .leaks import leak_words
from .parts import (
    BEGAN,
    DETAIL_LIMIT,
    TAIL_LIMIT,
    Detail,
    FixtureState,
    HostState,
    LaneState,
    ProfileState,
    Surroundings,
)
from .run import RunState
from .standing import ENDED, FAILED, KINDS, Standing
from .watch import WatchState

__all__ = [
    "BEGAN",
    "DETAIL_LIMIT",
    "ENDED",
    "FAILED",
    "KINDS",
    "TAIL_LIMIT",
    "Board",
    "Detail",
    "FixtureState",
    "HostState",
    "LaneState",
    "ProfileState",
    "RunState",
    "Standing",
    "Surroundings",
    "WatchState",
    "leak_words",
]
