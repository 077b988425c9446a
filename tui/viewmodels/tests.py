"""All tests of the run: a filter that is typed, a few ways to sort, lines for what is in sight."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from testlanes.runner.ids import Kind, LaneId, Row
from testlanes.runner.state import FAILED, KINDS, Standing

from .glyphs import standing_sign
from .lines import Line, Span, clean, fit, name_spans, right
from .options import Shown
from .slices import filtered, ordered
from .times import seconds_text

Order: TypeAlias = Literal["listed", "slowest", "name", "outcome"]

ORDERS: tuple[Order, ...] = ("listed", "slowest", "name", "outcome")
SHOWS: tuple[str, ...] = (
    "",
    "status:failed",
    "status:running",
    "status:waiting",
    "status:skipped",
    "flaky",
    "slow",
)

_STATUSES: dict[str, frozenset[int]] = {
    "passed": frozenset({Standing.SUCCESS, Standing.XFAIL}),
    "ok": frozenset({Standing.SUCCESS, Standing.XFAIL}),
    "failed": frozenset(FAILED),
    "fail": frozenset(FAILED),
    "skipped": frozenset({Standing.SKIP}),
    "skip": frozenset({Standing.SKIP}),
    "xfail": frozenset({Standing.XFAIL}),
    "uxsuccess": frozenset({Standing.UXSUCCESS}),
    "running": frozenset({Standing.RUNNING}),
    "waiting": frozenset({Standing.WAITING}),
    "notrun": frozenset({Standing.NOT_RUN}),
}
_RANK = {
    Standing.FAIL: 0,
    Standing.UXSUCCESS: 0,
    Standing.RUNNING: 1,
    Standing.WAITING: 2,
    Standing.NOT_RUN: 3,
    Standing.SKIP: 4,
    Standing.XFAIL: 5,
    Standing.SUCCESS: 6,
    Standing.UNSELECTED: 7,
}
_TIME = re.compile(r"^([<>])=?(\d+(?:\.\d+)?)(ms|s|m)?$")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


@dataclass(frozen=True, slots=True)
class Query:
    """A filter, read: every part must hold."""

    text: str = ""
    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    statuses: frozenset[int] | None = None
    kinds: frozenset[Kind] | None = None
    profiles: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    longer: float | None = None
    """Seconds a test must have taken."""
    shorter: float | None = None
    flaky: bool = False
    slow: bool = False
    wrong: str = ""
    """What could not be understood."""

    @property
    def live(self) -> bool:
        """Whether what passes changes as the run goes on."""
        named = self.statuses or self.kinds or self.hosts or self.tags or self.flaky or self.slow
        return bool(named) or (self.longer, self.shorter) != (None, None)


def read_query(text: str) -> Query:
    """Read a filter: words, ``-word``, ``/regex/``, ``status:``, ``kind:``, ``profile:``, ``host:``, ``tag:``, ``>1s``, ``flaky``, ``slow``."""
    words: list[str] = []
    without: list[str] = []
    found: dict[str, Any] = {}
    wrong = ""
    for part in text.split():
        name, colon, value = part.partition(":")
        match = _TIME.match(part)
        if match:
            seconds = float(match[2]) * _UNIT[match[3]]
            found["longer" if match[1] == ">" else "shorter"] = seconds
        elif part in ("flaky", "slow"):
            found[part] = True
        elif len(part) > 2 and part.startswith("/") and part.endswith("/"):
            try:
                found["pattern"] = re.compile(part[1:-1])
            except re.error as error:
                wrong = f"{part}: {error}"
        elif colon and name == "status":
            chosen = [_STATUSES[one] for one in value.split(",") if one in _STATUSES]
            if chosen:
                found["statuses"] = frozenset().union(*chosen)
            elif value:
                wrong = f"status: one of {', '.join(_STATUSES)}"
        elif colon and name == "kind":
            kinds = frozenset(kind for kind in KINDS if kind and kind in value.split(","))
            if kinds:
                found["kinds"] = kinds
        elif colon and name in ("profile", "host", "tag"):
            found[f"{name}s"] = tuple(value.split(",")) if value else ()
        elif len(part) > 1 and part.startswith("-"):
            without.append(part[1:].lower())
        else:
            words.append(part.lower())
    return Query(text, tuple(words), tuple(without), wrong=wrong, **found)


class TestsModel:
    """The lines of the tests list. ``work`` gives the steps that bring it up to date."""

    __test__ = False

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.order: array[int] = array("I")
        self.sort: Order = "listed"
        self.query = Query()
        self.marked: set[Row] = set()
        self._source: array[int] = array("I")
        """What passed the filter, in listing order: an extended filter looks at these only."""
        self._for: tuple[object, ...] = ()

    def __len__(self) -> int:
        return len(self.order)

    def work(self, text: str, sort: Order) -> Iterator[None]:
        """Filter and sort anew, in short steps; the old lines stand until the new ones are there."""
        state = self.shown.state
        before, self.query, self.sort = self.query, read_query(text), sort
        now = (len(state.standing), self.shown.options.version)
        narrows = (
            now == self._for
            and before.text
            and text.startswith(before.text)
            and not self.query.live
            and not before.live
            and not self.query.pattern
            and self.query.without == before.without
        )
        rows = self._source if narrows else range(len(state.standing))
        source: array[int] = array("I")
        yield from filtered(rows, state.standing, self._wanted(), self._accepts(), source)
        self._source, self._for = source, now
        if sort == "listed":
            self.order = source
            return
        yield from ordered(source, self._keys(sort), self._publish)

    def _publish(self, order: array[int]) -> None:
        self.order = order

    def _keys(self, sort: Order) -> Callable[[Sequence[int]], Sequence[Any]]:
        state = self.shown.state
        if sort == "slowest":
            seconds = state.seconds
            return lambda rows: [-seconds[row] for row in rows]
        if sort == "name":
            return state.cases.test_ids
        standing = state.standing
        ranks = [_RANK[Standing(number)] for number in range(len(Standing))]
        return lambda rows: [ranks[standing[row]] for row in rows]

    def _wanted(self) -> bytes:
        """Return for each standing whether cases that stand so are shown."""
        statuses = self.query.statuses
        return bytes(
            number != Standing.UNSELECTED and (statuses is None or number in statuses)
            for number in range(len(Standing))
        )

    def _accepts(self) -> Callable[[int], bool] | None:
        """Return what else the filter asks of a row; None if it is nothing."""
        query, state = self.query, self.shown.state
        seconds, cases = state.seconds, state.cases
        test_id = cast("Callable[[int], str]", cases.test_id)
        profiles = {
            name
            for name in state.profiles
            if self.shown.options.shows(name) and (not query.profiles or name in query.profiles)
        }
        every = len(profiles) == len(state.profiles)
        words, without, pattern = query.words, query.without, query.pattern
        textual = bool(words or without or pattern)
        numeric = query.live
        if every and not textual and not numeric:
            return None
        slow = self.shown.options.slow_after
        tags = set(query.tags)
        tagged = {
            name for name, found in self.shown.options.tags.items() if not tags.isdisjoint(found)
        }

        def accepts(row: int) -> bool:
            if not every and cases.profile(Row(row)) not in profiles:
                return False
            if textual:
                name = test_id(row)
                if pattern is not None and not pattern.search(name):
                    return False
                low = name.lower()
                for word in words:
                    if word not in low:
                        return False
                for word in without:
                    if word in low:
                        return False
            if numeric:
                took = seconds[row]
                if query.longer is not None and took <= query.longer:
                    return False
                if query.shorter is not None and not 0 < took < query.shorter:
                    return False
                if query.slow and took < slow:
                    return False
                if query.flaky and row not in state.flaky:
                    return False
                if query.kinds is not None and state.kind_of(Row(row)) not in query.kinds:
                    return False
                if (
                    tags
                    and cases.profile(Row(row)) not in tagged
                    and tags.isdisjoint(state.tags.get(Row(row), ()))
                ):
                    return False
                if query.hosts:
                    lane = state.lanes.get(LaneId(state.lane_of[row]))
                    if lane is None or lane.host not in query.hosts:
                        return False
            return True

        return accepts

    # -- asking --------------------------------------------------------------------------------------

    def row_at(self, index: int) -> Row | None:
        """Return the row of a line."""
        return Row(self.order[index]) if 0 <= index < len(self.order) else None

    def index_of(self, row: Row | None, near: int) -> int | None:
        """Return the line of a row, looking at ``near`` first."""
        if row is None:
            return None
        if 0 <= near < len(self.order) and self.order[near] == row:
            return near
        try:
            return self.order.index(row)
        except ValueError:
            return None

    def line(self, index: int, width: int) -> Line:
        """Return a line of ``width`` cells."""
        shown, state = self.shown, self.shown.state
        glyphs = shown.options.glyphs
        row = Row(self.order[index])
        standing = state.standing[row]
        sign, tone = standing_sign(glyphs, standing, state.kind_of(row))
        head = Span(f"{glyphs.mark if row in self.marked else ' '}", "accent")
        tail: list[Span] = []
        size = shown.profile_width
        if size:
            tail.append(Span(f" {fit(clean(state.cases.profile(row)), size)}", "profile"))
        took = ""
        slow = False
        if standing >= Standing.SUCCESS and standing != Standing.NOT_RUN:
            took = seconds_text(state.seconds[row])
            slow = state.seconds[row] >= shown.options.slow_after
        elif standing == Standing.RUNNING:
            took = "running"
        elif standing == Standing.NOT_RUN:
            took = "not run"
        tail.append(
            Span(right(took, 9), "slow" if slow else "running" if took == "running" else "text")
        )
        if width >= 90:
            lane = state.lane_of[row]
            tail.append(Span(right(f"lane {lane}" if lane >= 0 else "", 9), "faint"))
            words = (
                "flaky"
                if row in state.flaky
                else f"x{state.attempts[row]}"
                if state.attempts[row] > 1
                else ""
            )
            tail.append(Span(right(words, 7), "flaky"))
        tail.append(Span(" "))
        room = width - 3 - sum(len(span.text) for span in tail)
        bright = "text" if standing not in (Standing.WAITING, Standing.UNSELECTED) else "dim"
        return (
            head,
            Span(f"{sign} ", tone),
            *name_spans(clean(state.cases.test_id(row)), room, bright, "faint"),
            *tail,
        )
