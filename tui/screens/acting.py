"""What can be done to tests, on every screen that shows some."""

from __future__ import annotations

from collections.abc import Sequence

from testlanes.runner.ids import Row
from testlanes.runner.intents import Rerun, StopRun

from ..viewmodels.failures import SHOWS, ItemKey
from ..viewmodels.lines import clean, split_id
from ..viewmodels.tracebacks import Frame
from ..widgets.linelist import LineList
from .base import BaseScreen

MOST = 10_000
"""The most times a test is run in one go."""


def read_often(text: str) -> tuple[int, bool] | None:
    """Read how often to run: ``20``, ``f`` (until it fails) or ``50f`` (so often at most); None if it is neither.

    Returns the number of times, and whether to end with the first failure.
    """
    text = text.strip().lower()
    until_failure = text.endswith("f")
    number = text.removesuffix("f").strip() or (str(MOST) if until_failure else "")
    if not (number.isascii() and number.isdigit()) or not 1 <= int(number) <= MOST:
        return None
    return int(number), until_failure


class ActingScreen(BaseScreen, inherit_bindings=False):
    """A screen with a test, or several, under its cursor."""

    _key: ItemKey | None = None
    _version = -1

    def rows_here(self) -> list[Row]:
        """Return the rows to act on: the marked ones, else those under the cursor."""
        return []

    def id_here(self) -> str:
        """Return the test id under the cursor."""
        return ""

    def place_here(self) -> Frame | None:
        """Return the place in a file that the cursor is about."""
        rows = self.rows_here()
        for known in self.dash.failures.known.values():
            if known.key.row in rows:
                return known.failure.place
        return None

    # -- a list of failures ---------------------------------------------------------------------------

    def follow_failures(self, pane: LineList) -> None:
        """Draw the failures anew if there are others; the cursor stays on its item."""
        model = self.dash.failures
        if model.version != self._version:
            self._version = model.version
            # Who has gone there reads: a newer failure takes the place of none that is looked at.
            reads = pane.touched or pane.has_focus
            at = model.index_of(self._key) if reads and self._key is not None else None
            if at is not None:
                pane.cursor = at
            elif not pane.touched:
                pane.cursor = 1
            pane.clamp()
            pane.redraw()
        else:
            pane.check_body()
        title = "Failures"
        if count := self.dash.state.failed:
            title = f"Failures {count:,}"
        if pane.title != title:
            pane.title = title
            pane.check(0, 1)
        self.keep_failure(pane)

    def keep_failure(self, pane: LineList) -> None:
        """Remember which failure the cursor is on."""
        items = self.dash.failures.items
        self._key = items[pane.cursor] if 0 <= pane.cursor < len(items) else None

    def failure_id(self, pane: LineList) -> str:
        """Return the test id of a line of failures."""
        found = self.dash.failures.failures_at(pane.cursor)
        return found[0].test_id if found else ""

    def failures_pane(self) -> LineList | None:
        """Return the screen's list of failures."""
        found = self.query("#failures").results(LineList)
        return next(iter(found), None)

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        """Follow the cursor."""
        if message.pane.id == "failures":
            self.keep_failure(message.pane)
        self.cursor_moved(message.pane)

    def cursor_moved(self, pane: LineList) -> None:
        """Show what is under the cursor now."""

    def on_line_list_opened(self, message: LineList.Opened) -> None:
        """Open what was clicked again."""
        self.press("open")

    def action_failure_next(self) -> None:
        """See the table."""
        self._to_failure(1)

    def action_failure_previous(self) -> None:
        """See the table."""
        self._to_failure(-1)

    def _to_failure(self, by: int) -> None:
        pane = self.failures_pane()
        if pane is None or not len(self.dash.failures):
            self.dash.notice("Nothing failed.", "ok")
            return
        pane.focus()
        at = self.dash.failures.next_index(pane.cursor, by, unseen=by > 0)
        if at == pane.cursor and by > 0:
            at = self.dash.failures.next_index(-1, 1, unseen=True)
        pane.move_to(max(at, 0))

    def action_seen(self) -> None:
        """Mark as seen, or as not seen."""
        pane = self.failures_pane()
        if pane is None:
            return
        model = self.dash.failures
        tests = {known.test_id for known in model.failures_at(pane.cursor)}
        model.seen = model.seen - tests if tests <= model.seen else model.seen | tests
        pane.check_body()

    def action_show(self) -> None:
        """Show all failures, or only the new, known or flaky ones."""
        model = self.dash.failures
        model.show = SHOWS[(SHOWS.index(model.show) + 1) % len(SHOWS)]
        model.rebuild()
        self.dash.notice(f"Failures: {model.show}.", "accent")
        self.frame((), ())

    # -- running ------------------------------------------------------------------------------------

    def names(self, rows: Sequence[Row]) -> str:
        """Return how to call some rows in a sentence."""
        tests = {self.dash.state.cases.test_id(row) for row in rows}
        if len(tests) == 1:
            return split_id(clean(tests.pop()))[1]
        return f"{len(tests):,} tests"

    def action_rerun(self) -> None:
        """Run what is under the cursor again."""
        self.run_again(self.rows_here())

    def run_again(
        self, rows: Sequence[Row], times: int = 1, *, until_failure: bool = False
    ) -> None:
        """Ask for a rerun, and say so."""
        if not rows:
            self.dash.notice("No test is under the cursor.", "dim")
            return
        if self.dash.state.ended is not None:
            self._run_anew(rows, times, until_failure)
            return
        self.dash.controls.ask(Rerun(tuple(dict.fromkeys(rows)), times, until_failure))
        often = f" {times:,} times" if times > 1 else " again"
        if until_failure:
            often = f" until it fails, {times:,} times at most"
        self.dash.notice(f"Running {self.names(rows)}{often}.", "accent")

    def _run_anew(self, rows: Sequence[Row], times: int, until_failure: bool) -> None:
        if "run" not in self.dash.controls.offers:
            self.dash.notice("The run is over.", "dim")
        else:
            self.dash.controls.run_cases(
                tuple(dict.fromkeys(rows)), times=times, until_failure=until_failure
            )

    def action_run_failed(self) -> None:
        """Run all failed tests of the shown profiles again."""
        dash = self.dash
        if dash.state.ended is not None and "run" in dash.controls.offers and dash.state.failed:
            dash.controls.run("failing")
            return
        rows = [
            row for row in dash.state.failures if dash.options.shows(dash.state.cases.profile(row))
        ]
        if rows:
            self.run_again(rows)
        else:
            dash.notice("Nothing failed.", "ok")

    def action_run_all(self) -> None:
        """Run everything again."""
        self._new_run("all")

    def action_run_last(self) -> None:
        """Repeat the run."""
        self._new_run("last")

    def _new_run(self, what: str) -> None:
        if self.dash.state.ended is None:
            self.dash.notice("The run is not over yet.", "slow")
        else:
            self.dash.controls.run(what)

    def action_stress(self) -> None:
        """Ask how often, and run so often."""
        rows = self.rows_here()
        if not rows:
            self.dash.notice("No test is under the cursor.", "dim")
            return

        def go(text: str) -> None:
            often = read_often(text)
            if often is None:
                self.dash.notice("A number from 1 to 10000, or f, please.", "slow")
            else:
                self.run_again(rows, often[0], until_failure=often[1])

        self.dash.ask_text(
            f"Run {self.names(rows)} how many times?",
            "20",
            go,
            hint="f: until it fails; 50f: the same, 50 times at most",
        )

    def action_bisect(self) -> None:
        """Find out which other test makes this one fail."""
        rows = self.rows_here()
        if rows:
            self.dash.controls.bisect(rows[0])
            self.dash.notice(f"Looking for what makes {self.names(rows[:1])} fail.", "accent")

    def action_debug(self) -> None:
        """Lend the terminal to a debugger."""
        rows = self.rows_here()
        if rows:
            passed = f"{self.names(rows[:1])} passed, alone and under the debugger."
            self.dash.lend_terminal(self.dash.controls.debug_command(rows[0]), passed)

    def action_stop_run(self) -> None:
        """Stop the run, when the user is sure."""
        if self.dash.state.ended is not None:
            self.dash.notice("The run is over.", "dim")
            return
        self.dash.ask_yes(
            "Stop the run?",
            "Running tests end by themselves.",
            lambda: self.dash.controls.ask(StopRun()),
        )

    # -- editor, clipboard, profiles ------------------------------------------------------------------

    def action_edit(self) -> None:
        """Open the editor."""
        place = self.place_here()
        if place is None:
            self.dash.notice("It is not known where in a file this is.", "slow")
        else:
            self.dash.edit(place)

    def action_copy_id(self) -> None:
        """Copy the id."""
        if test_id := self.id_here():
            self.dash.copy(test_id, "the id")

    def action_copy_command(self) -> None:
        """Copy the command."""
        if rows := self.rows_here():
            self.dash.copy(self.dash.controls.rerun_command(rows), "the command")

    def action_profiles(self) -> None:
        """Choose profiles."""
        self.dash.choose_profiles()

    def action_past_test(self) -> None:
        """Show the runs of this test."""
        rows = self.rows_here()
        if rows:
            self.dash.open_past(self.dash.state.cases.case(rows[0]))
