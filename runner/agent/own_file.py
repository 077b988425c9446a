"""A file of a lane's folder that a worker keeps open among tests which close, remove and replace whatever they find."""

import fcntl
import os

from .channel import high_floor


class OwnFile:
    """Open above the tests' file descriptors; looked at before each use, opened again when it is not ours any more.

    Everything it calls is bound at the start: tests replace ``os.open`` and its like.
    """

    def __init__(self, path, flags, sought=True):
        """``flags``: of ``os.open``. ``sought``: it is read by its path, so that it is of no use once it was removed.

        Nothing is opened before the first use.
        """
        self.path = path
        self.fd = -1
        self._flags = flags | os.O_CREAT | os.O_CLOEXEC
        self._ident = None
        self._sought = sought
        self._fstat, self._open, self._close = os.fstat, os.open, os.close
        self._mkdir = os.mkdir
        self._dup = fcntl.fcntl

    def look(self):
        """Return what ``fstat`` says of it; None when it is of no use any more, or was never opened."""
        try:
            stat = self._fstat(self.fd)
        except (OSError, OverflowError, ValueError):
            return None
        ours = (stat.st_dev, stat.st_ino) == self._ident and (stat.st_nlink or not self._sought)
        return stat if ours else None

    def reopen(self):
        """Open it anew and return what ``fstat`` says of it. Raises OSError, ValueError."""
        try:
            fd = self._open(self.path, self._flags, 0o600)
        except FileNotFoundError:  # a test removed the lane's folder, or all temporary files
            self._make_folder(os.path.dirname(self.path))
            fd = self._open(self.path, self._flags, 0o600)
        try:
            self.fd = self._dup(fd, fcntl.F_DUPFD_CLOEXEC, high_floor())
            self._close(fd)
        except (OSError, ValueError):  # RLIMIT_NOFILE is lower by now
            self.fd = fd
        stat = self._fstat(self.fd)
        self._ident = stat.st_dev, stat.st_ino
        return stat

    def _make_folder(self, path):
        try:
            self._mkdir(path, 0o700)
        except FileExistsError:
            pass
        except FileNotFoundError:
            self._make_folder(os.path.dirname(path))
            self._mkdir(path, 0o700)
