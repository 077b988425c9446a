"""What can be begun before everything is imported: loading the suites."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ..agent_options import lane_count, profile_options
from ..ids import LOCAL

if TYPE_CHECKING:
    from ..launch import Launch
    from ..settings import Settings


def load_early(launch: Launch, settings: Settings, *, some: bool = False) -> Settings:
    """Have the agent load what is to run first, and return the settings with their number of lanes.

    With ``some`` it is only greeted: maybe few of the profiles have something to run.

    Does nothing where another host than this one is to run tests. Raises UserError.
    """
    if settings.hosts != (LOCAL,) or settings.instance_provision:
        return settings
    lanes = lane_count(settings)  # asked once: it may be a command
    uid = os.urandom(8).hex()
    # those that the lanes begin with; the session has the others loaded
    first = () if some else settings.profiles[:lanes]
    # An agent that is dead already is told of when the run begins.
    with contextlib.suppress(OSError):
        launch.start_loading(
            {each.name: profile_options(settings, each, lanes, uid) for each in first}
        )
    return replace(settings, concurrency=lanes, concurrency_command="")
