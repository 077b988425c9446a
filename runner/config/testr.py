"""``.testr.conf``: testrepository's configuration, with the profile keys of its unmerged profiles branch.

Read as testrepository 0.0.22 reads it: ``[DEFAULT]`` only, ``%%`` for a percent sign.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..patterns import compile_pattern
from ..settings import CommandSuite
from .ini import read_section
from .source import Source
from .tables import nearest

FILE = ".testr.conf"

_KEYS = (
    "test_command",
    "test_id_option",
    "test_list_option",
    "test_id_list_default",
    "test_run_concurrency",
    "group_regex",
    "filter_tags",
    "list_profiles",
    "default_profiles",
    "instance_provision",
    "instance_execute",
    "instance_dispose",
)


def read_testr(path: Path) -> Source | None:
    """Return what a ``.testr.conf`` says, None if there is no such file.

    Raises:
        UserError: it is no INI file, or a key that is needed is missing.
    """
    values = read_section(path)
    if values is None:
        return None
    unknown = [key for key in values if key not in _KEYS]
    problems = [
        f"{path.name}: testr has no key {key}; it is ignored. {nearest(key, _KEYS)}"
        for key in unknown
    ]
    command = values.get("test_command", "").strip()
    if not command:
        near = [text for text in problems if "test_command" in text]
        raise UserError(
            f"{path}: test_command is missing." + (f" {near[0]}" if near else ""),
            hint="Write, for example, test_command=${PYTHON:-python} -m subunit.run discover . $LISTOPT $IDOPTION",
        )
    for variable, key, example in (
        ("$IDOPTION", "test_id_option", "--load-list $IDFILE"),
        ("$LISTOPT", "test_list_option", "--list"),
    ):
        if variable in command and key not in values:
            raise UserError(
                f"{path}: test_command uses {variable}, and {key} is missing.",
                hint=f"Write, for example, {key}={example}",
            )
    if "$LISTOPT" not in command:
        problems.append(
            f"{path.name}: test_command does not use $LISTOPT: its tests cannot be listed."
        )
    group_regex = values.get("group_regex", "")
    if group_regex:
        compile_pattern(group_regex, f"{path}: group_regex")
    execute = values.get("instance_execute", "").strip()
    provision = values.get("instance_provision", "").strip()
    return Source(
        origin=path.name,
        suite=CommandSuite(
            command,
            values.get("test_id_option", ""),
            values.get("test_list_option", ""),
            values.get("test_id_list_default", ""),
        ),
        repository_format="testr",
        group_regex=group_regex,
        filter_tags=tuple(values.get("filter_tags", "").split()),
        concurrency_command=values.get("test_run_concurrency", "").strip(),
        list_profiles=values.get("list_profiles", "").strip(),
        default_profiles=values.get("default_profiles", "").strip(),
        instance_provision=provision,
        instance_execute=execute,
        instance_dispose=values.get("instance_dispose", "").strip(),
        problems=tuple(problems),
    )
