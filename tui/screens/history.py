"""Runs before this one: compare two, follow one test, find the flaky and the slow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from testlanes.runner.ids import Case, LaneId, Row

from ..actions import Where
from ..viewmodels.lines import Line, Span, spread
from ..viewmodels.past import (
    Report,
    RunsModel,
    case_report,
    comparison_report,
    flaky_report,
    slowest_report,
)
from ..viewmodels.times import count_text
from ..widgets.bars import Bar
from ..widgets.linelist import LineList
from .base import BaseScreen, bindings_for

RUNS = 500
"""Runs that are listed."""


class HistoryScreen(BaseScreen, inherit_bindings=False):
    """Runs at the left, what is asked of them at the right."""

    WHERE: ClassVar[Where] = "history"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("history")

    def compose(self) -> ComposeResult:
        """Lay the panes out."""
        self.head = Bar(self.head_line, id="head")
        self.runs = RunsModel(self.dash.glyphs)
        self.list = LineList("Runs", self.runs, id="runs", empty="No run is stored yet.")
        self.report = LineList(
            "Comparison", Report(""), id="report", empty="With a second run there is a comparison."
        )
        yield self.head
        with Horizontal(id="body"):
            yield self.list
            yield self.report
        yield self.footer()

    def head_line(self, y: int, width: int) -> Line:
        """See ``BaseScreen``."""
        if y == 0:
            return super().head_line(y, width)
        count = len(self.runs)
        stored = Span(f"  {count_text(count)} stored run{'s' * (count != 1)}", "dim")
        a, b = (str(side) if side is not None else "-" for side in (self.runs.a, self.runs.b))
        sides = (
            Span("A ", "accent bold"),
            Span(a, "text"),
            Span("   B ", "accent bold"),
            Span(f"{b} ", "text"),
        )
        return spread((stored,), sides, width)

    _chosen = False
    """Whether the user chose the runs to compare."""

    def entered(self) -> None:
        """See ``BaseScreen``."""
        self.runs.runs = self.dash.history.runs(RUNS)
        newest = self.runs.runs[0].number if self.runs.runs else None
        if not self._chosen and self.runs.b != newest:
            self.runs.b = newest
            self._last_green()
            if self.runs.a is None:
                before = self.runs.runs[1:]
                whole = (run.number for run in before if not (run.partial or run.interrupted))
                self.runs.a = next(whole, before[0].number if before else None)
            self._compare()
        self.list.clamp()
        self.list.redraw()
        self.head.redraw()

    def frame(self, rows: Iterable[Row], lanes: Iterable[LaneId]) -> None:
        """See ``BaseScreen``."""
        self.head.check()
        newest = self.dash.history.runs(1)
        if newest and (not self.runs.runs or newest[0].number != self.runs.runs[0].number):
            self.entered()

    # -- reports -------------------------------------------------------------------------------------

    def show(self, report: Report) -> None:
        """Show a report at the right."""
        report.many_profiles = self.runs.many_profiles
        self.report.model = report
        self.report.title = report.title
        self.report.cursor = min(report.cases, default=0)
        self.report.top = 0
        self.report.clamp()
        self.report.redraw()

    def show_case(self, case: Case) -> None:
        """Show the runs of one test."""
        self.show(case_report(case, self.dash.history.runs_of(*case), self.dash.glyphs))

    def _compare(self) -> None:
        a, b = self.runs.a, self.runs.b
        if a is None or b is None or a == b:
            return
        history = self.dash.history
        found = history.compare(a, b)
        slower = [
            (
                one.case,
                one.before,
                one.after,
                [run.seconds for run in reversed(history.runs_of(*one.case)[:12])],
            )
            for one in found.slower[:50]
        ]
        self.show(comparison_report(found, slower, self.dash.glyphs))

    def _last_green(self) -> None:
        newest = self.runs.b
        self.runs.a = next(
            (
                run.number
                for run in self.runs.runs
                if run.green and (newest is None or run.number < newest)
            ),
            None,
        )

    def _here(self) -> int | None:
        runs = self.runs.runs
        return runs[self.list.cursor].number if self.list.cursor < len(runs) else None

    def case_here(self) -> Case | None:
        """Return the test under the report's cursor."""
        report = self.report.model
        return report.cases.get(self.report.cursor) if isinstance(report, Report) else None

    # -- actions -------------------------------------------------------------------------------------

    def _redraw(self) -> None:
        self.list.redraw()
        self.head.redraw()

    def action_open(self) -> None:
        """Compare the run with the one before it, or show a test's runs."""
        if self.focused is self.report:
            if (case := self.case_here()) is not None:
                self.show_case(case)
            return
        runs = self.runs.runs
        if self.list.cursor + 1 < len(runs):
            self._chosen = True
            self.runs.b = runs[self.list.cursor].number
            self.runs.a = runs[self.list.cursor + 1].number
            self._compare()
            self._redraw()
        else:
            self.dash.notice("No run is stored from before that one.", "dim")

    def action_side_a(self) -> None:
        """Set side A."""
        self._chosen = True
        self.runs.a = self._here()
        self._compare()
        self._redraw()

    def action_side_b(self) -> None:
        """Set side B."""
        self._chosen = True
        self.runs.b = self._here()
        self._compare()
        self._redraw()

    def action_side_green(self) -> None:
        """Set side A to the last green run before B."""
        self._chosen = True
        self._last_green()
        if self.runs.a is None:
            self.dash.notice("No run before that was without a failure.", "slow")
        self._compare()
        self._redraw()

    def action_past_test(self) -> None:
        """Show the runs of the test under the cursor."""
        if (case := self.case_here()) is not None:
            self.show_case(case)
        else:
            self.dash.notice("Put the cursor on a test first.", "dim")

    def action_past_flaky(self) -> None:
        """Show flaky tests."""
        history = self.dash.history
        found = [
            (one.case, one.flips, one.runs, history.statuses(*one.case, 20))
            for one in history.flaky()
        ]
        self.show(flaky_report(found, self.dash.glyphs))

    def action_past_slow(self) -> None:
        """Show slow tests."""
        self.show(slowest_report([(one.case, one.seconds) for one in self.dash.history.slowest()]))
