"""The live output of one lane: lines with a source and a level, to be filtered, searched and followed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from testlanes.runner.ids import LaneId, Row
from testlanes.runner.state import BEGAN, FixtureState, LaneState

from .glyphs import Glyphs
from .lines import (
    EMPTY,
    Line,
    Span,
    clean,
    crop,
    fit,
    line_width,
    split_id,
    strip_escapes,
    width_of,
)
from .options import Shown
from .times import NS, pair_text, seconds_text

KEEP_LINES = 20_000
LINE_LIMIT = 4096
"""Characters shown of one line; the rest is in the recorded details."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_LEVEL = re.compile(r"\b(DEBUG|TRACE|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|CRITICAL|FATAL|PANIC)\b")
_RANK = {
    **dict.fromkeys(("DEBUG", "TRACE"), 0),
    **dict.fromkeys(("INFO", "NOTICE"), 1),
    **dict.fromkeys(("WARN", "WARNING"), 2),
    **dict.fromkeys(("ERROR", "ERR", "CRITICAL", "FATAL", "PANIC"), 3),
}
_TONES = ("dim", "", "slow", "fail")


@dataclass(frozen=True, slots=True)
class TailLine:
    """One line of output. ``level`` counts into ``LEVELS``, -1 where the line names none."""

    source: str
    text: str
    level: int = -1
    rule: bool = False
    """Whether it is ours: it says which test the following lines are from."""


