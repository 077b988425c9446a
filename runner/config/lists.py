"""Files that name tests: lists of ids, lists of regexes, tests by profile, concurrency plans."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import UserError
from ..frozen import frozen
from ..ids import ProfileName
from ..patterns import compile_pattern
from ..settings import Selection
from .tables import read_text

if TYPE_CHECKING:
    from ..plan import Plan

STDIN = "-"


@frozen
class LoadList:
    """The ids of a list: the same for all profiles, or each profile's own."""

    ids: frozenset[str] | None = None
    per_profile: Mapping[ProfileName, frozenset[str]] | None = None


def read_load_list(cwd: Path, name: str) -> LoadList:
    """Read a list of ids, one a line, or a JSON object of tests by profile; ``-`` is standard input.

    The JSON is described in ``tests-by-profile.schema.json``. In a plain list blanks around an
    id are no part of it, as in testr.

    Raises:
        UserError: it cannot be read, or is JSON of another shape.
    """
    text = sys.stdin.read() if name == STDIN else _required(cwd / name)
    where = "standard input" if name == STDIN else name
    if text.lstrip().startswith("{"):
        return LoadList(per_profile=parse_by_profile(text, where))
    return LoadList(ids=frozenset(line.strip() for line in text.split("\n") if line.strip()))


def read_load_lists(cwd: Path, names: Iterable[str]) -> LoadList | None:
    """Read several lists of one kind, which add up; None if there are none.

    Raises:
        UserError: one cannot be read or is wrong, or plain lists and tests by profile are mixed.
    """
    ids: frozenset[str] | None = None
    per_profile: dict[ProfileName, frozenset[str]] | None = None
    for name in names:
        listed = read_load_list(cwd, name)
        if listed.per_profile is None:
            ids = (ids or frozenset[str]()) | (listed.ids or frozenset[str]())
            continue
        per_profile = per_profile or {}
        for profile, tests in listed.per_profile.items():
            per_profile[profile] = per_profile.get(profile, frozenset()) | tests
    if ids is not None and per_profile is not None:
        raise UserError("A plain list and tests by profile cannot be loaded together.")
    return None if ids is None and per_profile is None else LoadList(ids, per_profile)


def parse_by_profile(text: str, where: str) -> dict[ProfileName, frozenset[str]]:
    """Read tests by profile: ``{"test id": {"profiles": ["py311"]}}``.

    Raises:
        UserError: the text is not that; ``where`` names its file.
    """
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON: {error}.") from None
    hint = 'Write {"test id": {"profiles": ["py311"]}}.'
    if not isinstance(data, dict):
        raise UserError(f"{where} is not an object of tests.", hint=hint)
    found: dict[ProfileName, set[str]] = {}
    for test_id, value in cast("dict[str, object]", data).items():
        entry = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        names = entry.get("profiles")
        if not isinstance(names, list):
            raise UserError(f'{where}: {test_id!r} has no list of "profiles".', hint=hint)
        for name in cast("list[object]", names):
            if not isinstance(name, str) or not name:
                raise UserError(f"{where}: {test_id!r} has {name!r} as a profile.", hint=hint)
            found.setdefault(ProfileName(name), set()).add(test_id)
    return {name: frozenset(ids) for name, ids in found.items()}


def format_by_profile(cases: Iterable[tuple[str, ProfileName]]) -> str:
    """Return tests by profile as JSON, ids and profiles sorted: equal sets make equal texts."""
    tests: dict[str, set[str]] = {}
    for test_id, profile in cases:
        tests.setdefault(test_id, set()).add(profile)
    data = {test_id: {"profiles": sorted(tests[test_id])} for test_id in sorted(tests)}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def read_patterns(cwd: Path, name: str) -> tuple[str, ...]:
    """Read regexes, one a line; ``#`` at a line's beginning or after a blank begins a comment.

    Raises:
        UserError: the file cannot be read, or a line is no regex.
    """
    patterns: list[str] = []
    for number, line in enumerate(_required(cwd / name).split("\n"), 1):
        text = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if text:
            if "::" not in text:  # a nodeid need not be a regex
                compile_pattern(text, f"{name}: line {number}:")
            patterns.append(text)
    return tuple(patterns)


def read_plan(file: str) -> Plan:
    """Read the concurrency plan that ``Settings.plan`` names.

    Raises:
        UserError: it cannot be read, or is no plan.
    """
    from ..plan import parse_plan

    return parse_plan(_required(Path(file)), file)


def build_selection(
    cwd: Path,
    root: Path,
    *,
    filters: Iterable[str] = (),
    listed: LoadList | None = None,
    include_lists: Iterable[str] = (),
    exclude_lists: Iterable[str] = (),
    exclude: Iterable[str] = (),
    failing: Mapping[ProfileName, frozenset[str]] | None = None,
) -> Selection:
    """Put together what the command line selects; ``failing`` are the known failures, if those are asked for.

    A list and the failing tests must both name a test, as in testr.

    Raises:
        UserError: a file cannot be read or is wrong.
    """
    ids = None if listed is None else listed.ids
    per_profile = None if listed is None else listed.per_profile
    if failing is not None:
        wanted, by_profile = ids, per_profile
        both: dict[ProfileName, frozenset[str]] = {}
        for profile, known in failing.items():
            if by_profile is not None:
                known &= by_profile.get(profile, frozenset())
            both[profile] = known if wanted is None else known & wanted
        per_profile = both
        ids = None
    return Selection(
        filters=tuple(relative_filter(text, cwd, root) for text in filters),
        ids=ids,
        include=tuple(text for name in include_lists for text in read_patterns(cwd, name)),
        exclude=(
            *(relative_filter(text, cwd, root) for text in exclude),
            *(text for name in exclude_lists for text in read_patterns(cwd, name)),
        ),
        per_profile=per_profile,
    )


def relative_filter(text: str, cwd: Path, root: Path) -> str:
    """Return a filter that names an existing file or folder relative to the project's folder.

    What names none is returned as it is. Nodeids keep what follows their file.
    """
    name, colons, rest = text.partition("::")
    absolute = name.startswith("/")
    if not name or (not absolute and cwd == root):
        return text
    path = Path(name) if absolute else cwd / name
    try:
        if not path.exists():
            return text
        path = path.resolve().relative_to(root.resolve())
    except (OSError, ValueError):
        return text
    return f"{path.as_posix()}{colons}{rest}"


def _required(path: Path) -> str:
    text = read_text(path)
    if text is None:
        raise UserError(f"There is no file {path}.")
    return text
