"""The dashboard: reads the run's state once a frame, draws it, and says what the user wants.

It owns no run. Whoever owns the run awaits ``showing.show_dashboard`` beside it, in the same loop.
"""

from __future__ import annotations

import gc
import os
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from testlanes.runner.ids import LaneId, ProfileName, Status
from testlanes.runner.intents import StopRun, Watch
from testlanes.runner.settings import Settings
from testlanes.runner.state import RunState
from testlanes.themes.loader import DEFAULT, SIXTEEN, load_themes, tone_colors

from .actions import Where, wrong_keys
from .announcing import Announcer
from .clock import FrameClock
from .controls import Controls
from .driver import DashboardDriver
from .going import GoingApp
from .history import History
from .palette import Actions
from .screens.base import BaseScreen
from .screens.running import RunningScreen
from .sources import Here, Sources
from .terminal import LOOK_EVERY, Terminal
from .viewmodels.failures import FailuresModel
from .viewmodels.glyphs import ASCII, PLAIN, UNICODE
from .viewmodels.header import Tally
from .viewmodels.lines import EMPTY, Line, Span, clean, split_id
from .viewmodels.options import Options, Shown
from .widgets.tones import Tones

BROKEN = 70
"""The exit code when the dashboard itself broke; the run goes on."""
NOTICE_SECONDS = 5.0
STYLES = Path(__file__).parent / "styles"


