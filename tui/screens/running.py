"""The main screen: lanes, failures as they come, and the output of what is under the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from testlanes.runner.ids import LaneId, Row

from ..actions import Where
from ..viewmodels.laneline import health_of
from ..viewmodels.lanes import LanesModel
from ..viewmodels.lines import EMPTY, Span, clean, split_id
from ..viewmodels.tail import TailModel
from ..widgets.bars import Bar
from ..widgets.detailpane import DetailPane
from ..widgets.lanespane import LanesPane
from ..widgets.linelist import LineList
from ..widgets.pane import Pane
from ..widgets.textpane import TextPane
from .base import bindings_for
from .watching import LABELS, WatchingScreen

TALL = 30
"""Lines of a screen on which panes share the height; on lower ones their places are fixed."""
FAILURES = 7
"""Lines, with the frame, that the failures have below the lanes if there is room."""


class RunningScreen(WatchingScreen, inherit_bindings=False):
    """Header, lanes, failures, tail, footer."""

    WHERE: ClassVar[Where] = "running"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("running")

    def compose(self) -> ComposeResult:
        """Lay the panes out."""
        dash = self.dash
        self.lanes = LanesPane(LanesModel(dash.shown), dash.shown)
        self.failures = LineList("Failures", dash.failures, id="failures")
        self.tail = TailModel(dash.shown)
        self.output = TextPane("Output", self.tail, id="output", follow=True, empty=self._no_output)
        self.detail = DetailPane("Detail", id="detail")
        self.head = Bar(self.head_line, id="head")
        yield self.head
        if (watch := self.make_watch_pane()) is not None:
            yield watch
        with Horizontal(id="body"):
            yield self.lanes
            yield self.failures
        yield self.output
        yield self.detail
        yield self.footer()

    def on_mount(self) -> None:
        """Begin with the lanes; a failure's detail shows once the failures have the focus."""
        self.detail.display = False
        super().on_mount()

    # -- following the run ---------------------------------------------------------------------------

    def entered(self) -> None:
        """See ``BaseScreen``."""
        self.frame((), ())
        self.lanes.follow_run()
        self.head.redraw()

    def frame(self, rows: Iterable[Row], lanes: Iterable[LaneId]) -> None:
        """See ``BaseScreen``."""
        self.head.check()
        self.show_watch()
        self.lanes.follow_run(lanes)
        self._share_height()
        self._title()
        over = self.dash.state.ended is not None
        self.failures.empty = "Nothing failed." if over else "Nothing failed so far."
        self.follow_failures(self.failures)
        if self.detail.display:
            self.show_failures(self.dash.failures.failures_at(self.failures.cursor))
        else:
            self._follow_lane()

    def on_resize(self, event: events.Resize) -> None:
        """Share the height anew; a screen that became tall has room for a failure below the summary."""
        super().on_resize(event)
        if self.focused is self.lanes:
            self._show_below(detail=self._failure_below)
        self.call_after_refresh(self.frame, (), ())

    def on_descendant_focus(self) -> None:
        """Below, show what belongs to the focused pane: a lane's output, or a failure."""
        self.show_keys()
        if self.focused is self.lanes:
            self._show_below(detail=self._failure_below)
        elif self.focused is self.output:
            self._show_below(detail=False)
        elif self.focused is self.failures:
            self._show_below(detail=len(self.dash.failures) > 0)

    @property
    def _failure_below(self) -> bool:
        """Whether a failure belongs below the lanes: what came out last says less, once all is over."""
        over = self.lanes.summary and self.size.height >= TALL
        return over and len(self.dash.failures) > 0

    def _show_below(self, *, detail: bool) -> None:
        if self.detail.display != detail:
            self.detail.display = detail
            self.output.display = not detail
            self.call_after_refresh(self.frame, (), ())

    def cursor_moved(self, pane: LineList) -> None:
        """See ``ActingScreen``."""
        if pane is self.failures and self.detail.display:
            self.show_failures(self.dash.failures.failures_at(self.failures.cursor))
        elif pane is self.lanes and not self.detail.display:
            self._follow_lane()

    @property
    def failure_cursor(self) -> int | None:
        """Where the cursor of the failures is, for the screen that shows more of them."""
        return self.failures.cursor if len(self.dash.failures) else None

    def choose_lane(self, lane: LaneId) -> None:
        """Put the cursor on a lane, if it has a line."""
        if lane in self.lanes.rows.keys:
            self.lanes.move_to(self.lanes.rows.keys.index(lane))

    _shared: tuple[object, ...] = ()

    def _share_height(self) -> None:
        """Give the lanes what they need, between two fifths and seven tenths; the output has the rest.

        Failures that stand below the lanes have a few lines more. It follows the number of lanes,
        never what they do: nothing moves while tests run.
        """
        zoomed = next(iter(self.query(".-zoom").results(Pane)), None)
        needed = self.lanes.lines_needed + 2
        below = self.has_class("-stacked") or self.has_class("-wide", "-other")
        now = (needed, self.size.height, zoomed, below)
        if now == self._shared:
            return
        self._shared = now
        body = self.query_one("#body")
        body.display = zoomed is None or zoomed in (self.lanes, self.failures)
        room = self.size.height - 3
        if self.watch_pane is not None:
            room -= self.watch_pane.cells.height
        for pane in (self.output, self.detail):
            if zoomed is None and self.size.height >= TALL:
                pane.styles.height = "1fr"
            else:
                pane.styles.clear_rule("height")
        self.failures.styles.clear_rule("height")
        if zoomed is None and self.size.height >= TALL:
            wanted = needed + (FAILURES if below else 0)
            height = max(room * 2 // 5, min(wanted, room * 7 // 10))
            body.styles.height = height
            if below:
                self.failures.styles.height = max(height * 2 // 5, height - needed)
        else:
            body.styles.clear_rule("height")
        self.failures.refresh(layout=True)  # a rule that is cleared lays nothing out by itself

    def ended(self) -> None:
        """Show how the run ended; a watch's pane shows it."""
        if not self.is_mounted or self.watched is not None:
            return
        self.lanes.summary = True
        self.add_class("-over")
        self.lanes.top = 0
        self.lanes.redraw()
        self.show_keys()
        if self.focused is self.lanes:
            self._show_below(detail=self._failure_below)

    def _title(self) -> None:
        state = self.dash.state
        hosts = list(state.hosts.values())
        title = "Summary" if self.lanes.summary else "Lanes"
        facts: list[Span] = []
        if not self.lanes.summary and len(hosts) == 1 and hosts[0].lanes:
            lanes = [state.lanes[lane] for lane in hosts[0].lanes]
            over = state.ended is not None
            number = sum(over or lane.phase != "closed" for lane in lanes)
            facts = [Span(f"{clean(hosts[0].host)}, {number} lane{'s' * (number != 1)}", "dim")]
            cpu = sum(lane.cpu for lane in lanes) / max(1, hosts[0].cpus)
            if cpu >= 0.005 and not over:
                facts.append(Span(f", cpu {cpu:.0%}", "dim"))
        if (title, tuple(facts)) != (self.lanes.title, self.lanes.facts):
            self.lanes.title, self.lanes.facts = title, tuple(facts)
            self.lanes.check(0, 1)

    def _follow_lane(self) -> None:
        lane = self.lane_here()
        if lane != self.tail.lane:
            self.dash.watch_lane(lane)
            self.tail.follow(lane)
            self.output.show(self.tail, follow=True)
        elif self.tail.advance() or len(self.tail) != self._tail_size:
            self.output.grown()
        self._tail_size = len(self.tail)
        self._output_title()

    _tail_size = -1

    def _output_title(self) -> None:
        state, lane = self.dash.state, self.tail.lane
        title, facts = "Output", EMPTY
        if lane is not None and (known := state.lanes.get(lane)) is not None:
            title = f"Output of lane {lane}"
            if known.row is not None:
                title += f" {self.dash.glyphs.between} {split_id(clean(state.cases.test_id(known.row)))[1]}"
            if health := health_of(known):
                facts = (Span(health, "dim"),)
            if chain := self.tail.chain(self.output.body_width // 2):
                facts = chain
        if (title, facts) != (self.output.title, self.output.facts):
            self.output.title, self.output.facts = title, facts
            self.output.check(0, 1)

    def _no_output(self) -> str:
        if self.dash.state.ended is not None:
            return "The run is over."
        return "No output so far." if self.tail.lane is not None else "No lane is open yet."

    def follows(self, pane: TextPane) -> bool:
        """See ``BaseScreen``."""
        return pane is self.output

    def footer_names(self) -> tuple[str, ...]:
        """Name the keys of what has the focus; after the run, of what comes next."""
        if self.at_watch:
            return tuple(LABELS)
        if self.focused is self.failures and len(self.dash.failures):
            return (
                "open",
                "rerun",
                "run.failed",
                "edit",
                "section",
                "diff",
                "copy.command",
            )
        if self.dash.state.ended is not None:
            return (
                "go.failures",
                "run.failed",
                "run.all",
                "go.tests",
                "go.history",
                "theme",
            )
        return super().footer_names()

    # -- what is under the cursor --------------------------------------------------------------------

    def rows_here(self) -> list[Row]:
        """See ``ActingScreen``."""
        if self.focused is self.failures:
            return self.dash.failures.rows_at(self.failures.cursor)
        lane = self.lane_here()
        if lane is None:
            return []
        known = self.dash.state.lanes[lane]
        row = known.row if known.row is not None else known.last_row
        return [] if row is None else [row]

    def id_here(self) -> str:
        """See ``ActingScreen``."""
        if self.focused is self.failures:
            return self.failure_id(self.failures)
        rows = self.rows_here()
        return self.dash.state.cases.test_id(rows[0]) if rows else ""

    # -- actions -------------------------------------------------------------------------------------

    def action_go_lanes(self) -> None:
        """Go to the lanes; from the summary, which stands in their place, and back."""
        if self.lanes.summary or (self.dash.state.ended is not None and self.focused is self.lanes):
            self.lanes.summary = not self.lanes.summary
            self.set_class(self.lanes.summary, "-over")
            self.lanes.redraw()
        self.lanes.focus()
        self.frame((), ())

    def action_open(self) -> None:
        """Open a failure, or a lane's output, or fold a host; run what waits, if the watch has the focus."""
        if self.open_watch():
            return
        if self.focused is self.failures:
            self.dash.go("triage")
            return
        if self.focused is self.lanes and self.lanes.cursor < len(self.lanes.rows):
            key = self.lanes.rows.keys[self.lanes.cursor]
            if isinstance(key, str):
                self.lanes.rows.toggle(key)
                self.lanes.follow_run()
                return
        self.action_tail()

    def action_layout(self) -> None:
        """Stack the panes, or put them side by side."""
        self.toggle_class("-other")
