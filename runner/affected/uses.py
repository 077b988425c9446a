"""What is known of who uses which file, and what a change therefore affects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from posixpath import dirname
from typing import Literal

from ..frozen import frozen
from .imports import ImportGraph

FRAMEWORK = "*"
"""Who reads what no code of the project asked for: the framework itself."""
IMPLICIT = ("conftest.py", "__init__.py")
"""What a test's file uses without a word, in its folder and those above."""


@frozen
class Change:
    """A file that changed, relative to the project's folder."""

    path: str
    how: Literal["added", "modified", "deleted"]


@frozen
class Affected:
    """What changes affect. Files and tests (``::`` and the id) -> the changed file that is the reason."""

    reasons: Mapping[str, str] = field(default_factory=dict[str, str])
    everything: str = ""
    """The changed file because of which all tests are to run."""
    unused: tuple[str, ...] = ()
    """Changed files that nothing is known to use."""


class Uses:
    """Who read, listed and started what, told by runs; see ``events.FilesUsed``."""

    def __init__(self) -> None:
        self.readers: dict[str, set[str]] = {}
        """What was read, or listed -> who did."""
        self.starters: set[str] = set()
        """Who started a process, which may read anything."""
        self.recorded: set[str] = set()
        """The files of tests that have run while this was noted."""

    def note(self, files: Iterable[tuple[str, str, str]]) -> None:
        """Take (kind, who, what)."""
        for kind, who, what in files:
            if kind in ("read", "list"):
                self.readers.setdefault(what, set()).add(who)
            elif kind == "start":
                self.starters.add(who)

    def files(self) -> Iterator[str]:
        """Yield every file that is known."""
        seen = {*self.readers, *self.recorded}
        for who in self.readers.values():
            seen |= who
        return (name for name in seen if name != FRAMEWORK and not name.startswith("::"))

    def affected(
        self, changes: Iterable[Change], graph: ImportGraph, tests: Iterable[str]
    ) -> Affected:
        """Return what changes affect. ``tests``: the files of all tests."""
        users = self._users(graph, set(tests))
        reasons: dict[str, str] = {}
        unused: list[str] = []
        for change in changes:
            path = change.path
            begun = {path, *self.starters}
            if change.how != "modified":
                begun |= self.readers.get(dirname(path) or ".", set())
            reached = _closure(begun, users)
            if FRAMEWORK in reached:
                return Affected(everything=path)
            if path not in users:
                if change.how == "modified" and path.endswith(".py"):
                    return Affected(everything=path)  # somebody may use it that nobody knows of
                if not path.endswith(".py"):
                    unused.append(path)
                    reached.discard(path)
            for name in reached:
                reasons.setdefault(name, path)
        return Affected(reasons, "", tuple(unused))

    def _users(self, graph: ImportGraph, tests: set[str]) -> dict[str, set[str]]:
        """Return each known file -> who uses it, by what was read and by what sources import."""
        users = {what: set(who) for what, who in self.readers.items()}
        todo = [*tests, *(name for name in self.files() if name.endswith(".py"))]
        for test in tests:
            for name in _above(test):
                if graph.exists(name):
                    users.setdefault(name, set()).add(test)
                    todo.append(name)
        seen: set[str] = set()
        dynamic: set[str] = set()
        while todo:
            path = todo.pop()
            if path in seen:
                continue
            seen.add(path)
            users.setdefault(path, set())
            if graph.is_dynamic(path):
                dynamic.add(path)
            for imported in graph.of(path):
                users.setdefault(imported, set()).add(path)
                todo.append(imported)
        for what, who in self.readers.items():
            # Of all that import it by a name they make up, only the first is seen to open its file.
            if what.endswith(".py") and any(what not in graph.of(each) for each in who & dynamic):
                users[what] |= dynamic
        return users


def _above(path: str) -> Iterator[str]:
    folder = dirname(path)
    while True:
        for name in IMPLICIT:
            yield f"{folder}/{name}" if folder else name
        if not folder:
            return
        folder = dirname(folder)


def _closure(begun: Iterable[str], users: Mapping[str, set[str]]) -> set[str]:
    reached = set(begun)
    todo = list(reached)
    while todo:
        for user in users.get(todo.pop(), ()):
            if user not in reached:
                reached.add(user)
                todo.append(user)
    return reached
