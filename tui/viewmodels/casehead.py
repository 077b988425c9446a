"""What stands above a test's detail: how it went under each profile, in earlier runs, and its parts."""

from __future__ import annotations

from collections.abc import Sequence

from testlanes.runner.ids import Kind, ProfileName, Row, Status
from testlanes.runner.state import Standing, leak_words

from .beside import only_under
from .glyphs import Glyphs, standing_sign
from .lines import EMPTY, Line, Span, clean, crop, width_of
from .options import Shown
from .times import seconds_text, when

STRIP = 24
"""Earlier outcomes that are shown."""
AFTER, BESIDE = 3, 16
"""Tests that are named of those that ran before a failed one, and beside it."""


def results_line(shown: Shown, test_id: str, chosen: ProfileName) -> Line:
    """Return how a test stands under each profile that has it."""
    state, glyphs = shown.state, shown.options.glyphs
    out: list[Span] = []
    for name in state.profiles:
        row = state.cases.find(test_id, name)
        if row is None or row >= len(state.standing) or not shown.options.shows(name):
            continue
        standing = state.standing[row]
        sign, tone = standing_sign(glyphs, standing, state.kind_of(row))
        label = clean(name) if shown.many_profiles else ""
        here = " bold underline" if name == chosen and shown.many_profiles else ""
        out += [Span("  "), Span(f"{sign} ", tone)]
        if label:
            out.append(Span(label, f"profile{here}"))
        out.append(Span(f" {_outcome(shown, row)}" if label else _outcome(shown, row), "dim"))
    if only := only_under(shown, test_id):
        out.append(Span(f"  fails only on {' '.join(map(clean, only))}", "accent"))
    return tuple(out) or (Span("  not one of the listed tests", "dim"),)


def _outcome(shown: Shown, row: Row) -> str:
    state = shown.state
    standing = state.standing[row]
    if standing == Standing.WAITING:
        return "waits"
    if standing == Standing.RUNNING:
        return "runs"
    if standing in (Standing.UNSELECTED, Standing.NOT_RUN):
        return "not run"
    words = seconds_text(state.seconds[row])
    if state.attempts[row] > 1:
        words += f", attempt {state.attempts[row]}"
    return words


def strip_spans(glyphs: Glyphs, statuses: Sequence[Status]) -> list[Span]:
    """Return earlier outcomes as signs, oldest first."""
    out: list[Span] = []
    for status in statuses:
        if status.is_failure:
            sign, tone = glyphs.fail, "fail"
        elif status is Status.SUCCESS or status is Status.XFAIL:
            sign, tone = glyphs.ok, "ok"
        elif status is Status.SKIP:
            sign, tone = glyphs.skip, "skip"
        else:
            sign, tone = glyphs.not_run, "faint"
        if out and out[-1].tone == tone:
            out[-1] = Span(out[-1].text + sign, tone)
        else:
            out.append(Span(sign, tone))
    return out


def history_line(
    shown: Shown, statuses: Sequence[Status], first_failed: int | None, last_green: int | None
) -> Line:
    """Return a case's earlier outcomes, and since when it fails."""
    if not statuses:
        return (Span("  history ", "dim"), Span("none yet", "faint"))
    out = [Span("  history ", "dim"), *strip_spans(shown.options.glyphs, statuses)]
    if first_failed is not None:
        out.append(Span(f"  fails since run {first_failed}", "dim"))
    if last_green is not None:
        out.append(Span(f"  passed in run {last_green}", "dim"))
    return tuple(out)


