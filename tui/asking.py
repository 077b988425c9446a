"""What the dashboard asks the user: for a text, a choice, and whether to stop and leave."""

from __future__ import annotations

from collections.abc import Callable

from testlanes.runner.ids import ProfileName
from testlanes.runner.intents import StopRun
from testlanes.runner.state import RunState

from .controls import Controls
from .outside import OutsideApp
from .screens.dialogs import Ask, Choice, Pick
from .terminal import exit_code_of
from .viewmodels.header import counts_of
from .viewmodels.options import Options, Shown


class AskingApp(OutsideApp, inherit_bindings=False):
    """The part of the app that asks."""

    state: RunState
    shown: Shown
    options: Options
    controls: Controls
    stops: int
    """How often the user asked the run to stop."""

    def show_anew(self) -> None:
        """Bring the screen in front up to date with what is to be shown."""
        raise NotImplementedError

    # -- leaving and stopping ------------------------------------------------------------------------

    def action_stop(self) -> None:
        """Stop harder with each time."""
        self.stop_harder()

    def stop_harder(self) -> None:
        """Hand out no more; then kill; then leave. After the run: leave."""
        if self.state.ended is not None:
            self.leave(0)
            return
        self.stops += 1
        if self.stops == 1:
            self.controls.ask(StopRun())
            self.notice("Stopping: running tests end by themselves. Again kills them.", "slow bold")
        elif self.stops == 2:
            self.controls.ask(StopRun(hard=True))
            self.notice("Killing what runs. Again leaves at once.", "fail bold")
        else:
            self.leave(exit_code_of(2))

    def ask_quit(self) -> None:
        """Leave, after a question while tests run."""
        if self.state.ended is not None:
            self.leave(0)
            return
        counts = counts_of(self.shown)

        def answered(word: str | None) -> None:
            if word:
                self.controls.ask(StopRun(hard=word == "kill"))
                self.leave(0)

        keys = (
            ("y", "stop", "stop the run and leave"),
            ("K", "kill", "kill what runs and leave"),
            ("Esc", "", "go on"),
        )
        run = "1 test runs" if counts.running == 1 else f"{counts.running:,} tests run"
        wait = ", 1 waits" if counts.waiting == 1 else f", {counts.waiting:,} wait"
        text = [f"{run}{wait if counts.waiting else ''}."]
        self.push_screen(Choice("Leave while the run goes on?", text, keys), answered)

    def leave(self, code: int) -> None:
        """End the dashboard with an exit code of its own; 0 leaves it to the run."""
        self.controls.wants_quit()
        self.exit(code)

    # -- dialogs -------------------------------------------------------------------------------------

    def ask_text(
        self,
        label: str,
        value: str,
        then: Callable[[str], None],
        changed: Callable[[str], None] | None = None,
        *,
        hint: str = "",
    ) -> None:
        """Ask for a line of text."""

        def answered(text: str | None) -> None:
            if text is not None:
                then(text)

        self.push_screen(Ask(label, value, changed, hint), answered)

    def ask_yes(self, title: str, text: str, then: Callable[[], None]) -> None:
        """Ask a question."""

        def answered(word: str | None) -> None:
            if word:
                then()

        self.push_screen(Choice(title, [text], (("y", "yes", "yes"), ("Esc", "", "no"))), answered)

    def choose_profiles(self) -> None:
        """Ask which profiles are to be seen."""
        names = list(self.state.profiles)
        if len(names) < 2:
            self.notice("There is one profile only.", "dim")
            return

        def answered(chosen: set[str] | None) -> None:
            if chosen:
                self.options.hide({ProfileName(name) for name in names if name not in chosen})
                self.show_anew()
            elif chosen is not None:
                self.notice("One profile at least must be shown.", "slow")

        on = {name for name in names if self.options.shows(name)}
        notes = [(name, f"{self.state.profiles[name].listed:,} tests") for name in names]
        self.push_screen(Pick("Profiles", [*notes], set(on)), answered)
