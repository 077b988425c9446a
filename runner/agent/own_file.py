"""A file of a lane's folder that a worker keeps open among tests which close, remove and replace whatever they find."""

import fcntl
import os

from .channel import high_floor


class OwnFile:
    """Open above the tests' file descriptors; looked at before each use, opened again when it is not ours any more.

    Everything it calls is bound at the start: tests replace ``os.open`` and its like.
    """

    def __init__(self, path, flags):
        """``flags``: of ``os.open``. Nothing is opened before the first use."""
        self.path = path
        self.fd = -1
        self._flags = flags | os.O_CREAT | os.O_CLOEXEC
        self._ident = None
        self._fstat, self._open, self._close = os.fstat, os.open, os.close
        self._dup = fcntl.fcntl

    def look(self):
        """Return what ``fstat`` says of it; None when a test closed or removed it, or it was never opened."""
        try:
            stat = self._fstat(self.fd)
        except (OSError, OverflowError, ValueError):
            return None
        ours = (stat.st_dev, stat.st_ino) == self._ident and stat.st_nlink
        return stat if ours else None

    def reopen(self):
        """Open it anew and return what ``fstat`` says of it. Raises OSError, ValueError."""
        fd = self._open(self.path, self._flags, 0o600)
        try:
            self.fd = self._dup(fd, fcntl.F_DUPFD_CLOEXEC, high_floor())
            self._close(fd)
        except (OSError, ValueError):  # RLIMIT_NOFILE is lower by now
            self.fd = fd
        stat = self._fstat(self.fd)
        self._ident = stat.st_dev, stat.st_ino
        return stat
