"""What all screens share: bindings from the table of actions, the footer, going from one to another."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from ..actions import ACTIONS, BY_NAME, FOOTER, Where, actions_of, keys_of, shown_key
from ..viewmodels.header import counts_line, counts_of, progress_line
from ..viewmodels.lines import Line
from ..widgets.bars import Footer
from .panes import PanesScreen


def bindings_for(where: Where) -> list[BindingType]:
    """Return a screen's bindings; their ids are the actions' names, so that a keymap finds them."""
    return [
        Binding(
            action.keys,
            action.method,
            action.help,
            show=False,
            id=action.name,
            priority=action.priority,
        )
        for action in ACTIONS
        if where in action.where
    ]


class BaseScreen(PanesScreen, inherit_bindings=False):
    """A screen with the keys of the table for its place, and a footer that names some of them."""

    WHERE: ClassVar[Where] = "running"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (Textual declares it without ClassVar)
        (0, "-single"),
        (80, "-stacked"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = ""

    def head_line(self, y: int, width: int) -> Line:
        """Return a line of the head: how far the run is, and below it the counts."""
        dash = self.dash
        counts = counts_of(dash.shown)
        if y == 0:
            number, watching = dash.controls.run_number(), dash.controls.watching()
            return progress_line(dash.shown, counts, width, dash.project, number, watching)
        return counts_line(dash.shown, counts, dash.tally, width)

    def footer(self) -> Footer:
        """Make the footer; every screen yields one."""
        return Footer(self.press, id="footer")

    def _on_timer_update(self) -> None:
        # Textual paints here; the clock must know what that costs to keep to its share of a core.
        began = time.thread_time()
        super()._on_timer_update()
        self.dash.clock.painted(time.thread_time() - began)

    # -- life ----------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Show the keys; take up the run."""
        if panes := self.panes():
            panes[0].focus()
        self.show_keys()

    def on_screen_resume(self) -> None:
        """Come to the front."""
        self.entered()
        self.show_keys()
        self.query_one(Footer).redraw()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the footer."""
        self.call_after_refresh(self.show_keys)

    def press(self, name: str) -> None:
        """Do an action by its name; for the mouse and the palette."""
        self.dash.run_later(self.run_action(BY_NAME[name].method))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action is there: what the run does not offer is not."""
        for known in ACTIONS:
            if known.method == action and known.needs:
                return known.needs in self.dash.controls.offers
        return True

    def show_keys(self) -> None:
        """Name the keys of the moment."""
        footer = self.query_one(Footer)
        offers = self.dash.controls.offers
        there = {action.name for action in actions_of(self.WHERE, offers)}
        ascii_only = self.dash.glyphs.across == "-"
        keys = self.dash.settings.keys
        last = "quit" if self is self.dash.running else "back"

        def named(names: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
            return tuple(
                (
                    name,
                    shown_key(keys_of(BY_NAME[name], keys)[0], ascii_only=ascii_only),
                    self.label_of(name) or BY_NAME[name].label,
                )
                for name in names
                if name in there and keys_of(BY_NAME[name], keys)
            )

        footer.keys = named(name for name in self.footer_names() if name != "help")
        footer.rest = named(("help", last))
        footer.notice = self.dash.notice_line
        footer.check()

    def label_of(self, name: str) -> str:
        """Return the footer's word for an action."""
        return BY_NAME[name].label

    def footer_names(self) -> tuple[str, ...]:
        """Return the names of the actions that the footer shows now."""
        return FOOTER[self.WHERE]

    # -- everywhere ----------------------------------------------------------------------------------

    def action_help(self) -> None:
        """See the table."""
        self.dash.open_help(self.WHERE)

    def action_palette(self) -> None:
        """See the table."""
        self.dash.action_command_palette()

    def action_back(self) -> None:
        """See the table."""
        if self.unzoom() or self.clear_search():
            return
        if self is not self.dash.running:
            self.dash.go("running")

    def action_quit(self) -> None:
        """See the table."""
        self.dash.ask_quit()

    def action_stop(self) -> None:
        """See the table."""
        self.dash.stop_harder()

    def action_suspend(self) -> None:
        """See the table."""
        self.dash.action_suspend_process()

    def action_go_lanes(self) -> None:
        """See the table."""
        self.dash.go("running")

    def action_go_failures(self) -> None:
        """See the table."""
        self.dash.go("triage")

    def action_go_tests(self) -> None:
        """See the table."""
        self.dash.go("tests")

    def action_go_history(self) -> None:
        """See the table."""
        self.dash.go("history")

    def action_go_log(self) -> None:
        """See the table."""
        self.dash.go("log")

    def action_theme(self) -> None:
        """See the table."""
        self.dash.next_theme()

    def action_mouse(self) -> None:
        """See the table."""
        self.dash.toggle_mouse()
