"""Where the details of a running test can be seen while they grow: files, which the agent follows by offset.

The worker only says where: each announcement is a frame in the lane's file ``sources``, one msgpack array
``[test number, start, shared, name, path, mime]``. So nothing waits for anybody, there is no thread, and what is there
can still be read after the worker was killed. What is kept in memory (FakeLogger, StringStream) is copied to a file of
the lane as it is written. Contents are never evaluated: a foreign callable may block, or say its bytes only once.
"""

import io
import os

from . import pack
from .own_file import OwnFile

MIRROR_LIMIT = 4 << 20
"""Bytes from which on a mirror begins anew with the next test."""
SOURCES_LIMIT = 1 << 20
"""Bytes from which on the list of sources begins anew with the next test."""
_getcwd, _join = os.getcwd, os.path.join
_write, _truncate = os.write, os.ftruncate


class GrowingFile(OwnFile):
    """A file that is appended to. A folder that is gone, or a full disk, costs the live view and nothing else."""

    def __init__(self, path):
        super().__init__(path, os.O_WRONLY | os.O_APPEND)

    def size(self):
        """Return how many bytes it has."""
        try:
            return (self.look() or self.reopen()).st_size
        except (OSError, ValueError):
            return 0

    def append(self, data):
        """Write."""
        try:
            if self.look() is None:
                self.reopen()
            _write(self.fd, data)
        except (OSError, ValueError):
            pass

    def begin_anew(self):
        """Empty it."""
        try:
            if self.look() is None:
                self.reopen()
            _truncate(self.fd, 0)
        except (OSError, ValueError):
            pass


class Mirror:
    """The copy of one stream that is kept in memory; announced when it has a name and says something."""

    __slots__ = ("_file", "_sources", "_start", "mime", "name", "shared")

    def __init__(self, sources):
        self._sources = sources
        self._file = None
        self._start = 0
        self.name = self.mime = None
        self.shared = False

    def named(self, name, mime):
        """Its stream is a detail of that name."""
        told = self.name is None and self._file is not None
        self.name, self.mime = name, mime
        if told:
            self._tell()

    def write(self, data):
        """Take what was written to the stream."""
        if self._file is None:
            self._file = self._sources.lend(self)
            if self._file is None:
                return
            self._start = self._file.size()
            if self.name is not None:
                self._tell()
        self._file.append(data)

    def _tell(self):
        self._sources.announce(self.name, self._file.path, self.mime, self.shared, self._start)

    def give_back(self):
        """Return the file that it used, if it did; what is written from now on is not copied."""
        file, self._file = self._file, None
        self._sources = _CLOSED
        return file


class TeeBytesIO(io.BytesIO):
    """What fixtures' stream fixtures write to, with a copy."""

    testlanes_mirror = None

    def write(self, data):
        written = super().write(data)
        mirror = self.testlanes_mirror
        if mirror is not None:
            mirror.write(data)
        return written


class Sources:
    """A worker's live sources."""

    def __init__(self, worker):
        self._worker = worker
        self._folder = worker.folder
        self._list = GrowingFile(os.path.join(worker.folder, "sources"))
        self._free = []
        self._count = 0
        self._used = []
        self._named = {}
        self.scope_is_shared = lambda: False
        """Whether what is announced now outlives the test."""

    def mirror(self):
        """Return a Mirror for a new stream."""
        mirror = Mirror(self)
        mirror.shared = self.scope_is_shared()
        return mirror

    def tee(self):
        """Return a stream that is copied."""
        stream = TeeBytesIO()
        stream.testlanes_mirror = self.mirror()
        return stream

    def named(self, name, mime):
        """Return the Mirror of that name of the running test."""
        mirror = self._named.get(name)
        if mirror is None:
            mirror = self._named[name] = Mirror(self)
            mirror.named(name, mime)
        return mirror

    def announce(self, name, path, mime, shared=None, start=0):
        """Say that a file grows. ``start``: where the detail begins in it, in bytes."""
        worker = self._worker
        if worker.channel.dead:  # a child of the test
            return
        shared = self.scope_is_shared() if shared is None else shared
        data = pack.frame([worker.number, start, shared, name, path, mime])
        self._list.append(data)

    def lend(self, mirror):
        """Return a file for a mirror, or None in a child of the test."""
        if self._worker.channel.dead:
            return None
        if self._free:
            file = self._free.pop()
            if file.size() > MIRROR_LIMIT:
                file.begin_anew()
        else:
            self._count += 1
            file = GrowingFile(os.path.join(self._folder, "live-%d" % self._count))
        self._used.append(mirror)
        return file

    def settle(self, everything=False):
        """A test ended: its mirrors can be used for the next. ``everything``: those of shared fixtures too."""
        if not self._used:
            return
        self._named.clear()
        kept = []
        for mirror in self._used:
            if mirror.shared and not everything:
                kept.append(mirror)
                continue
            file = mirror.give_back()
            if file is not None:
                self._free.append(file)
        self._used = kept
        if not kept and self._list.size() > SOURCES_LIMIT:
            self._list.begin_anew()

    # -- details -------------------------------------------------------------

    def detail(self, name, content):
        """A detail was added: if its bytes are in a file, or copied to one, say where."""
        free = _free_variables(getattr(content, "_get_bytes", None))
        if not free:
            return
        name = str(name)
        stream = free.get("stream")
        if isinstance(stream, TeeBytesIO):
            if stream.testlanes_mirror is not None:
                stream.testlanes_mirror.named(name, _mime(content))
            return
        if isinstance(stream, (io.TextIOBase, io.BufferedIOBase, io.RawIOBase)):
            path = getattr(stream, "name", None)  # read by path: its position is not touched
        elif "chunk_size" in free:
            path = free.get("path")
        else:
            return
        if type(path).__module__.partition(".")[0] == "pathlib":
            path = str(path)
        if isinstance(path, str) and path:
            try:
                path = path if path[0] == "/" else _join(_getcwd(), path)
            except OSError:  # it is gone
                return
            self.announce(name, path, _mime(content))


class _TeeText(io.StringIO):
    def __init__(self, sources):
        super().__init__()
        self._sources = sources

    def write(self, text):
        mirror = self._sources.named("log", "text/plain")
        mirror.write(text.encode("utf-8", "backslashreplace"))
        return super().write(text)


def copy_log(handler, sources):
    """Copy what pytest's log capturing handler takes, which begins a new stream with each phase of a test."""
    plain = getattr(handler, "reset", None)
    if plain is None or type(getattr(handler, "stream", None)) is not io.StringIO:
        return  # not the pytest we know

    def reset():
        plain()
        handler.stream = _TeeText(sources)

    handler.reset = reset


def _mime(content):
    return repr(getattr(content, "content_type", None) or "text/plain")


def _free_variables(function):
    """Return name -> value of what a function's closure holds; nothing is called."""
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if not code or not cells:
        return None
    found = {}
    for name, cell in zip(code.co_freevars, cells):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not set yet
            pass
    return found


class _Closed:
    """Takes the place of Sources for a stream that outlives its test."""

    def announce(self, *args):
        pass

    def lend(self, mirror):
        return None


_CLOSED = _Closed()
