"""Notes which of the project's files a process reads, and on whose behalf: what a change of them will affect.

In watch mode only: an audit hook cannot be taken out again. A file that is opened for reading (a module that is
imported, test data, a template) is noted together with the project's file whose code asked for it, or, where
no code of the project did, with the test that runs. What starts another process may read anything.
"""

import os
import sys

active = None
"""This process's Record, if there is one."""

_STARTS = frozenset(
    [
        "subprocess.Popen",
        "os.system",
        "os.posix_spawn",
        "os.exec",
        "os.spawn",
        "os.fork",
        "os.forkpty",
    ]
)
_SKIPPED = (".git", ".hg", ".svn", ".testrepository", ".stestr", ".pytest_cache", ".hypothesis")
_CACHE = os.sep + "__pycache__" + os.sep
_READS = os.O_RDONLY
_ACCESS = os.O_WRONLY | os.O_RDWR


def begin(root, folders):
    """Note from now on what is read below ``root``; ``folders``: see ``origins.installed_folders``."""
    global active
    active = Record(root, folders)
    sys.addaudithook(active.hear)


class Record:
    """``current`` is the id of the test that runs, or an empty text."""

    def __init__(self, root, folders):
        self.current = ""
        self._prefix = os.path.join(os.path.realpath(root), "")
        self._given = os.path.join(root, "")
        self._folders = folders
        self._seen = set()
        self.news = []
        """[kind, who, what] that nobody has taken; see ``take``."""
        self._names = {}
        self._getframe = sys._getframe
        self._getcwd, self._realpath = os.getcwd, os.path.realpath
        self._events = {
            "open": self._opened,
            "os.listdir": self._listed,
            "os.scandir": self._listed,
            "os.rename": self._renamed,
        }
        for name in _STARTS:
            self._events[name] = self._started

    def hear(self, event, args):
        """Take an audit event. It raises nothing: it stands in the middle of the project's own calls."""
        take = self._events.get(event)
        if take is not None:
            try:
                take(args)
            except Exception:
                pass

    def take(self):
        """Return what is new as [[kind, who, what], …]; kind is ``read``, ``list``, ``write`` or ``start``."""
        news, self.news = self.news, []
        return news

    # -- events --------------------------------------------------------------

    def _opened(self, args):
        path, mode, flags = args
        name = self._name(path)
        link = self._link(path, name)
        if name is None and link is None:
            return
        if isinstance(mode, str):
            writes = "w" in mode or "a" in mode or "x" in mode
        else:
            writes = isinstance(flags, int) and flags & _ACCESS != _READS
        names = [each for each in (name, link) if each is not None]
        if writes:
            for each in names:
                self._note("write", "", each)
            return
        who = self._who(names[0].endswith(".py"))
        for each in names:
            if who is not None and who != each:
                self._note("read", who, each)

    def _listed(self, args):
        if self._getframe(2).f_code.co_filename.startswith("<frozen importlib"):
            return
        name = self._name(args[0] if args and args[0] is not None else ".")
        if name is not None:
            who = self._who(True)
            if who is not None:
                self._note("list", who, name)

    def _renamed(self, args):
        name = self._name(args[1])
        if name is not None:
            self._note("write", "", name)

    def _started(self, args):
        who = self._who(True)
        if who is not None:
            self._note("start", who, "")

    def _note(self, kind, who, what):
        key = kind, who, what
        if key not in self._seen:
            self._seen.add(key)
            self.news.append(list(key))

    # -- names ---------------------------------------------------------------

    def _who(self, code):
        """Return the innermost of the project's files that asks; else the running test's id after ``::``.

        None where it is nobody's: ``code`` that the framework itself loads.
        """
        frame = self._getframe(3)
        names = self._names
        while frame is not None:
            file = frame.f_code.co_filename
            name = names.get(file, self)
            if name is self:
                name = self._name(file)
            if name is not None:
                return name
            frame = frame.f_back
        if self.current:
            return "::" + self.current
        return None if code else "*"

    def _name(self, path):
        """Return a path as relative to the root, a .pyc as its source; None if it is none of the project's."""
        try:
            return self._names[path]
        except (KeyError, TypeError):
            pass
        if isinstance(path, int):
            return None
        text = os.fsdecode(path)
        if text.startswith("<"):
            return None
        full = text if text.startswith(os.sep) else os.path.join(self._getcwd(), text)
        name = None
        if full.startswith((self._prefix, self._given)) or not text.startswith(os.sep):
            name = self._below(full)
        if isinstance(path, (str, bytes)) and text.startswith(os.sep):
            # A relative one may be another's after the next chdir.
            self._names[path] = name
        return name

    def _link(self, path, name):
        """Return the name under which a file was opened, where a symbolic link gives it another than its own."""
        if isinstance(path, int):
            return None
        full = os.path.normpath(os.path.join(self._getcwd(), os.fsdecode(path)))
        for prefix in (self._prefix, self._given):
            if full.startswith(prefix) and not full.startswith(self._folders):
                found = full[len(prefix) :]
                if found == name or _CACHE in full or found.split(os.sep, 1)[0] in _SKIPPED:
                    return None
                return found
        return None

    def _below(self, full):
        full = self._realpath(full)
        if full.startswith(self._folders):
            return None
        if full + os.sep == self._prefix:
            return "."
        if not full.startswith(self._prefix):
            return None
        if _CACHE in full:
            folder, _, file = full.partition(_CACHE)
            full = os.path.join(folder, file.partition(".")[0] + ".py")
        name = full[len(self._prefix) :]
        return None if name.split(os.sep, 1)[0] in _SKIPPED else name
