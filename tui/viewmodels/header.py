"""The top of the screen: what runs, how far it is, and how many of each outcome there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from testlanes.runner.ids import XPASS, Kind, Row
from testlanes.runner.state import Standing
from testlanes.runner.state.watch import WatchState

from .laneline import elapsed, expected_seconds, waiting
from .lines import EMPTY, Line, Span, clean, fit, line_width, spread
from .options import Shown
from .times import NS, clock_text, count_text

FASTER = 1.05
"""From how many times the speed of one lane on it is told: a short run is all start-up."""
COUNTED_FAILURES = 3000
"""With more failures than that, their kinds are not told apart in the header."""


@dataclass(slots=True)
class Tally:
    """What must be counted as cases change: the state holds no such column."""

    shown: Shown
    slow: set[Row] = field(default_factory=set[Row])
    xpassed: set[Row] = field(default_factory=set[Row])
    """What passed though an xfail expected it to fail."""

    def note(self, rows: Iterable[Row]) -> None:
        """Look at rows that changed."""
        seconds, limit = self.shown.state.seconds, self.shown.options.slow_after
        tags = self.shown.state.tags
        for row in rows:
            if seconds[row] >= limit:
                self.slow.add(row)
            if XPASS in tags.get(row, ()):
                self.xpassed.add(row)


@dataclass(frozen=True, slots=True)
class Counts:
    """Cases by outcome, of the profiles that are shown."""

    passed: int
    failed: int
    """Failed assertions and unexpected successes."""
    errors: int
    crashed: int
    timeouts: int
    skipped: int
    expected: int
    """Failures that were expected."""
    not_run: int
    waiting: int
    running: int

    @property
    def bad(self) -> int:
        """All that fails the run."""
        return self.failed + self.errors + self.crashed + self.timeouts

    @property
    def finished(self) -> int:
        """How many have an outcome."""
        return self.passed + self.bad + self.skipped + self.expected + self.not_run

    @property
    def total(self) -> int:
        """How many were selected, and results that nobody scheduled."""
        return self.finished + self.waiting + self.running


def counts_of(shown: Shown) -> Counts:
    """Count the cases of the shown profiles."""
    state, shows = shown.state, shown.options.shows
    by = [0] * len(Standing)
    for name, profile in state.profiles.items():
        if shows(name):
            for standing, count in enumerate(profile.counts):
                by[standing] += count
    kinds = dict.fromkeys(Kind, 0)
    if 0 < len(state.failures) <= COUNTED_FAILURES:
        hidden = bool(shown.options.hidden)
        for row in state.failures:
            if not hidden or shows(state.cases.profile(row)):
                kinds[state.kind_of(row)] += 1
    extras = sum(
        extra.status.is_failure and shows(extra.profile) for extra in state.extras.values()
    )
    errors = kinds[Kind.ERROR] + kinds[Kind.SETUP]
    crashed, timeouts = kinds[Kind.CRASH], kinds[Kind.TIMEOUT]
    return Counts(
        passed=by[Standing.SUCCESS],
        failed=max(0, by[Standing.FAIL] + by[Standing.UXSUCCESS] - errors - crashed - timeouts),
        errors=errors + extras,
        crashed=crashed,
        timeouts=timeouts,
        skipped=by[Standing.SKIP],
        expected=by[Standing.XFAIL],
        not_run=by[Standing.NOT_RUN],
        waiting=by[Standing.WAITING],
        running=by[Standing.RUNNING],
    )


def elapsed_seconds(shown: Shown) -> float:
    """Return how long the run takes or took, in seconds."""
    state = shown.state
    if state.started is None:
        return 0.0
    end = state.ended.at if state.ended else shown.now_ns()
    return max(0, end - state.started.at) / NS


def verdict(shown: Shown, counts: Counts) -> tuple[str, str]:
    """Return the run's word and tone: ``running``, ``passed``, ``failed`` …"""
    state = shown.state
    if state.watch is not None and state.watch.running is None:
        return _watching(state.watch)
    if state.ended is not None:
        if state.ended.problem:
            return "BROKEN", "badge-fail bold"
        if state.red and (counts.bad or not state.failed):
            return "FAILED", "badge-fail bold"
        if state.ended.interrupted or counts.not_run:
            return "STOPPED", "badge-warn bold"
        if not counts.total:
            return "NO TESTS", "badge-warn bold"
        return "PASSED", "badge-ok bold"
    if state.stopping is not None:
        return ("KILLING" if state.stopping.hard else "STOPPING"), "badge-warn bold"
    if not counts.total or collects_anew(shown, counts):
        return "COLLECTING", "badge-busy bold"
    return "RUNNING", "badge-busy bold"


