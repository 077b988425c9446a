"""What a cycle runs: what changes affect, what an earlier cycle still owes, and what nobody knows enough of."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ..affected import Affected, Change, ImportGraph, TestFiles
from ..ids import Case, ProfileName
from ..settings import Settings, UnittestSuite
from .cycle import Mode
from .notes import Notes
from .tree import Tree

UNKNOWN = "nobody knows what it uses"
OWED = "stopped before"


class Choice:
    """Knows the tests and their files; decides which of them a cycle runs, and why."""

    def __init__(self, tree: Tree, notes: Notes, settings: Settings) -> None:
        self._tree, self._notes = tree, notes
        self._graph = ImportGraph(tree.read, tree.is_file)
        self.due: set[Case] = set()
        """Affected by a change, and not run since."""
        self._listed: set[Case] = set()
        self._seen: set[Case] = set()
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Take other settings."""
        self._files = TestFiles(self._tree.is_file, import_folders(settings))

    @property
    def unseen(self) -> int:
        """How many tests have not run since the last full run, or since the beginning."""
        return len(self._listed - self._seen)

    def since_last_session(self) -> list[Change]:
        """Return what changed while nobody watched."""
        tree, notes = self._tree, self._notes
        files = {path for path in (*notes.uses.files(), *tree.files) if path.endswith(".py")}
        files = (files | set(notes.uses.files())) & tree.files
        return [
            Change(
                path,
                "deleted"
                if path not in tree.files
                else "modified"
                if path in notes.stamps
                else "added",
            )
            for path in notes.changed(files, tree.stamp)
        ]

    def affected(self, changes: Iterable[Change]) -> Affected:
        """Return what changes affect, now."""
        changes = list(changes)
        if any(change.how != "modified" for change in changes):
            self._graph.forget_missing()
            self._files.forget()
        else:
            self._graph.forget(change.path for change in changes)
        tests = {path for case in self._listed if (path := self._files.of(case.test_id))}
        uses = self._notes.uses
        return uses.affected(changes, self._graph, tests | (uses.recorded & self._tree.files))

    def selector(
        self,
        affected: Affected,
        mode: Mode,
        failing: Collection[Case],
        reasons: dict[str, dict[str, None]],
    ) -> Callable[[str, ProfileName], bool]:
        """Return what says of a listed test whether it runs. ``reasons``: changed file -> tests' files, filled."""
        recorded = self._notes.uses.recorded

        def selects(test_id: str, profile: ProfileName) -> bool:
            case = Case(test_id, profile)
            path = self._files.of(test_id)
            why = affected.reasons.get(f"::{test_id}") or affected.reasons.get(path or "", "")
            if not why and (path is None or path not in recorded):
                why = UNKNOWN
            if not why and case in self.due:
                why = OWED
            if not why:
                return False
            if mode == "failing" and case not in failing:
                self.due.add(case)
                return False
            reasons.setdefault(why, {})[path or test_id] = None
            return True

        return selects

    def ran(self, case: Case) -> None:
        """A test has an outcome."""
        self.due.discard(case)
        self._seen.add(case)

    def owes(self, cases: Iterable[Case]) -> None:
        """These are to run."""
        self.due.update(cases)

    def complete(self, listed: set[Case], *, everything: bool) -> None:
        """A cycle ran to its end: what it listed is all there is."""
        if everything:
            self._seen &= listed
        self._listed = listed
        self.due &= listed
        if not self.due:
            self._notes.stamp(self._tree.files, self._tree.stamp)

    def note_recorded(self, cases: Iterable[Case]) -> None:
        """What these tests use has been noted while they ran."""
        for case in cases:
            if (path := self._files.of(case.test_id)) is not None:
                self._notes.uses.recorded.add(path)

    def full_run_begins(self) -> None:
        """Everything is about to run."""
        self._seen = set()


def import_folders(settings: Settings) -> list[str]:
    """Return the folders in which imports start, relative to the project's."""
    root = Path(settings.root)
    folders = [root, root / "src"]
    for profile in settings.profiles:
        folders.append(Path(profile.directory or root))
        if isinstance(profile.suite, UnittestSuite):
            folders += [root / (profile.suite.top or "."), root / profile.suite.start]
    return [
        "" if (name := folder.relative_to(root).as_posix()) == "." else name
        for folder in map(Path, map(os.path.normpath, folders))
        if folder.is_relative_to(root)
    ]
