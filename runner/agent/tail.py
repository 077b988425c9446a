"""Looks into a lane's files: the pulse, the last words of a test, live output."""

import os
from struct import Struct

LAST_WORDS = 65536
FAR = 1 << 20
"""Bytes that live output may be behind."""
_PULSE = Struct("<QQQQQQII")
_PULSE_LIMIT = 8192
NOWHERE = 0xFFFFFFFF
_UNWRITTEN = _PULSE.pack(0, 0, 0, 0, 0, 0, NOWHERE, 0)


class Pulse:
    """What a worker last wrote about itself (ARCHITECTURE.md). ``number`` is 0 when nothing runs."""

    __slots__ = ("finished", "number", "place", "stacks", "start", "stderr", "stdout", "untold")

    def __init__(self, data):
        data = data if len(data) >= _PULSE.size else _UNWRITTEN
        self.number, self.start, self.stdout, self.stderr, *rest = _PULSE.unpack_from(data)
        self.finished, self.stacks, self.place, size = rest
        untold = data[_PULSE.size : _PULSE.size + size]
        self.untold = (
            untold if len(untold) == size else b""
        )  # else it could only be written in part


class PulseFile:
    """A lane's pulse, kept open: a test that removes it does not hide that it runs."""

    def __init__(self, folder):
        self._path = os.path.join(folder, "pulse")
        self._fd = -1
        self._ident = None

    def create(self):
        """Let it be there before the worker is. Raises OSError."""
        os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self.read()

    def read(self):
        """Return its Pulse; nothing runs before the worker writes one."""
        try:
            stat = os.stat(self._path)
            if (stat.st_dev, stat.st_ino) != self._ident:
                self._open()
        except OSError:  # it is gone: the worker makes a new one before the next test
            pass
        try:
            return Pulse(os.pread(self._fd, _PULSE_LIMIT, 0))
        except OSError:
            return Pulse(b"")

    def close(self):
        """Let go of it."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._ident = -1, None

    def _open(self):
        fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.close()
        self._fd = fd
        stat = os.fstat(fd)
        self._ident = stat.st_dev, stat.st_ino


def size(path):
    """Return a file's size, 0 when it is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def piece(path, at, limit):
    """Return at most ``limit`` bytes of a file from ``at`` on; nothing when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.pread(fd, limit, at)
    except OSError:
        return b""
    finally:
        os.close(fd)


def last_words(path, start, limit=LAST_WORDS):
    """Return the end of what was added to a file since it had ``start`` bytes."""
    end = size(path)
    return piece(path, max(start, end - limit), limit) if end > start else b""


def last_line(path):
    """Return ``: `` and the last line with something in it, or nothing: the end of a sentence about a failure."""
    lines = last_words(path, 0, 4096).decode("utf-8", "replace").strip().splitlines()
    return ": " + lines[-1] if lines else ""


class Tail:
    """Follows a file from an offset on."""

    def __init__(self, source, path, at=0):
        self.source = source
        self._path = path
        self._at = at

    def read(self, limit=LAST_WORDS):
        """Return what was added, at most ``limit`` bytes; far behind, it jumps to the end, and says so."""
        left_out = size(self._path) - limit - self._at
        if left_out < FAR:
            data = piece(self._path, self._at, limit)
            self._at += len(data)
            return data
        self._at += left_out
        data = piece(self._path, self._at, limit)
        self._at += len(data)
        return b"\n[%d bytes left out here]\n" % left_out + data
