"""pytest's capture, made to write into the lane's own files.

pytest captures fds 1 and 2 in temporary files that it empties after every phase; a test that dies takes its
last words with it, and a forked worker would share the loader's files and their offsets. Here the same
stream objects stay (whatever was bound to them while the suite was collected goes on working), but the
descriptors below them are those of the lane's ``stdout`` and ``stderr``: append only, tailed by the agent while
a test runs. A phase's output is what they grew by, so nothing is redirected or emptied between phases.
"""

import os
import sys


class LaneStream:
    """One of fd 1 and 2: where it really goes, and what was written while capture was on."""

    def __init__(self, pytest_capture, path):
        self.number = pytest_capture.targetfd
        self.stream = pytest_capture.tmpfile
        self._plain = pytest_capture.syscapture._old
        self._name = pytest_capture.syscapture.name
        self._fstat, self._dup2, self._pread = os.fstat, os.dup2, os.pread
        self._setattr = setattr
        self._sys = sys
        self.file = self.stream.fileno()
        os.dup2(self.number, self.file, False)
        os.dup2(self.number, pytest_capture.targetfd_save, False)
        stat = os.fstat(self.number)
        self._ident = stat.st_dev, stat.st_ino
        self._reader = os.open(path or "/proc/self/fd/%d" % self.number, os.O_RDONLY | os.O_CLOEXEC)
        if os.fstat(self._reader).st_ino != stat.st_ino:
            os.close(self._reader)
            raise OSError("%s is not what fd %d writes to" % (path, self.number))
        self._from = None
        self._spans = []

    def idents(self):
        """Return [(name, fd)] of what a test must leave open."""
        return [
            ("capture of fd %d" % self.number, self.file),
            ("capture of fd %d" % self.number, self._reader),
        ]

    def resume(self):
        # A test may have put something else in our place; pytest's own capture would mend that too.
        self._setattr(self._sys, self._name, self.stream)
        try:
            stat = self._fstat(self.number)
        except OSError:
            stat = None
        if stat is None or (stat.st_dev, stat.st_ino) != self._ident:
            self._dup2(self.file, self.number)
            stat = self._fstat(self.number)
        self._from = stat.st_size

    def suspend(self):
        self._take()
        self._from = None
        self._setattr(self._sys, self._name, self._plain)

    def _take(self):
        start = self._from
        if start is not None:
            size = self._fstat(self.file).st_size
            if size > start:
                self._spans.append((start, size))
                self._from = size

    def read(self):
        """Return what was captured since the last look, as text."""
        self._take()
        if not self._spans:
            return ""
        spans, self._spans = self._spans, []
        data = b"".join(self._bytes(start, end) for start, end in spans)
        return data.decode("utf-8", "replace")

    def _bytes(self, start, end):
        parts = []
        while start < end:
            data = self._pread(self._reader, end - start, start)
            if not data:  # somebody truncated the file
                break
            parts.append(data)
            start += len(data)
        return b"".join(parts)


class LaneCapture:
    """Stands in for pytest's MultiCapture (``_pytest.capture``): the same methods, over two LaneStreams."""

    def __init__(self, capture, stdout=None, stderr=None):
        """``capture``: a suspended MultiCapture of FDCaptures; fds 1 and 2 are the lane's. Raises AttributeError, OSError."""
        self._pair = type(capture.readouterr())
        self.in_ = capture.in_
        self.out = LaneStream(capture.out, stdout)
        self.err = LaneStream(capture.err, stderr)
        self._state = "suspended"
        self._in_suspended = False

    def start_capturing(self):
        self.resume_capturing()

    def resume_capturing(self):
        if self._state != "started":
            self._state = "started"
            self.out.resume()
            self.err.resume()
        if self._in_suspended:
            self.in_.resume()
            self._in_suspended = False

    def suspend_capturing(self, in_=False):
        if self._state == "started":
            self._state = "suspended"
            self.out.suspend()
            self.err.suspend()
        if in_ and self.in_:
            self.in_.suspend()
            self._in_suspended = True

    def readouterr(self):
        return self._pair(self.out.read(), self.err.read())

    def pop_outerr_to_orig(self):
        # It is in the lane's files already.
        return self.readouterr()

    def stop_capturing(self):
        self.suspend_capturing(in_=True)
        self._state = "stopped"

    def is_started(self):
        return self._state == "started"


def take_over(config, stdout=None, stderr=None):
    """Let ``config``'s capture write to fds 1 and 2 as they are now. Returns the fds to watch: [(name, fd)].

    ``stdout``, ``stderr``: paths of the files behind fds 1 and 2, where /proc does not tell.
    Captures that touch no descriptor (``-s``, ``--capture=sys``) stay as they are.
    """
    plugin = config.pluginmanager.getplugin("capturemanager")
    capture = getattr(plugin, "_global_capturing", None)
    if capture is None or not hasattr(getattr(capture, "out", None), "targetfd_save"):
        return []
    plugin.suspend_global_capture(in_=False)
    try:
        ours = plugin._global_capturing = LaneCapture(capture, stdout, stderr)
    except (AttributeError, OSError):
        # Not the pytest we know, or fd 1 is a pipe: a capture of pytest's own, but not the loader's.
        for stream in (capture.out, capture.err):
            os.dup2(stream.targetfd, stream.targetfd_save, False)
        plugin._global_capturing = None
        capture.stop_capturing()
        plugin.start_global_capturing()
        plugin.suspend_global_capture(in_=False)
        fresh = plugin._global_capturing
        return [("capture", getattr(fresh, k).tmpfile.fileno()) for k in ("out", "err")]
    return ours.out.idents() + ours.err.idents()
