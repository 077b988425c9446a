"""tox's environments as profiles: those that tox made already and whose name says which Python they have."""

from __future__ import annotations

import configparser
import itertools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, cast

from ..errors import UserError
from .tables import read_text, read_toml, subtable

_PYTHON_FACTOR = re.compile(r"(?:py|pypy)\d*t?|\d\.\d+t?|python\d[\d.]*")


_CONDITION = re.compile(r"\s*([\w.,!{} -]+?)\s*:\s*(?=\w+\s*=)")
_SET_ENV = ("set_env", "setenv")


class _Tox(NamedTuple):
    names: list[str]
    variables: Callable[[str], Mapping[str, str]]


def tox_environments(root: Path) -> tuple[dict[str, Mapping[str, str]], tuple[str, ...]]:
    """Return name -> variables of each environment that is in ``.tox``, and problems to tell.

    An environment counts if tox's configuration names it and one of its factors is a Python
    (``py311``, ``py3-django``, ``3.12``): ``lint`` and ``docs`` run no tests.

    Raises:
        UserError: there is no tox configuration or no such environment, or a file cannot be read.
    """
    toml = read_toml(root / "tox.toml")
    if toml is None:
        toml = subtable(read_toml(root / "pyproject.toml") or {}, "tool", "tox")
    if toml is not None and "legacy_tox_ini" not in toml:
        tox = _from_toml(toml)
    else:
        legacy = str((toml or {}).get("legacy_tox_ini", ""))
        text = legacy or read_text(root / "tox.ini")
        if text is None:
            raise UserError(
                f'{root}: profiles = "tox", but neither tox.ini nor tox.toml is here.',
                hint="Write the profiles as tables: [tool.testlanes.profiles.py311].",
            )
        tox = _from_ini(text, root)
    found: dict[str, Mapping[str, str]] = {}
    problems: list[str] = []
    for name in dict.fromkeys(tox.names):
        python = root / ".tox" / name / "bin" / "python"
        if not any(_PYTHON_FACTOR.fullmatch(part) for part in name.split("-")):
            continue
        if python.exists():
            found[name], left_out = _resolved(tox.variables(name), name, root)
            problems += [
                f"profile {name}: {key} is set in a way that only tox can read; it is left out."
                for key in left_out
            ]
    if not found:
        raise UserError(
            f'{root}: profiles = "tox", and tox has made no environment yet that has a Python.',
            hint="Make them with `tox run --notest`.",
        )
    return found, tuple(problems)


def expand_list(text: str) -> list[str]:
    """Return the names that tox's list notation stands for: ``py{38,39}-{a,b}`` are four.

    https://tox.wiki/en/stable/config.html#generative-environments
    """
    names: list[str] = []
    for word in re.split(r"[,\s]+(?![^{]*\})", re.sub(r"#.*", "", text)):
        parts = re.split(r"(\{[^{}]*\})", word)
        choices = [
            [item.strip() for item in part[1:-1].split(",")] if part.startswith("{") else [part]
            for part in parts
        ]
        names += ["".join(product) for product in itertools.product(*choices)]
    return [name for name in names if name]


def _from_ini(text: str, root: Path) -> _Tox:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = str(error).splitlines()[0]
        raise UserError(f"{root / 'tox.ini'} cannot be read: {line}.") from None

    def lines(section: str) -> list[str]:
        texts = [parser.get(section, key, fallback="") for key in _SET_ENV]
        return [line for text in texts for line in text.splitlines() if line.strip()]

    def variables(name: str) -> dict[str, str]:
        own = f"testenv:{name}"
        given = lines(own) or lines("testenv")  # as in tox, the own ones replace the common
        if any("{[testenv]set" in line for line in given):
            given = [*lines("testenv"), *given]
        values: dict[str, str] = {}
        for line in given:
            factor = _CONDITION.match(line)
            if factor is not None and not _applies(factor[1], name):
                continue
            key, equals, value = line[factor.end() if factor else 0 :].partition("=")
            if equals and not key.strip().startswith("#"):
                values[key.strip()] = value.strip()
        return values

    listed = [parser.get("tox", key, fallback="") for key in ("env_list", "envlist")]
    sections = [
        name.removeprefix("testenv:") for name in parser.sections() if name.startswith("testenv:")
    ]
    return _Tox(expand_list(",".join([*listed, *sections])), variables)


def _from_toml(data: Mapping[str, object]) -> _Tox:
    listed = data.get("env_list")
    items = cast("list[object]", listed) if isinstance(listed, list) else []
    names = [name for item in items if isinstance(item, str) for name in expand_list(item)]
    names += subtable(data, "env") or ()

    def variables(name: str) -> dict[str, str]:
        given = subtable(data, "env", name, "set_env") or subtable(data, "env_run_base", "set_env")
        # a value may be a table, tox's replacements; _resolved leaves it out
        return {
            key: value if isinstance(value, str) else "{}" for key, value in (given or {}).items()
        }

    return _Tox(names, variables)


def _applies(condition: str, name: str) -> bool:
    """Whether one of a condition's alternatives (``py311-a, !b``) holds for an environment."""
    factors = name.split("-")
    return any(
        all((part.lstrip("!") in factors) != part.startswith("!") for part in each.split("-"))
        for each in expand_list(condition)
    )


def _resolved(
    variables: Mapping[str, str], name: str, root: Path
) -> tuple[dict[str, str], list[str]]:
    """Put in what tox would for what is certain; return the rest's names apart."""
    known = {
        **dict.fromkeys(("toxinidir", "tox_root"), str(root)),
        **dict.fromkeys(("envname", "env_name"), name),
        **dict.fromkeys(("envdir", "env_dir"), str(root / ".tox" / name)),
        **dict.fromkeys(("toxworkdir", "work_dir"), str(root / ".tox")),
        "/": "/",
        ":": ":",
    }
    values: dict[str, str] = {}
    left_out: list[str] = []
    for key, value in variables.items():
        text = re.sub(r"\{([^{}]+)\}", lambda found: known.get(found[1], found[0]), value)
        if re.search(r"(?<!\\)\{.*\}", text):
            left_out.append(key)
        else:
            values[key] = text
    return values, left_out
