"""Puts the pieces of an attempt together: reporters that tell of whole attempts read them from here."""

from __future__ import annotations

import re
from dataclasses import field

from ..cases import CaseTable
from ..events import (
    CaseFinished,
    CasesPassed,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    LaneClosed,
    RunEvent,
    WorkerLost,
)
from ..frozen import frozen
from ..ids import Kind, LaneId, ProfileName, Row, Status
from ..state import Detail

_FRAME = re.compile(r'^\s*File "([^"\n]+)", line (\d+)', re.MULTILINE)
_PYTEST_FRAME = re.compile(r"^([^\s:][^:\n]*\.py):(\d+): ", re.MULTILINE)


@frozen
class Attempt:
    """One attempt that ended, or a result under an id nobody scheduled (``row`` is None).

    ``at``: when it ended, UTC in ns since the epoch. ``seconds``: wall time.
    """

    row: Row | None
    test_id: str
    profile: ProfileName
    lane: LaneId
    status: Status
    kind: Kind
    at: int
    seconds: float
    tags: tuple[str, ...] = ()
    details: tuple[Detail, ...] = field(default=())


class Attempts:
    """Collects the details of what runs; ``record`` returns attempts when they ended."""

    def __init__(self, cases: CaseTable) -> None:
        self._cases = cases
        self._open: dict[LaneId, list[Detail]] = {}

    def record(self, event: RunEvent) -> tuple[Attempt, ...]:
        """Take one event."""
        match event:
            case CaseStarted(lane) | WorkerLost(lane) | LaneClosed(lane):
                self._open.pop(lane, None)
            case DetailReceived() if not event.live:
                add_detail(self._open.setdefault(event.lane, []), event)
            case CaseFinished():
                return (self._ended(event),)
            case CasesPassed():
                return tuple(map(self._ended, event.each()))
            case ExtraResult():
                return (extra_attempt(event),)
            case _:
                pass
        return ()

    def _ended(self, event: CaseFinished) -> Attempt:
        return Attempt(
            event.row,
            self._cases.test_id(event.row),
            self._cases.profile(event.row),
            event.lane,
            event.status,
            event.kind,
            event.at,
            event.seconds,
            event.tags,
            tuple(self._open.pop(event.lane, ())),
        )


def add_detail(details: list[Detail], event: DetailReceived) -> None:
    """Append a piece to the detail it belongs to, which is the last one or a new one."""
    if not details or details[-1].name != event.name or details[-1].complete:
        details.append(Detail(event.name, event.mime, bytearray()))
    details[-1].append(event.data)
    details[-1].complete = event.eof


def extra_attempt(event: ExtraResult) -> Attempt:
    """Return a result that nobody scheduled as an attempt of no row."""
    details = tuple(
        Detail(name, mime, bytearray(data), complete=True) for name, mime, data in event.details
    )
    kind = Kind.ERROR if event.status is Status.FAIL else Kind.NONE
    return Attempt(
        None,
        event.test_id,
        event.profile,
        event.lane,
        event.status,
        kind,
        event.at,
        0.0,
        (),
        details,
    )


def is_text(detail: Detail) -> bool:
    """Return whether a detail is to be read by people."""
    kind = detail.mime.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in {"application/json", "application/xml", ""}


def describe(detail: Detail) -> str:
    """Return what stands for a detail that is not shown."""
    return f"{detail.name} ({detail.mime}, {len(detail.data) + detail.dropped:,} bytes)"


def shorten(details: tuple[Detail, ...], limit: int) -> None:
    """Leave out the middle of details of more than ``limit`` bytes."""
    for detail in details:
        over = len(detail.data) - limit
        if over > 0:
            del detail.data[limit // 2 : limit // 2 + over]
            detail.dropped += over


def headline(details: tuple[Detail, ...]) -> str:
    """Return the one line that says best why an attempt ended as it did; empty if nothing does."""
    for name in ("reason", "traceback", "message"):
        for detail in details:
            if detail.name == name or (name == "traceback" and "traceback" in detail.mime):
                lines = [line for line in detail.text.splitlines() if line.strip()]
                errors = [line[1:].strip() for line in lines if line.startswith("E  ")]
                if errors:  # pytest's own marks
                    return errors[0]
                if lines:
                    return _message(lines) if name == "traceback" else lines[0].strip()
    return ""


def place(details: tuple[Detail, ...], *roots: str) -> tuple[str, int] | None:
    """Return the last (path in the project, line) that a traceback names. ``roots``: its folders, on all hosts."""
    found: tuple[str, int] | None = None
    tops = [root.rstrip("/") + "/" for root in roots if root]
    for detail in details:
        if "traceback" not in detail.mime and detail.name != "traceback":
            continue
        text = detail.text
        for match in sorted(
            [*_FRAME.finditer(text), *_PYTEST_FRAME.finditer(text)], key=lambda one: one.start()
        ):
            top = next((top for top in tops if match[1].startswith(top)), "")
            path = match[1].removeprefix(top)
            if not path.startswith(("/", "<", "..")) and "site-packages/" not in path:
                found = path, int(match[2])
    return found


def _message(lines: list[str]) -> str:
    """Return the exception's line of a traceback: the last one that is not indented, or its first words."""
    for line in reversed(lines):
        if not line.startswith((" ", "\t")) and not line.startswith("Traceback "):
            return line.strip()
    return lines[-1].strip()
