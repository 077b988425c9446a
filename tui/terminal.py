"""The dashboard's terminal: signals, a terminal that hangs up, lending it to other programs."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from textual.app import App
from textual.events import Resize

from .driver import DashboardDriver

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY: Final = 0.5
"""Seconds between looks at whether the terminal is still there, and of which size."""

_AT_LINE: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("code", "codium", "code-insiders", "cursor", "windsurf"), ("-g", "{path}:{line}")
    ),
    **dict.fromkeys(("subl", "zed", "hx", "helix", "lapce"), ("{path}:{line}",)),
    **dict.fromkeys(("charm", "pycharm", "idea"), ("--line", "{line}", "{path}")),
    "mate": ("-l", "{line}", "{path}"),
}
_OWN_WINDOW: Final = frozenset(
    (
        "code",
        "codium",
        "code-insiders",
        "cursor",
        "windsurf",
        "subl",
        "zed",
        "charm",
        "pycharm",
        "idea",
        "mate",
        "gvim",
        "lapce",
    )
)


def editor_command(path: str, line: int) -> tuple[list[str], bool]:
    """Return the command that opens the user's editor at a line, and whether it needs the terminal.

    ``VISUAL``, then ``EDITOR``, then ``vi``. Most terminal editors know ``+LINE``.
    """
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi") or ["vi"]
    name = Path(words[0]).name
    place = _AT_LINE.get(name, ("+{line}", "{path}"))
    return [*words, *(part.format(path=path, line=line) for part in place)], name not in _OWN_WINDOW


def exit_code_of(number: int) -> int:
    """Return the exit code by which shells tell a signal."""
    return 128 + number


class Terminal:
    """Holds the signals and watches the terminal while an app runs."""

    def __init__(self, app: App[int], leave: Callable[[int], None]) -> None:
        self._app = app
        self._leave = leave
        self.lent = False
        """Whether another program has the terminal."""

    @property
    def driver(self) -> DashboardDriver | None:
        """Our driver; none in tests without a terminal."""
        driver = self._app._driver  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        return driver if isinstance(driver, DashboardDriver) else None

    @property
    def backlog(self) -> int:
        """How many writes wait for the terminal."""
        return 0 if self.driver is None else self.driver.backlog

    @property
    def stale(self) -> bool:
        """Whether the terminal missed something that must be drawn again."""
        return self.driver is not None and self.driver.stale

    def take_signals(self) -> None:
        """Leave in good order on SIGINT, SIGTERM and SIGHUP; the exit code tells which."""
        if self.driver is None:
            return
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)

    def give_signals(self) -> None:
        """Handle signals no longer."""
        if self.driver is not None:
            loop = asyncio.get_running_loop()
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    def _signalled(self, number: int) -> None:
        # A ctrl+c in the program that has the terminal now is meant for that program.
        if number == signal.SIGINT and self.lent:
            return
        if number == signal.SIGHUP and self.driver is not None:
            self.driver.end_input()
        self._leave(exit_code_of(number))

    def look(self) -> None:
        """Leave if the terminal is gone, for nobody sees the dashboard any more; take up a size that was missed."""
        driver = self.driver
        if driver is None or self.lent:
            return
        if driver.gone:
            driver.end_input()
            self._leave(exit_code_of(signal.SIGHUP))
            return
        # Textual's handler of SIGWINCH may interrupt itself, and the older size is then told last.
        size = driver.present_size
        if size != self._app.size:
            self._app.post_message(Resize(size, size))

    async def lend(self, command: Sequence[str], cwd: str) -> int:
        """Let a program have the terminal until it ends; return its exit code.

        The run goes on meanwhile. ``batch_update`` keeps Textual from painting, which would block
        on a terminal it does not have (textual#6692).
        """
        self.lent = True
        try:
            with self._app.batch_update(), self._app.suspend():
                process = await asyncio.create_subprocess_exec(*command, cwd=cwd)
                return await process.wait()
        finally:
            self.lent = False


async def start_outside(command: Sequence[str], cwd: str) -> int | None:
    """Start a program with a window of its own; return its exit code if it ends within a second."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(1):
            return await process.wait()
    except TimeoutError:
        return None
