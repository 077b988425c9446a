"""Numbers for runs: files that are called by them, and ``next-stream``, which holds the next one.

The repository is locked against others of us while these are used; testr and stestr know no locks.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

TEMPORARY = ".testlanes-"
"""What our temporary files in a repository begin with; see ``recovery``."""

NEXT = "next-stream"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EXDEV)


class Numbers:
    """The numbered files of the repository in ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def sizes(self) -> dict[int, int]:
        """Return the runs that exist: number -> size of the stream in bytes."""
        found: dict[int, int] = {}
        with os.scandir(self.path) as entries:
            for one in entries:
                name = one.name
                if name.isascii() and name.isdigit() and str(int(name)) == name and one.is_file():
                    found[int(name)] = one.stat().st_size
        return found

    def give(self, stream: Path, problems: list[str]) -> int:
        """Make a stream the next run and return its number. Nothing is ever overwritten.

        The stream keeps its own name too (where the file system has hard links), so that a process
        killed now leaves a sign of what is still to be done.
        """
        number = self.next(problems)
        while not self._take(stream, number):
            number += 1
        self.set_next(number + 1)
        return number

    def keep(self, stream: Path, number: int) -> int:
        """Return the number, or a new one if another tool has just put its run over ours."""
        if stream.exists():
            while not _same(stream, self.path / str(number)):
                number = max(self.next([]), number + 1)
                if self._take(stream, number):
                    self.set_next(number + 1)
        return number

    def next(self, problems: list[str]) -> int:
        """Return the next run's number: next-stream's, unless files say that it cannot be right."""
        beyond = max(self.sizes(), default=-1) + 1
        try:
            return max(int((self.path / NEXT).read_text()), beyond)
        except (OSError, ValueError):
            problems.append(f"{NEXT} was damaged; counting goes on at {beyond}")
            return beyond

    def set_next(self, number: int) -> None:
        """Write next-stream."""
        data = b"%d\n" % number
        try:
            replace_file(self.path / NEXT, [data], 0o666)
        except OSError:
            # The disk may be full; there is room in the file that is there.
            with (self.path / NEXT).open("r+b") as stream:
                stream.write(data)
                stream.truncate()

    def damaged(self) -> bool:
        """Say whether next-stream holds no number."""
        try:
            return int((self.path / NEXT).read_text()) < 0
        except (FileNotFoundError, ValueError):
            return True

    def _take(self, stream: Path, number: int) -> bool:
        target = self.path / str(number)
        try:
            os.link(stream, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                return False
            stream.replace(target)
        return True


def replace_file(path: Path, data: Iterable[bytes], mode: int, *, sync: bool = False) -> None:
    """Write a file of the repository anew, so that readers see the old one or the new one.

    ``sync``: it is on the disk when this returns, whatever becomes of the machine.
    """
    fresh = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(data)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False
