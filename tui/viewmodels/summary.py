"""The end of a run in one glance."""

from __future__ import annotations

import heapq
import textwrap

from testlanes.runner.ids import XPASS, Row
from testlanes.runner.state import Standing

from .header import (
    FASTER,
    Counts,
    counts_of,
    elapsed_seconds,
    xpassed_among,
)
from .lines import EMPTY, Line, Span, clean, fit, line_width, name_spans, right
from .options import Shown
from .times import clock_text, count_text, seconds_text
from .tracebacks import headline

SLOWEST = 5


def summary_lines(shown: Shown, width: int) -> list[Line]:
    """Return the run's result, where the time went, and the slowest tests."""
    state = shown.state
    counts = counts_of(shown)
    out: list[Line] = [EMPTY, _verdict(shown, counts), EMPTY]
    if state.ended is not None and state.ended.problem:
        for part in state.ended.problem.split("\n"):
            lines = textwrap.wrap(clean(part), max(20, width - 4)) or [""]
            out += [(Span("  "), Span(line, "fail")) for line in lines]
        out.append(EMPTY)
    out += _outcomes(shown, counts, width)
    out.append(_speed(shown))
    if shown.many_profiles:
        out += [EMPTY, *_profiles(shown, width)]
    if slow := _slowest(shown, width):
        out += [EMPTY, (Span("  Slowest", "title bold"),), *slow]
    out += [EMPTY, _next(shown, counts)]
    return out


def _verdict(shown: Shown, counts: Counts) -> Line:
    glyphs, ended = shown.options.glyphs, shown.state.ended
    time = clock_text(elapsed_seconds(shown))
    if ended is not None and ended.problem:
        return (Span(f"  {glyphs.fail} ", "fail bold"), Span("The run broke off.", "fail bold"))
    if shown.state.red and not shown.state.failed:
        words = f"{count_text(len(shown.state.flaky))} of {count_text(counts.total)} tests passed on a retry only"
        return (Span(f"  {glyphs.flaky} ", "fail bold"), Span(words, "fail bold"))
    if counts.bad and not shown.state.red:
        plural = "" if counts.bad == 1 else "s"
        words = f"{count_text(counts.bad)} known flaky test{plural} failed, no other did"
        return (Span(f"  {glyphs.flaky} ", "flaky bold"), Span(words, "flaky bold"))
    if counts.bad:
        words = f"{count_text(counts.bad)} of {count_text(counts.total)} tests failed"
        return (
            Span(f"  {glyphs.fail} ", "fail bold"),
            Span(words, "fail bold"),
            Span(f" in {time}", "dim"),
        )
    if not counts.total:
        return (
            Span(f"  {glyphs.not_run} ", "slow bold"),
            Span("There was no test to run.", "slow bold"),
        )
    if counts.not_run or (ended is not None and ended.interrupted):
        words = f"Stopped after {count_text(counts.finished - counts.not_run)} of {count_text(counts.total)} tests"
        return (
            Span(f"  {glyphs.not_run} ", "slow bold"),
            Span(words, "slow bold"),
            Span(f" in {time}", "dim"),
        )
    words = f"All {count_text(counts.total)} tests passed"
    if counts.skipped or counts.expected:
        words = f"{count_text(counts.passed)} tests passed"
        if counts.skipped:
            words += f", {count_text(counts.skipped)} skipped"
        if counts.expected:
            words += f", {count_text(counts.expected)} failed as expected"
    return (Span(f"  {glyphs.ok} ", "ok bold"), Span(words, "ok bold"), Span(f" in {time}", "dim"))


