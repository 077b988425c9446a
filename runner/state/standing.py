"""Where a case stands in a run."""

from __future__ import annotations

from enum import IntEnum

from ..ids import Kind, Status


class Standing(IntEnum):
    """Where a case stands now; the value of the ``standing`` column."""

    UNSELECTED = 0
    WAITING = 1
    RUNNING = 2
    SUCCESS = 3
    FAIL = 4
    SKIP = 5
    XFAIL = 6
    UXSUCCESS = 7
    NOT_RUN = 8


STANDING_OF = {
    Status.SUCCESS: Standing.SUCCESS,
    Status.FAIL: Standing.FAIL,
    Status.SKIP: Standing.SKIP,
    Status.XFAIL: Standing.XFAIL,
    Status.UXSUCCESS: Standing.UXSUCCESS,
    Status.NOT_RUN: Standing.NOT_RUN,
}
KINDS = tuple(Kind)
KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
FAILED = frozenset({Standing.FAIL, Standing.UXSUCCESS})
ENDED = frozenset(STANDING_OF.values())
