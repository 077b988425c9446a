"""What the dashboard does outside of itself: clipboard, files, the editor, other programs."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from testlanes.runner.settings import Settings

from .terminal import Terminal, editor_command, start_outside
from .viewmodels.tracebacks import Frame


class OutsideApp(App[int], inherit_bindings=False):
    """The part of the app that reaches out."""

    settings: Settings
    terminal: Terminal
    _scratch: tempfile.TemporaryDirectory[str] | None = None

    def notice(self, text: str, tone: str = "text") -> None:
        """Say something in the footer for a few seconds."""
        raise NotImplementedError

    def run_later(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine beside the dashboard; it ends with it."""
        self.run_worker(work, exit_on_error=True)

    def tidy_up(self) -> None:
        """Leave no file behind."""
        if self._scratch is not None:
            self._scratch.cleanup()

    def copy(self, text: str, what: str) -> None:
        """Copy by OSC 52."""
        self.copy_to_clipboard(text)
        self.notice(f"Copied {what}.", "ok")

    def save(self, name: str, text: str) -> None:
        """Write a text to a new file below the folder we were started in, or where the name says."""
        if not name.strip():
            return
        path = Path(name).expanduser()
        try:
            with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError as error:
            self.notice(f"Not written: {path}: {error.strerror or error}.", "fail")
        else:
            self.notice(f"Written to {path}.", "ok")

    def edit(self, place: Frame) -> None:
        """Open the editor at a place of the project."""
        path = Path(self.settings.root) / place.path
        if not path.is_file():
            self.notice(f"{place.path} is not on this machine.", "slow")
            return
        command, needs_terminal = editor_command(str(path), place.line)
        if needs_terminal:
            self.lend_terminal(command)
        else:
            self.run_later(self._outside(command))

    def scratch(self) -> str:
        """Return a folder for files that are opened outside; it goes with the dashboard."""
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="testlanes-")
        return self._scratch.name

    def open_outside(self, path: Path) -> None:
        """Open a file in the program that the desktop has for it."""
        opener = "open" if sys.platform == "darwin" else "xdg-open"
        if shutil.which(opener) is None:
            self.notice(f"There is no {opener}. The file is {path} until you leave.", "slow")
            return
        self.notice(f"Opening {path.name}.", "accent")
        self.run_later(self._outside([opener, str(path)]))

    async def _outside(self, command: Sequence[str]) -> None:
        try:
            code = await start_outside(command, self.settings.root)
        except OSError as error:
            self.notice(f"{command[0]} did not start: {error.strerror}.", "fail")
        else:
            if code:
                self.notice(f"{command[0]} ended with exit code {code}.", "fail")

    def lend_terminal(self, command: Sequence[str], good: str = "") -> None:
        """Let a program have the terminal until it ends; the run goes on. ``good`` is said of success."""
        self.run_later(self._lend(command, good))

    async def _lend(self, command: Sequence[str], good: str) -> None:
        try:
            code = await self.terminal.lend(command, self.settings.root)
        except SuspendNotSupported:
            self.notice("This terminal cannot be lent to another program.", "slow")
        except OSError as error:
            self.notice(f"{command[0]} did not start: {error.strerror}.", "fail")
        else:
            if good and not code:
                self.notice(good, "ok")
            elif code and not good:
                self.notice(f"{Path(command[0]).name} ended with exit code {code}.", "dim")
