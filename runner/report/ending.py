"""The last lines of a plain report: counts, how the lanes were filled, what was not run and why, what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..state import RunState, Standing
from .clean import clean, clean_line
from .hosts import shares_line
from .leaks import leak_lines
from .wording import clock, counted, several

NAMED = 10
"""Flaky tests that are told by name."""
RED, GREEN, YELLOW = "31", "32", "33"


def ending(
    state: RunState,
    wall: float,
    not_run: Mapping[str, int],
    paint: Callable[[str, str], str],
    *,
    ci: bool,
) -> Iterator[str]:
    """Yield the lines of a run of ``wall`` seconds. ``not_run``: reason -> how many tests."""
    problem = "" if state.ended is None else state.ended.problem
    words = [f"{count:,} {word}" for word, count in counted(state)] or [_why_none(state)]
    color = RED if state.red or state.ended is None or problem else GREEN
    if color == GREEN and state.counts[Standing.NOT_RUN]:
        color = YELLOW
    took = clock(wall) if wall >= 60 else f"{wall:.1f} s"
    text = f"{several(state.finished, 'test')} in {took}: {', '.join(words)}"
    yield f"\n{paint(text, color)}"
    lanes = [lane for lane in state.lanes.values() if lane.done]
    if lanes and wall > 0:
        busy = min(100.0, 100 * sum(lane.busy_seconds for lane in lanes) / (wall * len(lanes)))
        filled = f"{several(len(lanes), 'lane')} filled to {busy:.0f}%"
        yield f"test time {state.total_seconds:.1f} s, {filled}"
    if shares := shares_line(state):
        yield clean_line(shares, ci=ci)
    for report in state.plugin_reports:
        yield clean(report.text, ci=ci).rstrip("\n")
    for reason, count in not_run.items():
        if reason != problem:  # which is told below
            yield f"{count:,} not run: {clean_line(reason, ci=ci)}"
    if state.flaky:
        names = sorted(clean_line(state.cases.test_id(row), ci=ci) for row in state.flaky)
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        yield f"{paint('flaky', YELLOW)}: {', '.join(names[:NAMED])}{more}"
    for line in leak_lines(state):
        yield clean_line(line, ci=ci)
    if problem:
        yield f"{paint('the run went wrong', RED)}: {clean_line(problem, ci=ci)}"


def _why_none(state: RunState) -> str:
    """Say why nothing ran."""
    profiles = state.profiles.values()
    listed = sum(profile.listed for profile in profiles)
    if state.selected or any(profile.listing == "failed" for profile in profiles):
        return "nothing ran"
    return f"none of {several(listed, 'test')} is selected" if listed else "no tests were found"
