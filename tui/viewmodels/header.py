"""The top of the screen: what runs, how far it is, and how many of each outcome there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from testlanes.runner.ids import Kind, Row
from testlanes.runner.state import Standing

from .glyphs import bar
from .lines import Line, Span, clean, fit, line_width, spread
from .options import Shown
from .times import NS, clock_text, count_text

COUNTED_FAILURES = 3000
"""With more failures than that, their kinds are not told apart in the header."""


@dataclass(slots=True)
class Tally:
    """What must be counted as cases change: the state holds no such column."""

    shown: Shown
    slow: set[Row] = field(default_factory=set[Row])

    def note(self, rows: Iterable[Row]) -> None:
        """Look at rows that changed."""
        seconds, limit = self.shown.state.seconds, self.shown.options.slow_after
        for row in rows:
            if seconds[row] >= limit:
                self.slow.add(row)


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
        return self.passed + self.bad + self.skipped + self.not_run

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
    extras = sum(extra.status.is_failure and shows(extra.profile) for extra in state.extras)
    errors = kinds[Kind.ERROR] + kinds[Kind.SETUP]
    crashed, timeouts = kinds[Kind.CRASH], kinds[Kind.TIMEOUT]
    return Counts(
        passed=by[Standing.SUCCESS] + by[Standing.XFAIL],
        failed=max(0, by[Standing.FAIL] + by[Standing.UXSUCCESS] - errors - crashed - timeouts),
        errors=errors + extras,
        crashed=crashed,
        timeouts=timeouts,
        skipped=by[Standing.SKIP],
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
    if state.ended is not None:
        if state.ended.problem:
            return "BROKEN", "badge-fail bold"
        if counts.bad:
            return "FAILED", "badge-fail bold"
        if state.ended.interrupted or counts.not_run:
            return "STOPPED", "badge-warn bold"
        if not counts.total:
            return "NO TESTS", "badge-warn bold"
        return "PASSED", "badge-ok bold"
    if state.stopping is not None:
        return ("KILLING" if state.stopping.hard else "STOPPING"), "badge-warn bold"
    if not counts.total:
        return "COLLECTING", "badge-busy bold"
    return "RUNNING", "badge-busy bold"


def share_done(shown: Shown, counts: Counts) -> float:
    """Return how much of the run is done, 0 to 1."""
    if shown.state.ended is not None and not counts.waiting:
        return 1.0
    return counts.finished / counts.total if counts.total else 0.0


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
    if state.started is not None and state.started.label and width >= 90:
        left.append(Span(f"  {clean(state.started.label)}", "accent"))
    if watching and width >= 100:
        left += [Span("  watch ", "dim"), Span(glyphs.dot, "ok")]
    if shown.many_profiles:
        chips = _chips(shown)
        if line_width(chips) < width - line_width(left) - 55:
            left += chips

    share = share_done(shown, counts)
    done = f"{count_text(counts.finished)}/{count_text(counts.total)}"
    rest: list[Span] = [Span(f"{share:4.0%}", "bold"), Span(f"  {done}", "dim")]
    if state.listing and state.ended is None:
        rest.append(Span("+", "dim"))
    rest.append(Span(f"  {clock_text(elapsed_seconds(shown))}", "bold"))
    remaining = state.remaining_seconds()
    if state.ended is None and remaining is not None and counts.finished and not state.stopping:
        rest += [Span("  left ", "dim"), Span(clock_text(remaining), "text")]
    rest.append(Span(" "))
    room = width - line_width(left) - line_width(rest) - 4
    if room < 6:
        return spread(tuple(left), tuple(rest), width)
    fill = "bar-fail" if counts.bad else "bar-ok" if state.ended else "bar"
    spans = tuple(Span(*pair) for pair in bar(glyphs, share, room, fill))
    return (*left, Span("  "), *spans, Span("  "), *rest)


def _chips(shown: Shown) -> list[Span]:
    glyphs, out = shown.options.glyphs, [Span(" ")]
    for name, profile in shown.state.profiles.items():
        hidden = not shown.options.shows(name)
        bad = profile.counts[Standing.FAIL] + profile.counts[Standing.UXSUCCESS]
        if profile.listing == "failed":
            sign, tone = glyphs.fail, "fail"
        elif profile.listing == "listed":
            sign, tone = glyphs.dot, "fail" if bad else "ok"
        else:
            sign, tone = glyphs.waits, "slow"
        out += [
            Span("  "),
            Span(glyphs.ring if hidden else sign, "faint" if hidden else tone),
            Span(f" {clean(name)}", "faint" if hidden else "text"),
        ]
    return out


def counts_line(shown: Shown, counts: Counts, tally: Tally, width: int) -> Line:
    """Return the second line: outcomes at the left (coloured when there are any), lanes at the right."""
    state, glyphs = shown.state, shown.options.glyphs
    out: list[Span] = []

    def add(sign: str, count: int, words: str, tone: str, *, always: bool = False) -> None:
        if not count and not always:
            return
        live = tone if count else "faint"
        label = f" {words}" if width >= 100 or not always else ""
        out.extend(
            (
                Span("   " if out else " "),
                Span(f"{sign} {count_text(count)}", f"{live} bold" if count else live),
            )
        )
        out.append(Span(label, "dim" if count else "faint"))

    add(glyphs.ok, counts.passed, "passed", "ok", always=True)
    add(glyphs.fail, counts.failed, "failed", "fail", always=True)
    add(glyphs.error, counts.errors, "errors", "fail")
    add(glyphs.crash, counts.crashed, "crashed", "crash")
    add(glyphs.timeout, counts.timeouts, "timed out", "fail")
    flaky = sum(shown.options.shows(state.cases.profile(row)) for row in state.flaky)
    add(glyphs.flaky, flaky, "flaky", "flaky")
    add(glyphs.timeout, len(tally.slow), "slow", "slow")
    add(glyphs.skip, counts.skipped, "skipped", "skip", always=True)
    add(glyphs.not_run, counts.not_run, "not run", "slow")
    rest: list[Span] = []
    if state.ended is None:
        open_lanes = [lane for lane in state.lanes.values() if lane.phase != "closed"]
        busy = sum(lane.phase == "running" for lane in open_lanes)
        waits = sum(bool(lane.waits) for lane in open_lanes)
        if waits and width >= 100:
            rest += [Span(f"{glyphs.waits} {waits} waiting", "slow"), Span("   ")]
        if open_lanes and width >= 60:
            rest += [Span(f"{busy}", "bold"), Span(f"/{len(open_lanes)} lanes busy", "dim")]
    elif elapsed := elapsed_seconds(shown):
        rest.append(Span(f"{state.total_seconds / elapsed:.1f}x", "bold"))
        rest.append(Span(" as fast as one lane", "dim"))
    rest.append(Span(" "))
    return spread((Span(" "), *out), tuple(rest), width)
