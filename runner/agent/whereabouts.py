"""What a loader is loading just now, in a file of its folder: who hangs or dies there says no more.

The file holds that and a NUL, before what is left of longer ones. It is never truncated: file systems that take
pains over replaced files (ext4's ``auto_da_alloc``) write such a file to the disk when it is closed, for each module.
"""

import os

NAME = "where"

# Bound here: what is imported may replace them.
_open, _write, _close = os.open, os.write, os.close


class Whereabouts:
    """Writes the file. What cannot be written is not worth an error."""

    def __init__(self, folder):
        self._path = os.path.join(folder, NAME) if folder else ""

    def at(self, what):
        """``what`` is loaded from now on."""
        if not self._path:
            return
        try:
            fd = _open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _write(fd, what.encode("utf-8", "backslashreplace") + b"\0")
            finally:
                _close(fd)
        except OSError:
            pass


def told(data):
    """Return what the file's first bytes say."""
    return data.partition(b"\0")[0]
