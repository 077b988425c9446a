"""What can be asked of a watch, on the main screen. Without a watch the keys mean what they mean elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace

from testlanes.runner.ids import ProfileName
from testlanes.runner.state.watch import WatchState
from testlanes.runner.watching import MODES, ChangeWays, RunNow, Ways, What

from ..viewmodels.watch import ways_words
from ..widgets.watchpane import WatchPane
from .dialogs import Pick
from .steering import SteeringScreen

LABELS = {
    "open": "run",
    "run.all": "all",
    "run.rest": "the rest",
    "run.failed": "failing only",
    "show": "scope",
    "buffer": "collect",
    "filter": "select",
    "profiles": "profiles",
    "watch": "off/on",
    "help": "help",
}
"""The keys of the watch pane, and what they mean there."""


class WatchingScreen(SteeringScreen, inherit_bindings=False):
    """A screen that may have a watch pane."""

    watch_pane: WatchPane | None = None

    @property
    def watched(self) -> WatchState | None:
        """The watch, if there is one."""
        return self.dash.state.watch

    def label_of(self, name: str) -> str:
        """See ``BaseScreen``."""
        return LABELS.get(name, "") if self.at_watch else super().label_of(name)

    @property
    def at_watch(self) -> bool:
        """Whether the watch pane has the focus: then keys are for the watch."""
        return self.watch_pane is not None and self.focused is self.watch_pane

    def make_watch_pane(self) -> WatchPane | None:
        """Make the pane, if this is a watch."""
        if self.watched is not None:
            self.watch_pane = WatchPane(self.dash.shown, self.watched)
        return self.watch_pane

    def show_watch(self) -> None:
        """Draw what changed of the watch."""
        if self.watch_pane is not None:
            self.watch_pane.check_body()

    # -- keys ----------------------------------------------------------------------------------------

    def action_watch(self) -> None:
        """Watch, or let changes wait."""
        watch = self.watched
        if watch is None:
            self.dash.controls.begin_watch()
            over = self.dash.state.ended is not None
            self.dash.notice("Watching." if over else "The watch begins after this run.", "accent")
        else:
            self._change(replace(watch.ways, off=not watch.ways.off))

    def action_buffer(self) -> None:
        """Collect changes, or run them as they come."""
        if (watch := self.watched) is not None:
            self._change(replace(watch.ways, collect=not watch.ways.collect))

    def action_run_rest(self) -> None:
        """Run what has not run since the last full run."""
        watch = self.watched
        if watch is not None and not (watch.told and watch.told.unseen):
            self.dash.notice("Everything has run since the last full run.", "ok")
        else:
            self._run("rest")

    def action_run_all(self) -> None:
        """Run everything now."""
        if self.watched is not None:
            self._run("all")
        else:
            super().action_run_all()

    def action_run_failed(self) -> None:
        """Run only what is failing, from now on; elsewhere than in the watch pane, once."""
        watch = self.watched
        if watch is None or not self.at_watch:
            super().action_run_failed()
            return
        failing = not watch.ways.failing
        self._change(replace(watch.ways, failing=failing))
        if failing and self.dash.state.failed:
            self._run("failing")

    def action_show(self) -> None:
        """Let a change run what it affects, what the branch's changes affect, or everything."""
        watch = self.watched
        if watch is None or not self.at_watch:
            super().action_show()
            return
        mode = MODES[(MODES.index(watch.ways.mode) + 1) % len(MODES)]
        self._change(replace(watch.ways, mode=mode))

    def action_filter(self) -> None:
        """Ask for a regex that ids of tests must have in them from now on."""
        watch = self.watched
        if watch is None or not self.at_watch:
            super().action_filter()
            return
        ways = watch.ways

        def chosen(text: str) -> None:
            try:
                re.compile(text)
            except re.error as error:
                self.dash.notice(f"That is no regular expression: {error}.", "fail")
            else:
                self._change(replace(ways, filter=text))

        self.dash.ask_text(
            "Run only tests with this in their id (a regex; empty: all)", ways.filter, chosen
        )

    def action_profiles(self) -> None:
        """Choose the profiles that changes run; elsewhere than in the watch pane, those that are shown."""
        watch = self.watched
        if watch is None or not self.at_watch:
            super().action_profiles()
            return
        names = list(self.dash.state.profiles)
        if len(names) < 2:
            self.dash.notice("There is one profile only.", "dim")
            return
        ways = watch.ways

        def chosen(found: set[str] | None) -> None:
            if found:
                some = (
                    frozenset(map(ProfileName, found))
                    if len(found) < len(names)
                    else frozenset[ProfileName]()
                )
                self._change(replace(ways, profiles=some))

        notes = [(name, f"{self.dash.state.profiles[name].listed:,} tests") for name in names]
        on = {*map(str, ways.profiles or names)}
        self.dash.push_screen(Pick("Profiles that changes run", [*notes], on), chosen)

    def action_back(self) -> None:
        """Go back; in the watch pane, let go of all that narrows what changes run."""
        watch = self.watched
        if watch is not None and self.at_watch and watch.ways.narrow:
            self._change(replace(watch.ways, failing=False, filter="", profiles=frozenset()))
        else:
            super().action_back()

    def open_watch(self) -> bool:
        """Run what waits, or the last cycle again, if the watch pane has the focus."""
        if self.at_watch:
            self._run("again")
        return self.at_watch

    def _run(self, what: What) -> None:
        self.dash.controls.ask_watch(RunNow(what))

    def _change(self, ways: Ways) -> None:
        self.dash.controls.ask_watch(ChangeWays(ways))
        words = ways_words(ways)
        self.dash.notice(f"{words[:1].upper()}{words[1:]}.", "accent")
        self.dash.draw()
