"""The nouns that everything else is about: cases, lanes, hosts, profiles, statuses."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, NewType

Row = NewType("Row", int)
"""The number of a case in this run's case table: dense from 0, in the order cases became known."""

LaneId = NewType("LaneId", int)
"""The number of a lane: dense from 0, stable for the run, stored as the tag ``worker-N``."""

ProfileName = NewType("ProfileName", str)
"""The name of a profile; ``DEFAULT_PROFILE`` where none is configured."""

HostName = NewType("HostName", str)
"""The name of a host; ``LOCAL`` is this machine."""

DEFAULT_PROFILE = ProfileName("default")
LOCAL = HostName("local")

RETURNCODE = "process-returncode"
"""The test id under which a worker's death between two tests fails the run, so that it is not green; testr's and stestr's word."""


class Case(NamedTuple):
    """What is scheduled, run and recorded: one test under one profile.

    ``test_id`` is what the framework prints (``stestr list``, a pytest nodeid).
    """

    test_id: str
    profile: ProfileName


class Status(StrEnum):
    """How an attempt ended, in subunit's words; ``NOT_RUN`` is said of a case that had no attempt."""

    SUCCESS = "success"
    FAIL = "fail"
    SKIP = "skip"
    XFAIL = "xfail"
    UXSUCCESS = "uxsuccess"
    NOT_RUN = "notrun"

    @property
    def is_failure(self) -> bool:
        """Whether the run fails because of it (an unexpected success does, as in unittest)."""
        return self is _FAIL or self is _UXSUCCESS


# To look a member up in its enumeration takes Python 3.11 as long as a call.
_FAIL, _UXSUCCESS = Status.FAIL, Status.UXSUCCESS


XPASS = "xpass"
"""The tag of a test that passed though an xfail of pytest's, which is not strict, expected it to fail."""


class Kind(StrEnum):
    """Why an attempt failed. ``NONE`` for every other status."""

    NONE = ""
    ASSERTION = "assertion"
    ERROR = "error"
    CRASH = "crash"
    TIMEOUT = "timeout"
    SETUP = "setup"
