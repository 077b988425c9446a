"""The project's files, and what changes in them."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from hashlib import blake2b
from pathlib import Path
from stat import S_ISREG

from watchfiles import DefaultFilter, awatch  # pyright: ignore[reportUnknownVariableType]

from ..affected import Change

DEBOUNCE = 60
"""Milliseconds of quiet after which changes are taken to be complete (an editor's save is several)."""
_REPOSITORIES = (".testrepository", ".stestr")


class Tree:
    """Knows which files there are, paths relative to ``root``; what git and the settings ignore is not there."""

    def __init__(self, root: Path, ignore: Sequence[str] = (), *, poll: bool = False) -> None:
        """``ignore``: patterns of paths (``docs/*``); ``poll``: look every 300 ms, as network file systems need."""
        self.root = root.resolve()
        self._ignore = tuple(ignore)
        self._poll = poll
        self._filter = DefaultFilter()
        self._contents: dict[str, bytes] = {}
        self._git = _is_git(self.root)
        self.files: set[str] = set(self._list())
        self.ignored: list[str] = []
        """What changed last and is not the project's."""

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
        """Yield what changed, once it is quiet for a moment, until ``stop`` is set.

        Raises OSError when the machine has no more watches to give.
        """
        source = awatch(
            self.root,
            watch_filter=self._watched,
            debounce=1600,
            step=DEBOUNCE,
            stop_event=stop,
            force_polling=self._poll or None,
            poll_delay_ms=300,
            ignore_permission_denied=True,
            recursive=True,
        )
        async for batch in source:
            if found := self.settle(path for _, path in batch):
                yield found

    def settle(self, paths: Iterable[str]) -> list[Change]:
        """Compare with what was there, and return the files whose content is another now."""
        self.ignored = []
        names: set[str] = set()
        for path in map(Path, paths):
            if path.is_dir():  # its files may have come before it was watched
                names.update(self._name(file) for file in path.rglob("*") if file.is_file())
                continue
            names.add(name := self._name(path))
            # a folder that went takes its files along
            names.update(file for file in self.files if file.startswith(f"{name}/"))
        names.discard("")
        mine = self._own(names)
        self.ignored = sorted(names - mine)[:20]
        out: list[Change] = []
        own = _output_files()
        for name in sorted(mine):
            if own and self._is_one_of(name, own):
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
                continue  # touched, or saved as it was
            out.append(Change(name, "modified" if name in self.files else "added"))
            self.files.add(name)
            self._contents[name] = digest
        return out

    def _is_one_of(self, name: str, files: set[tuple[int, int]]) -> bool:
        try:
            found = (self.root / name).stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) in files

    def _watched(self, change: object, path: str) -> bool:
        return self._filter(change, path)  # type: ignore[arg-type]

    def _name(self, path: Path) -> str:
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return ""

    def _own(self, names: set[str]) -> set[str]:
        """Return those of ``names`` that are the project's."""
        out = {name for name in names if self._wanted(name)}
        unknown = sorted(out - self.files)
        if unknown and self._git:
            out -= _ignored_by_git(self.root, unknown)
        return out

    def _wanted(self, name: str) -> bool:
        if name.split("/", 1)[0] in _REPOSITORIES:
            return False
        return not any(fnmatchcase(name, pattern) for pattern in self._ignore)

    def _list(self) -> set[str]:
        if self._git:
            listed = _git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
            if listed is not None:
                return {n for n in listed if self._wanted(n) and (self.root / n).is_file()}
        names: set[str] = set()
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name not in self._filter.ignore_dirs]
            names.update(self._name(Path(folder, name)) for name in files)
        return {n for n in names if self._wanted(n) and self._watched("", str(self.root / n))}


def _output_files() -> set[tuple[int, int]]:
    """Return (device, inode) of the files that our own output goes to: what is told is no change."""
    found: set[tuple[int, int]] = set()
    for fd in (1, 2):
        with suppress(OSError):
            one = os.fstat(fd)
            if S_ISREG(one.st_mode):
                found.add((one.st_dev, one.st_ino))
    return found


def _is_git(root: Path) -> bool:
    return any((folder / ".git").exists() for folder in (root, *root.parents))


def _ignored_by_git(root: Path, names: Sequence[str]) -> set[str]:
    return set(_git(root, "check-ignore", "-z", "--stdin", given="\0".join(names)) or ())


def _git(root: Path, *words: str, given: str = "") -> list[str] | None:
    """Return the names that git prints; None where there is no git, or it refuses."""
    try:
        done = subprocess.run(
            ["git", *words],  # noqa: S607 - the user's own git
            cwd=root,
            input=os.fsencode(given),
            capture_output=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode not in (0, 1):  # check-ignore: 1 is "none of them"
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