class TailModel:
    """The lines of one lane's output as it grows. ``follow`` a lane, ``advance`` once a frame."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.lane: LaneId | None = None
        self.lines: deque[TailLine] = deque(maxlen=KEEP_LINES)
        self.view: list[TailLine] = []
        """The lines that pass the filters."""
        self.sources: dict[str, None] = {}
        self.hidden: set[str] = set()
        self.level = -1
        self.query = ""
        self.version = 0
        self._open: dict[str, str] = {}
        self._last: tuple[str, bytes] | None = None
        self._row: Row | None = None

    def __len__(self) -> int:
        return len(self.view) + len(self._open)

    def follow(self, lane: LaneId | None) -> None:
        """Show another lane, from what the state still holds of it."""
        if lane == self.lane:
            return
        self.lane, self._last, self._row = lane, None, None
        self.lines.clear()
        self.sources, self._open = {}, {}
        self.refilter()
        self.advance()

    def advance(self) -> bool:
        """Take up new output; return whether there was any."""
        lane = self._state()
        if lane is None:
            return False
        before = self.version
        for source, data in self._new(lane):
            if source != BEGAN:
                self._feed(source, data)
            elif (row := Row(int(data))) != self._row:
                self._row = row
                self._add(TailLine("", self.shown.state.cases.test_id(row), rule=True))
        return self.version != before

    def _state(self) -> LaneState | None:
        return None if self.lane is None else self.shown.state.lanes.get(self.lane)

    def _new(self, lane: LaneState) -> list[tuple[str, bytes]]:
        new: list[tuple[str, bytes]] = []
        for piece in reversed(lane.tail):
            if piece is self._last:
                break
            new.append(piece)
        # Where a test began is told again until it has said something: another may take its place.
        self._last = next((piece for piece in new if piece[0] != BEGAN), self._last)
        return new[::-1]

    def _feed(self, source: str, data: bytes) -> None:
        self.sources.setdefault(source)
        text = self._open.pop(source, "") + data.decode("utf-8", "backslashreplace")
        *whole, rest = text.split("\n")
        for line in whole:
            self._add(read_line(source, line))
        if rest:
            # What will never be shown need not be kept: a line of 100 MB stays small.
            self._open[source] = rest[:LINE_LIMIT]
        self.version += 1

    def _add(self, line: TailLine) -> None:
        if line.rule and self.lines and self.lines[-1].rule:
            # A test that said nothing leaves no trace.
            self.lines.pop()
            self.view.pop()
        if len(self.lines) == KEEP_LINES and self.view and self.view[0] is self.lines[0]:
            del self.view[0]
        self.lines.append(line)
        if self._passes(line):
            self.view.append(line)
        self.version += 1

    # -- filters -------------------------------------------------------------------------------------

    def refilter(self) -> None:
        """Choose the lines to show anew, after a change of filters."""
        self.view = [line for line in self.lines if self._passes(line)]
        self.version += 1

    def _passes(self, line: TailLine) -> bool:
        return (
            line.rule
            or (line.source not in self.hidden and line.level >= self.level)
            or (
                # A line without a level belongs to the one before it, as tracebacks do.
                line.level < 0 and self.level <= 0 and line.source not in self.hidden
            )
        )

    def next_level(self) -> None:
        """Raise the lowest level that is shown; after the highest all lines are shown again."""
        self.level = -1 if self.level >= len(LEVELS) - 1 else max(1, self.level + 1)
        self.refilter()

    def next_source(self) -> None:
        """Show all sources, then each alone, then all again."""
        names = list(self.sources)
        alone = [name for name in names if name not in self.hidden]
        if len(names) < 2:
            return
        at = names.index(alone[0]) + 1 if len(alone) == 1 else 0
        self.hidden = set(names) - {names[at]} if at < len(names) else set()
        self.refilter()

    # -- lines ---------------------------------------------------------------------------------------

    def at(self, index: int) -> TailLine:
        """Return a line; those not ended yet come last."""
        if index < len(self.view):
            return self.view[index]
        source = list(self._open)[index - len(self.view)]
        return read_line(source, self._open[source])

    def line(self, index: int, width: int) -> Line:
        """Return a line, as long as it is; what is searched for is marked."""
        item = self.at(index)
        glyphs = self.shown.options.glyphs
        if item.rule:
            name = f" {split_id(clean(item.text))[1]} "
            rest = max(0, width - width_of(name) - 4)
            return (
                Span(f" {glyphs.across}{glyphs.across}", "border"),
                Span(name, "dim"),
                Span(glyphs.across * rest, "border"),
            )
        label = f" {fit(clean(item.source), 8, glyphs.ellipsis)} " if len(self.sources) > 1 else " "
        tone = _TONES[item.level] if item.level >= 0 else ""
        if item.source == "stderr" and item.level < 0:
            tone = "warm"
        return (Span(label, "faint"), *mark(item.text, self.query, tone))

    def texts(self) -> Iterator[str]:
        """Yield every shown line as plain text."""
        for index in range(len(self)):
            item = self.at(index)
            yield f"--- {item.text}" if item.rule else item.text

    # -- fixtures ------------------------------------------------------------------------------------

    def chain(self, width: int) -> Line:
        """Return the fixtures alive in the lane, outermost first."""
        lane = self._state()
        if lane is None or not lane.fixtures:
            return EMPTY
        usual, now = self.shown.state.fixture_seconds, self.shown.now_ns()
        glyphs = self.shown.options.glyphs
        fixtures = _ordered(lane.fixtures)
        while True:
            # In the order in which they came up; what matters least goes first for want of room.
            line = _chain(sorted(fixtures, key=lambda one: one.number), glyphs, usual, now)
            if len(fixtures) < 2 or line_width(line) <= width:
                return crop(line, 0, width)
            fixtures.pop()


def read_line(source: str, text: str) -> TailLine:
    """Make a line of output fit to be shown: escapes gone, overwritten parts left out."""
    text = text[: 4 * LINE_LIMIT].rstrip("\r")
    if "\r" in text:
        text = text.rpartition("\r")[2]
    text = clean(strip_escapes(text))[:LINE_LIMIT]
    match = _LEVEL.search(text, 0, 120)
    return TailLine(source, text, _RANK[match[1]] if match else -1)


def mark(text: str, query: str, tone: str) -> list[Span]:
    """Return ``text`` with every occurrence of ``query`` (case aside) marked."""
    if not query:
        return [Span(text, tone)]
    out: list[Span] = []
    low, wanted, at = text.lower(), query.lower(), 0
    if len(low) != len(text):
        low, wanted = text, query
    while (found := low.find(wanted, at)) >= 0:
        if found > at:
            out.append(Span(text[at:found], tone))
        out.append(Span(text[found : found + len(wanted)], "match on:match"))
        at = found + len(wanted)
    out.append(Span(text[at:], tone))
    return out


_PHASES = {
    "setup": ("running", "fixture"),
    "up": ("ok", "ok"),
    "failed": ("fail", "fail"),
    "cleanup": ("waits", "slow"),
}


def _ordered(fixtures: Mapping[int, FixtureState]) -> list[FixtureState]:
    """Return what moves, or failed, with what is around it; then the others, the dearest first."""
    path: dict[int, None] = {}
    for fixture in fixtures.values():
        if fixture.phase != "up":
            around: list[int] = []
            at: FixtureState | None = fixture
            while at is not None and at.number not in around:
                around.append(at.number)
                at = fixtures.get(at.parent)
            path |= dict.fromkeys(reversed(around))
    others = [one for one in fixtures.values() if one.number not in path]
    return [fixtures[number] for number in path] + sorted(others, key=lambda one: -one.seconds)


def _chain(
    fixtures: Iterable[FixtureState], glyphs: Glyphs, usual: Mapping[str, float], now: int
) -> Line:
    out: list[Span] = []
    for fixture in fixtures:
        sign, tone = _PHASES.get(fixture.phase, ("ring", "dim"))
        if out:
            out.append(Span(f" {glyphs.arrow} ", "faint"))
        out.append(Span(f"{getattr(glyphs, sign)} ", tone))
        out.append(Span(clean(fixture.name), "text"))
        if fixture.phase in ("setup", "cleanup"):
            out.append(Span(f" {fixture.phase}", tone))
            if fixture.since:
                expected = usual.get(fixture.name) if fixture.phase == "setup" else None
                elapsed = max(0, now - fixture.since) / NS
                out.append(Span(f" {pair_text(elapsed, expected)}", "dim"))
        elif fixture.seconds:
            out.append(Span(f" {seconds_text(fixture.seconds)}", "dim"))
    return (Span(" "), *out)