def collects_anew(shown: Shown, counts: Counts) -> bool:
    """Whether a watch's run only lists so far: all that is counted are failures of runs before it."""
    state = shown.state
    return state.watch is not None and state.listing and not (counts.waiting or counts.running)


def _watching(watch: WatchState) -> tuple[str, str]:
    """Return the word of a watch while nothing runs."""
    if watch.ways.off:
        return "OFF", "badge-warn bold"
    tone = {None: "busy", True: "fail", False: "ok"}[watch.red]
    return "WATCHING", f"badge-{tone} bold"


def share_done(shown: Shown, counts: Counts) -> float:
    """Return how much of the run is done, 0 to 1."""
    if shown.state.ended is not None and not counts.waiting:
        return 1.0
    if not counts.total or collects_anew(shown, counts):
        return 0.0
    return counts.finished / counts.total


def remaining_seconds(shown: Shown, counts: Counts) -> float | None:
    """Return about how long the run goes on, in seconds; None when nothing is known to go by.

    No less than the longest of the running tests is expected to need; None, too, if little more is
    left than running tests of which nobody knows how long they take.
    """
    state = shown.state
    left = state.remaining_seconds()
    if left is None or not counts.finished or collects_anew(shown, counts):
        return None
    unknown = False
    for lane in state.lanes.values():
        if lane.row is None:
            continue
        expected = expected_seconds(shown, lane)
        unknown |= expected is None
        left = max(left, (expected or 0.0) - elapsed(shown, lane))
    return None if unknown and left < 1 else left


def progress_line(
    shown: Shown, counts: Counts, width: int, project: str, number: int | None, watching: str
) -> Line:
    """Return the first line: the run's name, a bar, and the times."""
    state, glyphs = shown.state, shown.options.glyphs
    word, tone = verdict(shown, counts)
    left: list[Span] = [Span(" "), Span(f" {word} ", tone), Span("  ")]
    left.append(Span(fit(clean(project), min(24, len(project))), "title bold"))
    if number is not None and width >= 70:
        left.append(Span(f"  run {number}", "dim"))
    if state.started is not None and state.started.label and width >= 90 and not state.watch:
        left.append(Span(f"  {clean(state.started.label)}", "accent"))
    if watching and width >= 100 and not state.watch:
        left += [Span("  watch ", "dim"), Span(glyphs.dot, "ok")]
    if shown.many_profiles:
        chips = _chips(shown)
        if line_width(chips) < width - line_width(left) - 55:
            left += chips

    if state.watch is not None and state.started is None:
        return spread(tuple(left), EMPTY, width)  # no run yet that could be on its way
    share = share_done(shown, counts)
    done = f"{count_text(counts.finished)}/{count_text(counts.total)}"
    # Rounded down: with a test left it is not all done.
    rest: list[Span] = [Span(f"{int(share * 100):3}%", "bold"), Span(f"  {done}", "dim")]
    if state.listing and state.ended is None:
        rest.append(Span("+", "dim"))
    rest.append(Span(f"  {clock_text(elapsed_seconds(shown))}", "bold"))
    if state.ended is None and not state.stopping:
        remaining = remaining_seconds(shown, counts)
        if remaining is not None:
            rest += [Span("  left ", "dim"), Span(clock_text(remaining), "text")]
    rest.append(Span(" "))
    room = width - line_width(left) - line_width(rest) - 4
    if room < 6:
        return spread(tuple(left), tuple(rest), width)
    spans = _bar(shown, counts, share, room)
    return (*left, Span("  "), *spans, Span("  "), *rest)


def _bar(shown: Shown, counts: Counts, share: float, room: int) -> tuple[Span, ...]:
    """What passed, then what failed (one cell at least), then what is left."""
    glyphs = shown.options.glyphs
    done = round(share * room)
    bad = round(room * counts.bad / counts.total) if counts.total else 0
    bad = min(done, max(bad, 1)) if counts.bad else 0
    good = "bar-ok" if shown.state.ended is not None else "bar"
    return (
        Span(glyphs.bar * (done - bad), good),
        Span(glyphs.bar * bad, "bar-fail"),
        Span(glyphs.rest * (room - done), "bar-rest"),
    )


