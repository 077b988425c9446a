"""From a test's id to the file it is defined in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from posixpath import join

_UNLOADED = ("unittest.loader._FailedTest.", "unittest.loader.ModuleImportFailure.")


class TestFiles:
    """Finds files by ids: ``a/b.py::C::t`` of pytest, ``a.b.C.t`` of unittest."""

    __test__ = False  # pytest collects classes by name

    def __init__(self, is_file: Callable[[str], bool], folders: Iterable[str] = ("",)) -> None:
        """``folders``: where imports start, relative to the project's folder."""
        self._is_file = is_file
        self._folders = tuple(dict.fromkeys(folders)) or ("",)
        self._known: dict[str, str | None] = {}

    def forget(self) -> None:
        """Files came or went."""
        self._known.clear()

    def of(self, test_id: str) -> str | None:
        """Return the path, relative to the project's folder; None where the id names none."""
        head, found, _ = test_id.partition("::")
        if found or head.endswith(".py"):
            key = head
        else:
            for prefix in _UNLOADED:
                head = head.removeprefix(prefix)
            # setUpClass (a.b.C) and subtests are of what is in the brackets, or before them
            if " (" in head and head.endswith(")"):
                head = head.partition(" (")[2][:-1]
            head = head.partition("(")[0].partition("[")[0]
            key = head.rpartition(".")[0] or head
            if self._lookup(head) is not None:
                key = head
        return self._lookup(key)

    def _lookup(self, key: str) -> str | None:
        try:
            return self._known[key]
        except KeyError:
            pass
        found = self._path_of(key)
        self._known[key] = found
        return found

    def _path_of(self, key: str) -> str | None:
        if key.endswith(".py"):
            names = [key]
        else:
            parts = key.split(".")
            names: list[str] = []
            for size in range(len(parts), 0, -1):
                path = "/".join(parts[:size])
                names += [f"{path}.py", f"{path}/__init__.py"]
        for name in names:
            for folder in self._folders:
                if self._is_file(path := join(folder, name)):
                    return path
        return None
