"""Commands that the controller has run on this host before there are lanes, for what they print."""

import os
import time

from . import processes, tail
from .link import Link

KEPT = 8192
"""Bytes of output that are kept: the last ones say what went wrong."""
PAUSE = 0.2
"""Seconds between two lines that are passed on while it runs."""


class Errand:
    """One command, in a session of its own. ``done(code, why, output)`` hears of its end, ``heard(line)`` of its output.

    ``code`` is None unless it exited by itself; ``why`` is then what goes after "it".
    """

    def __init__(self, agent, done, heard=None):
        self.agent = agent
        self.link = Link()
        self.pid = 0
        self.folder = agent.loader_folder()
        self._done, self._heard = done, heard
        self._output = b""
        self._told = 0.0
        self._ending = ""

    def start(self, argv, env, cwd, limit):
        """Start it. ``limit``: the seconds that it may take. Raises OSError."""
        # Where a shell is asked for, it sends both ways down the pipe by itself.
        errors, self._note = (os.path.join(self.folder, name) for name in ("stderr", "note"))
        self.pid = self.agent.start_heard(argv, env, cwd, errors, self._note, self)
        self.agent.clockwork.later(limit, self, self.pid)
        self._limit = limit

    def take(self, data):
        """It printed something."""
        self._output = (self._output + data)[-KEPT:]
        now = time.monotonic()
        if self._heard is not None and now - self._told > PAUSE:
            lines = self.output().split("\n")
            self._told = now
            self._heard(lines[-1])

    def output(self):
        """Return what it printed last, without empty lines."""
        text = self._output.decode("utf-8", "replace").replace("\r", "\n")
        return "\n".join(line.rstrip() for line in text.split("\n") if line.strip())

    def closed(self):
        """It closed its output; its end follows."""

    def finish_by(self, _why):
        """It takes too long."""
        self._ending = "did not end within %g seconds" % self._limit
        processes.kill(self.pid)

    def ended(self, status):
        """It is over. What it left running lives as long as we do."""
        self.pid = 0
        self.agent.board.drain(self)
        self.agent.board.drop(self)
        note = tail.piece(self._note, 0, 4096).decode("utf-8", "replace")
        code, _, phrase = processes.phrase(status)
        if note:
            self._done(None, "could not be started: " + note, "")
        elif self._ending or code is None:
            self._done(None, self._ending or phrase, self.output())
        else:
            self._done(code, phrase, self.output())
