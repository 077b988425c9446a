"""A terminal driver that never makes the run wait for the terminal.

Textual's own driver blocks the loop once 30 writes wait for a terminal that does not read (a paused
tmux, ctrl+s, a dead ssh link), and spins for ever on a terminal that is gone. It touches
``WriterThread._queue``, ``tests/tui/test_driver.py`` holds it to that.
"""

from __future__ import annotations

import os
import queue
import select
import signal
import time
from threading import Thread

from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

RESTORE_LIMIT = 1.0
"""Seconds to wait for a terminal to take what restores it."""


class DashboardDriver(LinuxDriver):
    """Writes what the terminal takes, drops the rest and says so in ``stale``."""

    dropped = 0
    stale = False
    """Whether something was dropped, so that the whole screen must be drawn again."""
    _restoring = False
    _suspending = False
    _titled = False

    def write(self, data: str) -> None:
        """Queue ``data`` for the terminal; drop it if the terminal is far behind."""
        thread = self._writer_thread
        if thread is None or not thread.is_alive():
            self._drop()
            return
        waiting = thread._queue  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        try:
            if self._restoring:
                waiting.put(data, timeout=RESTORE_LIMIT)
            else:
                waiting.put_nowait(data)
        except queue.Full:
            self._drop()

    def _drop(self) -> None:
        self.stale = True
        self.dropped += 1

    @property
    def backlog(self) -> int:
        """How many writes wait for the terminal."""
        thread = self._writer_thread
        if thread is None or not thread.is_alive():
            return 0
        return thread._queue.qsize()  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001

    @property
    def gone(self) -> bool:
        """Whether the terminal hung up."""
        poll = select.poll()
        poll.register(self.fileno, select.POLLHUP)
        try:
            return any(mask & (select.POLLHUP | select.POLLNVAL) for _, mask in poll.poll(0))
        except OSError:
            return True

    @property
    def present_size(self) -> Size:
        """The terminal's size, in cells."""
        return Size(*self._get_terminal_size())

    def end_input(self) -> None:
        """Stop reading the terminal: one that is gone would be read for ever."""
        self.exit_event.set()

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        self._suspending = True
        try:
            super().suspend_application_mode()
        finally:
            self._suspending = False

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was; of one that does not read, not for long."""
        if not self._suspending:
            # A terminal that hangs up sends SIGCONT, too: Textual would take it once more for an app that is
            # over, and read it for ever.
            for number in (signal.SIGTSTP, signal.SIGCONT):
                signal.signal(number, signal.SIG_DFL)
        self._restoring = True
        try:
            if self._titled:
                self.write("\x1b]9;4;0\x07\x1b[23;2t")
                self._titled = False
            super().stop_application_mode()
        finally:
            self._restoring = False

    def close(self) -> None:
        """End the writer, waiting for it only as long as a terminal may take."""
        thread = self._writer_thread
        if thread is None:
            return
        waiting = thread._queue  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        end = time.monotonic() + RESTORE_LIMIT
        while thread.is_alive() and time.monotonic() < end:
            try:
                waiting.put(None, timeout=0.05)
            except queue.Full:
                continue
            break
        # It is a daemon: a terminal that never reads again does not keep the process.
        Thread.join(thread, max(0.05, end - time.monotonic()))

    def have_mouse(self, on: bool) -> None:
        """Take the mouse, or leave it to the terminal."""
        if on:
            self._enable_mouse_support()
        else:
            self._disable_mouse_support()

    # -- what only some terminals show ---------------------------------------------------------------

    def say_progress(self, percent: int, *, bad: bool) -> None:
        """Show progress on the terminal's tab or task bar (OSC 9;4, ConEmu's, read by many)."""
        if self._speaks_osc:
            self.write(f"\x1b]9;4;{2 if bad else 1};{max(0, min(100, percent))}\x07")

    def end_progress(self) -> None:
        """Show no progress any more."""
        if self._speaks_osc:
            self.write("\x1b]9;4;0\x07")

    def notify(self, text: str) -> None:
        """Have the terminal notify the user (OSC 9: iTerm2, kitty, WezTerm, Ghostty, Windows Terminal); clean text."""
        if self._speaks_osc:
            self.write(f"\x1b]9;{text}\x07")

    def say_title(self, title: str) -> None:
        """Set the window's title; ``title`` must be clean."""
        if self._speaks_osc:
            if not self._titled:
                self._titled = True
                self.write("\x1b[22;2t")  # keeps the title that was, for [23;2t to bring back
            self.write(f"\x1b]2;{title}\x07")

    @property
    def _speaks_osc(self) -> bool:
        # The Linux console prints what it does not know.
        return os.environ.get("TERM", "") not in ("linux", "dumb", "")
