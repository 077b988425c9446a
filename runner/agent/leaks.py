"""What tests and fixtures leave behind: processes, threads, file descriptors, sockets, files, environment, log handlers.

One look after each test; the state after a test is the state before the next one. Nothing is patched but the generator of
names for temporary files, which says which of the files in a folder that everybody uses are ours. Whatever is new belongs
to the innermost fixture that was being set up, else to the test; what a fixture of many tests made is its own
until it goes down.
"""

import os
import re
import signal
import sys
import threading
import time

from .channel import high_floor

AGAIN = 0.02
"""Seconds after which a difference is looked at again: threads and processes need a moment to end."""
NAMES = 500
"""Names of temporary files that are looked for."""
OFTEN, SOON = 25, 0.001
"""After so many such waits a worker waits that many seconds only: a suite that leaks everywhere must not take hours."""
MOST = 20
"""Descriptions of one kind that are told."""
LOOK_FROM = 1000000
"""Nanoseconds of set up from which a fixture is looked at each time; others only at first, and when under suspicion."""
SIGHTINGS = 3
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
_open, _read, _close, _dup = os.open, os.read, os.close, os.dup
_listdir, _readlink, _waitid = os.listdir, os.readlink, getattr(os, "waitid", None)
_sleep, _kill, _exists, _join = time.sleep, os.kill, os.path.lexists, os.path.join
_ENV = os.environ


class Look:
    """What there is now, as a set of (kind, what)."""

    def __init__(self, floor, files, handlers):
        self._floor, self._files, self._handlers = floor, files, handlers

    def __call__(self):
        # The thread itself: its number is soon another one's.
        found = {("thread", thread) for thread in list(threading._active.values())}
        found.update(_fds(self._floor))
        found.update(_children())
        if self._files.names:
            found.update(self._files.there())
        found.update(self._handlers())
        return found


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


class _Files:
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


class _Handlers:
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


