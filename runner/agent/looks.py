"""What there is in a worker that a test can leave behind, and what it is called. Looks only; nothing is decided here."""

import os
import re
import signal
import sys
import threading

NAMES = 500
"""Names of temporary files that are looked for."""
KINDS = ("process", "thread", "fd", "socket", "file", "environment", "handler", "state")
_HARMLESS_FDS = re.compile(
    r"/dev/(u?random|null|shm/|nvidia)|/memfd:|anon_inode:\[perf|.*\.so[.\d]*$"
)
_HARMLESS_THREADS = re.compile(r"pydevd|tqdm_monitor")
_HELPERS = (
    b"multiprocessing.resource_tracker",
    b"multiprocessing.forkserver",
    b"multiprocessing.semaphore_tracker",
)
_PIPES = (
    ("multiprocessing.resource_tracker", "_resource_tracker", ("_fd",)),
    ("multiprocessing.forkserver", "_forkserver", ("_forkserver_alive_fd",)),
)
_open, _read, _close, _dup, _stat = os.open, os.read, os.close, os.dup, os.stat
_listdir, _readlink, _waitid = os.listdir, os.readlink, getattr(os, "waitid", None)
_kill, _join = os.kill, os.path.join
_ENV = os.environ


class Look:
    """What there is now, as a set of (kind, what): the same object where it is what was there at the last look."""

    def __init__(self, floor, files, handlers, strays):
        self._floor, self._files, self._handlers, self._strays = floor, files, handlers, strays
        self._fds, self._fd_marks = (), None
        self._last, self._found = None, frozenset()

    def __call__(self, quick=False):
        """``quick``: there was no time to start a process that leaves another one."""
        # The thread itself: its number is soon another one's.
        threads = list(threading._active.values())
        children = _children()
        strays = self._strays(bool(children), quick)
        if strays:
            children = [*children, *strays]
        files = self._files.there() if self._files.names else []
        now = threads, self._open_fds(), children, files, self._handlers()
        if now != self._last:
            self._last = now
            found = {("thread", thread) for thread in threads}
            self._found = frozenset(found.union(*now[1:]))
        return self._found

    def _open_fds(self):
        marks = _fd_marks()
        if marks is None or marks != self._fd_marks:
            self._fds, self._fd_marks = _fds(self._floor), marks
        return self._fds


def _fd_marks():
    """Return (how many are open, the lowest that is free), None where the system does not count (Linux before 6.2).

    Numbers are given from the lowest on, so that what stays open changes one of the two, unless as much below it is
    closed again in the right order. A fraction of what listing them takes.
    """
    try:
        count = _stat("/proc/self/fd").st_size
        free = _dup(0)
    except OSError:
        return None
    _close(free)
    return (count, free) if count else None


def _fds(floor):
    try:
        names = _listdir("/proc/self/fd")
    except OSError:
        return ()
    try:
        # The listing itself had the lowest free number, which is the next one again.
        own = _dup(0 if "0" in names else int(names[0]))
        _close(own)
        own = str(own)
    except OSError:
        own = ""
    return [("fd", int(name)) for name in names if name != own and int(name) < floor]


