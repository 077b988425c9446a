"""The help screen: every key of a place, in groups."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from .lines import EMPTY, Line, Span, fit, width_of

LEGEND = (
    ("ok", "ok", "passed"),
    ("fail", "fail", "failed assertion"),
    ("error", "fail", "error"),
    ("setup", "fail", "set-up failed"),
    ("timeout", "fail", "timed out"),
    ("crash", "crash", "worker died"),
    ("skip", "skip", "skipped"),
    ("expected", "dim", "failed as expected"),
    ("unexpected", "fail", "passed unexpectedly"),
    ("flaky", "flaky", "flaky"),
    ("running", "running", "runs"),
    ("fixture", "fixture", "sets a fixture up"),
    ("waits", "slow", "waits"),
    ("not_run", "dim", "not run"),
)


class HelpText:
    """Lines of (group, keys, meaning) triples, and the signs; meanings are folded to ``width`` cells."""

    def __init__(
        self,
        entries: Iterable[tuple[str, str, str]],
        signs: Iterable[tuple[str, str, str]],
        width: int,
    ) -> None:
        self.lines: list[Line] = []
        entries = list(entries)
        column = max(8, *(width_of(keys) for _, keys, _ in entries))
        group = ""
        for name, keys, meaning in entries:
            if name != group:
                group = name
                self.lines += [EMPTY, (Span(f"  {name}", "title bold"),)]
            for part in textwrap.wrap(meaning, max(20, width - column - 6)):
                self.lines.append(
                    (Span(f"    {fit(keys, column)}  ", "key bold"), Span(part, "text"))
                )
                keys = ""
        self.lines += [EMPTY, (Span("  Signs", "title bold"),)]
        row: list[Span] = [Span("    ")]
        for number, (sign, tone, words) in enumerate(signs, 1):
            row += [Span(f"{sign} ", tone), Span(fit(words, 20), "dim")]
            if number % 3 == 0:
                self.lines.append(tuple(row))
                row = [Span("    ")]
        if len(row) > 1:
            self.lines.append(tuple(row))
        self.lines += [
            EMPTY,
            (Span("  Filters of tests", "title bold"),),
            (
                Span(
                    "    word -word /regex/ status:failed,skipped kind:timeout profile:py312",
                    "text",
                ),
            ),
            (
                Span(
                    "    host:build-2 tag:db >1s <0.1s flaky slow: all that are given must hold",
                    "text",
                ),
            ),
        ]

    def __len__(self) -> int:
        return len(self.lines)

    def line(self, index: int, width: int) -> Line:
        """See ``TextModel``."""
        return self.lines[index]