def tabs_line(
    names: Sequence[str], chosen: int, glyphs: Glyphs, width: int
) -> tuple[Line, list[tuple[int, int]]]:
    """Return the names of the sections with one marked, and where each stands (start, end)."""
    out: list[Span] = [Span("  ")]
    places: list[tuple[int, int]] = []
    at = 2
    for index, name in enumerate(names):
        if index:
            out.append(Span(f" {glyphs.beside} ", "border"))
            at += 3
        tone = "accent bold underline" if index == chosen else "dim"
        out.append(Span(name, tone))
        places.append((at, at + width_of(name)))
        at += width_of(name)
    # With more names than cells the marked one stays in sight.
    if at > width and places and places[chosen][1] > width - 2:
        shift = places[chosen][1] - width + 4
        return crop(out, shift, width), [(start - shift, end - shift) for start, end in places]
    return tuple(out), places


def where_of(shown: Shown, row: Row, more: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return (name, value) pairs on where a case ran, after what, and beside what."""
    state = shown.state
    lane = state.lane_of[row]
    out = [("test", state.cases.test_id(row))]
    if shown.many_profiles:
        out.append(("profile", str(state.cases.profile(row))))
    if lane in state.lanes:
        known = state.lanes[lane]  # type: ignore[index]
        host = state.hosts.get(known.host)
        about = f"; Python {host.python}, {host.cpus} cores" if host and host.python else ""
        out.append(("lane", f"{lane} on {known.host}{about}"))
    out += _times(shown, row)
    if (kind := state.kind_of(row)) is not Kind.NONE:
        out.append(("kind", str(kind)))
    if state.attempts[row] > 1:
        out.append(("attempt", str(state.attempts[row])))
    if tags := state.tags.get(row):
        out.append(("tags", ", ".join(tags)))
    out += _surroundings(shown, row)
    out += more
    for found in state.leaks:
        if found.row == row:
            out += [
                (f"left {leak_words(kind)}", text)
                for kind, texts in found.leaks.items()
                for text in texts
            ]
    return out


def _times(shown: Shown, row: Row) -> list[tuple[str, str]]:
    state = shown.state
    if not state.attempts[row]:
        return []
    took = seconds_text(state.seconds[row])
    if (expected := state.expected_seconds(row)) is not None:
        took += f", {seconds_text(expected)} expected"
    if (around := state.surroundings.get(row)) is not None:
        took += f"; {when(around.began):%H:%M:%S} to {when(around.ended):%H:%M:%S}"
    return [("took", took)]


def _surroundings(shown: Shown, row: Row) -> list[tuple[str, str]]:
    """Return what ran before a failed case in its worker, the nearest first, and what ran at its end."""
    state = shown.state
    around = state.surroundings.get(row)
    if around is None:
        return []
    before = around.rows_before
    out: list[tuple[str, str]] = []
    for number, other in enumerate(before[: -AFTER - 1 : -1]):
        out.append(("" if number else "after", state.cases.test_id(other)))
    if not before:
        out.append(("after", "nothing: it was the first in its worker"))
    elif len(before) > AFTER:
        out.append(("", f"and {len(before) - AFTER:,} before them in the same worker"))
    for number, (lane, other) in enumerate(around.beside[:BESIDE]):
        profile = f" {state.cases.profile(other)}" if shown.many_profiles else ""
        name = state.cases.test_id(other)
        out.append(("" if number else "beside", f"lane {lane}{profile}  {name}"))
    if len(around.beside) > BESIDE:
        out.append(("", f"and {len(around.beside) - BESIDE:,} more"))
    return out


def notes_of(shown: Shown, test_id: str) -> list[Line]:
    """Return what the run says about a test beside its results: what a bisection finds, and warnings."""
    glyphs = shown.options.glyphs
    told = [warning.text for warning in shown.state.warnings if warning.about == test_id]
    out: list[Line] = []
    for number, text in enumerate(told):
        last = number == len(told) - 1
        for part in text.rstrip().split("\n"):
            sign = Span(f"  {glyphs.pointer if last else ' '} ", "accent bold")
            out.append((sign, Span(clean(part), "text bold" if last else "dim")))
    return out


def rule(glyphs: Glyphs, width: int) -> Line:
    """Return a rule across a pane."""
    return (Span(glyphs.across * width, "border"),) if width > 0 else EMPTY
