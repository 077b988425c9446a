"""The agent's end of one worker's (or loader's) connection: frames down, subunit up, credit, reconnection."""

import os
import select

from . import pack

WINDOW = 262144
CREDIT = 65536
"""Bytes that a stream may be ahead of a controller which counts them: one flood must not hold up the other lanes."""
_KEEP = 1 << 20


class Link:
    """Survives the connection: a test may close it, and the worker then connects again with its token.

    ``fd`` is None while there is no connection. Frames that the worker has not taken are sent again: it says
    after the token how many it took.
    """

    def __init__(self):
        self.fd = None
        self.credited = False
        self.unacknowledged = 0
        self._frames = []
        self._first = 0  # number of frames[0], counted from the first frame of this worker
        self._next = 0  # number of the frame that is to be written next
        self._partial = b""

    @property
    def may_read(self):
        """Whether the controller wants more of this stream."""
        return self.room > 0

    @property
    def pending(self):
        """Whether there is something left to write."""
        return self.fd is not None and (
            bool(self._partial) or self._next < self._first + len(self._frames)
        )

    @property
    def room(self):
        """How many bytes may be read now."""
        return CREDIT - self.unacknowledged if self.credited else WINDOW

    def credit(self, size):
        """The controller took so many bytes."""
        self.credited = True
        self.unacknowledged = max(0, self.unacknowledged - size)

    def attach(self, fd, taken):
        """Go on with a new connection, whose other end has taken so many frames."""
        self.fd = fd
        self._partial = b""
        self._next = min(max(taken, self._first), self._first + len(self._frames))
        self.flush()

    def send(self, message):
        """Send one map, now or when it can be."""
        self._frames.append(pack.frame(message))
        self.flush()

    def flush(self):
        """Write what can be written. A broken connection is left to ``read`` to notice."""
        while self.fd is not None:
            if not self._partial:
                if self._next >= self._first + len(self._frames):
                    break
                self._partial = self._frames[self._next - self._first]
                self._next += 1
            try:
                size = os.write(self.fd, self._partial)
            except BlockingIOError:
                return
            except OSError:
                self._partial = b""
                return
            self._partial = self._partial[size:]
        kept = sum(map(len, self._frames)) if len(self._frames) > 64 else 0
        while kept > _KEEP and self._first < self._next - 1:
            kept -= len(self._frames.pop(0))
            self._first += 1

    def read(self, limit):
        """Return (bytes, is it the end) of what has arrived."""
        parts, size = [], 0
        while size < limit:
            try:
                data = os.read(self.fd, min(65536, limit - size))
            except BlockingIOError:
                return b"".join(parts), False
            except OSError:
                data = b""
            if not data:
                return b"".join(parts), True
            parts.append(data)
            size += len(data)
        return b"".join(parts), False

    def waiting(self):
        """Whether something has arrived that was not read, or the end has."""
        poller = select.poll()
        poller.register(self.fd, select.POLLIN)
        return bool(poller.poll(0))

    def close(self):
        """Forget the connection."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
