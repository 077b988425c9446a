"""The signals by which an agent reaches into a worker whose main thread is inside a test.

``SIG_DUMP`` writes the stacks of all threads to the file ``stacks`` in the lane's folder (faulthandler, no
interpreter needed); ``SIG_TIMEOUT`` and ``SIG_CANCEL`` raise an exception in the main thread, so that
cleanups run. They do nothing between tests.
"""

import _signal
import faulthandler
import os
import signal
import time

from .own_file import OwnFile

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
        self._stacks = OwnFile(os.path.join(folder, "stacks"), os.O_WRONLY | os.O_APPEND)
        self._limit = int((limit or 0) * 1e9)
        self.running = False
        self.expired = None
        """The TestTimeout or TestCancelled raised in the running test, even if the test caught it."""
        self._since = 0
        self._missed = None
        """The TestCancelled that came when the pulse spoke of the test already, and nothing could be raised in it yet."""
        # Below `signal`, whose enums cost 3 us a call.
        self._get, self._set = _signal.getsignal, _signal.signal
        self._register, self._unregister = faulthandler.register, faulthandler.unregister
        self._enable, self._enabled = faulthandler.enable, faulthandler.is_enabled
        # Bound once, so that `is` tells whether a test replaced them.
        self._on_timeout, self._on_cancel, self._mark = self._timeout, self._cancel, self._nothing

    def ready(self):
        """Make sure that the three signals arrive, and return the size of the file ``stacks``, in bytes."""
        self._missed = None
        get = self._get
        if get(SIG_TIMEOUT) is not self._on_timeout:
            self._set(SIG_TIMEOUT, self._on_timeout)
        if get(SIG_CANCEL) is not self._on_cancel:
            self._set(SIG_CANCEL, self._on_cancel)
        stat = self._stacks.look()
        if stat is None or get(SIG_DUMP) is not self._mark or not self._enabled():
            return self._arm_dump(stat)
        return stat.st_size

    def arm(self, since):
        """Begin to raise, at once what came since ``ready``. ``since``: what the pulse says, monotonic ns."""
        self.expired = None
        self._since = since
        self.running = True
        if self._missed is not None:
            self.expired, self._missed = self._missed, None
            raise self.expired

    def disarm(self):
        """Stop raising."""
        self.running = False

    def _arm_dump(self, stat):
        # faulthandler keeps quiet about who has the signal; a handler of ours below it does not.
        self._unregister(SIG_DUMP)
        self._set(SIG_DUMP, self._mark)
        if stat is None:
            try:
                stat = self._stacks.reopen()
            except (OSError, ValueError):  # no folder, no file descriptors: this test has no stacks
                return 0
        self._register(SIG_DUMP, file=self._stacks.fd, all_threads=True, chain=False)
        # A crash writes there too: the agent tells the stacks with the verdict.
        self._enable(file=self._stacks.fd, all_threads=True)
        return stat.st_size

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
        error = TestCancelled("the test was stopped")
        if not self.running:
            self._missed = error
            return
        self.expired = error
        raise error


_HANDLERS = Signals._timeout.__code__, Signals._cancel.__code__
