"""``testlanes config``: the resolved settings, and where each comes from."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from ..ids import LOCAL
from ..settings import CommandSuite, Profile, PytestSuite, Settings, UnittestSuite

Value: TypeAlias = str | int | float | bool | list[str] | dict[str, str] | None


class Row(NamedTuple):
    """One setting: its key, its value as JSON would have it, and where that is from."""

    key: str
    value: Value
    origin: str


def describe(settings: Settings) -> list[Row]:
    """Return every setting, in the order in which one would ask for them."""
    rows = [
        Row("root", settings.root, ""),
        Row("suite", _suite_kind(settings), settings.origins.get("suite", "")),
    ]
    for profile in settings.profiles:
        rows += _profile_rows(profile, settings)
    left_out = set(settings.all_profiles) - {profile.name for profile in settings.profiles}
    if left_out:
        rows.append(Row("profiles left out", sorted(left_out), ""))
    values: Mapping[str, Value] = {
        "repository": settings.repository,
        "repository_format": settings.repository_format,
        "concurrency": settings.concurrency,
        "concurrency_command": settings.concurrency_command,
        "hosts": list(settings.hosts),
        "timeout": settings.timeout,
        "grace": settings.grace,
        "slow_after": settings.slow_after,
        "retries": settings.retries,
        "max_fail": settings.max_fail,
        "load_timeout": settings.load_timeout,
        "memory_limit": settings.memory_limit,
        "flaky": settings.flaky,
        "leaks": settings.leaks,
        "leaks_allow": list(settings.leaks_allow),
        "group_regex": settings.group_regex,
        "plan": settings.plan,
        "isolated": settings.isolated,
        "fresh": settings.fresh,
        "native": settings.native,
        "shuffle": settings.shuffle,
        "filter_tags": list(settings.filter_tags),
        "known_flaky": list(settings.known_flaky),
        "watch_ignore": list(settings.watch_ignore),
        "watch_poll": settings.watch_poll,
        "watch_memory": settings.watch_memory,
        "watch_red": settings.watch_red,
        "watch_green": settings.watch_green,
        "watch_rest": settings.watch_rest,
        "instance_timeout": settings.instance_timeout,
        "instance_provision": settings.instance_provision,
        "instance_execute": settings.instance_execute,
        "instance_dispose": settings.instance_dispose,
        "theme": settings.theme,
    }
    rows += [Row(key, value, _origin(settings, key)) for key, value in values.items()]
    rows += [
        Row(f"reach.{name}", shlex.join(host.run), "hosts.toml")
        for name, host in settings.reach.items()
    ]
    for action, key in sorted(settings.keys.items()):
        rows.append(Row(f"keys.{action}", key, _origin(settings, f"keys.{action}")))
    return rows


def show_config(settings: Settings, as_json: bool) -> str:
    """Return the settings as a table for people, or as one JSON object."""
    rows = describe(settings)
    if as_json:
        data = {
            "settings": {row.key: {"value": row.value, "from": row.origin} for row in rows},
            "problems": list(settings.problems),
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    shown = [(row.key, _text(row), row.origin) for row in rows]
    key_width = max(len(key) for key, _, _ in shown)
    # a long value may stand out: it must not push all origins off the screen
    value_width = min(40, max(len(value) for _, value, _ in shown))
    lines = [
        f"{key:<{key_width}}  {value:<{value_width}}  {origin}".rstrip()
        for key, value, origin in shown
    ]
    if settings.problems:
        lines += ["", *settings.problems]
    return "\n".join(lines) + "\n"


def _profile_rows(profile: Profile, settings: Settings) -> list[Row]:
    name = f"profiles.{profile.name}"
    python = _origin(settings, f"{name}.python")
    suite = settings.origins.get("suite", "")
    rows = [Row(f"{name}.python", profile.python, python)] if profile.python else []
    match profile.suite:
        case CommandSuite(command, id_option, list_option, id_list_default):
            rows.append(Row(f"{name}.command", command, suite))
            for key, value in (
                ("id_option", id_option),
                ("list_option", list_option),
                ("id_list_default", id_list_default),
            ):
                if value:
                    rows.append(Row(f"{name}.{key}", value, ""))
        case PytestSuite(args):
            rows.append(Row(f"{name}.runs", shlex.join(["pytest", *args]), suite))
        case UnittestSuite(start, pattern, top, names):
            words = ["discover", "-s", start, "-p", pattern, *(["-t", top] if top else [])]
            rows.append(Row(f"{name}.runs", shlex.join(["unittest", *(names or words)]), suite))
    if profile.env:
        rows.append(Row(f"{name}.env", dict(profile.env), ""))
    if profile.directory:
        rows.append(Row(f"{name}.directory", profile.directory, ""))
    if profile.tags:
        rows.append(Row(f"{name}.tags", list(profile.tags), ""))
    if profile.lanes is not None:
        rows.append(Row(f"{name}.lanes", profile.lanes, ""))
    if profile.hosts not in ((LOCAL,), settings.hosts):
        rows.append(Row(f"{name}.hosts", list(profile.hosts), ""))
    return rows


def _suite_kind(settings: Settings) -> str:
    kinds = {UnittestSuite: "unittest", PytestSuite: "pytest", CommandSuite: "command"}
    return ", ".join(dict.fromkeys(kinds[type(profile.suite)] for profile in settings.profiles))


def _origin(settings: Settings, key: str) -> str:
    return settings.origins.get(key, "default")


def _text(row: Row) -> str:
    match row.value:
        case None | "" | []:
            return "none"
        case bool():
            return "yes" if row.value else "no"
        case str():
            return row.value.replace("\n", " ")
        case list():
            return " ".join(row.value)
        case dict():
            return " ".join(f"{name}={shlex.quote(value)}" for name, value in row.value.items())
        case _:
            if row.key == "concurrency" and row.value == 0:
                return "the machine's cores"
            return f"{row.value:g}" if isinstance(row.value, float) else str(row.value)
