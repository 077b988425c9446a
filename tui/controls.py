"""What the dashboard asks of whoever owns the run. The run goes on without the dashboard, never by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from testlanes.runner.ids import Row
from testlanes.runner.intents import Intent
from testlanes.runner.watching import WatchIntent


class Controls(Protocol):
    """The run, as far as a user can act on it. Every method returns at once; none may raise."""

    @property
    def offers(self) -> frozenset[str]:
        """Which of ``bisect``, ``debug``, ``run``, ``watch`` and ``watching`` work here; the keys of others are not shown."""
        ...

    def ask(self, intent: Intent) -> None:
        """Ask something of the run. What comes of it shows in the state."""
        ...

    def now_ns(self) -> int:
        """Return the time in nanoseconds since the epoch, by the clock that the events' ``at`` are from."""
        ...

    def run_number(self) -> int | None:
        """Return the number this run has or will have in the repository; None while that is not known."""
        ...

    def rerun_command(self, rows: Sequence[Row]) -> str:
        """Return the shell command that runs exactly these cases again."""
        ...

    async def details_of(self, row: Row) -> Sequence[tuple[str, str, bytes]]:
        """Return (name, mime, content) of each detail of a case that the state does not hold (it passed).

        Reading takes its time and is done beside the loop; it ends early when it is cancelled.
        """
        ...

    def where_ran(self, row: Row) -> Sequence[tuple[str, str]]:
        """Return (name, value) pairs on where, and beside what, a case's latest attempt ran; may be empty."""
        ...

    def run(self, what: str) -> None:
        """With ``RUN`` offered: start a run of ``all``, ``failing`` or ``last`` (as before) when this one ended.

        The new run's state comes through ``Dashboard.attach``.
        """
        ...

    def run_cases(
        self, rows: Sequence[Row], *, times: int = 1, until_failure: bool = False
    ) -> None:
        """With ``RUN`` offered: start a run of exactly these cases when this one ended, as ``Rerun`` says.

        While a run goes on ``Rerun`` is asked of it instead.
        """
        ...

    def bisect(self, row: Row) -> None:
        """With ``BISECT`` offered: find out which other test makes this one fail; its result is a warning."""
        ...

    def debug_command(self, row: Row) -> Sequence[str]:
        """With ``DEBUG`` offered: return the arguments that run this case alone, under pdb, on the terminal.

        The dashboard lends that program the terminal and comes back when it ends.
        """
        ...

    def begin_watch(self) -> None:
        """With ``WATCH`` offered: begin to run tests again when files change, after the run that goes on.

        The watch's state, with a ``watch`` of its own, comes through ``Dashboard.attach``.
        """
        ...

    def ask_watch(self, intent: WatchIntent) -> None:
        """Ask something of the watch, where ``RunState.watch`` is one."""
        ...

    def watching(self) -> str:
        """Return what is watched (``1,204 files``); empty when nothing is."""
        ...

    def wants_quit(self) -> None:
        """Say that the user has left. The dashboard has asked ``StopRun`` before, if the run was not over."""
        ...
