"""Locks that end with the process that holds them (flock), so that nobody has to clean up after a kill."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError

LOCK_LIMIT = 60.0
"""Seconds to wait for others who write to the same repository."""


@contextmanager
def locked(path: Path, limit: float = LOCK_LIMIT) -> Generator[None]:
    """Hold the lock file ``path``, which is made if it is not there.

    Raises ``UserError`` when another process holds it for longer than ``limit`` seconds, and
    ``OSError`` when it cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        deadline = time.monotonic() + limit
        pause = 0.001
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise UserError(
                    f"{path.parent} has been locked by another process for {limit:.0f} s",
                    hint=f"See who has {path} open (fuser, lsof), and end that process.",
                )
            time.sleep(pause)
            pause = min(pause * 2, 0.01)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file without waiting; say whether that went well."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
