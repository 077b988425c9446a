"""Ending a command with all of its process group: it is asked to, has time for its last words, and is made to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

LOOK = 0.05
"""Seconds between two looks at a command that runs."""

GRACE = 5.0
"""Seconds that it has to end when it is asked to, and then until it is given up."""


def ending(group: int, dead: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """End a process group, by its leader's process id; yields while it is to be waited for.

    ``dead``: whether its leader is, if that is a child of ours: it stays in the group until we looked.
    Where a shell leads, it ends at once, and the command that it runs may have something to say.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        _send(group, number)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline:
            if dead() and not _send(group, 0):
                return
            yield


def kill(group: int) -> None:
    """Kill a process group."""
    _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    """Send a signal to all of a group; return whether there was somebody."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False
