"""What is known of a run: ``RunState``, and what it is made of. ``board`` and ``watch`` are for a watch."""

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

__all__ = [
    "BEGAN",
    "DETAIL_LIMIT",
    "ENDED",
    "FAILED",
    "KINDS",
    "TAIL_LIMIT",
    "Detail",
    "FixtureState",
    "HostState",
    "LaneState",
    "ProfileState",
    "RunState",
    "Standing",
    "Surroundings",
    "leak_words",
]
