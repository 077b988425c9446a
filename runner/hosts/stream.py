"""The stream that brings a project's files: frames in one zlib stream, cut into pieces that a channel can carry.

``want`` lists files, ``listed`` ends the list; for each file that the host then needs ``put``, ``more``, ``end`` carry
its content, or ``keep`` says that only its times differ; ``done`` ends it all.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..wire.frames import encode
from .files import ProjectFile

PIECE = 128 << 10
"""Bytes before compression that make up a piece, and the most of a file that is in memory."""

LEVEL = 1
"""zlib's fastest: on a LAN its next ones cost more time than they save."""

BATCH = 500
"""Files that one frame lists."""


def listing(files: Sequence[ProjectFile]) -> Iterator[bytes]:
    """Yield the frames that say what is to be there."""
    for at in range(0, len(files), BATCH):
        batch = files[at : at + BATCH]
        yield encode("want", [[f.path, f.mtime, f.size, f.mode, f.target] for f in batch])
    yield encode("listed")


class Contents:
    """Reads what a host needs. ``needs``: see ``Needs``."""

    def __init__(
        self, project: str, files: Sequence[ProjectFile], needs: Mapping[int, bytes | None]
    ) -> None:
        self.unread: list[bytes] = []
        """Files that could not be read."""
        self._root = posixpath.realpath(os.fsencode(project))
        self._files = files
        self._needs = needs

    def frames(self) -> Iterator[bytes]:
        """Yield the frames that carry the content of each file, as it is now."""
        for index, there in self._needs.items():
            file = self._files[index]
            path = self._root + b"/" + file.path
            try:
                if there is not None and there == _digest(path):
                    yield encode("keep", index)
                    continue
                fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                self.unread.append(file.path)
                continue
            try:
                yield from self._content(index, fd)
            except OSError:
                self.unread.append(file.path)
            finally:
                os.close(fd)
        yield encode("done")

    def _content(self, index: int, fd: int) -> Iterator[bytes]:
        # Its times are from before it is read: what changes while it is read is seen to differ the next time.
        seen = os.fstat(fd)
        yield encode("put", index, os.read(fd, PIECE))
        while data := os.read(fd, PIECE):
            yield encode("more", data)
        yield encode("end", seen.st_mtime_ns, seen.st_mode & 0o777)


class Packer:
    """Compresses frames into pieces. One for a whole stream."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(LEVEL)

    def pieces(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """Yield pieces that together carry the frames; the last one carries all that is left."""
        parts: list[bytes] = []
        size = 0
        for frame in frames:
            parts.append(self._zlib.compress(frame))
            size += len(frame)
            if size >= PIECE:
                parts.append(self._zlib.flush(zlib.Z_SYNC_FLUSH))
                yield b"".join(parts)
                parts.clear()
                size = 0
        if size:
            parts.append(self._zlib.flush(zlib.Z_SYNC_FLUSH))
            yield b"".join(parts)


def _digest(path: bytes) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - its name may be no text
        return hashlib.file_digest(file, "sha256").digest()
