"""Stands in for xdist's controlling process, for plugins that have a half in it (pytest-cov, projects' own).

The loader has the same plugins as the workers. It listens in its folder; each fresh worker connects, asks for what
``pytest_configure_node`` has for it, and hands over ``config.workeroutput`` when its session is over. A connection
that ends without that is a worker that died. Frames hold one msgpack map each.
"""

import fcntl
import os
import select
import socket
import sys
import time

from . import pack
from .channel import Gone, high_floor
from .pytest_xdist import worker_input

SOCKET = "nodes"
"""The name of the socket in the loader's folder."""
ANSWER_LIMIT = 600.0
"""Seconds that a worker waits for the loader's answer: it may still be loading."""
LAST_LIMIT = 5.0
"""Seconds that workers have after the loader was told to end."""
PATIENCE = 60.0
"""Seconds that plugins may take to combine and report at the end."""


class Door:
    """Where workers come to: a socket that is there before a worker can look for it.

    As long as it is not closed they wait for an answer; once it is closed they know that there is no other half.
    """

    def __init__(self, folder):
        """Raises OSError."""
        self.socket = socket.socket(socket.AF_UNIX)
        self._folder = folder
        _at(folder, self.socket.bind)
        self.socket.listen(256)
        self.socket.setblocking(False)

    def close(self):
        """Send away who waits, and who comes."""
        self.socket.close()
        try:
            os.unlink(os.path.join(self._folder, SOCKET))
        except OSError:
            pass  # it goes with its folder


def _at(folder, use):
    """Call ``use`` with the socket's address, which may be longer than the 107 bytes that a path may have."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        path = os.path.join(folder, SOCKET)
        use(path if len(os.fsencode(path)) < 100 else "/proc/self/fd/%d/%s" % (fd, SOCKET))
    finally:
        os.close(fd)


class _Space:
    """A bag of attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Node:
    """What implementations of ``pytest_configure_node`` and ``pytest_testnodedown`` look at: xdist's WorkerController."""

    def __init__(self, config, options):
        self.config = config
        self.workerinput = self.slaveinput = worker_input(options)
        self.workeroutput = {}
        name, count = self.workerinput["workerid"], self.workerinput["workercount"]
        spec = _Space(id=name, popen=True, chdir=None, python=sys.executable, env={})
        self.gateway = _Space(id=name, spec=spec, _rinfo=_remote_info)
        self.nodemanager = _Space(
            config=config, roots=[], testrunuid=self.workerinput["testrunuid"], specs=[spec] * count
        )
        self.workerinfo = {
            "id": name,
            "cwd": os.getcwd(),
            "executable": sys.executable,
            "platform": sys.platform,
            "sysplatform": sys.platform,
            "version": sys.version,
            "version_info": tuple(sys.version_info),
            "spec": spec,
        }
        self.shutting_down = False


def _remote_info(update=False):
    return _Space(
        platform=sys.platform,
        version_info=tuple(sys.version_info),
        executable=sys.executable,
        cwd=os.getcwd(),
        pid=os.getpid(),
    )


def plain(value):
    """Return ``value`` if it can be sent, with tuples as lists; else None and False: (value, can it be sent)."""
    try:
        return pack.loads(pack.dumps(value)), True
    except (TypeError, ValueError, RecursionError):
        return None, False


def plain_items(found):
    """Return (what of a map can be sent, the names of what cannot)."""
    good, bad = {}, []
    for key, value in found.items():
        value, sendable = plain(value)
        if sendable:
            good[str(key)] = value
        else:
            bad.append(str(key))
    return good, bad


