"""Who is connected to the agent's socket: tokens, newcomers, and which links are read just now."""

import _socket
import os
import select
from struct import calcsize, unpack

_READ = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL
_CHUNK = 131072
_TOKEN_LINE = 256
_PEER = "3i"


class Switchboard:
    """The socket of the run directory, and the links of ``owners`` (lanes, profiles), each with a ``link``."""

    def __init__(self, path, poller):
        """``poller`` is the one that is used while workers may be read. Raises OSError."""
        self.path = path
        self._tokens = {}
        self._poller = poller
        self.passed = False
        """Whether something was read from a link since the last look."""
        self.more = False
        """Whether there certainly is more to read."""
        self._newcomers = {}
        self._watched = {}
        self._held = False
        self._listen()

    def _listen(self):
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._socket.bind(self.path)
        self._socket.listen(512)
        self._socket.setblocking(False)
        self._listener = self._socket.fileno()
        self._poller.register(self._listener, select.POLLIN)

    def _mend(self):
        """Listen again where a test has removed the socket: it emptied the folder of temporary files."""
        if os.path.exists(self.path):
            return
        self.accept()
        self._poller.unregister(self._listener)
        self._socket.close()
        os.makedirs(os.path.dirname(self.path), 0o700, exist_ok=True)
        self._listen()

    def new_token(self, owner):
        """Return a token by which a connection will be known as ``owner``'s. Raises OSError."""
        self._mend()
        token = os.urandom(16).hex()
        self._tokens[token] = owner
        return token

    def forget_token(self, token):
        """Let nobody in with it any more."""
        self._tokens.pop(token, None)

    def hold(self, on):
        """Stop reading links, or go on."""
        if on != self._held:
            self._held = on
            for owner, _ in list(self._watched.values()):
                self.watch(owner)

    def watch(self, owner):
        """Look after what an owner's link wants now: to read, to write, neither."""
        link = owner.link
        if link.fd is None:
            return
        wanted = select.POLLIN if link.may_read and not self._held else 0
        wanted |= select.POLLOUT if link.pending else 0
        _, mask = self._watched.get(link.fd, (None, 0))
        self._watched[link.fd] = owner, wanted
        if wanted and not mask:
            self._poller.register(link.fd, wanted)
        elif not wanted and mask:
            # With no interest it would still report the end, again and again.
            self._poller.unregister(link.fd)
        elif wanted != mask:
            self._poller.modify(link.fd, wanted)

    def drop(self, owner):
        """Close an owner's link."""
        fd = owner.link.fd
        if fd is not None:
            _, mask = self._watched.pop(fd, (None, 0))
            if mask:
                self._poller.unregister(fd)
            owner.link.close()

    def ready(self, fd, mask):
        """Something happened at a file descriptor."""
        if fd == self._listener:
            self.accept()
        elif fd in self._newcomers:
            self._admit(fd)
        elif fd in self._watched:
            owner, _ = self._watched[fd]
            if mask & select.POLLOUT:
                owner.link.flush()
            if mask & _READ:
                self._read(owner)
            self.watch(owner)

    def _read(self, owner):
        limit = min(_CHUNK, owner.link.room)
        data, end = owner.link.read(limit)
        if data:
            self.passed = True
            self.more = self.more or len(data) == limit
            owner.take(data)
        if end:
            self.drop(owner)
            owner.closed()

    def drain(self, owner):
        """Take all that is in an owner's link, whatever the credit; close it at its end."""
        while owner.link.fd is not None:
            data, end = owner.link.read(_CHUNK)
            if data:
                owner.take(data)
            if end:
                self.drop(owner)
            elif len(data) < _CHUNK:
                return

    def accept(self):
        """Let in all who wait."""
        while True:
            try:
                fd, _ = self._socket._accept()
            except OSError:
                break
            os.set_blocking(fd, False)
            self._newcomers[fd] = b""
            self._poller.register(fd, select.POLLIN)
        for fd in list(self._newcomers):
            self._admit(fd)

    def _admit(self, fd):
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        said = self._newcomers[fd] + data
        line, found, rest = said.partition(b"\n")
        if not found and data and len(said) < _TOKEN_LINE:
            self._newcomers[fd] = said
            return
        del self._newcomers[fd]
        self._poller.unregister(fd)
        token, _, taken = line.decode("ascii", "replace").partition(" ")
        owner = self._tokens.get(token) if found else None
        if owner is None:
            os.close(fd)
            return
        self.drain(owner)  # what the old connection still holds comes first
        self.drop(owner)
        owner.link.attach(fd, int(taken) if taken.isdigit() else 0)
        owner.connected(_peer(fd))
        if rest:
            self.passed = True
            owner.take(rest)
        self.watch(owner)


def _peer(fd):
    """Return the process id at the other end of a connection, 0 where that cannot be known."""
    if not hasattr(_socket, "SO_PEERCRED"):
        return 0
    end = _socket.socket(fileno=fd)
    try:
        raw = end.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, calcsize(_PEER))
        return unpack(_PEER, raw)[0]
    finally:
        end.detach()
