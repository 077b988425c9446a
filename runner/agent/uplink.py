"""The agent's end of its channel to the controller: frames in, frames out, never blocking."""

import os
import select

from . import pack

HIGH_WATER = 1 << 20
MAX_DATA = 32768


class Lost(Exception):
    """The controller is gone, or broke the protocol, or we are to go: all ends."""


class Uplink:
    """Two file descriptors that carry frames."""

    def __init__(self, in_fd, out_fd):
        self.in_fd, self.out_fd = in_fd, out_fd
        self._frames = pack.Frames()
        self._out = bytearray()
        os.set_blocking(in_fd, False)
        os.set_blocking(out_fd, False)

    @property
    def pending(self):
        """Whether there is something left to write."""
        return bool(self._out)

    @property
    def full(self):
        """Whether so much waits that workers have to wait too."""
        return len(self._out) >= HIGH_WATER

    def raw(self, data):
        """Queue bytes that are no frame."""
        self._out += data

    def say(self, *words):
        """Queue one frame."""
        self._out += pack.frame(words)

    def data(self, channel, data):
        """Queue a stream's bytes, in frames small enough that no lane holds up the others."""
        view = memoryview(data)
        for at in range(0, len(view), MAX_DATA):
            self.say("data", channel, view[at : at + MAX_DATA])

    def flush(self):
        """Write what can be written. Raises Lost."""
        while self._out:
            try:
                size = os.write(self.out_fd, memoryview(self._out)[:262144])
            except BlockingIOError:
                return
            except OSError as error:
                self._out.clear()
                raise Lost("the controller cannot be written to: %s" % error.strerror) from None
            del self._out[:size]

    def flush_all(self, seconds):
        """Write everything, for at most so long; for the last words."""
        poller = select.poll()
        poller.register(self.out_fd, select.POLLOUT)
        tries = int(seconds * 10)
        while tries and self._out:
            poller.poll(100)
            tries -= 1
            try:
                self.flush()
            except Lost:
                return

    def receive(self):
        """Return the values that arrived. Raises Lost at the end of the stream."""
        try:
            data = os.read(self.in_fd, 262144)
        except BlockingIOError:
            return []
        except OSError as error:
            raise Lost("the controller cannot be read from: %s" % error.strerror) from None
        if not data:
            raise Lost("the controller closed the channel")
        try:
            return self._frames.feed(data)
        except ValueError as error:
            raise Lost("the controller sent a bad frame: %s" % error) from None
