"""Processes that a worker's tests made and that left it: their parents ended, and so they are the agent's children by now."""

import os
import resource

# Tests replace these.
_open, _read, _close, _readlink, _getpid = os.open, os.read, os.close, os.readlink, os.getpid
_getrusage = resource.getrusage
_CHILDREN = resource.RUSAGE_CHILDREN


class Strays:
    """Says which there are. ``options``: of the worker; without the number of its ``agent`` there are none."""

    def __init__(self, options):
        agent = options.get("agent")
        self._list = "/proc/%d/task/%d/children" % (agent, agent) if agent else ""
        lane = (options.get("env") or {}).get("TESTLANES_LANE")
        self._mark = b"\0TESTLANES_LANE=%s\0" % lane.encode() if lane else b""
        self._outputs = options.get("dir")
        self._waited = None
        self._ours = {}
        """Number of a child of the agent -> whether it is one."""
        self._there = ()

    def __call__(self, some, quick):
        """Return [("process", number), ...]. ``some``: whether the worker has children, which may leave one when they end.

        Without any, nobody is looked for unless a child ended since the last look; if that was ``quick``, not even then.
        """
        if self._list and (some or not quick):
            waited = _getrusage(_CHILDREN)
            if some or self._there or waited != self._waited:
                self._waited = waited
                self._there = self._find()
        return self._there

    def _find(self):
        try:
            children = [int(each) for each in _content(self._list).split()]
        except OSError:
            self._list = ""
            return ()
        known = self._ours
        self._ours = {pid: known[pid] if pid in known else self._is_ours(pid) for pid in children}
        return [("process", pid) for pid in children if self._ours[pid]]

    def _is_ours(self, pid):
        if pid == _getpid():
            return False
        try:
            if self._mark and self._mark in b"\0" + _content("/proc/%d/environ" % pid) + b"\0":
                return True
            return any(
                os.path.dirname(_readlink("/proc/%d/fd/%d" % (pid, number))) == self._outputs
                for number in (1, 2)
            )
        except OSError:
            return False


def _content(path):
    fd = _open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while True:
            part = _read(fd, 1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        _close(fd)
