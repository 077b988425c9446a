"""What every worker does, whatever framework runs its tests: take ids, time them, tell what came of them.

An adapter subclasses ``Worker``, sets ``kind``, gives ``run_one`` and ``release``, and calls ``begin`` and
``end`` around each test (both inside its own try: a time-out may be raised as soon as a test began).
"""

import os
import sys
import traceback

from . import record
from .channel import Gone, event_packet, now
from .health import Health
from .lane_files import NOWHERE, Pulse, printed
from .leaks import Leaks, leaks_text
from .packets import packets
from .sent import Sent
from .signals import Signals, TestTimeout, monotonic
from .untold import LONGEST, Untold

TRACEBACK = 'text/x-traceback; charset="utf8"; language="python"'
TEXT = 'text/plain; charset="utf8"'
CHILD_CAME_BACK = 70
"""Exit status of a process that a test forked and let return from the test."""
LOOK = 1000000
"""Nanoseconds of tests after which it looks for commands though there is something to run, and says that nothing runs."""

# Tests replace these.
_exit, _getpid = os._exit, os.getpid


def exception_text(error):
    """Return the traceback of an exception as text, whatever its ``__str__`` does."""
    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except BaseException as worse:
        return "%s (its traceback could not be formatted: %s)\n" % (
            type(error).__name__,
            type(worse).__name__,
        )


def encode(text):
    """Return text as the bytes of a detail; what UTF-8 has no word for is escaped."""
    return text.encode("utf-8", "backslashreplace")


