"""When a watch turns red or green: the user's command for that, and whoever else wants to know."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from ..settings import Settings
from ..watching import Cycle


class Turning:
    """Takes cycles; runs ``watch_red`` and ``watch_green``. ``red``: whether something is failing now."""

    def __init__(
        self, settings: Settings, say: Callable[[str], None], *, quiet: bool = False
    ) -> None:
        """``say`` is told what went wrong; ``quiet``: what the commands write is not for the terminal."""
        self._settings, self._say, self._quiet = settings, say, quiet
        self._red: bool | None = None

    @property
    def red(self) -> bool:
        """Whether something was failing after the last cycle that came to its end."""
        return bool(self._red)

    def take(self, cycle: Cycle) -> bool:
        """Take a cycle that ended; return whether it turned."""
        if not cycle.number or cycle.stopped or self._red == cycle.red:
            return False
        self._red = cycle.red
        command = self._settings.watch_red if cycle.red else self._settings.watch_green
        if command:
            self._run(command, "watch_red" if cycle.red else "watch_green")
        return True

    def _run(self, command: str, name: str) -> None:
        try:
            subprocess.Popen(
                ["/bin/sh", "-c", command],
                cwd=self._settings.root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if self._quiet else sys.stderr,
                stderr=subprocess.DEVNULL if self._quiet else None,
                start_new_session=True,
            )
        except OSError as error:
            self._say(f"{name}: {error.strerror}")
