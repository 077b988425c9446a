"""The live output of one lane on the whole screen, with the fixtures that are up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from testlanes.runner.ids import LaneId, Row
from testlanes.runner.intents import DumpStacks, StopTest

from ..actions import Where
from ..viewmodels.laneline import health_of, rest_words
from ..viewmodels.lines import EMPTY, Line, Span, clean, fit, split_id, spread
from ..viewmodels.tail import LEVELS, TailModel
from ..viewmodels.times import NS, pair_text
from ..widgets.bars import Bar
from ..widgets.textpane import TextPane
from .base import BaseScreen, bindings_for


class TailScreen(BaseScreen, inherit_bindings=False):
    """One lane's output."""

    WHERE: ClassVar[Where] = "tail"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("tail")

    def compose(self) -> ComposeResult:
        """Lay the pane out."""
        self.model = TailModel(self.dash.shown)
        self.head = Bar(self.head_line, id="head")
        self.text = TextPane(
            "Output", self.model, id="tail", follow=True, empty=lambda: "No output so far."
        )
        yield self.head
        yield self.text
        yield self.footer()

    def head_line(self, y: int, width: int) -> Line:
        """See ``BaseScreen``."""
        state, lane = self.dash.state, self.model.lane
        known = state.lanes.get(lane) if lane is not None else None
        if known is None:
            return EMPTY
        if y:
            chain = self.model.chain(width)
            return chain or (Span(" no fixture is up", "faint"),)
        out = [
            Span(" "),
            Span(f" LANE {lane} ", "badge-busy bold"),
            Span(f"  {clean(known.host)}", "dim"),
        ]
        if self.dash.shown.many_profiles:
            out.append(Span(f"  {clean(known.profile)}", "profile"))
        if known.row is not None:
            seconds = max(0, self.dash.controls.now_ns() - known.started_at) / NS
            name = split_id(clean(state.cases.test_id(known.row)))[1]
            out += [Span("  "), Span(fit(name, min(len(name), width // 2)), "title bold")]
            out.append(Span(f"  {pair_text(seconds, state.expected_seconds(known.row))}", "text"))
        else:
            out.append(Span(f"  {rest_words(self.dash.shown, known) or 'idle'}", "dim"))
        return spread(tuple(out), (Span(f"{health_of(known)} ", "dim"),), width)

    def follow_lane(self, lane: LaneId) -> None:
        """Show a lane."""
        self.model.follow(lane)
        self.text.show(self.model, follow=True)

    def entered(self) -> None:
        """See ``BaseScreen``."""
        self.head.redraw()
        self.frame((), ())

    def frame(self, rows: Iterable[Row], lanes: Iterable[LaneId]) -> None:
        """See ``BaseScreen``."""
        self.head.check()
        if self.model.advance():
            self.text.grown()
        facts: list[Span] = []
        if self.model.hidden:
            names = [name for name in self.model.sources if name not in self.model.hidden]
            facts.append(Span(f"only {clean(', '.join(names))}", "accent"))
        if self.model.level >= 0:
            facts.append(Span(f"  {LEVELS[self.model.level]} and above", "accent"))
        if tuple(facts) != self.text.facts:
            self.text.facts = tuple(facts)
            self.text.check(0, 1)

    def label_of(self, name: str) -> str:
        """See ``BaseScreen``."""
        return "next lane" if name == "group.next" else super().label_of(name)

    def follows(self, pane: TextPane) -> bool:
        """See ``BaseScreen``."""
        return True

    def search(self, query: str) -> None:
        """Mark what is searched for."""
        self.model.query = query

    def save_name(self) -> str:
        """See ``BaseScreen``."""
        return f"lane-{self.model.lane}.txt"

    # -- actions -------------------------------------------------------------------------------------

    def action_source(self) -> None:
        """Show one source after the other."""
        self.model.next_source()
        self.text.grown()
        self.frame((), ())

    def action_level(self) -> None:
        """Raise the level."""
        self.model.next_level()
        self.text.grown()
        self.frame((), ())

    def action_stop_test(self) -> None:
        """Stop the running test."""
        lane = self.model.lane
        if lane is not None and self.dash.state.lanes[lane].row is not None:
            self.dash.controls.ask(StopTest(lane))
            self.dash.notice("Stopping the test.", "slow")

    def action_stacks(self) -> None:
        """Have the running test say where it is."""
        lane = self.model.lane
        if lane is None or self.dash.state.lanes[lane].row is None:
            self.dash.notice("No test runs in this lane.", "dim")
            return
        self.dash.controls.ask(DumpStacks(lane))
        self.dash.notice("The stacks of its threads come into the output.", "accent")

    def action_group_next(self) -> None:
        """Show the next lane."""
        self._step(1)

    def action_group_previous(self) -> None:
        """Show the lane before."""
        self._step(-1)

    def _step(self, by: int) -> None:
        shown, lanes = self.dash.shown, self.dash.state.lanes
        there = [number for number, lane in lanes.items() if shown.options.shows(lane.profile)]
        now = self.model.lane
        if now is not None and now in there:
            lane = there[(there.index(now) + by) % len(there)]
            self.dash.running.choose_lane(lane)
            self.dash.watch_lane(lane)
            self.follow_lane(lane)
            self.frame((), ())
