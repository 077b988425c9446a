"""Process state that one test must not change for the tests after it.

What can be put back is put back; what cannot makes the worker sick, and a sick worker ends by itself
before another test fails for it. What class or module fixtures change is theirs to change: ``rebase``
after they came up, ``reset`` after they went down.
"""

import _signal  # below `signal`, whose enums cost microseconds a call
import builtins
import os
import resource
import sys
from operator import itemgetter

_LIMITS = tuple(
    (name, getattr(resource, name))
    for name in (
        "RLIMIT_NOFILE",
        "RLIMIT_AS",
        "RLIMIT_DATA",
        "RLIMIT_STACK",
        "RLIMIT_FSIZE",
        "RLIMIT_CPU",
        "RLIMIT_NPROC",
    )
    if hasattr(resource, name)
)
_STREAMS = ("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__")
_NAMES = ("stdin", "stdout", "stderr")
# fmt: off
_BUILTINS = (
    "isinstance", "issubclass", "len", "getattr", "setattr", "hasattr", "type", "super", "iter", "next", "repr", "str",
    "bytes", "int", "float", "bool", "list", "dict", "tuple", "set", "frozenset", "range", "min", "max", "sum",
    "sorted", "id", "hash", "callable", "vars", "zip", "map", "enumerate", "reversed", "any", "all", "object",
    "property", "staticmethod", "classmethod", "Exception", "BaseException", "KeyError", "ValueError", "OSError",
)
# fmt: on
"""What nothing works without, the framework and we included. Others (``open``, ``print``, ``__import__``) are the tests'."""
_INFINITE = resource.RLIM_INFINITY


def _lower(new, old):
    """Whether a limit is lower than it was (-1 is none)."""
    return old != new and new != _INFINITE and (old == _INFINITE or new < old)


class Health:
    """Looks at the state once and compares later. Everything it calls is bound at the start."""

    def __init__(self):
        self._fstat, self._getlimit, self._setlimit = (
            os.fstat,
            resource.getrlimit,
            resource.setrlimit,
        )
        self._mask, self._timer, self._gettimer = (
            _signal.pthread_sigmask,
            _signal.setitimer,
            _signal.getitimer,
        )
        self._users, self._groups, self._umask = os.getresuid, os.getresgid, os.umask
        self._recursion, self._setrecursion = sys.getrecursionlimit, sys.setrecursionlimit
        self._getcwd, self._chdir = os.getcwd, os.chdir
        self._builtins, self._pick = vars(builtins), itemgetter(*_BUILTINS)
        self.sizes = (0, 0)
        """Bytes in stdout and stderr at the last look; what cannot be known stays as it was."""
        self._fds = tuple(self._ident(fd) for fd in range(3))
        self._first = self._now = self._look()

    def _ident(self, fd):
        try:
            stat = self._fstat(fd)
        except OSError:
            return None
        return stat.st_dev, stat.st_ino

    def _cwd(self):
        try:
            return self._getcwd()
        except OSError:  # deleted
            return None

    def _needed(self):
        try:
            return self._pick(self._builtins)
        except KeyError:
            return tuple([self._builtins.get(name) for name in _BUILTINS])

    def _look(self):
        umask = self._umask(0o77)
        self._umask(umask)
        get = self._getlimit
        return (
            (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__),
            tuple([get(number) for _, number in _LIMITS]),
            self._recursion(),
            self._mask(_signal.SIG_BLOCK, ()),
            self._users() + self._groups(),
            umask,
            self._cwd(),
            self._gettimer(_signal.ITIMER_REAL)[0] > 0,
            self._needed(),
        )

    def rebase(self):
        """Take the present state as the one to keep: fixtures that outlive a test made it."""
        self._now = self._look()

    def reset(self):
        """Put back the state from before any fixture; return (fixed, sick) like ``check``."""
        self._now = self._first
        return self.check()

    def measure(self):
        """Return the sizes of stdout and stderr in bytes."""
        out, err = self.sizes
        try:
            out = self._fstat(1).st_size
        except OSError:
            pass
        try:
            err = self._fstat(2).st_size
        except OSError:
            pass
        self.sizes = out, err
        return self.sizes

    def check(self):
        """Compare, put back, and return (fixed, sick): two lists of what changed, in words."""
        fixed, sick = [], []
        sizes = list(self.sizes)
        for fd in range(3):
            try:
                stat = self._fstat(fd)
                if fd:
                    sizes[fd - 1] = stat.st_size
                ident = stat.st_dev, stat.st_ino
            except OSError:
                ident = None
            if ident != self._fds[fd]:
                sick.append("file descriptor %d (%s) closed or replaced" % (fd, _NAMES[fd]))
        self.sizes = tuple(sizes)
        now, was = self._look(), self._now
        for stream, name in zip(was[0][:2], _STREAMS):
            if stream is not None and getattr(stream, "closed", False):
                sick.append(name + " closed")
        if now != was:
            self._mend(now, was, fixed, sick)
        return fixed, sick

    def _mend(self, now, was, fixed, sick):
        streams, limits, recursion, mask, users, umask, cwd, timer, names = now
        if names != was[8]:
            for at, name in enumerate(_BUILTINS):
                if names[at] is not was[8][at]:
                    vars(builtins)[name] = was[8][at]
                    fixed.append("builtins.%s replaced" % name)
        for at, name in enumerate(_STREAMS):
            if streams[at] is not was[0][at]:
                setattr(sys, name[4:], was[0][at])
                fixed.append(name + " replaced")
        for (name, number), new, old in zip(_LIMITS, limits, was[1]):
            # Only what was lowered: libraries raise limits once, when they are first used.
            if _lower(new[0], old[0]) or _lower(new[1], old[1]):
                try:
                    self._setlimit(number, old)
                    fixed.append(name + " lowered")
                except (OSError, ValueError):
                    sick.append(name + " lowered")
        if recursion < was[2]:
            self._setrecursion(was[2])
            fixed.append("recursion limit lowered")
        if mask != was[3]:
            self._mask(_signal.SIG_SETMASK, was[3])
            fixed.append("signals blocked")
        if users != was[4]:
            sick.append("user or group changed")
        if umask != was[5]:
            self._umask(was[5])
            fixed.append("umask changed")
        if cwd != was[6] and was[6] is not None:
            try:
                self._chdir(was[6])
                fixed.append("working directory changed")
            except OSError:
                sick.append("working directory gone")
        if timer and not was[7]:
            self._timer(_signal.ITIMER_REAL, 0)
            fixed.append("alarm left armed")
