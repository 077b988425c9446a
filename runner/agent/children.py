"""Which process belongs to whom, and how ends reach their owners (lanes, loaders, listings)."""

import os
import time

from . import processes

_STRAY = 5.0
"""Seconds for which the end of a process that nobody knows is remembered."""


class Children:
    """Processes by id. An owner has ``ended(status)``."""

    def __init__(self):
        self._owners = {}
        self._strays = {}

    def add(self, pid, owner):
        """A process is ``owner``'s. If it is dead already, as only its last parent can know, tell."""
        self._owners[pid] = owner
        if pid in self._strays:
            self.exited(pid, self._strays.pop(pid)[1])

    def discard(self, pid):
        """A process is of no interest any more."""
        self._owners.pop(pid, None)

    def start(self, argv, env, cwd, stdout, stderr, note, owner):
        """Start a process with ``env`` on top of ours (None removes). Return its pid. Raises OSError."""
        full = dict(os.environ)
        for name, value in env.items():
            if value is None:
                full.pop(name, None)
            else:
                full[name] = str(value)
        pid = processes.spawn(argv, full, cwd, stdout, stderr, note)
        self._owners[pid] = owner
        return pid

    def reap(self):
        """Tell of all children that ended."""
        for pid, status in processes.reap():
            self.exited(pid, status)

    def exited(self, pid, status):
        """A process ended: our child, or, as its loader says, a forked worker."""
        owner = self._owners.pop(pid, None)
        if owner is not None:
            owner.ended(status)
            return
        # A worker whose loader died may end before we have read that it was forked.
        now = time.monotonic()
        self._strays = {p: seen for p, seen in self._strays.items() if now - seen[0] < _STRAY}
        self._strays[pid] = now, status

    def kill(self):
        """Kill all groups, and whatever else descends from us."""
        for pid in list(self._owners):
            processes.send(pid, processes.SIGKILL, group=True)
        processes.kill_everything()
