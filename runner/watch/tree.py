"""The project's files, and what changes in them."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from watchfiles import Change as Happened, DefaultFilter, awatch  # pyright: ignore[reportUnknownVariableType]

from ..affected import Change
from .git import git, has_git, ignored_by_git
from .polling import looked_at

STEP = 10
"""Milliseconds of quiet after which what changed is told (an editor's save is several events)."""
IGNORED_SHOWN = 20
_FOLDERS = frozenset(DefaultFilter.ignore_dirs)
_REPOSITORIES = (".testrepository", ".stestr")
_MEASURED = re.compile(r"(?:.*/)?\.coverage(?:\..+)?")
"""What coverage measures: each cycle writes it, and by no means every project has git ignore it."""


class Tree:
    """Knows which files there are, paths relative to ``root``; what git and the settings ignore is not there."""

    def __init__(self, root: Path, ignore: Sequence[str] = (), *, poll: bool = False) -> None:
        """``ignore``: patterns of paths (``docs/*``); ``poll``: look every 300 ms, as network file systems need."""
        self.root = root.resolve()
        self._ignore = tuple(ignore)
        self._poll = poll
        self._filter = DefaultFilter()
        self._contents: dict[str, bytes] = {}
        self._git = has_git(self.root)
        self.files: set[str] = set(self._list())
        self.ignored: dict[str, str] = {}
        """What changed with the last change and is no matter: path -> why."""
        self._passed: dict[str, str] = {}

    def is_file(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.files

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None if it cannot be read."""
        try:
            return (self.root / path).read_bytes()
        except OSError:
            return None

    def stamp(self, path: str) -> tuple[int, int] | None:
        """Return what tells a file's versions apart: (mtime in ns, bytes)."""
        try:
            found = (self.root / path).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    async def changes(self, stop: asyncio.Event) -> AsyncIterator[list[Change]]:
        """Yield what changed, once it is quiet for a moment, until ``stop`` is set; empty if it is no matter.

        Raises OSError when the machine has no more watches to give.
        """
        async for paths, touched in self._looks(stop) if self._poll else self._events(stop):
            found = await asyncio.to_thread(self.settle, paths, touched)
            if found or self.ignored:
                yield found

    async def _events(self, stop: asyncio.Event) -> AsyncIterator[tuple[list[str], set[str]]]:
        """Yield (paths of which the system says that they changed, those that were merely touched)."""
        source = awatch(
            self.root,
            watch_filter=self._watched,
            debounce=1600,
            step=STEP,
            stop_event=stop,
            ignore_permission_denied=True,
            recursive=True,
        )
        async for batch in source:
            yield (
                [path for _, path in batch],
                {path for how, path in batch if how is Happened.modified},
            )

    async def _looks(self, stop: asyncio.Event) -> AsyncIterator[tuple[list[str], set[str]]]:
        """Yield the same by looking at every file."""

        def files() -> list[str]:
            return [f"{folder}/{name}" for folder, name in self._below(self.root)]

        async for paths in looked_at(files, stop, STEP / 1000):
            yield sorted(paths), set()

    def settle(self, paths: Iterable[str], touched: Collection[str] = ()) -> list[Change]:
        """Compare with what was there, and return the files whose content is another now.

        Of a folder all files are looked at; if it was merely ``touched``, those that are new.
        """
        names = self._names(paths, touched)
        passed, self._passed = self._passed, {}
        mine = self._own(names, passed)
        out: list[Change] = []
        own = _output_files()
        for name in sorted(mine):
            if own and self._is_one_of(name, own):
                passed[name] = "our own output"
                continue
            content = self.read(name)
            if content is None:
                if name in self.files:
                    self.files.discard(name)
                    self._contents.pop(name, None)
                    out.append(Change(name, "deleted"))
                continue
            digest = blake2b(content, digest_size=16).digest()
            if name in self.files and self._contents.get(name) == digest:
                passed[name] = "saved as it was"
                continue
            out.append(Change(name, "modified" if name in self.files else "added"))
            self.files.add(name)
            self._contents[name] = digest
        self.ignored = dict(sorted(passed.items())[:IGNORED_SHOWN])
        return out

    def _names(self, paths: Iterable[str], touched: Collection[str]) -> set[str]:
        """Return the files that these paths stand for."""
        names: set[str] = set()
        gone: set[str] = set()
        for path in map(Path, paths):
            if path.is_dir():  # its files may have come before it was watched
                found = {self._name(Path(folder, file)) for folder, file in self._below(path)}
                names |= found - self.files if str(path) in touched else found
                continue
            names.add(name := self._name(path))
            if name not in self.files and not path.exists():
                gone.add(name)
        if gone:  # a folder that went takes its files along
            names.update(
                file
                for file in self.files
                if any(str(folder) in gone for folder in PurePosixPath(file).parents)
            )
        names.discard("")
        return names

    def _below(self, path: Path) -> Iterable[tuple[str, str]]:
        for folder, folders, files in os.walk(path):
            folders[:] = [name for name in folders if name not in _FOLDERS]
            for file in files:
                if self._filter("", f"{folder}/{file}"):  # type: ignore[arg-type]
                    yield folder, file

    def _is_one_of(self, name: str, files: set[tuple[int, int]]) -> bool:
        try:
            found = (self.root / name).stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) in files

    def _watched(self, change: object, path: str) -> bool:
        if self._filter(change, path):  # type: ignore[arg-type]
            return True
        if len(self._passed) < IGNORED_SHOWN and _FOLDERS.isdisjoint(Path(path).parts):
            self._passed[self._name(Path(path))] = "an editor's or compiler's own"
        return False

    def _name(self, path: Path) -> str:
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return ""

    def _own(self, names: set[str], passed: dict[str, str]) -> set[str]:
        """Return those of ``names`` that are the project's; tell of others why they are not."""
        out: set[str] = set()
        for name in names:
            if name.split("/", 1)[0] in _REPOSITORIES or _MEASURED.fullmatch(name):
                continue
            if self._is_wanted(name):
                out.add(name)
            else:
                passed[name] = "watch_ignore"
        unknown = sorted(out - self.files)
        if unknown and self._git:
            ignored = ignored_by_git(self.root, unknown)
            passed.update(dict.fromkeys(ignored, "ignored by git"))
            out -= ignored
        return out

    def _is_wanted(self, name: str) -> bool:
        return not any(fnmatchcase(name, pattern) for pattern in self._ignore)

    def _list(self) -> set[str]:
        if self._git:
            listed = git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
            if listed is not None:
                return {n for n in listed if self._may_be(n) and (self.root / n).is_file()}
        found = (self._name(Path(folder, file)) for folder, file in self._below(self.root))
        return {name for name in found if self._may_be(name)}

    def _may_be(self, name: str) -> bool:
        ours = name.split("/", 1)[0] in _REPOSITORIES
        return not ours and not _MEASURED.fullmatch(name) and self._is_wanted(name)


def _output_files() -> set[tuple[int, int]]:
    """Return (device, inode) of the files that our own output goes to: what is told is no change."""
    found: set[tuple[int, int]] = set()
    for fd in (1, 2):
        with suppress(OSError):
            one = os.fstat(fd)
            if S_ISREG(one.st_mode):
                found.add((one.st_dev, one.st_ino))
    return found
