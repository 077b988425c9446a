"""What a cycle runs: what changes affect, what an earlier cycle still owes, and what nobody knows enough of."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import field
from pathlib import Path, PurePosixPath
from posixpath import dirname

from ..affected import Affected, Change, ImportGraph, TestFiles
from ..frozen import frozen
from ..ids import Case, ProfileName
from ..settings import Settings, UnittestSuite
from ..watching import Ways
from .branch import branch_changes
from .notes import Notes
from .tree import Tree

UNKNOWN = "nobody knows what it uses"
OWED = "stopped before"


@frozen
class Aim:
    """What a cycle is to run. Of several ways to say so the first that says something counts."""

    only: frozenset[Case] | None = None
    """Exactly these, whatever the ways say."""
    everything: str = ""
    """All, and why."""
    affected: Affected = field(default_factory=Affected)
    blocked: Affected = field(default_factory=Affected)
    """What sources that cannot be compiled affect: it does not run."""
    ways: Ways = field(default_factory=Ways)


class Choice:
    """Knows the tests and their files; decides which of them a cycle runs, and why."""

    def __init__(self, tree: Tree, notes: Notes, settings: Settings) -> None:
        self._tree, self._notes = tree, notes
        self._graph = ImportGraph(tree.read, tree.is_file)
        self._gone: frozenset[str] = frozenset()
        self.due: set[Case] = set()
        """Affected by a change, and not run since."""
        self.listed: set[Case] = set()
        """All tests that there are, as far as a listing came to its end."""
        self._seen: set[Case] = set()
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Take other settings."""
        self._files = TestFiles(self._tree.is_file, import_folders(settings))

    @property
    def unseen(self) -> set[Case]:
        """The tests that have not run since the last full run, or since the beginning."""
        return self.listed - self._seen

    def since_last_session(self) -> list[Change]:
        """Return what changed while nobody watched."""
        tree, notes = self._tree, self._notes
        known = set(notes.uses.files())
        files = {
            path
            for path in tree.files
            if path.endswith(".py") or path in known or (dirname(path) or ".") in notes.uses.readers
        }
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
        self._graph.forget(change.path for change in changes)
        gone = frozenset(change.path for change in changes if change.how == "deleted")
        if gone != self._gone or any(change.how == "added" for change in changes):
            self._gone = gone
            self._graph.resolve_anew(gone)
            self._files.forget()
        tests = {path for case in self.listed if (path := self._files.of(case.test_id))}
        uses = self._notes.uses
        return uses.affected(changes, self._graph, tests | (uses.recorded & self._tree.files))

    def aim(
        self,
        changes: list[Change],
        blocked: Iterable[Change],
        ways: Ways,
        everything: str = "",
        only: frozenset[Case] | None = None,
    ) -> Aim:
        """Return what is to run after these changes, some of whose files cannot be compiled."""
        if changes and not everything and ways.mode == "all":
            everything = "everything is to run at each change"
        if changes and ways.mode == "branch":
            changes = [*changes, *branch_changes(self._tree.root, self._tree.files)]
        affected = self.affected(changes)
        return Aim(only, everything or affected.everything, affected, self.affected(blocked), ways)

    def is_code(self, path: str) -> bool:
        """Whether a source is there to be imported, as far as anybody knows: it may be data of a test."""
        readers = self._notes.uses.readers.get(path)
        if not readers or path in self._notes.uses.recorded:
            return True
        return any(path in self._graph.of(reader) for reader in readers if reader.endswith(".py"))

    def something(self, aim: Aim, failing: Collection[Case]) -> bool:
        """Whether an aim can select any test."""
        if aim.only is not None:
            return bool(aim.only)
        if aim.blocked.everything:
            return False
        if aim.everything or aim.affected.reasons:
            return True
        allows = _allows(aim.ways, failing)
        return any(allows(case) and not self._blocked(aim, case) for case in self.due)

    def selector(
        self, aim: Aim, failing: Collection[Case], reasons: dict[str, dict[str, None]]
    ) -> Callable[[str, ProfileName], bool]:
        """Return what says of a listed test whether it runs. ``reasons``: changed file -> tests' files, filled."""
        only = aim.only
        if only is not None:
            return lambda test_id, profile: Case(test_id, profile) in only
        recorded, affected = self._notes.uses.recorded, aim.affected
        allows = _allows(aim.ways, failing)

        def selects(test_id: str, profile: ProfileName) -> bool:
            case = Case(test_id, profile)
            path = self._files.of(test_id)
            why = aim.everything
            if not why:
                why = affected.reasons.get(f"::{test_id}") or affected.reasons.get(path or "", "")
            if not why and (path is None or path not in recorded):
                why = UNKNOWN
            if not why and case in self.due:
                why = OWED
            if not why:
                return False
            if not allows(case) or self._blocked(aim, case):
                self.due.add(case)
                return False
            if not aim.everything:
                reasons.setdefault(why, {})[path or test_id] = None
            return True

        return selects

    def urgent(self, aim: Aim, failing: Collection[Case]) -> Callable[[str, ProfileName], bool]:
        """Return what says of a test whether it is among the first to run.

        It is failing; where nothing is, its file is a changed one or bears the name of one: ``test_quota.py``, ``quota.py``.
        """
        if failing:
            return lambda test_id, profile: Case(test_id, profile) in failing
        changed = {_topic(path) for path in aim.affected.reasons.values()}
        return lambda test_id, _: _topic(self._files.of(test_id) or "") in changed

    def _blocked(self, aim: Aim, case: Case) -> bool:
        reasons = aim.blocked.reasons
        if not reasons:
            return False
        return f"::{case.test_id}" in reasons or (self._files.of(case.test_id) or "") in reasons

    def ran(self, case: Case) -> None:
        """A test has an outcome."""
        self.due.discard(case)
        self._seen.add(case)

    def owes(self, cases: Iterable[Case]) -> None:
        """These are to run."""
        self.due.update(cases)

    def complete(self, listed: set[Case], pending: Collection[str]) -> None:
        """A listing came to its end: it is all there is. ``pending``: changed files that nothing has run for."""
        self._seen &= listed
        self.listed = listed
        self.due &= listed
        if not self.due:
            self._notes.stamp(self._tree.files, self._tree.stamp, pending)

    def note_recorded(self, cases: Iterable[Case]) -> None:
        """What these tests use has been noted while they ran."""
        for case in cases:
            if (path := self._files.of(case.test_id)) is not None:
                self._notes.uses.recorded.add(path)

    def full_run_begins(self) -> None:
        """Everything is about to run."""
        self._seen = set()


def _allows(ways: Ways, failing: Collection[Case]) -> Callable[[Case], bool]:
    """Return what says of a test whether these ways let it run."""
    matches = re.compile(ways.filter).search if ways.filter else None

    def allows(case: Case) -> bool:
        if ways.profiles and case.profile not in ways.profiles:
            return False
        if matches is not None and not matches(case.test_id):
            return False
        return not ways.failing or case in failing

    return allows


def _topic(path: str) -> str:
    """Return what a file or the file of its tests is named after."""
    return PurePosixPath(path).stem.removeprefix("test_").removesuffix("_test")


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