def _chips(shown: Shown) -> list[Span]:
    glyphs, out = shown.options.glyphs, [Span(" ")]
    for name, profile in shown.state.profiles.items():
        hidden = not shown.options.shows(name)
        bad = profile.counts[Standing.FAIL] + profile.counts[Standing.UXSUCCESS]
        if profile.listing == "failed":
            sign, tone = glyphs.fail, "fail"
        elif profile.listing == "listed":
            sign, tone = (glyphs.fail, "fail") if bad else (glyphs.dot, "ok")
        else:
            sign, tone = glyphs.waits, "slow"
        out += [
            Span("  "),
            Span(glyphs.ring if hidden else sign, "faint" if hidden else tone),
            Span(f" {clean(name)}", "faint" if hidden else "text"),
        ]
    return out


def xpassed_among(shown: Shown, rows: Iterable[Row]) -> int:
    """Return how many of these, which an xfail expected to fail, stand as passed and are shown."""
    state, shows = shown.state, shown.options.shows
    return sum(
        state.standing[row] == Standing.SUCCESS and shows(state.cases.profile(row)) for row in rows
    )


def counts_line(shown: Shown, counts: Counts, tally: Tally, width: int) -> Line:
    """Return the second line: outcomes at the left (coloured when there are any), lanes at the right.

    Where there is little room the gaps are narrower, then what was expected to fail counts as passed, then there
    are only signs; without room for those the right gives way.
    """
    flaky = sum(shown.options.shows(shown.state.cases.profile(row)) for row in shown.state.flaky)
    xpassed = xpassed_among(shown, tally.xpassed)
    glyphs = shown.options.glyphs
    whole = (glyphs.ok, counts.passed + counts.expected, "passed", "ok", True)
    found = (
        (glyphs.ok, counts.passed - xpassed, "passed", "ok", True),
        (glyphs.fail, counts.failed, "failed", "fail", True),
        (glyphs.error, counts.errors, "error" if counts.errors == 1 else "errors", "fail", False),
        (glyphs.crash, counts.crashed, "crashed", "crash", False),
        (glyphs.timeout, counts.timeouts, "timed out", "fail", False),
        (glyphs.flaky, flaky, "flaky", "flaky", False),
        (glyphs.slow, len(tally.slow), "slow", "slow", False),
        (glyphs.skip, counts.skipped, "skipped", "skip", True),
        (glyphs.expected, counts.expected, "xfailed", "text", False),
        (glyphs.unexpected, xpassed, "xpassed", "slow", False),
        (glyphs.not_run, counts.not_run, "not run", "slow", False),
    )
    shows = [part for part in found if part[1] or part[4]]
    fewer = [whole, *(part for part in shows[1:] if part[2] not in ("xfailed", "xpassed"))]
    rest = _lanes_part(shown, width)
    for parts, words, gap in (
        (shows, True, "   "),
        (shows, True, "  "),
        (fewer, True, "  "),
        (shows, False, "  "),
    ):
        out: list[Span] = [Span("  ")]
        for sign, count, word, tone, _ in parts:
            if len(out) > 1:
                out.append(Span(gap))
            out.append(Span(f"{sign} {count_text(count)}", f"{tone} bold" if count else "faint"))
            if words:
                out.append(Span(f" {word}", "dim" if count else "faint"))
        if line_width(out) + line_width(rest) < width:
            return spread(tuple(out), rest, width)
    return spread(tuple(out), (), width)


def _lanes_part(shown: Shown, width: int) -> Line:
    state, glyphs = shown.state, shown.options.glyphs
    if state.ended is not None:
        times = state.total_seconds / (elapsed_seconds(shown) or 1.0)
        if times < FASTER:
            return EMPTY
        return (Span(f"{times:.1f}x", "bold"), Span(" as fast as one lane ", "dim"))
    rest: list[Span] = []
    open_lanes = [lane for lane in state.lanes.values() if lane.phase != "closed"]
    busy = sum(lane.phase == "running" for lane in open_lanes)
    waits = sum(waiting(lane) for lane in open_lanes)
    if waits and width >= 100:
        rest += [Span(f"{glyphs.waits} {waits} waiting", "slow"), Span("   ")]
    if open_lanes:
        rest += [Span(f"{busy}", "bold"), Span(f"/{len(open_lanes)} lanes busy ", "dim")]
    return tuple(rest)
