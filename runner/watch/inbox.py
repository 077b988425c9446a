"""What changed and has not been taken up by a cycle."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..affected import Change


class Inbox:
    """The changes by path. Of several of one file the last counts, and that it once came or went."""

    def __init__(self) -> None:
        self._changes: dict[str, Change] = {}

    def __bool__(self) -> bool:
        return bool(self._changes)

    @property
    def paths(self) -> tuple[str, ...]:
        """The changed files."""
        return tuple(self._changes)

    @property
    def changes(self) -> list[Change]:
        """All of them, in the order they came."""
        return list(self._changes.values())

    def put(self, changes: Iterable[Change]) -> None:
        """Add some that are newer than all that is there."""
        for change in changes:
            known = self._changes.pop(change.path, None)
            self._changes[change.path] = change if known is None else _both(known, change)

    def put_back(self, changes: Iterable[Change]) -> None:
        """Add some that are older: they were taken, and came to nothing."""
        newer = self._changes
        self._changes = {change.path: change for change in changes}
        self.put(newer.values())

    def take(self, but: Collection[str]) -> list[Change]:
        """Take all but these."""
        taken = [change for change in self._changes.values() if change.path not in but]
        for change in taken:
            del self._changes[change.path]
        return taken


def _both(old: Change, new: Change) -> Change:
    """Return what two changes of a file are together: those who list its folder are to hear that it came or went."""
    return old if new.how == "modified" and old.how == "added" else new
