"""Going from one screen to another."""

from __future__ import annotations

from typing import cast

from testlanes.runner.ids import Case, LaneId

from .actions import Where
from .asking import AskingApp
from .screens.base import BaseScreen
from .screens.help import SHEET, HelpScreen, help_text
from .screens.history import HistoryScreen
from .screens.log import LogScreen
from .screens.running import RunningScreen
from .screens.tail import TailScreen
from .screens.tests import TestsScreen
from .screens.triage import TriageScreen
from .viewmodels.glyphs import Glyphs

SCREENS: dict[Where, type[BaseScreen]] = {
    "triage": TriageScreen,
    "tests": TestsScreen,
    "history": HistoryScreen,
    "log": LogScreen,
    "tail": TailScreen,
}


class GoingApp(AskingApp, inherit_bindings=False):
    """The part of the app that knows the screens. The main one is always the one below."""

    glyphs: Glyphs
    running: RunningScreen
    _others: dict[Where, BaseScreen]
    _run: int
    """How many runs were shown before this one: each has screens of its own."""

    def end_notice(self) -> None:
        """Show the keys again in place of what was said last: it was about another screen."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw what changed since the last frame."""
        raise NotImplementedError

    @property
    def front(self) -> BaseScreen:
        """The screen in front, dialogs aside."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, BaseScreen):
                return screen
        return self.running

    def go(self, where: Where) -> None:
        """Bring a screen to the front; the main screen is always the one below."""
        front = self.front
        if front.WHERE == where:
            return
        self.end_notice()
        if front is not self.running:
            self.pop_screen()
        if where != "running":
            self.push_screen(self._screen(where))

    def _screen(self, where: Where) -> BaseScreen:
        screen = self._others.get(where)
        if screen is None:
            screen = self._others[where] = SCREENS[where]()
            self.install_screen(screen, f"{where}-{self._run}")  # pyright: ignore[reportUnknownMemberType]
        return screen

    def open_help(self, where: Where) -> None:
        """Show all keys."""
        offers, keys = self.controls.offers, self.settings.keys
        width = min(SHEET, self.size.width) - 4
        self.push_screen(HelpScreen(help_text(where, offers, keys, self.glyphs, width)))

    def open_tail(self, lane: LaneId) -> None:
        """Show a lane's output on the whole screen."""
        self.go("tail")
        self.call_after_refresh(lambda: cast("TailScreen", self._screen("tail")).follow_lane(lane))

    def open_past(self, case: Case) -> None:
        """Show the runs of a test."""
        self.go("history")
        self.call_after_refresh(
            lambda: cast("HistoryScreen", self._screen("history")).show_case(case)
        )

    def begin_again(self) -> None:
        """Make all screens anew, for they hold view models of another run; the one in front at once."""
        self._run += 1
        self.run_later(self._begin_again(self.front.WHERE))

    async def _begin_again(self, where: Where) -> None:
        with self.batch_update():
            while len(self.screen_stack) > 1:
                await self.pop_screen()
            old, self._others = self._others, {}
            for screen in old.values():
                self.uninstall_screen(screen)  # pyright: ignore[reportUnknownMemberType]
                screen.remove()
            self.running = RunningScreen()
            await self.push_screen(self.running)
            if where not in ("running", "tail"):
                await self.push_screen(self._screen(where))
        self.draw()
