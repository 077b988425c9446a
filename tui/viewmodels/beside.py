"""One test under several profiles: where it fails, and its details side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from testlanes.runner.ids import ProfileName, Row
from testlanes.runner.state import FAILED, Standing

from .detail import Section, sections_of
from .glyphs import standing_sign
from .lines import EMPTY, Line, Span, clean
from .options import Shown
from .times import seconds_text

NAME = "profiles"
"""The section's name."""

Triples = Sequence[tuple[str, str, bytes]]

_ENDED = FAILED | {Standing.SUCCESS, Standing.SKIP, Standing.XFAIL}
_WORDS = {
    Standing.SUCCESS: "passes",
    Standing.SKIP: "skipped",
    Standing.XFAIL: "fails, as expected",
}


def rows_beside(shown: Shown, test_id: str) -> list[Row]:
    """Return the rows of a test that have a verdict, under the profiles that are shown."""
    state = shown.state
    rows = [state.cases.find(test_id, name) for name in state.profiles if shown.options.shows(name)]
    return [
        row
        for row in rows
        if row is not None and row < len(state.standing) and state.standing[row] in _ENDED
    ]


def only_under(shown: Shown, test_id: str) -> tuple[ProfileName, ...]:
    """Return the profiles a test fails under while it passes under another; else nothing."""
    state, rows = shown.state, rows_beside(shown, test_id)
    if not any(state.standing[row] == Standing.SUCCESS for row in rows):
        return ()
    return tuple(state.cases.profile(row) for row in rows if state.standing[row] in FAILED)


def section_beside(
    shown: Shown,
    rows: Sequence[Row],
    details: Mapping[Row, Triples],
    read: Callable[[str], list[str]],
    root: str,
) -> Section:
    """Return the section that has one column for each of ``rows``: its verdict, and its first part."""
    state, glyphs = shown.state, shown.options.glyphs
    columns: list[list[Line]] = []
    for row in rows:
        standing = state.standing[row]
        sign, tone = standing_sign(glyphs, standing, state.kind_of(row))
        column: list[Line] = [
            EMPTY,
            (
                Span(f"{sign} ", tone),
                Span(clean(state.cases.profile(row)), "profile bold"),
                Span(f"  {_WORDS.get(Standing(standing), 'fails')} ", tone),
                Span(seconds_text(state.seconds[row]), "dim"),
            ),
        ]
        if known := details.get(row):
            column += sections_of(known, (), read, glyphs, root=root, here=shown.options.here)[
                0
            ].lines
        columns.append(column)
    size = max(map(len, columns), default=0)
    return Section(NAME, [EMPTY] * size, columns=columns, bar=glyphs.beside)
