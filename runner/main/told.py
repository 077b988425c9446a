"""What a run says in plain lines, for the time after the dashboard."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from testlanes.runner.cli.run import rerun_command
from testlanes.runner.report.lines import Lines

if TYPE_CHECKING:
    from testlanes.runner.cli.arguments import Arguments
    from testlanes.runner.settings import Settings
    from testlanes.runner.state import RunState


class Told:
    """The plain lines of a run, kept back while the dashboard has the screen."""

    def __init__(self, state: RunState, settings: Settings, args: Arguments) -> None:
        self._stream = _Held()
        self._lines = Lines(
            state,
            self._stream,
            os.environ,
            slow_after=settings.slow_after,
            rerun=rerun_command(args),
        )
        self.record = self._lines.record

    def give_way(self) -> None:
        """The dashboard shows what the lines would say."""
        self._stream.swallow()

    def go_on(self) -> None:
        """From now on the lines go to the terminal."""
        self._stream.release()

    def summary(self) -> None:
        """Print how the run ended, as without a dashboard; also what it had to say, if none was open."""
        self._stream.release()
        self._lines.finish(unseen=self._stream.swallows)


class _Held(io.StringIO):
    """Keeps what is written, or swallows it, until it is released; then it is standard output."""

    swallows = False
    _released = False

    def swallow(self) -> None:
        self.swallows = True
        self._take()

    def release(self) -> None:
        self._released = True

    def _take(self) -> str:
        held = self.getvalue()
        self.seek(0)
        self.truncate()
        return held

    def isatty(self) -> bool:
        return sys.stdout.isatty()

    def write(self, text: str, /) -> int:
        if self._released:
            return sys.stdout.write(self._take() + text)
        return len(text) if self.swallows else super().write(text)

    def flush(self) -> None:
        if self._released:
            sys.stdout.flush()
