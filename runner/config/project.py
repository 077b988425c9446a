"""The project's own settings for testlanes: ``testlanes.toml``, or ``[tool.testlanes]`` of pyproject.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import UserError
from .tables import Table, read_toml, subtable

FRAMEWORKS = ("pytest", "unittest", "command", "testr", "stestr")

KEYS: Mapping[str, str] = {
    "framework": '"pytest"',
    "command": '"./run-tests $LISTOPT $IDOPTION"',
    "id_option": '"--load-list $IDFILE"',
    "list_option": '"--list"',
    "id_list_default": '""',
    "args": '["-q"]',
    "start": '"tests"',
    "pattern": '"test*.py"',
    "top": '"."',
    "concurrency": "4",
    "timeout": "60",
    "grace": "2",
    "load_timeout": "600",
    "memory_limit": '"2G"',
    "slow_after": "10",
    "retries": "1",
    "max_fail": "10",
    "flaky": '"fail"',
    "leaks": '"report"',
    "leaks_allow": "['process:^[0-9]+: gpg-agent', 'environment:^TZ ']",
    "group_regex": "'([^.]+\\.)+'",
    "plan": '"plan.json"',
    "isolated": "true",
    "fresh": "true",
    "native": "false",
    "repository": '".testrepository"',
    "python": '".venv/bin/python"',
    "env": '{ TZ = "UTC" }',
    "watch_ignore": '["docs/*"]',
    "watch_poll": "true",
    "watch_rest": "true",
    "instance_timeout": "600",
    "watch_memory": "2000",
    "watch_red": '"notify-send red"',
    "watch_green": '"notify-send green"',
    "hosts": '["local", "builder"]',
    "profiles": '{ py311 = { python = "python3.11" } }',
    "default_profiles": '["py311"]',
    "matrix": '{ python = ["py311", "py312"], db = ["sqlite", "postgres"] }',
    "parts": '{ postgres = { env = { DB = "postgres" } } }',
    "keys": '{ quit = "q" }',
    "theme": '"textual-dark"',
    "known_flaky": "['^tests\\.network\\.']",
}
"""Every key, with an example of its value."""

FLAKY = ("report", "fail")
"""What a test can mean for the run that passes on a retry only."""

LEAKS = ("report", "fail", "off")
"""What can be done about what tests leave behind."""

PREFIX_KEYS = ("run", "provision", "execute", "dispose", "setup", "sync", "shell")


def read_project(root: Path, file: Path | None = None) -> tuple[Table | None, tuple[str, ...]]:
    """Return a project's settings, None if it has none, and problems to tell.

    ``file`` is the only place to look at, if given.

    Raises:
        UserError: a file cannot be read, or has a key that is none.
    """
    own = read_toml(root / "testlanes.toml" if file is None else file)
    if file is not None and own is not None and "tool" in own:
        shared, own = file, None
    else:
        file, shared = file or root / "testlanes.toml", root / "pyproject.toml"
    # read in any case: a pyproject.toml that is broken is told now, not guessed around
    tool = subtable(read_toml(shared) or {}, "tool", "testlanes")
    if own is not None:
        _refuse_prefixes(own, file, "")
        told = f"{file.name} is used, and [tool.testlanes] of {shared.name} is not."
        return _checked(Table(own, file, "", KEYS)), () if tool is None else (told,)
    if tool is None:
        return None, ()
    _refuse_prefixes(tool, shared, "tool.testlanes.")
    return _checked(Table(tool, shared, "tool.testlanes", KEYS)), ()


def _checked(table: Table) -> Table:
    """Read every value once, so that a wrong one is told even where nothing needs it."""
    for key, example in KEYS.items():
        if key == "profiles":
            continue  # a table or a word: profile_specs
        if key == "framework":
            table.choice(key, FRAMEWORKS)
        elif key == "flaky":
            table.choice(key, FLAKY)
        elif key == "leaks":
            table.choice(key, LEAKS)
        elif key in ("env", "keys"):
            table.environment(key)
        elif example.startswith("{"):
            table.table(key)
        elif example.startswith("["):
            table.texts(key)
        elif example in ("true", "false"):
            table.flag(key)
        elif example.isdigit():
            whole = key in ("concurrency", "retries", "max_fail")
            table.whole(key) if whole else table.seconds(key)
        elif key not in ("id_option", "list_option", "id_list_default"):  # may be empty
            table.text(key)
    return table


def _refuse_prefixes(data: Mapping[str, object], file: Path, name: str) -> None:
    """Refuse to be told by a project which commands reach other machines."""
    keys = [f"hosts.{host}" for host in subtable(data, "hosts") or ()]
    keys += [key for key in PREFIX_KEYS if key in data]
    if keys:
        raise UserError(
            f"{file}: {name}{keys[0]} says how a host is reached. A project may only name hosts:"
            " whoever can change its files could run commands on your machines.",
            hint='Write it in ~/.config/testlanes/hosts.toml, and hosts = ["…"] here.',
        )
