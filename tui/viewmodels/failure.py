"""One failure, read: why it failed, where, and whether that is new; and all those of one cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from testlanes.runner.events import ExtraResult
from testlanes.runner.ids import Kind, ProfileName, Row, Status
from testlanes.runner.state import Detail, Standing

from .options import Shown
from .tracebacks import Cause, Failure, cause_of, read_traceback

Note: TypeAlias = Literal["new", "known", "flaky", ""]

LOOK_BACK = 20
"""How many earlier outcomes of a case are looked at."""
READ_LIMIT = 64 << 10
"""Bytes of a traceback that are read for its cause: its end says it."""


class FailureKey(NamedTuple):
    """A failure: the row of a case, or the number of a result that nobody scheduled."""

    row: Row | None
    extra: int = -1


@dataclass(frozen=True, slots=True)
class Known:
    """A failure that was read."""

    key: FailureKey
    test_id: str
    profile: ProfileName
    attempt: int
    cause: Cause
    failure: Failure
    note: Note


@dataclass(slots=True)
class Group:
    """All failures of one cause, by test id."""

    cause: Cause
    number: int
    tests: dict[str, list[Known]] = field(default_factory=dict[str, list[Known]])


def traceback_text(details: Sequence[tuple[str, str, bytes]]) -> str:
    """Return the text among a case's details that says why it failed; empty if there is none."""
    for name, mime, data in details:
        if name.startswith("traceback") or mime.startswith("text/x-traceback"):
            return data[-READ_LIMIT:].decode("utf-8", "backslashreplace")
    for wanted in ("reason", "stderr", "stdout"):
        for name, mime, data in details:
            if name == wanted and mime.startswith("text/") and data.strip():
                return data[-READ_LIMIT:].decode("utf-8", "backslashreplace")
    return ""


def as_triples(details: Iterable[Detail]) -> list[tuple[str, str, bytes]]:
    """Return details as (name, mime, content)."""
    return [(one.name, one.mime, bytes(one.data)) for one in details]


def read_failure(
    shown: Shown, key: FailureKey, statuses: Callable[[str, ProfileName, int], Sequence[Status]]
) -> Known | None:
    """Read a failure; None if it is none any more. ``statuses``: (id, profile, how many) -> earlier outcomes, oldest first."""
    state, here = shown.state, shown.options.here
    if key.row is None:
        extra = state.extras.get(key.extra)
        if extra is None or not extra.status.is_failure:
            return None
        failure = read_traceback(traceback_text(extra.details), here)
        kind = _extra_kind(extra)
        cause = cause_of(kind, failure)
        return Known(key, extra.test_id, extra.profile, 1, cause, failure, "")
    row = key.row
    if row not in state.failures:
        return None
    case = state.cases.case(row)
    kind = state.kind_of(row)
    details = as_triples(state.details.get(row, ()))
    failure = read_traceback(traceback_text(details), here)
    if state.standing[row] == Standing.UXSUCCESS:
        failure = Failure((), "", "passed, though it is marked as an expected failure")
    return Known(
        key,
        case.test_id,
        case.profile,
        state.attempts[row],
        cause_of(kind, failure),
        failure,
        "flaky"
        if state.known_flaky(case.test_id)
        else note_of(statuses(case.test_id, case.profile, LOOK_BACK)),
    )


def note_of(statuses: Sequence[Status]) -> Note:
    """Return what a failure is in the light of the outcomes before it, oldest first.

    ``flaky`` with two or more changes between passing and failing, else ``known`` if it failed the
    last time, ``new`` if it passed; nothing without a history.
    """
    if not statuses:
        return ""
    bad = [status.is_failure for status in statuses]
    if sum(one != two for one, two in pairwise(bad)) >= 2:
        return "flaky"
    return "known" if bad[-1] else "new"


def _extra_kind(extra: ExtraResult) -> Kind:
    if extra.test_id.startswith(("setUp", "tearDown", "setup", "teardown")):
        return Kind.SETUP
    return Kind.CRASH if "returncode" in extra.test_id else Kind.ERROR
