"""One line for a lane: what it runs or why it does not, for how long, and what it did so far."""

from __future__ import annotations

from typing import TypeAlias

from testlanes.runner.events import NOTHING_LEFT, TEARING_DOWN
from testlanes.runner.ids import Row, Status
from testlanes.runner.state import FixtureState, LaneState

from .glyphs import bar
from .lines import Line, Span, clean, fit, keep_end, line_width, name_spans, right, split_id
from .options import Shown
from .times import NS, count_text, pair_text, size_text

LATE = 1.5
"""A test that runs longer than so many times what was expected, and a second more, is late."""

Widths: TypeAlias = tuple[int, int, int]
"""Cells for the numbers of done, failed and crashed; 0 for what no lane has."""


def lane_line(shown: Shown, lane: LaneState, width: int, tallies: Widths) -> Line:
    """Return a lane's line in ``width`` cells."""
    head: list[Span] = [Span(f" {lane.lane:>2} ", "dim")]
    if size := shown.profile_width:
        head.append(Span(fit(clean(lane.profile), size) + " ", "profile"))
    room = width - line_width(head)
    tail: tuple[Span, ...] = ()
    if room >= 60:
        tail = _tallies(shown, lane, room, tallies)
        room -= line_width(tail)
    if lane.phase == "running" and lane.row is not None:
        return (*head, *_running(shown, lane, lane.row, room), *tail)
    return (*head, *_resting(shown, lane, room), *tail)


def _tallies(shown: Shown, lane: LaneState, room: int, widths: Widths) -> tuple[Span, ...]:
    """What the lane did, and how its worker is, as far as there is room."""
    glyphs = shown.options.glyphs
    done, failed, crashed = widths
    out = [
        Span("  "),
        Span(right(count_text(max(0, lane.done - lane.failed)), done), "text"),
        Span(glyphs.ok, "dim"),
    ]
    if failed:
        words = f"{lane.failed}{glyphs.fail}" if lane.failed else ""
        out.append(Span(right(words, failed), "fail"))
    if crashed:
        words = f"{lane.crashed}{glyphs.crash}" if lane.crashed else ""
        out.append(Span(right(words, crashed), "crash"))
    if room >= 84:
        out.append(Span(right(size_text(lane.memory) if lane.memory else "", 8), "dim"))
    if room >= 92:
        out.append(Span(right(f"{lane.cpu:.0%}" if lane.pid else "", 6), "dim"))
    return (*out, Span(" "))


def tally_widths(shown: Shown) -> Widths:
    """Measure the tallies of all lanes, so that they stand in columns."""
    done = failed = crashed = 0
    for lane in shown.state.lanes.values():
        done, failed = max(done, lane.done), max(failed, lane.failed)
        crashed = max(crashed, lane.crashed)
    return (
        max(3, len(count_text(done))),
        len(str(failed)) + 2 if failed else 0,
        len(str(crashed)) + 2 if crashed else 0,
    )


def _running(shown: Shown, lane: LaneState, row: Row, room: int) -> Line:
    state = shown.state
    glyphs = shown.options.glyphs
    seconds = elapsed(shown, lane)
    expected = expected_seconds(shown, lane)
    late = is_late(shown, lane, seconds)
    slow = seconds >= shown.options.slow_after
    cells = 10 if room >= 70 else 8 if room >= 56 else 6 if room >= 44 else 0
    if expected is None:
        cells = 0  # nothing to measure it against: the name can use the room
    clock = 10 if room >= 44 else 7
    tone = "slow" if late or slow else "text" if expected is not None else "dim"
    mark = Span(" SLOW" if slow else " late" if late else "     ", "slow bold")
    if room < 50:
        mark = Span("!" if late or slow else " ", "slow bold")
    times = right(pair_text(seconds, expected) if clock == 10 else pair_text(seconds, None), clock)
    gauge: tuple[Span, ...] = ()
    if cells and expected is not None:
        filled = bar(glyphs, seconds / max(expected, 0.001), cells, "slow" if late else "bar")
        gauge = tuple(Span(*pair) for pair in filled)
    room -= 2 + cells + clock + len(mark.text) + 1
    fixture = _busy_fixture(lane)
    if fixture is not None:
        name = f"{clean(fixture.name)} {fixture.phase}"
        words = f"  for {split_id(clean(state.cases.test_id(row)))[1]}"
        text = (Span(fit(name, room, glyphs.ellipsis), "fixture"),)
        if len(name) + 8 < room:
            text = (
                Span(name, "fixture"),
                Span(fit(words, room - len(name), glyphs.ellipsis), "dim"),
            )
        sign = Span(f"{glyphs.fixture} ", "fixture")
    else:
        text = name_spans(clean(state.cases.test_id(row)), room, "text", ellipsis=glyphs.ellipsis)
        sign = Span(f"{glyphs.running} ", "slow" if late or slow else "running")
    return (sign, *text, Span(" "), *gauge, Span(times, tone), mark)


