"""A worker's (or loader's) channel to its agent: one AF_UNIX connection, opened with a token.

Up go subunit v2 packets; what subunit has no word for is a file packet of our own mime type. Down come
frames, one msgpack map each. Nothing waits here while code of the project runs: every event is one ``write``,
so whatever was said before a crash is in the kernel, and the agent, which reads at its leisure, does the batching.

Everything that is used later is bound at import, so that tests which replace ``os.write`` or
``time.time`` do not reach the channel.
"""

import fcntl
import os
import resource
import select
import socket
import time

from . import pack
from .packets import packet, packets

OURS = set()
"""(device, inode) of the connections that are, or were, this process's channels."""
EVENT_MIME = "application/vnd.testlanes.event+msgpack"


def _clock():
    # In a closure over perf_counter_ns: freezegun and time-machine replace module attributes.
    counter = time.perf_counter_ns
    base = time.time_ns() - counter()

    def now():
        return base + counter()

    return now


now = _clock()
"""Nanoseconds since the epoch, whatever tests do to the clock."""


def high_floor():
    """Return a file descriptor number from which on the worker keeps its own ones."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return min(soft - 50, 4000) if soft > 300 else 100


class Gone(Exception):
    """The agent closed the channel."""


class Channel:
    """Says events and receives commands. Survives tests that close its file descriptor."""

    def __init__(self, path, token):
        self.path = path
        self._token = token
        self._write, self._read = os.write, os.read
        self._fstat, self._poll = os.fstat, select.poll
        self._socket, self._dup, self._close = socket.socket, fcntl.fcntl, os.close
        self._buffer = b""
        self._taken = 0
        self._held = b""
        self.ahead = bytes
        """Called for what has to be said before anything else is."""
        self.dead = False
        self._connect()
        # A child of a test must never write to our stream.
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self):
        self.dead = True

    def again(self, token):
        """In a fork that is to be somebody of its own: connect as that. Raises OSError."""
        self._close(self.fd)
        self._token, self._taken, self.dead = token, 0, False
        self._connect()

    def _connect(self):
        link = self._socket(socket.AF_UNIX)
        link.connect(self.path)
        # After a reconnection the agent sends again what was lost with the old connection.
        link.sendall(self._token.encode() + (b" %d\n" % self._taken if self._taken else b"\n"))
        fd = link.detach()
        try:
            self.fd = self._dup(fd, fcntl.F_DUPFD_CLOEXEC, high_floor())
            self._close(fd)
        except OSError:  # a test lowered RLIMIT_NOFILE
            self.fd = fd
        stat = self._fstat(self.fd)
        self._ident = (stat.st_dev, stat.st_ino)
        OURS.add(self._ident)
        self._buffer = b""

    def _check(self):
        try:
            stat = self._fstat(self.fd)
            if (stat.st_dev, stat.st_ino) == self._ident:
                return
        except OSError:
            pass
        try:
            self._connect()
        except OSError as error:
            raise Gone(str(error)) from None

    def send(self, data):
        """Write packets. Raises Gone."""
        if self.dead:
            return
        self._held += self.ahead() + data
        if self._held:
            self._check()
        while self._held:
            # A time-out may be raised in here, out of a write that waits: what is not written stays.
            try:
                written = self._write(self.fd, self._held)
            except (BrokenPipeError, ConnectionResetError):
                raise Gone("the agent closed the channel") from None
            self._held = self._held[written:]

    @property
    def holds(self):
        """Whether something waits for what is said next."""
        return bool(self._held)

    def hold(self, data):
        """Write packets with what is said next. ``flush`` before anything but our own code runs."""
        if not self.dead:
            self._held += self.ahead() + data

    def flush(self):
        """Write what is held, and what goes ahead. Raises Gone."""
        self.send(b"")

    def status(self, test_id, status, **fields):
        """Say a test's status or detail, with the time."""
        fields.setdefault("ns", now())
        self.send(packets(test_id, status, **fields))

    def event(self, kind, /, test_id=None, **fields):
        """Say what subunit has no word for: a file packet ``testlanes.KIND`` holding ``fields``."""
        self.send(event_packet(kind, test_id, **fields))

    def receive(self, wait=True):
        """Return the next command, or None when there is none and ``wait`` is false. Raises Gone."""
        while True:
            if len(self._buffer) >= 4:
                size = int.from_bytes(self._buffer[:4], "big")
                if len(self._buffer) >= 4 + size:
                    message = pack.loads(self._buffer[4 : 4 + size])
                    self._buffer = self._buffer[4 + size :]
                    self._taken += 1
                    return message
            self._check()
            if not wait:
                # poll, not select: the number is above FD_SETSIZE.
                poller = self._poll()
                poller.register(self.fd, select.POLLIN)
                if not poller.poll(0):
                    return None
            else:
                self.flush()
            try:
                data = self._read(self.fd, 65536)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Gone("the agent closed the channel")
            self._buffer += data


def event_packet(kind, /, test_id=None, **fields):
    """Return the bytes of one control event."""
    return packet(
        test_id,
        None,
        runnable=False,
        name="testlanes." + kind,
        data=pack.dumps(fields),
        eof=True,
        mime=EVENT_MIME,
        ns=now(),
    )
