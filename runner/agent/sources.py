"""Follows the files in which a worker says that details of its test grow (``live_sources`` is its side)."""

import os
import stat

from . import pack, tail

MAX_FOLLOWED = 24
"""Sources of one lane that are followed at a time; the oldest give way."""
SHARED_WORDS = 16384
"""Bytes told after a crash of a source that outlives the test."""


class Source:
    """One announcement."""

    __slots__ = ("mime", "name", "number", "path", "shared", "start")

    def __init__(self, number, start, shared, name, path, mime):
        self.number, self.start, self.shared = int(number), int(start), bool(shared)
        self.name, self.path, self.mime = str(name), str(path), str(mime)

    def last_words(self):
        """Return the end of what it holds."""
        if not _is_file(self.path):
            return b""
        limit = SHARED_WORDS if self.shared else tail.LAST_WORDS
        return tail.last_words(self.path, self.start, limit)


class Announced:
    """A lane's file ``sources``: frames, added one by one."""

    def __init__(self, path):
        self._path = path
        self._at = 0

    def look(self):
        """Return the Sources that were announced since the last look."""
        size = tail.size(self._path)
        if size < self._at:  # it was begun anew
            self._at = 0
        found = []
        while size > self._at:
            data = tail.piece(self._path, self._at, 1 << 20)
            at = 0
            while len(data) - at >= 4:
                length = int.from_bytes(data[at : at + 4], "big")
                if len(data) - at - 4 < length:
                    break
                try:
                    found.append(Source(*pack.loads(data[at + 4 : at + 4 + length])))
                except (TypeError, ValueError):  # a test wrote there
                    pass
                at += 4 + length
            if not at:
                break
            self._at += at
        return found

    def of_test(self, number):
        """Return the Sources of the test of that number, and those that outlive tests, each name and path once."""
        found = {}
        for source in Announced(self._path).look():
            if source.number == number or source.shared:
                found[source.name, source.path] = source
        return list(found.values())


class SourceTail:
    """Follows a source. The file stays open: it is read to its end even if it is removed."""

    def __init__(self, source, recent=False):
        """``recent``: begin with the last words, not with all that there is."""
        self.source = source.name
        self.path = source.path
        self.shared = source.shared
        self._at = source.start
        self._recent = recent
        self._fd = None
        self._open()

    def _open(self):
        if not _is_file(self.path):  # not yet there, maybe
            return
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        if self._recent:
            self._at = max(self._at, os.fstat(self._fd).st_size - tail.LAST_WORDS)

    def still_there(self):
        """Whether its path is still the file that it follows."""
        if self._fd is None:
            return True
        try:
            there, ours = os.stat(self.path), os.fstat(self._fd)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def read(self, limit=tail.LAST_WORDS):
        """Return what was added, at most ``limit`` bytes; far behind, it jumps to the end, and says so."""
        if self._fd is None:
            self._open()
            if self._fd is None:
                return b""
        try:
            size = os.fstat(self._fd).st_size
            if size < self._at:  # emptied, and written anew
                self._at = 0
            left_out = size - limit - self._at
            note = b""
            if left_out >= tail.FAR:
                self._at += left_out
                note = b"\n[%d bytes left out here]\n" % left_out
            data = os.pread(self._fd, limit, self._at)
        except OSError:
            return b""
        self._at += len(data)
        return note + data

    def close(self):
        """Give the file back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Followed:
    """The sources of a lane that are followed while somebody looks."""

    def __init__(self, path, number):
        """``number``: of the test that runs."""
        self._announced = Announced(path)
        self._tails = []
        for source in self._announced.look():
            if source.number == number or source.shared:
                self._add(source, recent=True)

    def read(self):
        """Return [(name, bytes), …] of what was added."""
        for source in self._announced.look():
            self._add(source)
        return [(each.source, data) for each in self._tails for data in [each.read()] if data]

    def _add(self, source, recent=False):
        for known in self._tails:
            if (known.source, known.path) == (source.name, source.path) and known.still_there():
                return
        self._tails.append(SourceTail(source, recent))
        if len(self._tails) > MAX_FOLLOWED:
            oldest = next((each for each in self._tails if not each.shared), self._tails[0])
            self._tails.remove(oldest)
            oldest.close()

    def close(self):
        """Give all files back."""
        for each in self._tails:
            each.close()
        self._tails = []


def _is_file(path):
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False
