"""A file of a lane's folder that a worker keeps open among tests which close, remove and replace whatever they find."""

import fcntl
import os

from .channel import high_floor

_fstat, _open, _close, _mkdir, _dirname = os.fstat, os.open, os.close, os.mkdir, os.path.dirname
_dup = fcntl.fcntl


class OwnFile:
    """Open above the tests' file descriptors; looked at before each use, opened again when it is not ours any more.

    What it calls is bound before any file of the suite is loaded: tests and plugins replace ``os.open`` and its like.
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

    def look(self):
        """Return what ``fstat`` says of it; None when it is of no use any more, or was never opened."""
        try:
            stat = _fstat(self.fd)
        except (OSError, OverflowError, ValueError):
            return None
        ours = (stat.st_dev, stat.st_ino) == self._ident and (stat.st_nlink or not self._sought)
        return stat if ours else None

    def reopen(self):
        """Open it anew and return what ``fstat`` says of it. Raises OSError, ValueError."""
        try:
            fd = _open(self.path, self._flags, 0o600)
        except FileNotFoundError:  # a test removed the lane's folder, or all temporary files
            self._make_folder(_dirname(self.path))
            fd = _open(self.path, self._flags, 0o600)
        try:
            self.fd = _dup(fd, fcntl.F_DUPFD_CLOEXEC, high_floor())
            _close(fd)
        except (OSError, ValueError):  # RLIMIT_NOFILE is lower by now
            self.fd = fd
        stat = _fstat(self.fd)
        self._ident = stat.st_dev, stat.st_ino
        return stat

    def _make_folder(self, path):
        try:
            _mkdir(path, 0o700)
        except FileExistsError:
            pass
        except FileNotFoundError:
            self._make_folder(_dirname(path))
            _mkdir(path, 0o700)
