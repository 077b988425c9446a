"""What all screens share: bindings from the table of actions, moving about, notices, copying panes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from testlanes.runner.ids import LaneId, Row

from ..actions import ACTIONS, BY_NAME, FOOTER, Where, actions_of, keys_of, shown_key
from ..viewmodels.lines import Line, Span, text_of
from ..widgets.bars import Footer
from ..widgets.linelist import LineList
from ..widgets.pane import Pane
from ..widgets.textpane import TextPane

if TYPE_CHECKING:
    from ..app import Dashboard


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


class BaseScreen(Screen[None], inherit_bindings=False):
    """A screen of panes. ``frame`` is called by the clock, ``entered`` when it comes to the front."""

    WHERE: ClassVar[Where] = "running"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (Textual declares it without ClassVar)
        (0, "-single"),
        (80, "-stacked"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = ""

    @property
    def dash(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def footer(self) -> Footer:
        """Make the footer; every screen yields one."""
        return Footer(self.press, id="footer")

    # -- for those who inherit -----------------------------------------------------------------------

    def frame(self, rows: Iterable[Row], lanes: Iterable[LaneId]) -> None:
        """Draw what changed since the last frame."""

    def entered(self) -> None:
        """Bring everything up to date: the screen comes to the front."""

    def panes(self) -> Sequence[Pane]:
        """Return the panes that can have the focus, in their order."""
        return [pane for pane in self.query(Pane) if pane.display and pane.can_focus]

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
        footer.keys = tuple(
            (
                name,
                shown_key(keys_of(BY_NAME[name], keys)[0], ascii_only=ascii_only),
                BY_NAME[name].label,
            )
            for name in self.footer_names()
            if name in there and keys_of(BY_NAME[name], keys)
        )
        quits = keys_of(BY_NAME["back" if self is not self.dash.running else "quit"], keys)
        word = "back" if self is not self.dash.running else "quit"
        if quits:
            footer.rest = (Span(shown_key(quits[0]), "key bold"), Span(f" {word} ", "dim"))
        footer.notice = self.dash.notice_line
        footer.check()

    def footer_names(self) -> tuple[str, ...]:
        """Return the names of the actions that the footer shows now."""
        return FOOTER[self.WHERE]

    # -- the focused pane ----------------------------------------------------------------------------

    @property
    def pane(self) -> Pane | None:
        """The pane with the focus."""
        return self.focused if isinstance(self.focused, Pane) else None

    @property
    def list_pane(self) -> LineList | None:
        """The list with the focus."""
        return self.focused if isinstance(self.focused, LineList) else None

    @property
    def text_pane(self) -> TextPane | None:
        """The text with the focus, or the screen's one text."""
        if isinstance(self.focused, TextPane):
            return self.focused
        texts = [pane for pane in self.panes() if isinstance(pane, TextPane)]
        return texts[-1] if texts else None

    def action_move_down(self) -> None:
        """See the table."""
        self._move(1)

    def action_move_up(self) -> None:
        """See the table."""
        self._move(-1)

    def _move(self, by: int) -> None:
        pane = self.pane
        if isinstance(pane, LineList):
            pane.move(by)
        elif isinstance(pane, TextPane):
            pane.scroll_by(by)
        elif isinstance(self.focused, Input) and self.panes():
            self.panes()[0].focus()

    def action_move_first(self) -> None:
        """See the table."""
        pane = self.pane
        if isinstance(pane, LineList):
            pane.move_to(0)
        elif isinstance(pane, TextPane):
            pane.to_start()

    def action_move_last(self) -> None:
        """See the table."""
        pane = self.pane
        if isinstance(pane, LineList):
            pane.move_to(len(pane.model) - 1)
        elif isinstance(pane, TextPane):
            pane.to_end(follow=self.follows(pane))

    def follows(self, pane: TextPane) -> bool:
        """Whether the end of a text grows, so that its end is followed."""
        return False

    def _page(self, by: float) -> None:
        pane = self.pane
        if isinstance(pane, LineList | TextPane):
            pane.page(by)

    def action_half_down(self) -> None:
        """See the table."""
        self._page(0.5)

    def action_half_up(self) -> None:
        """See the table."""
        self._page(-0.5)

    def action_page_down(self) -> None:
        """See the table."""
        self._page(1)

    def action_page_up(self) -> None:
        """See the table."""
        self._page(-1)

    def action_left(self) -> None:
        """See the table."""
        if isinstance(self.focused, TextPane) and self.focused.left:
            self.focused.pan(-8)
        else:
            self.action_focus_previous()

    def action_right(self) -> None:
        """See the table."""
        if isinstance(self.focused, TextPane):
            self.focused.pan(8)
        else:
            self.action_focus_next()

    def _focus(self, by: int) -> None:
        panes = list(self.panes())
        if panes:
            at = panes.index(self.pane) + by if self.pane in panes else 0
            panes[at % len(panes)].focus()

    def action_focus_next(self) -> None:
        """See the table."""
        self._focus(1)

    def action_focus_previous(self) -> None:
        """See the table."""
        self._focus(-1)

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

    # -- zoom, search, copy, save --------------------------------------------------------------------

    def action_zoom(self) -> None:
        """See the table."""
        if not self.unzoom() and (pane := self.pane) is not None:
            pane.bare = True
            self.add_class("-zoomed")
            for other in self.query(Pane):
                other.set_class(other is pane, "-zoom")
            pane.redraw()
            self.frame((), ())

    def unzoom(self) -> bool:
        """End a zoom; return whether there was one."""
        if not self.has_class("-zoomed"):
            return False
        self.remove_class("-zoomed")
        for pane in self.query(Pane):
            pane.bare = False
            pane.remove_class("-zoom")
            pane.redraw()
        self.frame((), ())
        return True

    def clear_search(self) -> bool:
        """End a search or filter; return whether there was one."""
        found = False
        for pane in self.query(TextPane):
            if pane.hits:
                self.search("")
                pane.search("")
                found = True
        return found

    def action_filter(self) -> None:
        """See the table."""
        if (pane := self.text_pane) is not None:
            self.dash.ask_text("Search", "", lambda query: self._search(pane, query))

    def _search(self, pane: TextPane, query: str) -> None:
        self.search(query)
        found = pane.search(query)
        if query and not found:
            self.dash.notice(f"Nothing found for {query!r}.", "slow")

    def search(self, query: str) -> None:
        """Mark what is searched for, where a screen's model does that itself."""

    def action_found_next(self) -> None:
        """See the table."""
        if (pane := self.text_pane) is not None:
            pane.next_hit(1)

    def action_found_previous(self) -> None:
        """See the table."""
        if (pane := self.text_pane) is not None:
            pane.next_hit(-1)

    def action_wrap(self) -> None:
        """See the table."""
        if (pane := self.text_pane) is not None:
            pane.toggle_wrap()

    def pane_text(self) -> str:
        """Return the whole text of the focused pane, also what is out of sight."""
        pane = self.pane
        if not isinstance(pane, LineList | TextPane):
            return ""
        lines: list[Line] = [pane.model.line(index, 160) for index in range(len(pane.model))]
        return "\n".join(text_of(line).rstrip() for line in lines) + "\n"

    def action_copy_pane(self) -> None:
        """See the table."""
        text = self.pane_text()
        if text.strip():
            self.dash.copy(text, f"{text.count(chr(10)):,} lines")

    def action_save(self) -> None:
        """See the table."""
        text = self.pane_text()
        if text.strip():
            self.dash.ask_text(
                "Write to file", self.save_name(), lambda name: self.dash.save(name, text)
            )

    def save_name(self) -> str:
        """Return the name to propose for a saved pane."""
        return "testlanes.txt"
