"""The failures of a run, gathered by cause: which tests, under which profiles, and since when."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from testlanes.runner.events import ExtraResult
from testlanes.runner.ids import Kind, ProfileName, Row, Status
from testlanes.runner.state import Detail, Standing

from .glyphs import kind_sign
from .lines import EMPTY, Line, Span, clean, fit, keep_end, line_width, split_id, width_of
from .options import Shown
from .times import count_text
from .tracebacks import Cause, Failure, cause_of, read_traceback

Note: TypeAlias = Literal["new", "known", "flaky", ""]
Show: TypeAlias = Literal["all", "new", "known", "flaky"]
Order: TypeAlias = Literal["newest", "oldest", "largest"]

SHOWS: tuple[Show, ...] = ("all", "new", "known", "flaky")
ORDERS: tuple[Order, ...] = ("newest", "oldest", "largest")
AT_ONCE = 0.006
"""CPU seconds in which tracebacks are read in one frame."""
LOOK_BACK = 20
"""How many earlier outcomes of a case are looked at."""
READ_LIMIT = 64 << 10
"""Bytes of a traceback that are read for its cause: its end says it."""


class FailureKey(NamedTuple):
    """A failure: the row of a case, or the number of a result that nobody scheduled."""

    row: Row | None
    extra: int = -1


class MemberKey(NamedTuple):
    """A test under one cause, with all the profiles it fails under."""

    cause: tuple[str, ...]
    test_id: str


ItemKey: TypeAlias = tuple[str, ...] | MemberKey


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


class FailuresModel:
    """The lines of the failures list. Feed it with ``note``, ``advance`` once a frame, ask for lines."""

    def __init__(
        self,
        shown: Shown,
        statuses: Callable[[str, ProfileName, int], Sequence[Status]],
    ) -> None:
        self.shown = shown
        self._statuses = statuses
        self.known: dict[FailureKey, Known] = {}
        self.groups: dict[tuple[str, ...], Group] = {}
        self.items: list[ItemKey] = []
        self.folded: set[tuple[str, ...]] = set()
        self.seen: set[str] = set()
        self.marked: set[str] = set()
        self.show: Show = "all"
        self.order: Order = "newest"
        self.query = ""
        self.version = 0
        self._queue: deque[FailureKey] = deque()
        self._extras = self._extras_gone = 0
        self._options_version = -1

    def __len__(self) -> int:
        return len(self.items)

    @property
    def unread(self) -> int:
        """How many failures are known of, but not read yet."""
        return len(self._queue)

    # -- following the run ---------------------------------------------------------------------------

    def note(self, rows: Iterable[Row]) -> None:
        """Take up rows that changed."""
        failures = self.shown.state.failures
        standing = self.shown.state.standing
        for row in rows:
            key = FailureKey(row)
            if row in failures:
                if standing[row] not in (Standing.RUNNING, Standing.WAITING):
                    self._queue.append(key)
            elif key in self.known:
                del self.known[key]
                self._options_version = -1

    def advance(self) -> bool:
        """Read some of what is new; return whether the lines changed."""
        state = self.shown.state
        came = len(state.extras) + state.extras_gone
        for number in range(self._extras, came):
            self._queue.append(FailureKey(None, number))
        self._extras = came
        if self._extras_gone != state.extras_gone:
            self._extras_gone = state.extras_gone
            for key in list(self.known):
                if key.row is None and key.extra not in state.extras:
                    del self.known[key]
            self._options_version = -1
        changed = self._options_version != self.shown.options.version
        end = time.thread_time() + AT_ONCE
        while self._queue and time.thread_time() < end:
            key = self._queue.popleft()
            known = self._read(key)
            if known is not None and self.known.get(key) != known:
                self.known[key] = known
                changed = True
        if changed:
            self.rebuild()
        return changed

    def _read(self, key: FailureKey) -> Known | None:
        state, here = self.shown.state, self.shown.options.here
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
            if self.shown.state.known_flaky(case.test_id)
            else note_of(self._statuses(case.test_id, case.profile, LOOK_BACK)),
        )

    def rebuild(self) -> None:
        """Gather what is known anew, after a change of order, filter, folding or profiles."""
        self._options_version = self.shown.options.version
        self.version += 1
        shows = self.shown.options.shows
        groups: dict[tuple[str, ...], Group] = {}
        for number, known in enumerate(self.known.values()):
            if not shows(known.profile) or self.show not in ("all", known.note):
                continue
            if (
                self.query
                and self.query.lower() not in f"{known.test_id} {known.cause.title}".lower()
            ):
                continue
            group = groups.get(known.cause.key)
            if group is None:
                group = groups[known.cause.key] = Group(known.cause, number)
            group.tests.setdefault(known.test_id, []).append(known)
            group.number = number if self.order == "newest" else group.number
        ordered = sorted(groups.values(), key=self._rank)
        self.groups = {group.cause.key: group for group in ordered}
        self.items = []
        for group in ordered:
            self.items.append(group.cause.key)
            if group.cause.key not in self.folded:
                self.items += [MemberKey(group.cause.key, test_id) for test_id in group.tests]

    def _rank(self, group: Group) -> tuple[int, int]:
        # Newest first would move lines under the reader's eyes while the run goes on; the cursor
        # is bound to its item, so that only the lines around it move.
        if self.order == "largest":
            return -len(group.tests), group.number
        return (0, -group.number) if self.order == "newest" else (0, group.number)

    # -- asking --------------------------------------------------------------------------------------

    def group_at(self, index: int) -> Group | None:
        """Return the group of a line."""
        if not 0 <= index < len(self.items):
            return None
        item = self.items[index]
        return self.groups.get(item.cause if isinstance(item, MemberKey) else item)

    def failures_at(self, index: int) -> list[Known]:
        """Return the failures of a line: of a test its profiles', of a group all."""
        group = self.group_at(index)
        if group is None:
            return []
        item = self.items[index]
        if isinstance(item, MemberKey):
            return group.tests.get(item.test_id, [])
        return [known for tests in group.tests.values() for known in tests]

    def rows_at(self, index: int) -> list[Row]:
        """Return the rows of a line; results that nobody scheduled have none."""
        return [known.key.row for known in self.failures_at(index) if known.key.row is not None]

    def marked_rows(self) -> list[Row]:
        """Return the rows of all marked tests."""
        return [
            known.key.row
            for known in self.known.values()
            if known.test_id in self.marked and known.key.row is not None
        ]

    def toggle(self, index: int) -> None:
        """Fold or open the group of a line."""
        if (group := self.group_at(index)) is not None:
            self.folded ^= {group.cause.key}
            self.rebuild()

    def index_of(self, key: ItemKey) -> int | None:
        """Return the line of an item, or None if it is not shown."""
        try:
            return self.items.index(key)
        except ValueError:
            return None

    def next_index(
        self, index: int, step: int, *, groups: bool = False, unseen: bool = False
    ) -> int:
        """Return the next line with a test (or with a group) in a direction; the same if there is none."""
        at = index + step
        while 0 <= at < len(self.items):
            item = self.items[at]
            member = isinstance(item, MemberKey)
            if member != groups and not (
                unseen and isinstance(item, MemberKey) and item.test_id in self.seen
            ):
                return at
            at += step
        return index

    # -- lines ---------------------------------------------------------------------------------------

    def line(self, index: int, width: int) -> Line:
        """Return a line of at most ``width`` cells."""
        item = self.items[index]
        group = self.group_at(index)
        if group is None:
            return EMPTY
        if isinstance(item, MemberKey):
            return self._member(group, item.test_id, width)
        return self._group(group, width)

    def _group(self, group: Group, width: int) -> Line:
        glyphs = self.shown.options.glyphs
        sign, tone = kind_sign(glyphs, group.cause.kind)
        count = len(group.tests)
        words = f"{count_text(count)} tests" if count > 1 else "1 test"
        size = f" {words} " if width >= 44 else f" {count_text(count)} "
        opened = glyphs.folded if group.cause.key in self.folded else glyphs.opened
        head = f" {opened} " if width >= 44 else " "
        room = width - len(head) - 2 - len(size)
        all_seen = all(test_id in self.seen for test_id in group.tests)
        return (
            Span(head, "dim"),
            Span(f"{sign} ", tone),
            Span(
                fit(clean(group.cause.title), room, glyphs.ellipsis),
                "dim" if all_seen else "title bold",
            ),
            Span(size, "dim"),
        )

    def _member(self, group: Group, test_id: str, width: int) -> Line:
        glyphs = self.shown.options.glyphs
        failures = group.tests[test_id]
        indent = 5 if width >= 44 else 3
        if test_id in self.marked:
            head = Span(f" {glyphs.mark}" + " " * (indent - 2), "accent")
        elif test_id in self.seen:
            head = Span(" " * (indent - 2) + f"{glyphs.seen} ", "dim")
        else:
            head = Span(" " * indent)
        tail: list[Span] = []
        if self.shown.many_profiles:
            # The start of a class may have failed in several lanes of a profile.
            profiles = list(dict.fromkeys(known.profile for known in failures))
            tail = [Span(f" {clean(profile)}", "profile") for profile in profiles[:4]]
            if len(profiles) > 4:
                tail.append(Span(f" +{len(profiles) - 4}", "dim"))
        notes = {known.note for known in failures}
        note = next((name for name in ("new", "flaky", "known") if name in notes), "")
        tone = {"new": "new bold", "flaky": "flaky", "known": "dim"}.get(note, "")
        tail += [Span(f" {note.upper() if note == 'new' else note:<5} ", tone)]
        room = width - indent - line_width(tail)
        if room < 14:
            tail = tail[-1:]
            room = width - indent - line_width(tail)
        where, name = split_id(clean(test_id))
        tone = "dim" if test_id in self.seen else "text"
        if width_of(name) + 12 < room:
            where = keep_end(where, room - width_of(name), glyphs.ellipsis)
            return (
                head,
                Span(where, "faint"),
                Span(fit(name, room - width_of(where)), tone),
                *tail,
            )
        return (head, Span(fit(name, room, glyphs.ellipsis), tone), *tail)


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
