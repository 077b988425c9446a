"""A worker's side of the files in its lane's folder: the pulse that it writes, and what its tests printed."""

import os
from struct import Struct

from .own_file import OwnFile

MAX_OUTPUT = 8 << 20
"""The most of a test's stdout, and of its stderr, that is attached, in bytes; the rest is in the lane's file."""
HEAD = Struct("<QQQQQQII")
NOWHERE = 0xFFFFFFFF
"""In the place of a test: none of those that were sent."""

# Tests replace these.
_open, _close, _pread = os.open, os.close, os.pread


class Pulse(OwnFile):
    """The lane's ``pulse`` file: what runs since when and what ran untold, for an agent that must not ask."""

    def __init__(self, folder):
        # The agent made it, and has it open: removed, it is as good.
        super().__init__(os.path.join(folder, "pulse"), os.O_WRONLY, sought=False)
        self._pwrite = os.pwrite

    def write(self, number, start, out, err, finished, stacks=0, place=NOWHERE, untold=b""):
        """Write it. Return whether the agent can see it: it cannot where a test removed the folder, or the disk is full.

        ``untold``: see ``untold.Untold``.
        """
        head = HEAD.pack(number, start, out, err, finished, stacks, place, len(untold))
        try:
            if self.look() is None:
                self.reopen()
            return self._pwrite(self.fd, head + untold, 0) == len(head) + len(untold)
        except (OSError, ValueError):
            return False


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