def _outcomes(shown: Shown, counts: Counts, width: int) -> list[Line]:
    expected = (row for row, tags in shown.state.tags.items() if XPASS in tags)
    xpassed = xpassed_among(shown, expected)
    pairs = [
        (counts.passed - xpassed, "passed", "ok"),
        (counts.failed, "failed", "fail"),
        (counts.errors, "error" if counts.errors == 1 else "errors", "fail"),
        (counts.crashed, "crashed", "crash"),
        (counts.timeouts, "timed out", "fail"),
        (len(shown.state.flaky), "flaky", "flaky"),
        (counts.skipped, "skipped", "skip"),
        (counts.expected, "xfailed", "text"),
        (xpassed, "xpassed", "slow"),
        (counts.not_run, "not run", "slow"),
    ]
    lines: list[list[Span]] = [[Span("  ")]]
    for count, words, tone in pairs:
        if not count:
            continue
        part = [Span("  "), Span(count_text(count), f"{tone} bold"), Span(f" {words}", "dim")]
        if len(lines[-1]) > 1 and line_width([*lines[-1], *part]) > width:
            lines.append([Span("  ")])
        lines[-1] += part
    return [tuple(line) for line in lines]


def _speed(shown: Shown) -> Line:
    state = shown.state
    elapsed = elapsed_seconds(shown)
    if not elapsed or not state.total_seconds:
        return EMPTY
    lanes = len(state.lanes)
    work = f"{clock_text(state.total_seconds)} of tests in {lanes} lane{'s' * (lanes != 1)}"
    times = state.total_seconds / elapsed
    if times < FASTER:
        return (Span("    "), Span(work, "dim"))
    return (
        Span("    "),
        Span(f"{times:.1f}x", "bold"),
        Span(f" as fast as one after the other ({work})", "dim"),
    )


def _profiles(shown: Shown, width: int) -> list[Line]:
    glyphs, out = shown.options.glyphs, list[Line]()
    label = max(8, shown.profile_width)
    for name, profile in shown.state.profiles.items():
        if not shown.options.shows(name):
            continue
        counts = profile.counts
        bad = counts[Standing.FAIL] + counts[Standing.UXSUCCESS]
        good = counts[Standing.SUCCESS] + counts[Standing.XFAIL]
        total = sum(counts) - counts[Standing.UNSELECTED]
        sign, tone = (glyphs.fail, "fail") if bad or profile.error else (glyphs.ok, "ok")
        if profile.error:
            words = (Span(clean(headline(profile.error)), "fail"),)
        else:
            cells = max(6, min(30, width - label - 40))
            full = round(cells * good / total) if total else 0
            red = min(cells, max(1, round(cells * bad / total))) if bad and total else 0
            full = min(full, cells - red)
            filled = (
                Span(glyphs.bar * full, "bar-ok"),
                Span(glyphs.bar * red, "bar-fail"),
                Span(glyphs.rest * (cells - full - red), "bar-rest"),
            )
            words = (
                *filled,
                Span(right(f"{count_text(good)}/{count_text(total)}", 16), "text"),
                Span(f"  {count_text(bad)} failed" if bad else "", "fail"),
            )
        out.append(
            (Span(f"  {sign} ", tone), Span(fit(clean(name), label) + "  ", "profile"), *words)
        )
    return out


def _slowest(shown: Shown, width: int) -> list[Line]:
    state, shows = shown.state, shown.options.shows
    ended = (Standing.SUCCESS, Standing.FAIL, Standing.XFAIL, Standing.UXSUCCESS)
    best = heapq.nlargest(3 * SLOWEST, range(len(state.seconds)), key=state.seconds.__getitem__)
    rows = [
        Row(row)
        for row in best
        if state.standing[row] in ended
        and state.seconds[row] >= 0.05
        and shows(state.cases.profile(Row(row)))
    ][:SLOWEST]
    out: list[Line] = []
    for row in rows:
        slow = state.seconds[row] >= shown.options.slow_after
        size = shown.profile_width
        out.append(
            (
                Span(right(seconds_text(state.seconds[row]), 9) + "  ", "slow" if slow else "text"),
                *name_spans(clean(state.cases.test_id(row)), max(10, width - 15 - size), "text"),
                Span(f"  {fit(clean(state.cases.profile(row)), size)}" if size else "", "profile"),
            )
        )
    return out


def _next(shown: Shown, counts: Counts) -> Line:
    keys = (
        [("f", "run the failed tests again"), ("2", "look at the failures")] if counts.bad else []
    )
    keys += [("3", "all tests"), ("q", "leave")]
    out: list[Span] = [Span("  ")]
    for key, words in keys:
        out += [Span("  "), Span(key, "key bold"), Span(f" {words}", "dim")]
    return tuple(out)
