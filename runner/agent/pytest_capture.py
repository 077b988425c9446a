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
    """One of fds 1 and 2: where it goes, and what was captured of it."""

    def __init__(self, capture, path):
        self.number = capture.targetfd
        self.stream = capture.tmpfile
        self.broken = False
        """Whether a test closed the stream's descriptor."""
        self._plain = capture.syscapture._old
        self._name = capture.syscapture.name
        self._path = path
        self._fstat = os.fstat
        self._modules = sys
        self.file = self.stream.fileno()
        os.dup2(self.number, self.file, False)
        os.dup2(self.number, capture.targetfd_save, False)
        stat = os.fstat(self.number)
        self._ident = stat.st_dev, stat.st_ino
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_ino != stat.st_ino:
                raise OSError("fd %d does not write to %s" % (self.number, path))
        self._at = stat.st_size

    def resume(self):
        # A test may have put something else there; pytest's own capture would mend that too.
        setattr(self._modules, self._name, self.stream)

    def suspend(self):
        setattr(self._modules, self._name, self._plain)

    def read(self):
        """Return what was written since the last look, as text."""
        try:
            stat = self._fstat(self.file)
        except OSError:
            self.broken = True
            return ""
        if stat.st_size == self._at:
            return ""
        if (stat.st_dev, stat.st_ino) != self._ident:
            self.broken = True
            return ""
        start, self._at = self._at, stat.st_size
        try:
            with open(self._path, "rb") as file:
                file.seek(start)
                return file.read(max(0, stat.st_size - start)).decode("utf-8", "replace")
        except OSError:
            return ""

    def begin_at(self, size):
        """Let the next ``read`` return what was written since the file had so many bytes."""
        self._at = size

    def look(self):
        """Notice that a test closed the stream's descriptor."""
        try:
            stat = self._fstat(self.file)
        except OSError:
            self.broken = True
        else:
            if (stat.st_dev, stat.st_ino) != self._ident:
                self.broken = True

    def mend(self):
        """Let the descriptor that tests see go to the lane's file again. Return whether that is possible."""
        try:
            stat = self._fstat(self.file)
            if (stat.st_dev, stat.st_ino) == self._ident:
                os.dup2(self.file, self.number)
                return True
        except OSError:
            pass
        self.broken = True
        return False


class LaneCapture:
    """Stands in for pytest's MultiCapture (``_pytest.capture``): the same methods, over two LaneStreams."""

    def __init__(self, capture, stdout, stderr):
        """``capture``: a suspended MultiCapture of FDCaptures; fds 1 and 2 are the lane's. Raises AttributeError, OSError."""
        self._pair = type(capture.readouterr())
        self.in_ = capture.in_
        self.out = LaneStream(capture.out, stdout)
        self.err = LaneStream(capture.err, stderr)
        self._state = "suspended"
        self._in_suspended = False

    in_files = True

    def begin_at(self, sizes):
        """A test begins when stdout and stderr have so many bytes."""
        self.out.begin_at(sizes[0])
        self.err.begin_at(sizes[1])

    def check(self, fixed, sick):
        """Mend fds 1 and 2 where a test closed or replaced them; without the streams no test can be captured."""
        for stream in (self.out, self.err):
            stream.look()
            if sick:
                start = "file descriptor %d " % stream.number
                for problem in [each for each in sick if each.startswith(start)]:
                    if stream.mend():
                        sick.remove(problem)
                        fixed.append(problem)
            if stream.broken:
                sick.append("the capture of file descriptor %d is closed" % stream.number)

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
        try:
            self.suspend_capturing(in_=True)
        except OSError:
            pass  # a test closed what it had saved; this is the end of the process
        self._state = "stopped"

    def is_started(self):
        return self._state == "started"


class ForeignCapture:
    """A capture that is pytest's own all through."""

    def __init__(self, fds=()):
        self._watched = [(fd, _ident(fd)) for fd in fds]

    in_files = False
    """Whether what is captured is in the lane's files."""

    def check(self, fixed, sick):
        """Add to the lists of what is put right, and what cannot be."""
        for fd, ident in self._watched:
            if _ident(fd) != ident:
                sick.append("file descriptor %d (pytest's capture) closed or replaced" % fd)


def _ident(fd):
    try:
        stat = os.fstat(fd)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def outputs():
    """Return what fds 1 and 2 are, for ``redirect``."""
    return [_ident(1), _ident(2)]


def redirect(before):
    """Let every descriptor that is a copy of an earlier fd 1 or 2 be one of the present ones."""
    for fd in _open_fds():
        ident = _ident(fd)
        if fd > 2 and ident is not None and ident in before:
            os.dup2(before.index(ident) + 1, fd, os.get_inheritable(fd))


def _open_fds():
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return [int(name) for name in os.listdir(folder)]
        except OSError:
            continue
    return list(range(256))


def take_over(config, stdout, stderr):
    """Let ``config``'s capture write to fds 1 and 2 as they are now. Return a LaneCapture or a ForeignCapture.

    ``stdout``, ``stderr``: paths of the files behind fds 1 and 2. Captures that touch no descriptor (``-s``,
    ``--capture=sys``) stay as they are.
    """
    plugin = config.pluginmanager.getplugin("capturemanager")
    capture = getattr(plugin, "_global_capturing", None)
    if capture is None or not hasattr(getattr(capture, "out", None), "targetfd_save"):
        return ForeignCapture()
    plugin.suspend_global_capture(in_=False)
    try:
        plugin._global_capturing = LaneCapture(capture, stdout, stderr)
        return plugin._global_capturing
    except (AttributeError, OSError):
        # Not the pytest we know, or fd 1 is a pipe: a capture of pytest's own, but not the loader's.
        for stream in (capture.out, capture.err):
            os.dup2(stream.targetfd, stream.targetfd_save, False)
        plugin._global_capturing = None
        capture.stop_capturing()
        plugin.start_global_capturing()
        plugin.suspend_global_capture(in_=False)
        fresh = plugin._global_capturing
        return ForeignCapture([fresh.out.tmpfile.fileno(), fresh.err.tmpfile.fileno()])
