"""Failures by cause at the left, everything about one of them at the right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from testlanes.runner.ids import LaneId, Row

from ..actions import Where
from ..viewmodels.failures import ORDERS, MemberKey
from ..viewmodels.lines import Span
from ..widgets.bars import Bar
from ..widgets.detailpane import DetailPane
from ..widgets.linelist import LineList
from .base import bindings_for
from .detailing import DetailingScreen


class TriageScreen(DetailingScreen, inherit_bindings=False):
    """The place to work through what failed."""

    WHERE: ClassVar[Where] = "triage"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("triage")

    def compose(self) -> ComposeResult:
        """Lay the panes out."""
        dash = self.dash
        self.head = Bar(self.head_line, id="head")
        self.list = LineList("Failures", dash.failures, id="failures", empty="Nothing failed.")
        self.detail = DetailPane("Detail", id="detail", empty=lambda: "Nothing is chosen.")
        yield self.head
        with Horizontal(id="body"):
            yield self.list
            yield self.detail
        yield self.footer()

    def entered(self) -> None:
        """See ``BaseScreen``."""
        if (at := self.dash.running.failure_cursor) is not None:
            self.list.cursor = at
            self.list.clamp()
        self.keep_failure(self.list)
        self.head.redraw()
        self.list.redraw()
        self.frame((), ())

    def frame(self, rows: Iterable[Row], lanes: Iterable[LaneId]) -> None:
        """See ``BaseScreen``."""
        self.head.check()
        self.follow_failures(self.list)
        model = self.dash.failures
        narrowed = model.known and (model.show != "all" or model.query)
        nothing = (
            "Nothing failed." if self.dash.state.ended is not None else "Nothing failed so far."
        )
        self.list.empty = "None of what failed is among these." if narrowed else nothing
        facts: list[Span] = []
        if len(model.groups) > 1:
            facts.append(Span(f"{len(model.groups)} causes", "dim"))
        if model.show != "all":
            facts.append(Span(f"  only {model.show}", "accent"))
        if model.query:
            facts.append(Span(f"  /{model.query}", "accent"))
        if tuple(facts) != self.list.facts:
            self.list.facts = tuple(facts)
            self.list.check(0, 1)
        self.show_failures(self._found())

    def _found(self):
        model = self.dash.failures
        found = model.failures_at(self.list.cursor)
        item = model.items[self.list.cursor] if self.list.cursor < len(model.items) else None
        # Of a cause, the first of its failures stands for all.
        return found if isinstance(item, MemberKey) else found[:1]

    def cursor_moved(self, pane: LineList) -> None:
        """See ``ActingScreen``."""
        if pane is self.list:
            self.variant = 0
            self.show_failures(self._found())

    def rows_here(self) -> list[Row]:
        """See ``ActingScreen``."""
        model = self.dash.failures
        return model.marked_rows() or model.rows_at(self.list.cursor)

    def id_here(self) -> str:
        """See ``ActingScreen``."""
        return self.failure_id(self.list)

    def clear_search(self) -> bool:
        """See ``BaseScreen``."""
        model = self.dash.failures
        if super().clear_search():
            return True
        if not (model.query or model.marked or model.show != "all"):
            return False
        model.query, model.show = "", "all"
        model.marked.clear()
        model.rebuild()
        self.frame((), ())
        return True

    # -- actions -------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Fold a cause, or look at a failure."""
        model = self.dash.failures
        if self.focused is self.list and self.list.cursor < len(model.items):
            if not isinstance(model.items[self.list.cursor], MemberKey):
                model.toggle(self.list.cursor)
                self.frame((), ())
                return
            self.detail.focus()

    def action_filter(self) -> None:
        """Filter the causes, or search the detail."""
        if self.focused is not self.list:
            super().action_filter()
            return

        def changed(text: str) -> None:
            self.dash.failures.query = text
            self.dash.failures.rebuild()
            self.frame((), ())

        self.dash.ask_text("Filter failures", self.dash.failures.query, changed, changed)

    def action_sort(self) -> None:
        """Sort the causes another way."""
        model = self.dash.failures
        model.order = ORDERS[(ORDERS.index(model.order) + 1) % len(ORDERS)]
        model.rebuild()
        self.dash.notice(f"Causes: {model.order} first.", "accent")
        self.frame((), ())

    def action_mark(self) -> None:
        """Mark the tests of the line."""
        model = self.dash.failures
        tests = {known.test_id for known in model.failures_at(self.list.cursor)}
        model.marked = model.marked - tests if tests <= model.marked else model.marked | tests
        self._last_mark = self.list.cursor
        self.list.check_body()
        self.list.move(1)

    _last_mark = 0

    def action_mark_range(self) -> None:
        """Mark from the last marked line to here."""
        model = self.dash.failures
        first, last = sorted((self._last_mark, self.list.cursor))
        for index in range(first, last + 1):
            if isinstance(model.items[index], MemberKey):
                model.marked |= {known.test_id for known in model.failures_at(index)}
        self.list.check_body()

    def action_walk(self) -> None:
        """Mark as seen, and go on."""
        model = self.dash.failures
        model.seen |= {known.test_id for known in model.failures_at(self.list.cursor)}
        self.list.check_body()
        self.action_failure_next()

    def action_variant(self) -> None:
        """Show the same test under the next profile that it failed under."""
        self.variant += 1
        self.show_failures(self._found())

    def action_group_next(self) -> None:
        """Go to the next cause."""
        self.list.move_to(self.dash.failures.next_index(self.list.cursor, 1, groups=True))

    def action_group_previous(self) -> None:
        """Go to the cause before."""
        self.list.move_to(self.dash.failures.next_index(self.list.cursor, -1, groups=True))

    def action_left(self) -> None:
        """Fold the cause, or go back to the list."""
        if self.focused is self.list:
            self._fold(fold=True)
        elif self.detail.left:
            super().action_left()
        else:
            self.list.focus()

    def action_right(self) -> None:
        """Unfold the cause, or go to the detail."""
        if self.focused is self.list and not self._fold(fold=False):
            self.detail.focus()
        elif self.focused is self.detail:
            super().action_right()

    def _fold(self, *, fold: bool) -> bool:
        model = self.dash.failures
        group = model.group_at(self.list.cursor)
        if group is None or (group.cause.key in model.folded) == fold:
            return False
        model.toggle(self.list.cursor)
        self.list.cursor = model.index_of(group.cause.key) or 0
        self.keep_failure(self.list)
        self.list.touched = True
        self.frame((), ())
        return True

    def action_layout(self) -> None:
        """Stack the panes, or put them side by side."""
        self.toggle_class("-other")