def _children():
    if _waitid is None:  # macOS, where there is no /proc either
        return ()
    try:
        _waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return ()  # the usual case, and cheap
    except OSError:
        pass
    found = []
    try:
        for thread in _listdir("/proc/self/task"):
            fd = _open("/proc/self/task/%s/children" % thread, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found += [("process", int(pid)) for pid in _read(fd, 1 << 16).split()]
            finally:
                _close(fd)
    except OSError:
        pass
    return found


class Files:
    """Temporary files and folders that this process named."""

    def __init__(self):
        self.names = []
        self._module = None
        self._folder = ""

    def install(self):
        """Listen to tempfile's generator of names, once it is imported."""
        module = sys.modules.get("tempfile")
        if module is None or type(getattr(module, "_name_sequence", None)).__name__ == "_OurNames":
            return
        base = getattr(module, "_RandomNameSequence", None)
        if base is None:
            return
        names = self.names

        class _OurNames(base):
            def __next__(self):
                name = super().__next__()
                names.append(name)
                return name

        module._name_sequence = _OurNames()
        self._module = module

    def there(self):
        """Return those of the named that are in the folder for temporary files."""
        folder = getattr(self._module, "tempdir", None)
        if not isinstance(folder, str):
            return []
        try:
            listed = _listdir(folder)
        except OSError:
            return []
        found, kept = [], []
        for name in self.names[-NAMES:]:
            for entry in listed:
                if name in entry:
                    found.append(("file", _join(folder, entry)))
                    kept.append(name)
                    break
        self.names[:] = kept
        return found


class Handlers:
    """Handlers of log records that are attached to loggers."""

    def __init__(self):
        self._count = -1
        self._found = ()

    def __call__(self):
        logging = sys.modules.get("logging")
        count = len(getattr(logging, "_handlerList", ())) if logging is not None else 0
        roots = len(logging.root.handlers) if count else 0
        if (count, roots) != self._count:
            self._count = count, roots
            self._found = [] if not count else [("handler", each) for each in _attached(logging)]
        return self._found


def _attached(logging):
    loggers = [logging.root, *list(logging.root.manager.loggerDict.values())]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            yield _Handler(handler, getattr(logger, "name", ""))


class _Handler:
    """A handler, the same whenever it is the same object."""

    __slots__ = ("handler", "logger")

    def __init__(self, handler, logger):
        self.handler, self.logger = handler, logger

    def __eq__(self, other):
        return isinstance(other, _Handler) and self.handler is other.handler

    def __hash__(self):
        return id(self.handler)


def describe(kind, what, ports):
    """Return (kind, words); no words for what is harmless or gone."""
    if kind == "process":
        return kind, _process(what)
    if kind == "thread":
        if not what.is_alive() or isinstance(what, threading._DummyThread):
            return kind, ""
        if _HARMLESS_THREADS.match(what.name):
            return kind, ""
        return kind, what.name + (" (daemon)" if what.daemon else "")
    if kind == "fd":
        try:
            target = _readlink("/proc/self/fd/%d" % what)
        except OSError:
            return kind, ""
        if _HARMLESS_FDS.match(target):
            return kind, ""
        if target in ports:
            return "socket", "listening on %s" % ports[target]
        return kind, "%d: %s" % (what, target)
    if kind == "handler":
        name = type(what.handler).__name__
        return kind, "%s on the logger %s" % (name, what.logger or "root")
    if kind == "file" and os.path.basename(what).startswith("pymp-"):
        return kind, ""  # multiprocessing's own, for as long as the process
    return kind, str(what)


def _process(pid):
    try:
        with open("/proc/%d/stat" % pid, "rb", 0) as file:
            if file.read(4096).rpartition(b")")[2].split()[0] in (b"Z", b"X"):
                return ""  # it ended, nobody asked how
        with open("/proc/%d/cmdline" % pid, "rb", 0) as file:
            command = file.read(4096).strip(b"\0")
    except (OSError, IndexError):
        return ""
    if any(helper in command for helper in _HELPERS):
        return ""
    return "%d: %s" % (pid, command.replace(b"\0", b" ").decode("utf-8", "replace")[:200])


def end(pid):
    try:
        _kill(pid, signal.SIGKILL)
    except OSError:
        pass


def helper_fds():
    found = set()
    for module, name, fields in _PIPES:
        helper = getattr(sys.modules.get(module), name, None)
        found.update(getattr(helper, field, None) for field in fields)
    return found


def listening():
    """Return the text of a socket's link in /proc -> ``port N`` or a path, of all that listen."""
    found = {}
    for family in ("tcp", "tcp6"):
        for row in _rows("/proc/self/net/" + family):
            if len(row) > 9 and row[3] == b"0A":
                port = int(row[1].rpartition(b":")[2], 16)
                found["socket:[%s]" % row[9].decode()] = "port %d" % port
    for row in _rows("/proc/self/net/unix"):
        if len(row) > 7 and row[3] == b"00010000":
            found["socket:[%s]" % row[6].decode()] = row[7].decode("utf-8", "replace")
    return found


def _rows(path):
    try:
        with open(path, "rb") as file:
            return [line.split() for line in file][1:]
    except OSError:
        return []


def environment():
    return dict(getattr(_ENV, "_data", _ENV))


def changes(before, now):
    found = []
    for key in set(before) | set(now):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        name = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
        if name != "PYTEST_CURRENT_TEST":
            how = "set" if old is None else "removed" if new is None else "changed"
            found.append("%s %s" % (name, how))
    return sorted(found)
