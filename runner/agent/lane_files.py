"""A worker's side of the files in its lane's folder: the pulse that it writes, and what its tests printed."""

import fcntl
import os
from struct import pack

from .channel import high_floor

MAX_OUTPUT = 8 << 20
"""The most of a test's stdout, and of its stderr, that is attached, in bytes; the rest is in the lane's file."""

# Tests replace these.
_open, _close, _pread = os.open, os.close, os.pread


class Pulse:
    """The lane's ``pulse`` file: what runs since when, for an agent that must not ask."""

    def __init__(self, path):
        self._path = path
        self._fd, self._ident = -1, None
        self._pwrite, self._fstat = os.pwrite, os.fstat
        self._open, self._dup, self._close = os.open, fcntl.fcntl, os.close

    def write(self, number, start, out, err, finished, stacks=0):
        """Write it. A folder that a test removed is not an error: the agent then sees an old pulse."""
        data = pack("<QQQQQQ", number, start, out, err, finished, stacks)
        try:
            stat = self._fstat(self._fd)
            if (stat.st_dev, stat.st_ino) == self._ident:
                self._pwrite(self._fd, data, 0)
                return
        except (OSError, OverflowError, ValueError):
            pass
        try:
            fd = self._open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                self._fd = self._dup(fd, fcntl.F_DUPFD_CLOEXEC, high_floor())
                self._close(fd)
            except (OSError, ValueError):  # RLIMIT_NOFILE is lower by now
                self._fd = fd
            stat = self._fstat(self._fd)
            self._ident = stat.st_dev, stat.st_ino
            self._pwrite(self._fd, data, 0)
        except OSError:
            self._fd, self._ident = -1, None


def printed(folder, name, start, stop):
    """Return the bytes of an output file from ``start`` to ``stop``, shortened in the middle."""
    try:
        fd = _open(folder + os.sep + name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        if stop - start <= MAX_OUTPUT:
            return _read(fd, start, stop - start)
        half = MAX_OUTPUT // 2
        note = b"\n[%d bytes left out here]\n" % (stop - start - 2 * half)
        return _read(fd, start, half) + note + _read(fd, stop - half, half)
    except OSError as error:
        return ("[could not be read: %s]\n" % error).encode("utf-8", "backslashreplace")
    finally:
        _close(fd)


def _read(fd, start, size):
    parts = []
    while size > 0:
        part = _pread(fd, size, start)
        if not part:
            break
        parts.append(part)
        start += len(part)
        size -= len(part)
    return b"".join(parts)
