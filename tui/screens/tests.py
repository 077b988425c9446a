"""All tests: filter as you type, sort, open one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from testlanes.runner.ids import LaneId, Row

from ..actions import Where
from ..viewmodels.lines import EMPTY, Span
from ..viewmodels.tests import ORDERS, SHOWS, Order, TestsModel
from ..viewmodels.times import count_text
from ..widgets.bars import Bar
from ..widgets.detailpane import DetailPane
from ..widgets.linelist import LineList
from .base import bindings_for
from .detailing import DetailingScreen

SLICE = 0.004
"""CPU seconds of filtering or sorting at a time."""
LIVE = 1.0
"""Seconds between looks at whether other tests pass a filter now."""


class TestsScreen(DetailingScreen, inherit_bindings=False):
    """The list of all tests."""

    __test__ = False
    WHERE: ClassVar[Where] = "tests"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("tests")

    def compose(self) -> ComposeResult:
        """Lay the panes out."""
        dash = self.dash
        self.head = Bar(self.head_line, id="head")
        self.model = TestsModel(dash.shown)
        self.list = LineList("Tests", self.model, id="list", empty="No test passes the filter.")
        self.detail = DetailPane("Detail", id="detail")
        self.field = Input(
            placeholder="words, -word, /regex/, status:failed, >1s, flaky; ? names all",
            id="filter",
        )
        self.field.cursor_blink = False
        yield self.head
        with Horizontal(id="filter-line"):
            yield Bar(lambda _, __: (Span(" / ", "key bold"),), id="filter-sign")
            yield self.field
        yield self.list
        yield self.detail
        yield self.footer()

    def on_mount(self) -> None:
        """See ``BaseScreen``."""
        self.detail.display = False
        self.list.focus()
        self.show_keys()

    def entered(self) -> None:
        """See ``BaseScreen``."""
        self.head.redraw()
        self.look()

    # -- following the run ---------------------------------------------------------------------------

    _looked = 0.0
    _known: tuple[int, int] = (-1, -1)

    def frame(self, rows: Iterable[Row], lanes: Iterable[LaneId]) -> None:
        """See ``BaseScreen``."""
        self.head.check()
        self.list.check_body()
        now = (len(self.dash.state.standing), self.dash.options.version)
        live = self.model.query.live or self.model.sort in ("slowest", "outcome")
        if now != self._known or (rows and live):
            self.look(at_most_every=LIVE)
        if self.detail.display and (row := self.model.row_at(self.list.cursor)) is not None:
            self.show_row(row)

    def look(self, *, at_most_every: float = 0.0) -> None:
        """Filter and sort anew, beside everything else."""
        if time.monotonic() - self._looked < at_most_every:
            return
        self._looked = time.monotonic()
        self._known = (len(self.dash.state.standing), self.dash.options.version)
        self.run_worker(self._work(), group="filter", exclusive=True)

    async def _work(self) -> None:
        row, sort = self.model.row_at(self.list.cursor), self._sort
        touched = self.list.touched
        began = time.thread_time()
        for _ in self.model.work(self.field.value, sort):
            if time.thread_time() - began > SLICE:
                await asyncio.sleep(0)
                began = time.thread_time()
        # The cursor stays on its test, wherever that is now.
        at = self.model.index_of(row, self.list.cursor) if touched else 0
        if at is not None:
            self.list.cursor = at
        self.list.clamp()
        self.list.redraw()
        self._title()

    _sort: Order = "listed"

    def _title(self) -> None:
        total = sum(self.dash.state.counts) - self.dash.state.counts[0]
        count = len(self.model)
        title = f"Tests {count_text(count)}" + (
            f" of {count_text(total)}" if count != total else ""
        )
        facts: list[Span] = []
        if self.model.query.wrong:
            facts.append(Span(self.model.query.wrong, "fail"))
        elif self._sort != "listed":
            facts.append(
                Span(f"sorted by {'time' if self._sort == 'slowest' else self._sort}", "dim")
            )
        if marked := len(self.model.marked):
            facts.append(Span(f"  {marked} marked", "accent"))
        self.list.title, self.list.facts = title, tuple(facts) or EMPTY
        self.list.check(0, 1)

    # -- what is under the cursor --------------------------------------------------------------------

    def rows_here(self) -> list[Row]:
        """See ``ActingScreen``."""
        if self.model.marked:
            return sorted(self.model.marked)
        row = self.model.row_at(self.list.cursor)
        return [] if row is None else [row]

    def id_here(self) -> str:
        """See ``ActingScreen``."""
        row = self.model.row_at(self.list.cursor)
        return "" if row is None else self.dash.state.cases.test_id(row)

    def cursor_moved(self, pane: LineList) -> None:
        """See ``ActingScreen``."""
        if self.detail.display and (row := self.model.row_at(self.list.cursor)) is not None:
            self.show_row(row)

    # -- actions -------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        self.look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the list."""
        self.list.focus()

    def action_filter(self) -> None:
        """Type a filter."""
        self.field.focus()

    def clear_search(self) -> bool:
        """See ``BaseScreen``."""
        if self.focused is self.field and not self.field.value:
            self.list.focus()
            return True
        if self.detail.display:
            self.detail.display = False
            self.list.focus()
            return True
        if self.field.value or self.model.marked:
            self.field.value = ""
            self.model.marked.clear()
            self.list.redraw()
            self.list.focus()
            return True
        return super().clear_search()

    def action_show(self) -> None:
        """Show tests of another status."""
        value = self.field.value
        chosen = next((show for show in SHOWS if show and show in value.split()), "")
        following = SHOWS[(SHOWS.index(chosen) + 1) % len(SHOWS)]
        words = [word for word in value.split() if word != chosen]
        self.field.value = " ".join([*words, following] if following else words)

    def action_sort(self) -> None:
        """Sort another way."""
        self._sort = ORDERS[(ORDERS.index(self._sort) + 1) % len(ORDERS)]
        self.list.touched = False
        self.look()

    def action_open(self) -> None:
        """Show the test's detail."""
        row = self.model.row_at(self.list.cursor)
        if row is None:
            return
        if self.detail.display:
            self.detail.focus()
        self.detail.display = True
        self.show_row(row)

    def action_mark(self) -> None:
        """Mark the test."""
        row = self.model.row_at(self.list.cursor)
        if row is not None:
            self.model.marked ^= {row}
            self._last_mark = self.list.cursor
            self.list.check_body()
            self.list.move(1)
            self._title()

    _last_mark = 0

    def action_mark_range(self) -> None:
        """Mark from the last marked line to here."""
        first, last = sorted((self._last_mark, self.list.cursor))
        self.model.marked |= {Row(row) for row in self.model.order[first : last + 1]}
        self.list.check_body()
        self._title()

    def action_section(self) -> None:
        """Show the detail's next section."""
        if not self.detail.display:
            self.action_open()
        else:
            super().action_section()
