"""stestr's configuration: ``.stestr.conf``, ``[tool.stestr]`` of pyproject.toml, or ``[stestr]`` of tox.ini.

Read in this order, and only the first that there is, as stestr 4.2.1 does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import UserError
from ..patterns import compile_pattern
from ..settings import UnittestSuite
from .ini import read_section
from .source import Source
from .tables import nearest, read_toml, subtable

FILE = ".stestr.conf"
CLASS_GROUPS = r"([^\.]*\.)*"
"""The group regex that ``parallel_class`` stands for: everything up to the last dot."""

_KEYS = ("test_path", "top_dir", "group_regex", "parallel_class")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def read_stestr(root: Path, file: Path | None = None, test_path: str = "") -> Source | None:
    """Return what a project's stestr configuration says, None if there is none.

    ``file`` is the only place to look at; ``test_path`` is instead of the configured one.

    Raises:
        UserError: a file cannot be read, or a value is wrong.
    """
    for path, section in _places(root, file):
        values = _read(path, section)
        if values is not None:
            return _source(path, section, values, test_path)
    return None


def _places(root: Path, file: Path | None) -> list[tuple[Path, str]]:
    if file is not None:
        return [(file, "tool.stestr" if file.suffix == ".toml" else "DEFAULT")]
    return [
        (root / FILE, "DEFAULT"),
        (root / "pyproject.toml", "tool.stestr"),
        (root / "tox.ini", "stestr"),
    ]


def _read(path: Path, section: str) -> Mapping[str, object] | None:
    if path.suffix == ".toml":
        return subtable(read_toml(path) or {}, "tool", "stestr")
    return read_section(path, section)


def _source(path: Path, section: str, values: Mapping[str, object], test_path: str) -> Source:
    origin = path.name if section == "DEFAULT" else f"{path.name} [{section}]"
    # tox.ini's [DEFAULT] shows through in [stestr]; stestr does not mind, and nor do we
    unknown = [key for key in values if key not in _KEYS]
    others = [key for key in _KEYS if key not in values]
    problems = [
        f"{origin}: stestr has no key {key}; it is ignored. {nearest(key, others)}"
        for key in unknown
    ]
    texts: dict[str, str] = {}
    for key in ("test_path", "top_dir", "group_regex"):
        value = values.get(key, "")
        if not isinstance(value, str):
            raise UserError(f"{path}: {key} is {value!r}, not a text.", hint=f'Write {key} = "…".')
        texts[key] = value
    if texts["group_regex"]:
        compile_pattern(texts["group_regex"], f"{path}: group_regex")
    by_class = str(values.get("parallel_class", "")).lower()
    if by_class not in (*_TRUE, *_FALSE):
        raise UserError(
            f"{path}: parallel_class is {values['parallel_class']!r}, not true or false.",
            hint="Write parallel_class=True, or leave it out.",
        )
    start = test_path or texts["test_path"]
    if not start:
        example = 'test_path = "./tests"' if path.suffix == ".toml" else "test_path=./tests"
        raise UserError(f"{path}: test_path is missing.", hint=f"Write, for example, {example}")
    return Source(
        origin=origin,
        suite=UnittestSuite(start=start, top=texts["top_dir"] or "./"),
        repository_format="stestr",
        group_regex=CLASS_GROUPS if by_class in _TRUE else texts["group_regex"],
        problems=tuple(problems),
    )
