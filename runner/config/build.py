"""From a profile as it is configured to one that can run: its interpreter found, its suite put together."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from ..frozen import frozen
from ..ids import LOCAL, HostName
from ..settings import CommandSuite, Profile, PytestSuite, Suite, UnittestSuite
from .interpreter import Found, candidates, is_python_name, on_path, why_broken, why_missing
from .native import discovery, plain_unittest
from .profiles import ProfileSpec
from .shell_words import plain_words
from .source import Source

THE_COMMAND = "the command"
NOT_PYTEST = (
    "-k and -m are pytest's; elsewhere filters choose, regexes that match in ids: `testlanes REGEX`"
)
"""The origin of an interpreter that only the suite's command knows."""


@frozen
class Common:
    """What all profiles share."""

    root: Path
    environ: Mapping[str, str]
    source: Source
    python: Found | None
    """The interpreter that the command line or the project names for all."""
    default: Callable[[], Found]
    env: Mapping[str, str]
    args: tuple[str, ...]
    places: Mapping[str, str]
    """``start``, ``pattern`` and ``top`` on top of the suite's own."""
    native: bool
    hosts: tuple[HostName, ...]


@frozen
class Built:
    """A profile, or None where its interpreter is missing; then ``problem`` says so."""

    profile: Profile | None
    origin: str = ""
    problem: str = ""


def build_profile(spec: ProfileSpec, common: Common, *, check: bool) -> Built:
    """Return the profile; ``check`` starts its interpreter to see whether it works.

    Raises:
        UserError: arguments or places do not suit the suite.
    """
    env = {**common.env, **spec.env}
    if isinstance(common.source.suite, CommandSuite) and check:
        env["PROFILE"] = spec.name
    suite, word, env = _suite(spec, common, env)
    named, word = _named(spec, suite, common, word)
    profile = Profile(
        name=spec.name,
        suite=suite,
        env=env,
        tags=spec.tags,
        lanes=spec.lanes,
        hosts=spec.hosts or common.hosts,
        directory=str((common.root / spec.directory).absolute()) if spec.directory else "",
    )
    if spec.directory and LOCAL in profile.hosts and not Path(profile.directory).is_dir():
        return Built(None, problem=f"profile {spec.name}: there is no directory {spec.directory}.")
    if LOCAL not in profile.hosts:
        # only the host can tell; hosts.toml may name another one for it
        return Built(replace(profile, python=spec.python), spec.origin)
    if isinstance(suite, CommandSuite) and not named and common.python is None:
        return Built(profile, THE_COMMAND)
    found, problem = _interpreter(named, common, word, check=check)
    if found is None:
        return Built(None, problem=f"profile {spec.name}: {problem}")
    if isinstance(suite, CommandSuite):  # for its ${PYTHON:-python}
        return Built(replace(profile, env={**env, "PYTHON": found.python}), found.origin)
    return Built(replace(profile, python=found.python), found.origin, problem)


def _suite(
    spec: ProfileSpec, common: Common, env: dict[str, str]
) -> tuple[Suite, str, dict[str, str]]:
    """Return the suite, the word for its interpreter in its own command or nothing, and its variables."""
    suite, args, word = common.source.suite, (*common.args, *spec.args), ""
    if isinstance(suite, CommandSuite) and common.native:
        plain = plain_unittest(suite, {**common.environ, **env})
        # arguments that only the command understands are for the command
        if plain is not None and discovery(args, plain.suite) is not None:
            suite, word, env = plain.suite, plain.python, {**env, **plain.env}
    match suite:
        case CommandSuite():
            if common.places:
                key = next(iter(common.places))
                raise UserError(
                    f"{key} is for unittest discovery, and {common.source.origin} runs a command.",
                    hint="Leave it out, or choose --framework unittest.",
                )
            command = suite.command
            if "PROFILE" in env:  # as testr's profiles have it; a shell would not see a "|" in it
                command = re.sub(r"\$\{PROFILE:\+([^{}]*)\}", r"\1", command)
            command = " ".join([command, *map(shlex.quote, args)])
            return replace(suite, command=command), "", env
        case PytestSuite():
            if common.places:
                key = next(iter(common.places))
                raise UserError(
                    f"{key} is for unittest discovery, and pytest runs these tests ({common.source.origin}).",
                    hint="Leave it out, or choose --framework unittest.",
                )
            return replace(suite, args=(*suite.args, *args)), "", env
        case UnittestSuite():
            if common.source.repository_format == "stestr":
                suite = _as_a_shell_reads_it(suite, {**common.environ, **env})
            found = discovery(args, replace(suite, **common.places))
            if found is None:
                pytests = {"-k", "-m"}.intersection(args)
                raise UserError(
                    f"unittest discovery cannot take these arguments: {shlex.join(args)}.",
                    hint=NOT_PYTEST
                    if pytests
                    else "It takes [-s] START, [-p] PATTERN and [-t] TOP.",
                )
            if common.source.repository_format == "stestr":
                word = common.environ.get("PYTHON", "")
            return found, word, env


def _as_a_shell_reads_it(suite: UnittestSuite, environ: Mapping[str, str]) -> UnittestSuite:
    """Return it with the values of variables: stestr gives both folders to a shell, in double quotes."""
    (start, *_), (top, *_) = (
        plain_words(f'"{text}"', environ) or [text] for text in (suite.start, suite.top or "")
    )
    return replace(suite, start=start, top=top or suite.top)


def _named(spec: ProfileSpec, suite: Suite, common: Common, word: str) -> tuple[str, str]:
    """Return the name of the interpreter that this profile must have, or nothing, and the command's own word.

    It is what the profile says, or its name (``py311``). A command that uses ``$PROFILE`` decides by
    itself; one that does not read ``$PYTHON`` cannot be told.
    """
    command = common.source.suite.command if isinstance(common.source.suite, CommandSuite) else ""
    if spec.python or common.python is not None:
        return spec.python, word
    if _uses("PROFILE", command):
        return word, ""
    told = not isinstance(suite, CommandSuite) or _uses("PYTHON", command)
    return spec.name if told and is_python_name(spec.name, common.root) else "", word


def _uses(variable: str, command: str) -> bool:
    return re.search(rf"\$\{{?{variable}\b", command) is not None


def _interpreter(named: str, common: Common, word: str, *, check: bool) -> tuple[Found | None, str]:
    """Return the first interpreter that works, or why there is none."""
    root, environ = common.root, common.environ
    if named:
        reasons: list[str] = []
        for found in candidates(named, root, environ):
            broken = why_broken(found.python, root, environ) if check else ""
            if not broken:
                return found, ""
            reasons.append(f"{found.python} ({found.origin}): {broken}.")
        # one that is too old tells more than a shim on PATH that finds nothing
        reasons.sort(key=lambda reason: "it is Python" not in reason)
        return None, reasons[0] if reasons else why_missing(named, root, environ)
    if common.python is not None:
        found = common.python
    elif word:
        at = next(candidates(word, root, environ), None) if "/" in word else None
        path = None if "/" in word else on_path(word, environ)
        if at is None and path is None:
            found = common.default()
            return found, (
                f"{common.source.origin}: there is no {word} here; {found.python} is used"
                f" ({found.origin})."
            )
        origin = f"{common.source.origin} {word}"
        found = Found(at.python if at else str(Path(path or "").absolute()), origin)
    else:
        found = common.default()
    broken = why_broken(found.python, root, environ) if check else ""
    return (None, f"{found.python} ({found.origin}): {broken}.") if broken else (found, "")
