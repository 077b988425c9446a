"""The signals by which an agent reaches into a worker whose main thread is inside a test.

``SIG_DUMP`` writes the stacks of all threads to the file ``stacks`` in the lane's folder (faulthandler, no
interpreter needed); ``SIG_TIMEOUT`` and ``SIG_CANCEL`` raise an exception in the main thread, so that
cleanups run. They do nothing between tests.
"""

import _signal
import faulthandler
import fcntl
import os
import signal
import time

from .channel import high_floor

if hasattr(signal, "SIGRTMIN"):
    SIG_DUMP = signal.SIGRTMIN + 5
    SIG_TIMEOUT = signal.SIGRTMIN + 6
    SIG_CANCEL = signal.SIGRTMIN + 7
else:  # macOS has no realtime signals
    SIG_DUMP = getattr(signal, "SIGINFO", signal.SIGURG)
    SIG_TIMEOUT = signal.SIGUSR1
    SIG_CANCEL = signal.SIGUSR2


class TestTimeout(BaseException):
    """The running test is over its time limit. Not an Exception: tests catch those."""

    __test__ = False  # pytest collects classes by name
    __module__ = "testlanes"  # as a traceback says it


class TestCancelled(BaseException):
    """The user ended the running test."""

    __test__ = False
    __module__ = "testlanes"


def trim(error):
    """Cut our handler off the traceback of what it raised: it ends where the test was."""
    if isinstance(error, (TestTimeout, TestCancelled)):
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            if traceback.tb_next.tb_frame.f_code in _HANDLERS:
                traceback.tb_next = None
            traceback = traceback.tb_next


def _monotonic():
    # Equal to time.monotonic_ns(), which is what the agent compares with, but by a clock that
    # freezegun and time-machine leave alone.
    counter = time.perf_counter_ns
    base = time.monotonic_ns() - counter()

    def monotonic():
        return base + counter()

    return monotonic


monotonic = _monotonic()


class Signals:
    """A worker's handlers. ``ready`` and ``arm`` before each test: what a test did to them holds for that test only."""

    def __init__(self, folder, limit=None):
        """``folder``: the lane's; ``limit``: seconds, below which a time-out is a late one for the test before."""
        self._path = os.path.join(folder, "stacks")
        self._limit = int((limit or 0) * 1e9)
        self._fd = -1
        self._ident = None
        self.running = False
        self.expired = None
        """The TestTimeout or TestCancelled raised in the running test, even if the test caught it."""
        self._since = 0
        # Below `signal`, whose enums cost 3 us a call.
        self._get, self._set = _signal.getsignal, _signal.signal
        self._fstat, self._open, self._dup = os.fstat, os.open, fcntl.fcntl
        self._register, self._unregister = faulthandler.register, faulthandler.unregister
        self._enable, self._close = faulthandler.enable, os.close
        self._enabled = faulthandler.is_enabled
        # Bound once, so that `is` tells whether a test replaced them.
        self._on_timeout, self._on_cancel, self._mark = self._timeout, self._cancel, self._nothing

    def ready(self):
        """Make sure that the three signals arrive, and return the size of the file ``stacks``, in bytes."""
        get = self._get
        if get(SIG_TIMEOUT) is not self._on_timeout:
            self._set(SIG_TIMEOUT, self._on_timeout)
        if get(SIG_CANCEL) is not self._on_cancel:
            self._set(SIG_CANCEL, self._on_cancel)
        size = self._size()
        if size is None or get(SIG_DUMP) is not self._mark or not self._enabled():
            size = self._arm_dump(size)
        return size

    def arm(self, since):
        """Begin to raise. ``since``: what the pulse says, monotonic ns."""
        self.expired = None
        self._since = since
        self.running = True

    def disarm(self):
        """Stop raising."""
        self.running = False

    def _size(self):
        """None when what we opened is no longer open."""
        try:
            stat = self._fstat(self._fd)
        except (OSError, OverflowError, ValueError):
            return None
        return stat.st_size if (stat.st_dev, stat.st_ino) == self._ident else None

    def _arm_dump(self, size):
        # faulthandler keeps quiet about who has the signal; a handler of ours below it does not.
        self._unregister(SIG_DUMP)
        self._set(SIG_DUMP, self._mark)
        if size is None:
            try:
                fd = self._open(
                    self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600
                )
            except OSError:  # no folder, no file descriptors: the test after this one has no stacks
                return 0
            try:
                self._fd = self._dup(fd, fcntl.F_DUPFD_CLOEXEC, high_floor())
                self._close(fd)
            except (OSError, ValueError):
                self._fd = fd
            stat = self._fstat(self._fd)
            self._ident, size = (stat.st_dev, stat.st_ino), stat.st_size
        self._register(SIG_DUMP, file=self._fd, all_threads=True, chain=False)
        # A crash writes there too: the agent tells the stacks with the verdict.
        self._enable(file=self._fd, all_threads=True)
        return size

    def _nothing(self, signum, frame):
        pass

    def _timeout(self, signum, frame):
        __tracebackhide__ = True  # pytest
        if self.running and monotonic() - self._since >= self._limit:
            limit = " of %g s" % (self._limit / 1e9) if self._limit else ""
            self.expired = TestTimeout("the test ran over its time limit" + limit)
            raise self.expired

    def _cancel(self, signum, frame):
        __tracebackhide__ = True
        if self.running:
            self.expired = TestCancelled("the test was stopped")
            raise self.expired


_HANDLERS = Signals._timeout.__code__, Signals._cancel.__code__