def waiting(lane: LaneState) -> bool:
    """Whether a lane waits for something that will come."""
    return bool(lane.waits) and lane.waits not in (NOTHING_LEFT, TEARING_DOWN)


def rest_words(shown: Shown, lane: LaneState) -> str:
    """Return what a lane does that runs no test; empty if it just has none at the moment."""
    profile = shown.state.profiles.get(lane.profile)
    if lane.phase == "restarting" and lane.note:
        then = f"; {clean(lane.waits)}" if lane.waits else ", starting another"
        return f"{clean(lane.note)}{then}"
    if lane.waits == NOTHING_LEFT:
        return "nothing left to run"
    if lane.waits == TEARING_DOWN:
        return "takes its fixtures down"
    if lane.phase == "restarting":
        return f"waits: {clean(lane.waits)}" if lane.waits else "worker ended, starting another"
    if lane.phase == "starting" and profile is not None and profile.listing == "loading":
        found = f", {count_text(profile.listed)} tests so far" if profile.listed else ""
        return f"the suite is being loaded{found}"
    if lane.phase == "starting" and profile is not None and profile.listing == "failed":
        return "its suite could not be loaded"
    if lane.phase == "starting":
        return "starting a worker"
    return f"waits: {clean(lane.waits)}" if lane.waits else ""


def _resting(shown: Shown, lane: LaneState, room: int) -> Line:
    glyphs = shown.options.glyphs
    text: Line
    if words := rest_words(shown, lane):
        sign, tone = glyphs.waits, "slow" if waiting(lane) else "dim"
        if lane.waits == NOTHING_LEFT:
            sign = glyphs.idle
        elif lane.phase == "restarting":
            sign = glyphs.restart
        if lane.phase == "restarting" and lane.note:
            sign, tone = glyphs.restart, "crash"
            words = keep_end(words, room - 2, glyphs.ellipsis)
        text = (Span(f"{sign} ", tone), Span(words, tone))
    elif lane.last_row is not None:
        name = clean(shown.state.cases.test_id(lane.last_row))
        good = lane.last_status in (Status.SUCCESS, Status.XFAIL)
        sign = (
            glyphs.skip if lane.last_status is Status.SKIP else glyphs.ok if good else glyphs.fail
        )
        # It stays, dim, until the next one starts: a lane that flickers cannot be read.
        text = (
            Span(f"{sign} ", "dim"),
            *name_spans(name, room - 2, "dim", "faint", glyphs.ellipsis),
        )
    else:
        text = (Span(f"{glyphs.idle} ", "faint"), Span("idle", "faint"))
    text = text if line_width(text) <= room else tuple(_cut(text, room, glyphs.ellipsis))
    return (*text, Span(" " * (room - line_width(text))))


def elapsed(shown: Shown, lane: LaneState) -> float:
    """Return for how many seconds a lane's test runs."""
    return max(0, shown.now_ns() - lane.started_at) / NS


def expected_seconds(shown: Shown, lane: LaneState) -> float | None:
    """Return how long a lane's test is expected to take: as before, or as the fixture that it sets up did in this run."""
    state = shown.state
    expected = None if lane.row is None else state.expected_seconds(lane.row)
    for fixture in lane.fixtures.values():
        usual = state.fixture_seconds.get(fixture.name, 0.0) if fixture.phase == "setup" else 0.0
        if usual > (expected or 0.0):
            expected = usual
    return expected


def is_late(shown: Shown, lane: LaneState, seconds: float) -> bool:
    """Whether a lane's test, which runs for so long, takes much longer than was expected."""
    expected = expected_seconds(shown, lane)
    return expected is not None and seconds > LATE * expected and seconds > expected + 1


def _busy_fixture(lane: LaneState) -> FixtureState | None:
    busy = [one for one in lane.fixtures.values() if one.phase in ("setup", "cleanup")]
    return busy[-1] if busy else None


def _cut(line: Line, width: int, ellipsis: str) -> Line:
    *first, last = line
    return (*first, Span(fit(last.text, max(0, width - line_width(first)), ellipsis), last.tone))


def health_of(lane: LaneState) -> str:
    """Return how a lane's worker is: its process, what it takes, and how many before it died."""
    parts = [f"pid {lane.pid}"] if lane.pid else []
    if lane.memory:
        parts.append(size_text(lane.memory))
    if lane.pid and lane.cpu >= 0.01:
        parts.append(f"cpu {lane.cpu:.0%}")
    if (
        lane.crashed
    ):  # one that was replaced as planned is no news: after a listing, a cycle, each test
        parts.append(f"{lane.crashed} died")
    return ", ".join(parts)
