"""What can be done to lanes and hosts: fold, stop, add and take away."""

from __future__ import annotations

from testlanes.runner.ids import LOCAL, LaneId, Row
from testlanes.runner.intents import ChangeLanes, JoinHost, LeaveHost, StopTest

from ..viewmodels.lines import clean, split_id
from ..viewmodels.tail import TailModel
from ..widgets.lanespane import LanesPane
from ..widgets.linelist import LineList
from ..widgets.textpane import TextPane
from .detailing import DetailingScreen


class SteeringScreen(DetailingScreen, inherit_bindings=False):
    """A screen with lanes, failures, and the output of a lane."""

    lanes: LanesPane
    failures: LineList
    output: TextPane
    tail: TailModel

    def lane_here(self) -> LaneId | None:
        """Return the lane under the cursor."""
        return self.lanes.rows.lane_at(self.lanes.cursor)

    def action_left(self) -> None:
        """Fold the host of the lane under the cursor, or go to the left."""
        if not self._fold(fold=True):
            super().action_left()

    def action_right(self) -> None:
        """Unfold the host under the cursor, or go to the right."""
        if not self._fold(fold=False):
            super().action_right()

    def _fold(self, *, fold: bool) -> bool:
        rows = self.lanes.rows
        if self.focused is not self.lanes or self.lanes.cursor >= len(rows) or self.lanes.summary:
            return False
        key = rows.keys[self.lanes.cursor]
        host = key if isinstance(key, str) else self.dash.state.lanes[key].host
        if host not in rows.keys or (host in rows.folded) == fold:
            return False
        rows.toggle(host)
        rows.arrange(self.lanes.body_height)
        self.lanes.cursor = rows.keys.index(host)
        self.lanes.clamp()
        self.lanes.redraw()
        return True

    def action_group_next(self) -> None:
        """Go to the next host, or the next cause."""
        self._jump(1)

    def action_group_previous(self) -> None:
        """Go to the host before, or the cause before."""
        self._jump(-1)

    def _jump(self, by: int) -> None:
        if self.focused is self.failures:
            model = self.dash.failures
            self.failures.move_to(model.next_index(self.failures.cursor, by, groups=True))
            return
        keys = self.lanes.rows.keys
        at = self.lanes.cursor + by
        while 0 <= at < len(keys):
            if isinstance(keys[at], str):
                self.lanes.move_to(at)
                return
            at += by

    def action_tail(self) -> None:
        """Show the lane's output on the whole screen."""
        if (lane := self.lane_here()) is not None:
            self.dash.open_tail(lane)

    def action_stop_test(self) -> None:
        """Stop the running test under the cursor."""
        lane = self.lane_here()
        if lane is None or self.dash.state.lanes[lane].row is None:
            self.dash.notice("No test runs in this lane.", "dim")
            return
        self.dash.controls.ask(StopTest(lane))
        name = split_id(clean(self.dash.state.cases.test_id(self.rows_of(lane)[0])))[1]
        self.dash.notice(f"Stopping {name}.", "slow")

    def rows_of(self, lane: LaneId) -> list[Row]:
        """Return the row that runs in a lane, if any."""
        row = self.dash.state.lanes[lane].row
        return [] if row is None else [row]

    def action_lanes_more(self) -> None:
        """Add a lane."""
        self._change_lanes(1)

    def action_lanes_fewer(self) -> None:
        """Take a lane away."""
        self._change_lanes(-1)

    def _change_lanes(self, by: int) -> None:
        if self.dash.state.ended is not None:
            self.dash.notice("The run is over.", "dim")
            return
        host = self.lanes.rows.host_at(self.lanes.cursor)
        name = LOCAL if host is None else host.host
        if host is not None and host.phase == "lost":
            self.dash.notice(f"{clean(name)} is not in the run.", "dim")
            return
        self.dash.controls.ask(ChangeLanes(by, name))
        where = "" if len(self.dash.state.hosts) < 2 else f" on {clean(name)}"
        self.dash.notice(
            f"One more lane{where}."
            if by > 0
            else f"One lane fewer{where}, when its test has ended.",
            "accent",
        )

    def action_host(self) -> None:
        """Take the host under the cursor out of the run, or let it join again."""
        host = self.lanes.rows.host_at(self.lanes.cursor)
        if self.dash.state.ended is not None or host is None:
            self.dash.notice("The run is over.", "dim")
        elif host.host == LOCAL:
            self.dash.notice("This machine stays in the run; - takes lanes away.", "dim")
        elif host.phase == "lost":
            self.dash.controls.ask(JoinHost(host.host))
            self.dash.notice(f"{clean(host.host)} is tried again.", "accent")
        else:
            self.dash.controls.ask(LeaveHost(host.host))
            self.dash.notice(f"{clean(host.host)} leaves the run.", "slow")

    def action_source(self) -> None:
        """Show one source of the output after the other."""
        self.tail.next_source()
        self.output.grown()

    def action_level(self) -> None:
        """Raise the lowest level shown of the output."""
        self.tail.next_level()
        self.output.grown()
