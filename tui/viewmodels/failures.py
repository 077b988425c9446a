"""The failures of a run, gathered by cause: which tests, under which profiles, and since when."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from testlanes.runner.ids import ProfileName, Row, Status
from testlanes.runner.state import Standing

from .failure import FailureKey, Group, Known, read_failure
from .failureline import group_line, member_line
from .lines import EMPTY, Line
from .options import Shown

Show: TypeAlias = Literal["all", "new", "known", "flaky"]
Order: TypeAlias = Literal["newest", "oldest", "largest"]

SHOWS: tuple[Show, ...] = ("all", "new", "known", "flaky")
ORDERS: tuple[Order, ...] = ("newest", "oldest", "largest")
AT_ONCE = 0.006
"""CPU seconds in which tracebacks are read in one frame."""


class MemberKey(NamedTuple):
    """A test under one cause, with all the profiles it fails under."""

    cause: tuple[str, ...]
    test_id: str


ItemKey: TypeAlias = tuple[str, ...] | MemberKey


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
            known = read_failure(self.shown, key, self._statuses)
            if known is not None and self.known.get(key) != known:
                self.known[key] = known
                changed = True
        if changed:
            self.rebuild()
        return changed

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
            marked, seen = item.test_id in self.marked, item.test_id in self.seen
            return member_line(self.shown, group, item.test_id, width, marked=marked, seen=seen)
        folded = group.cause.key in self.folded
        return group_line(self.shown, group, width, folded=folded, seen=self.seen)