class Leaks:
    """Finds what a worker's tests and fixtures leave. ``options``: of the worker."""

    def __init__(self, options, tell):
        """``tell(found)``: called with what a fixture of many tests left."""
        self._tell = tell
        self.mode = options.get("leaks") or "off"
        self.on = self.mode in ("report", "fail")
        self.fails = self.mode == "fail"
        self._allowed = _allowed(options.get("leaks_allow") or ())
        self._files, self._handlers = _Files(), _Handlers()
        self._look = Look(high_floor(), self._files, self._handlers)
        self._seen = set()
        """What there was at the last look."""
        self._made = {}
        """(kind, what) -> the Record of the fixture that made it."""
        self._env = {}
        self._open = []
        """Records of fixtures being set up that are looked at."""
        self._before = {}
        """Number of a fixture of many tests -> the environment when it began to come up, and what it changed."""
        self._habits = {}
        """Kind of fixture -> [times looked at, whether to look again]."""
        self._waits = 0
        self._kinds = set()
        """Kinds of fixtures that the running test used."""

    def begin(self):
        """Take what there is now as nobody's: call before the first test."""
        if self.on:
            self._files.install()
            self._seen = self._look()
            self._env = _environment()

    # -- boundaries of fixtures ----------------------------------------------

    def opening(self, record):
        """A fixture's set up begins."""
        if not self.on:
            return
        self._kinds.add(record.kind)
        habit = self._habits.setdefault(record.kind, [0, False])
        if habit[0] >= SIGHTINGS and not habit[1] and record.scope == "test":
            return
        self._claim(self._open[-1] if self._open else None)
        self._open.append(record)
        if record.scope != "test":
            self._before[record.number] = (_environment(), {})

    def opened(self, record, took):
        """A fixture's set up ended, well or not, after ``took`` ns."""
        if record not in self._open:
            return
        self._claim(record)
        del self._open[self._open.index(record) :]
        habit = self._habits[record.kind]
        habit[0] += 1
        if habit[0] >= SIGHTINGS:
            habit[1] = took >= LOOK_FROM
        if record.scope != "test":
            # Its changes are to stay until it goes down.
            before, changed = self._before[record.number]
            self._env = _environment()
            for key in set(before) | set(self._env):
                if before.get(key) != self._env.get(key):
                    changed[key] = self._env.get(key)

    def _claim(self, owner):
        self._files.install()
        now = self._look()
        for each in now - self._seen:
            self._made[each] = owner
        self._seen = now

    # -- ends ----------------------------------------------------------------

    def of_test(self, fixed):
        """Return what the test that ends left: kind -> descriptions; empty if nothing.

        ``fixed``: process state that it changed and that was put back.
        """
        found = self._of_test()
        if fixed:
            self._add(found, "state", fixed)
        return found

    def _of_test(self):
        del self._open[:]
        self._files.install()
        kinds, self._kinds = self._kinds, set()
        now = self._look()
        # The most usual case first: nothing is new, and nothing of a fixture's waits to be looked for.
        if not self._made and now <= self._seen:
            self._seen = now
            return self._environment_left()
        left = self._left(now, lambda record: record is None or record.scope == "test")
        if left:
            self._wait()
            now = self._look()
            left = self._left(now, lambda record: record is None or record.scope == "test")
        found = self._told(left)
        if found:
            for kind in kinds:
                self._habits.setdefault(kind, [0, False])[0] = 0  # look closer the next times
        self._forget(now)
        for key in left:
            self._made.pop(key, None)
        for kind, texts in self._environment_left().items():
            found[kind] = texts
        return found

    def left(self, record, between=True):
        """A fixture went down, or failed to come up. Those of one test are looked at when it ends.

        ``between``: not while a test runs, so that nobody else can have made what is new.
        """
        before, changed = self._before.pop(record.number, ({}, {}))
        if not self.on or record.scope == "test":
            return
        if not between:
            self._claim(None)

        def mine(owner):
            return owner is record or (between and owner is None)

        left = self._left(self._look(), mine)
        if left:
            self._wait()
            left = self._left(self._look(), mine)
        found = self._told(left, record)
        for key in left:
            self._made.pop(key, None)
        if between:
            self._forget(self._look())
        now = _environment()
        still = {key for key, value in changed.items() if now.get(key) == value}
        for key in changed:
            self._env.pop(key, None)
            if key in now:
                self._env[key] = now[key]
        texts = _changes(*[{key: env[key] for key in still if key in env} for env in (before, now)])
        self._add(found, "environment", [_made_by(text, record) for text in texts])
        if found:
            self._tell(found)

    def _wait(self):
        self._waits += 1
        _sleep(AGAIN if self._waits <= OFTEN else SOON)

    def _left(self, now, mine):
        """Return what is there now, was not before, and is a matter of ``mine(record)``."""
        found = [key for key in now if key not in self._seen] if mine(None) else []
        found += [key for key, owner in self._made.items() if key in now and mine(owner)]
        return found

    def _forget(self, now):
        self._seen = now
        self._made = {key: owner for key, owner in self._made.items() if key in now}

    def _environment_left(self):
        now = _environment()
        if now == self._env:
            return {}
        changed = _changes(self._env, now)
        self._env = now
        found = {}
        self._add(found, "environment", changed)
        return found

    # -- wording -------------------------------------------------------------

    def _told(self, left, owner=None):
        found = {}
        listening = _listening() if any(kind == "fd" for kind, _ in left) else {}
        helpers = _helper_fds()
        for key in sorted(left, key=lambda each: (each[0], str(each[1]))):
            kind, what = key
            if kind == "fd" and what in helpers:
                continue
            kind, text = _describe(kind, what, listening)
            if not text:
                continue
            text = _made_by(text, self._made.get(key) or owner)
            if self.fails and kind == "process":
                _end(what)
            self._add(found, kind, [text])
        return found

    def _add(self, found, kind, texts):
        for text in texts:
            if any(wanted in ("", kind) and regex.search(text) for wanted, regex in self._allowed):
                continue
            known = found.setdefault(kind, [])
            if len(known) < MOST:
                known.append(text)


def _allowed(entries):
    """Return [(kind or an empty text, regex), …] of entries ``kind:regex`` or ``regex``."""
    found = []
    for entry in entries:
        kind, colon, regex = str(entry).partition(":")
        if not colon or kind not in KINDS:
            kind, regex = "", str(entry)
        found.append((kind, re.compile(regex)))
    return found


def leaks_text(found):
    """Return what was left as the text of a detail."""
    lines = ["Left behind:"]
    for kind in sorted(found):
        lines += ["  %s %s" % (kind, text) for text in found[kind]]
    return "\n".join(lines) + "\n"


def _made_by(text, record):
    return text if record is None else "%s (made by %s)" % (text, record.name)


KINDS = ("process", "thread", "fd", "socket", "file", "environment", "handler", "state")


def _describe(kind, what, listening):
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
        if target in listening:
            return "socket", "listening on %s" % listening[target]
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


def _end(pid):
    try:
        _kill(pid, signal.SIGKILL)
    except OSError:
        pass


def _helper_fds():
    found = set()
    for module, name, fields in _PIPES:
        helper = getattr(sys.modules.get(module), name, None)
        found.update(getattr(helper, field, None) for field in fields)
    return found


def _listening():
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


def _environment():
    return dict(getattr(_ENV, "_data", _ENV))


def _changes(before, now):
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