class Dashboard(GoingApp, inherit_bindings=False):
    """The app. ``attach`` gives it another run's state."""

    CSS_PATH: ClassVar[list[str | Path]] = [*sorted(STYLES.glob("*.tcss"))]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "stop", show=False, id="stop", priority=True)
    ]
    COMMANDS = {Actions}  # noqa: RUF012  (Textual declares it without ClassVar)

    def __init__(
        self,
        state: RunState,
        controls: Controls,
        settings: Settings,
        history: History,
        *,
        ascii_only: bool = False,
    ) -> None:
        self.controls = controls
        self.settings = settings
        self.history = history
        self.sources = Sources(Path(settings.root))
        plain = "NO_COLOR" in os.environ
        self.glyphs = ASCII if ascii_only else PLAIN if plain else UNICODE
        self._plain = plain
        self.tones = Tones({}, plain=plain, ascii_only=ascii_only)
        self.options = Options(
            self.glyphs,
            settings.slow_after,
            tags={profile.name: profile.tags for profile in settings.profiles},
            here=Here(settings.root, lambda: self.state.hosts),
        )
        self.project = clean(Path(settings.root).name) or "tests"
        self.announcer = Announcer(self.project)
        self.problem = ""
        """Why the dashboard broke: a traceback, without the values of variables."""
        self.stops = 0
        """How often the user asked the run to stop."""
        self.notice_line: Line = EMPTY
        self._notice_until = 0.0
        self._watched: LaneId | None = None
        self._said_end = False
        self._take(state)
        environment = os.environ.get("NO_COLOR")
        super().__init__(driver_class=DashboardDriver)
        if environment is not None:
            os.environ["NO_COLOR"] = environment  # Textual takes it away; workers are to have it
        self.terminal = Terminal(self, self._forced_out)
        self.clock = FrameClock(
            lambda: self.state.version, lambda: self.terminal.backlog, time.monotonic
        )
        self.running = RunningScreen()
        folders = [_config_folder() / "themes", Path(settings.root) / ".testlanes" / "themes"]
        found = load_themes(folders)
        for theme in found.themes.values():
            self.register_theme(theme)
        self._problems = [*found.problems, *wrong_keys(settings.keys)]
        self.theme_names = [DEFAULT, *(name for name in found.themes if name != DEFAULT)]
        """Our themes and the user's, the default first."""
        self._others: dict[Where, BaseScreen] = {}
        self._run = 0
        self._mouse = True
        self.set_keymap(dict(settings.keys))

    def _take(self, state: RunState) -> None:
        self.state = state
        self.shown = Shown(state, self.options, self.controls.now_ns)
        self.tally = Tally(self.shown)
        self.failures = FailuresModel(self.shown, self._statuses_before)
        everything = range(len(state.standing))
        self.tally.note(everything)  # type: ignore[arg-type]
        self.failures.note(tuple(state.failures))

    def _statuses_before(self, test_id: str, profile: ProfileName, count: int) -> Sequence[Status]:
        """Return how a case that ran now ended in the runs before this one, though this one be stored by now."""
        number, newest = self.controls.run_number(), self.history.runs(1)
        if number is None or not newest or newest[0].number < number:
            return self.history.statuses(test_id, profile, count)
        return self.history.statuses(test_id, profile, count + 1)[:-1]

    def attach(self, state: RunState, controls: Controls | None = None) -> None:
        """Show another run, or a watch, by other ``controls`` if that has some of its own."""
        self.controls = controls or self.controls
        self._take(state)
        self._said_end = False
        self.stops = 0
        self._watched = None
        self.begin_again()

    def stored(self) -> None:
        """Show that the run has its number and its place in the history."""
        self.call_later(self.draw)

    # -- life ----------------------------------------------------------------------------------------

    def get_css_variables(self) -> dict[str, str]:
        """Add the tones of the theme; every widget draws with them from now on."""
        variables = super().get_css_variables()
        variables |= tone_colors(variables)
        self.theme_variables = variables
        self.tones = Tones(variables, plain=self._plain, ascii_only=self.glyphs is ASCII)
        return variables

    async def on_mount(self) -> None:
        """Show the first frame, begin to follow the run."""
        self.theme = self._first_theme()
        self.terminal.take_signals()
        await self.push_screen(self.running)
        self.set_interval(LOOK_EVERY, self.terminal.look)
        if self._problems:
            self.notice(self._problems[0], "slow")
        self.draw()
        if self.terminal.driver is not None:
            # What is there now stays: looking through all of it for garbage stops the loop for 40 ms.
            gc.freeze()
        self.set_timer(self.clock.delay, self._tick)

    def _first_theme(self) -> str:
        wanted = self.settings.theme
        if wanted in self.available_themes:
            return wanted
        if wanted:
            self._problems.append(f"There is no theme {wanted!r}; using {DEFAULT}.")
        few = self.terminal.driver is not None and self.console.color_system == "standard"
        return SIXTEEN if few else DEFAULT

    def on_unmount(self) -> None:
        """Give the signals back; leave no file behind."""
        self.terminal.give_signals()
        self.tidy_up()

    def _forced_out(self, code: int) -> None:
        self.controls.ask(StopRun(hard=True))
        self.leave(code)

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print a traceback with the values of all variables; tokens are among them.
        if not self.problem:
            self.problem = "".join(traceback.format_exception(error))
        self._return_code = BROKEN
        if self._exception is None:
            self._exception = error
            self._exception_event.set()  # pyright: ignore[reportUnknownMemberType]
        self._close_messages_no_wait()

    # -- frames --------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self.notice_line and time.monotonic() >= self._notice_until:
            self.end_notice()
        moving = self.state.ended is None or self.terminal.stale
        unread = self.failures.unread > 0
        if not self.terminal.lent and self.clock.due(moving=moving, unfinished=unread):
            self.draw()
        self.set_timer(self.clock.delay, self._tick)

    def draw(self) -> None:
        """Draw what changed since the last frame."""
        began = time.thread_time()
        rows, lanes = self.state.drain_changes()
        self.tally.note(rows)
        self.failures.note(rows)
        self.failures.advance()
        driver = self.terminal.driver
        front = self.front
        if self.state.ended is None:
            self._said_end = False  # a watch's next run may have begun
        elif not self._said_end and self.running.is_mounted:
            self._said_end = True
            self.stops = 0
            self.running.ended()
        if front.is_mounted:  # else it shows what there is once it has its widgets
            front.frame(rows, lanes)
        if driver is not None:
            if driver.stale and driver.backlog == 0:
                driver.stale = False
                front.refresh(layout=True)
            self.announcer.say(driver, self.shown)
        self.clock.drew(time.thread_time() - began)

    def show_anew(self) -> None:
        """See ``AskingApp``."""
        self.draw()
        self.front.entered()

    # -- notices -------------------------------------------------------------------------------------

    def notice(self, text: str, tone: str = "text") -> None:
        """Say something in the footer for a few seconds."""
        self.notice_line = (Span(clean(text), tone),)
        self._notice_until = time.monotonic() + NOTICE_SECONDS
        self._show_notice()

    def end_notice(self) -> None:
        """See ``GoingApp``."""
        if self.notice_line:
            self.notice_line = EMPTY
            self._show_notice()

    def tell(self, test_id: str, text: str) -> None:
        """Say something about a test."""
        self.notice(f"{split_id(clean(test_id))[1]}: {text}", "accent")

    def _show_notice(self) -> None:
        if self.is_running and self.front.is_mounted:
            self.front.show_keys()

    # -- what is watched, and how it looks -----------------------------------------------------------

    def watch_lane(self, lane: LaneId | None) -> None:
        """Have the live output of one lane, and of no other."""
        if lane == self._watched:
            return
        if self._watched is not None:
            self.controls.ask(Watch(self._watched, on=False))
        self._watched = lane
        if lane is not None:
            self.controls.ask(Watch(lane, on=True))

    def next_theme(self) -> None:
        """Use the next of our themes."""
        names = self.theme_names
        at = names.index(self.theme) if self.theme in names else -1
        self.use_theme(names[(at + 1) % len(names)])

    def use_theme(self, name: str) -> None:
        """Use a theme."""
        self.theme = name
        self.notice(f"Theme {name}.", "accent")

    def toggle_mouse(self) -> None:
        """Give the mouse to the terminal, for its own selection, or take it back."""
        self._mouse = not self._mouse
        if (driver := self.terminal.driver) is not None:
            driver.have_mouse(self._mouse)
        words = (
            "The mouse is ours."
            if self._mouse
            else "The mouse is the terminal's: select text with it."
        )
        self.notice(words, "accent")


def _config_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "testlanes"