class Worker:
    """Base of the unittest and the pytest worker."""

    kind = ""

    def __init__(self, channel, options, known=-1):
        """``known``: how many listed ids this worker can run, -1 for all."""
        self.channel = channel
        self.options = options
        self.known = known
        self.sent = Sent(channel)
        self.folder = options["dir"]
        self.single = bool(options.get("single"))
        """End after one test."""
        self.test_id = None
        """The running test, between ``begin`` and ``end``."""
        self.started = 0
        """When it began, ns since the epoch."""
        self.place = NOWHERE
        """Which of all ids that were sent it is, counted from 0."""
        self.number = 0
        self.finished = 0
        self.sick = []
        """Why this worker must not run another test."""
        self.pulse = Pulse(self.folder)
        self.untold = Untold()
        channel.ahead = self.untold.take
        self.signals = Signals(self.folder, options.get("limit"))
        self.leaks = Leaks(options, self._fixture_leaked)
        self._peeked = None
        self._looked = self._ended = 0
        self._beats = False
        """Whether the pulse says that something runs."""
        self._began = (0, 0, 0, 0, 0)
        """What the pulse said when the test began: monotonic ns, sizes, tests finished, size of the stacks."""
        self._sizes = (0, 0)
        self._measured = False
        """Whether the sizes are those of now: nothing but our own code ran since a test ended."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                # The last words of a crashing test must be in the file, and a print must not fail a test.
                stream.reconfigure(line_buffering=True, errors="backslashreplace")
        self.health = Health()

    # -- for adapters to give ------------------------------------------------

    def run_one(self, test_id):
        """Run one test, with ``begin`` and ``end``. Nothing it raises stops the worker but ``Gone``."""
        raise NotImplementedError

    def release(self):
        """Tear down every fixture that is still up. May be called again after Gone."""
        raise NotImplementedError

    def late(self):
        """Return packets that could wait for the end of the running test."""
        return []

    def output(self):
        """Return what ``bye`` carries: plain data of plugins by name."""
        return {}

    # -- life ----------------------------------------------------------------

    def loop(self):
        """Say hello, run what is sent until told to end, tear down, say bye. Raises Gone, but tears down first."""
        try:
            self._live()
        except Gone:
            # Nobody listens any more. What fixtures started outside of this process must still end.
            self.channel = _Nobody()
            self.release()
            raise

    def _live(self):
        version = "%d.%d.%d" % tuple(sys.version_info[:3])
        self.health.measure()
        self._rest()
        self.leaks.begin()
        self.channel.event("hello", pid=_getpid(), python=version, kind=self.kind, known=self.known)
        while not self.sick:
            test_id = self.take()
            if test_id is None:
                break
            self.run_one(test_id)
            if self.single:
                break
        unrun = ([] if self._peeked is None else [self._peeked]) + list(self.sent.queue)
        unrun = [test_id for _, test_id in unrun]
        self._peeked = None
        self.sent.end()
        if self.sick:
            self.channel.event("retire", why=self.sick, unrun=unrun)
        self.attend()
        try:
            self.release()
        finally:
            self.signals.disarm()
        self.flush_streams()
        self.health.measure()
        self._rest()
        if record.active is not None and record.active.news:
            self.channel.event("files", files=record.active.take())
        self.channel.event("bye", output=self.output())

    def take(self):
        """Return the id to run now, waiting for one; None when the worker is to end."""
        test_id = self.peek()
        if self._peeked is not None:
            self.place, self._peeked = self._peeked[0], None
        return test_id

    def peek(self, wait=True):
        """Return the id that will run next and commit to it: it can no longer be dropped.

        None when the worker is to end, and, without ``wait``, when nothing is queued.
        """
        if self._peeked is None:
            sent = self.sent
            if not sent.queue or self._ended - self._looked >= LOOK:
                # Look even when ids are queued: a `drop` must find them still there.
                self._looked = self._ended
                sent.obey(wait=False)
            while not sent.queue:
                if sent.ending or (self.single and self.finished):
                    return None
                if wait:
                    self._rest()
                    self._measured = False
                if not sent.obey(wait):
                    return None
            self._peeked = sent.queue.popleft()
        return self._peeked[1]

    # -- one test ------------------------------------------------------------

    def begin(self, test_id):
        """A test starts now: say so, start its clock, let signals reach it."""
        if self.channel.holds:  # a result: told before the pulse forgets that it is not
            self.channel.flush()
        self.test_id = test_id
        if record.active is not None:
            record.active.current = test_id
        self.started = now()
        due = self.untold.began(test_id, self.started)
        since = self._start_clock(self.place)
        # Told after the pulse: whoever hears of it may ask at once to stop what that is about.
        if due or not self._beats:
            self.channel.flush()
        self.signals.arm(since)

    def attend(self):
        """Work of ours that may hang (fixtures of the tests before going down) starts now: hold it to the limit too."""
        self._rest()
        self.channel.flush()
        self.signals.arm(self._start_clock(NOWHERE))

    def _start_clock(self, place):
        # A new number for each: the agent stops what has a number once.
        self.number += 1
        self._sizes = sizes = self.health.sizes if self._measured else self.health.measure()
        self._measured = False
        stacks = self.signals.ready()
        since = monotonic()
        self._began = since, sizes[0], sizes[1], self.finished, stacks
        self._beats = self.pulse.write(self.number, *self._began, place, self.untold.results)
        return since

    def _rest(self, place=NOWHERE):
        """Nothing runs: say so before anything is written, lest a slow reader runs a finished test into its limit.

        ``place``: of the test that just ended, whose result is yet to be told: a worker that dies now dies in that test.
        """
        if self._beats or not self.number:
            sizes = self.health.sizes
            began = (0, *sizes, self.finished, 0) if place == NOWHERE else self._began
            self.pulse.write(0, *began, place, self.untold.results)
            self._beats = False

    def end(self, status, details=(), kind="", tags=None, ended=None):
        """Say how the running test ended, at once: output, details, state, kind, status.

        ``details``: (name, mime, bytes) in order; ``kind``: of a failure; ``ended``: ns since the epoch,
        if the test ended before now.
        """
        self.signals.disarm()
        self.still_us()
        test_id = self.test_id
        if ended is None:
            ended = now()
        self.flush_streams()
        fixed, sick = self.health.check()
        self.finished += 1
        self._ended, self._measured = ended, True
        sizes = self.health.sizes
        took = ended - self.started
        if took >= LOOK:
            # What follows may take a moment, which is not the test's.
            self._rest(self.place)
        parts = list(self.late())
        put = parts.append
        used = set()
        if sizes != self._sizes:
            for name, start, stop in zip(("stdout", "stderr"), self._sizes, sizes):
                if stop > start:
                    put(self._detail(used, name, TEXT, printed(self.folder, name, start, stop)))
        expired = self.signals.expired
        if expired is not None:
            # Even if the test caught it: passing after the limit is no pass.
            status = "fail"
            kind = "timeout" if isinstance(expired, TestTimeout) else "error"
            reason = encode(str(expired))
            if not any(reason in data for _, _, data in details):
                put(self._detail(used, "reason", TEXT, reason))
        for name, mime, data in details:
            put(self._detail(used, name, mime, data))
        if fixed or sick:
            put(event_packet("state", test_id, fixed=fixed, sick=sick))
            self.sick.extend(sick)
        if self.leaks.on:
            left = self.leaks.of_test(fixed, took)
            if left:
                put(event_packet("leaks", test_id, leaks=left))
                if self.leaks.fails:
                    put(self._detail(used, "leaks", TEXT, encode(leaks_text(left))))
                    if status != "fail":
                        status, kind = "fail", "error"
        if status == "fail" or status == "uxsuccess":
            put(event_packet("kind", test_id, kind=kind or "error"))
        if record.active is not None:
            record.active.current = ""
            if record.active.news:
                put(event_packet("files", files=record.active.take()))
        self.test_id = None
        # The next test begins at once, or something goes down, or we wait: each tells this, too.
        if status == "success" and not parts and not tags and 0 <= took <= LONGEST:
            self.untold.passed(self.place, took, ended)
            return
        self._rest(self.place)
        put(packets(test_id, status, tags=tags, ns=ended))
        self.channel.hold(b"".join(parts))

    def still_us(self):
        """End a process that the running test forked and that came back from it."""
        if self.channel.dead:
            _exit(CHILD_CAME_BACK)

    def extra(self, test_id, status, details=(), ended=None):
        """Say a result under an id that nobody sent, like ``setUpClass (m.C)``."""
        used = set()
        parts = []
        for name, mime, data in details:
            parts.append(self._detail(used, name, mime, data, test_id))
        parts.append(packets(test_id, status, ns=ended or now()))
        self.channel.send(b"".join(parts))

    def unknown(self, test_id):
        """Answer for an id that this worker does not have."""
        self.begin(test_id)
        text = "This worker has no test of this id: its suite is not the one that was listed."
        self.end("fail", [("reason", TEXT, encode(text))], "error")

    def _fixture_leaked(self, left):
        """A fixture of many tests left something."""
        self.channel.event("leaks", leaks=left)
        if self.leaks.fails:
            self.extra("leaks", "fail", [("leaks", TEXT, encode(leaks_text(left)))])

    def settle(self):
        """After fixtures went down between tests: put process state back, and tell."""
        fixed, sick = self.health.reset()
        if fixed or sick:
            self.channel.event("state", fixed=fixed, sick=sick)
            self.sick.extend(sick)

    def _detail(self, used, name, mime, data, test_id=None):
        unique, count = name, 0
        while unique in used:
            count += 1
            unique = "%s-%d" % (name, count)
        used.add(unique)
        return packets(
            test_id or self.test_id, None, name=unique, data=data, eof=True, mime=mime, ns=now()
        )

    def flush_streams(self):
        """Flush what the test printed, whatever it did to the streams."""
        streams = [sys.stdout, sys.stderr]
        if sys.__stdout__ is not streams[0]:
            streams.append(sys.__stdout__)
        if sys.__stderr__ is not streams[1]:
            streams.append(sys.__stderr__)
        for stream in streams:
            try:
                stream.flush()
            except BaseException:  # replaced, closed, or out of space: the health check tells
                pass


class _Nobody:
    """Takes the place of a channel whose other end is gone."""

    dead = holds = False

    def send(self, data):
        pass

    hold = send

    def flush(self):
        pass

    def status(self, test_id, status, **fields):
        pass

    def event(self, kind, /, test_id=None, **fields):
        pass


__all__ = ["TEXT", "TRACEBACK", "Gone", "Worker", "encode", "exception_text"]
