"""What the project's modules import of each other, read from their sources.

A process opens a module's file for the first importer only; all others find it in ``sys.modules``. So what a
run reads is not all that matters: the sources say the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from posixpath import dirname, join

from ..frozen import frozen

_DYNAMIC = frozenset({"import_module", "__import__", "run_path", "run_module"})


@frozen
class Imports:
    """What one source asks for."""

    names: tuple[tuple[int, str], ...]
    """(level, dotted name): level 0 is absolute, 1 the module's own package, as in ``ast.ImportFrom``."""
    dynamic: bool = False
    """Whether it imports what only a run can tell."""


def imports_of(source: bytes) -> Imports | None:
    """Return what a source imports, anywhere in it; None if it cannot be parsed (by this Python)."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names: dict[tuple[int, str], None] = {}
    dynamic = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(((0, alias.name), None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module:
                names[node.level, module] = None
            for alias in node.names:
                names[node.level, f"{module}.{alias.name}".lstrip(".")] = None
        elif isinstance(node, ast.Call) and _called(node.func) in _DYNAMIC:
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                level = len(first.value) - len(first.value.lstrip("."))
                names[level, first.value.lstrip(".")] = None
            else:
                dynamic = True
    return Imports(tuple(names), dynamic)


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


class ImportGraph:
    """Files and what they import, as paths relative to the project's folder."""

    def __init__(self, read: Callable[[str], bytes | None], is_file: Callable[[str], bool]) -> None:
        """``read`` gives a file's content, None if there is none."""
        self._read, self._is_file = read, is_file
        self._sources: dict[str, Imports | None] = {}
        self._known: dict[str, tuple[frozenset[str], bool]] = {}
        self._gone: frozenset[str] = frozenset()

    def forget(self, paths: Iterable[str]) -> None:
        """Read these files anew when they are next asked for."""
        for path in paths:
            self._known.pop(path, None)
            self._sources.pop(path, None)

    def resolve_anew(self, gone: Iterable[str] = ()) -> None:
        """Resolve all imports anew: modules came or went. ``gone`` are taken to be there, for who imports them."""
        self._known.clear()
        self._gone = frozenset(gone)

    def exists(self, path: str) -> bool:
        """Whether there is such a file, or was until just now."""
        return path in self._gone or self._is_file(path)

    def of(self, path: str) -> frozenset[str]:
        """Return the project's files that a file imports, with the packages above them."""
        return self._look(path)[0]

    def is_dynamic(self, path: str) -> bool:
        """Whether a file may import what its source does not name."""
        return self._look(path)[1]

    def _look(self, path: str) -> tuple[frozenset[str], bool]:
        known = self._known.get(path)
        if known is None:
            if path not in self._sources:
                content = self._read(path)
                self._sources[path] = imports_of(content) if content is not None else Imports(())
            found = self._sources[path]
            if found is None:
                known = frozenset[str](), True
            else:
                files = (file for each in found.names for file in self._files(path, *each))
                known = frozenset(files) - {path}, found.dynamic
            self._known[path] = known
        return known

    def _files(self, importer: str, level: int, name: str) -> Iterator[str]:
        """Yield what an import may load; any folder above the importer may be on ``sys.path``."""
        folder: str = dirname(importer)
        if level:
            for _ in range(level - 1):
                folder = dirname(folder)
            yield from self._below(folder, name)
            return
        while True:
            for base in (folder, join(folder, "src"), join(folder, "lib")):
                yield from self._below(base, name)
            if not folder:
                return
            folder = dirname(folder)

    def _below(self, folder: str, name: str) -> Iterator[str]:
        parts = name.split(".") if name else []
        at = folder
        for part in parts:
            if self.exists(module := join(at, f"{part}.py")):
                yield module
            at = join(at, part)
            if self.exists(package := join(at, "__init__.py")):
                yield package