class Master:
    """The loader's half. ``serve`` runs until the agent ends the loader."""

    def __init__(self, channel, config, door):
        self._channel = channel
        self._config = config
        self._door = door
        self._listener = door.socket
        self._nodes = {}
        """fd -> (its connection, the frames read so far, its Node)"""

    def serve(self):
        """Answer workers and the agent. Raises Gone."""
        channel = self._channel
        while True:
            poller = select.poll()
            for fd in (channel.fd, self._listener.fileno(), *self._nodes):
                poller.register(fd, select.POLLIN)
            ready = {fd for fd, _ in poller.poll()}
            for fd in [fd for fd in self._nodes if fd in ready]:
                self._read(fd)
            if self._listener.fileno() in ready:
                self._accept()
            if channel.fd in ready and self._told_to_end():
                break
        self._door.close()
        # The workers were told before us, and may still be at it.
        until = time.monotonic() + LAST_LIMIT
        while self._nodes and time.monotonic() < until:
            poller = select.poll()
            for fd in self._nodes:
                poller.register(fd, select.POLLIN)
            for fd, _ in poller.poll(200):
                self._read(fd)
        for fd in list(self._nodes):
            self._read(fd, last=True)

    def _told_to_end(self):
        while True:
            message = self._channel.receive(wait=False)
            if message is None:
                return False
            if message.get("op") == "shutdown":
                return True
            if message.get("op") == "fork":
                fields = {"lane": message["lane"], "generation": message.get("generation", 0)}
                self._channel.event("forked", pid=0, why="its plugins need fresh workers", **fields)

    def _accept(self):
        try:
            link, _ = self._listener.accept()
        except OSError:
            return
        link.setblocking(False)
        self._nodes[link.fileno()] = [link, pack.Frames(), None]

    def _read(self, fd, last=False):
        link, frames, node = self._nodes[fd]
        over = False
        messages = []
        try:
            while True:
                data = link.recv(65536)
                if not data:
                    over = True
                    break
                messages += frames.feed(data)
        except BlockingIOError:
            over = last
        except (OSError, ValueError):
            over = True
        for message in messages:
            if message.get("op") == "node":
                node = self._nodes[fd][2] = Node(self._config, message["options"])
                self._answer(link, self._configure(node))
            elif message.get("op") == "down" and node is not None:
                node.workeroutput = message.get("output") or {}
                self._down(node, None)
                node = self._nodes[fd][2] = None
                self._answer(link, {})
        if over:
            del self._nodes[fd]
            link.close()
            if node is not None:
                self._down(node, "the worker died")

    def _configure(self, node):
        try:
            self._config.hook.pytest_configure_node(node=node)
        except Exception as error:
            return {"error": "pytest_configure_node failed: %s: %s" % (type(error).__name__, error)}
        given, bad = plain_items(node.workerinput)
        if bad:
            text = "plugins gave workers what cannot be sent to them: " + ", ".join(bad)
            self._channel.event("warning", text=text)
        return {"workerinput": given}

    def _down(self, node, error):
        try:
            self._config.hook.pytest_testnodedown(node=node, error=error)
        except Exception as problem:
            text = "pytest_testnodedown failed: %s: %s" % (type(problem).__name__, problem)
            self._channel.event("warning", text=text)

    @staticmethod
    def _answer(link, message):
        link.settimeout(ANSWER_LIMIT)
        try:
            link.sendall(pack.frame(message))
        except OSError:
            pass  # it is gone, which the next read tells
        link.setblocking(False)


class Desk:
    """A fresh worker's half. Raises Gone when there is nobody to ask, ValueError when a plugin failed."""

    def __init__(self, folder, options):
        link = socket.socket(socket.AF_UNIX)
        # A high number, like the channel's: tests count the low ones.
        self._link = socket.socket(
            fileno=fcntl.fcntl(link.fileno(), fcntl.F_DUPFD_CLOEXEC, high_floor())
        )
        link.close()
        self._link.settimeout(ANSWER_LIMIT)
        wanted = {key: options.get(key) for key in ("lane", "worker_count", "run_uid")}
        try:
            _at(folder, self._link.connect)
            self.input = self._ask({"op": "node", "options": wanted})
        except OSError as error:
            raise Gone(str(error)) from None

    def down(self, output):
        """Hand over the worker's output. Returns the names of what could not be sent."""
        good, bad = plain_items(output)
        try:
            self._ask({"op": "down", "output": good})
        except (OSError, ValueError) as error:
            raise Gone(str(error)) from None
        finally:
            self._link.close()
        return bad

    def _ask(self, message):
        self._link.sendall(pack.frame(message))
        frames = pack.Frames()
        while True:
            data = self._link.recv(65536)
            if not data:
                raise OSError("the loader closed the connection")
            for answer in frames.feed(data):
                if answer.get("error"):
                    raise ValueError(answer["error"])
                return answer.get("workerinput") or {}
