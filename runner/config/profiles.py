"""The profiles a project configures: as tables, as a product, as tox's environments, or by testr's commands."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

from ..errors import UserError
from ..frozen import frozen
from ..ids import HostName, ProfileName
from .source import Source
from .tables import Table, nearest

LIMIT = 60.0
"""Seconds that ``list_profiles`` and ``default_profiles`` have."""

KEYS: Mapping[str, str] = {
    "python": '"python3.11"',
    "env": '{ DB = "sqlite" }',
    "args": '["-q"]',
    "directory": '"src"',
    "tags": '["sqlite"]',
    "hosts": '["local"]',
    "lanes": "2",
}
"""Every key of a profile, with an example of its value."""

# a tag of subunit's has no blanks and no "-" first; worker-N and host-NAME are ours
_NAME = re.compile(r"(?!worker-|host-)[A-Za-z0-9_.][\w.+=:@-]*")


@frozen
class ProfileSpec:
    """A profile as it is configured, before its interpreter is looked for."""

    name: ProfileName
    origin: str = ""
    python: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    args: tuple[str, ...] = ()
    directory: str = ""
    tags: tuple[str, ...] = ()
    hosts: tuple[HostName, ...] | None = None
    lanes: int | None = None


def profile_specs(
    project: Table | None, source: Source, root: Path, environ: Mapping[str, str]
) -> tuple[tuple[ProfileSpec, ...], tuple[str, ...]]:
    """Return the configured profiles, none if none is, and problems to tell.

    Raises:
        UserError: a value is wrong, or a command for them failed.
    """
    if project is not None and (project.has("profiles") or project.has("matrix")):
        if project.raw("profiles") == "tox":
            from .tox import tox_environments

            found, problems = tox_environments(root)
            specs = [
                ProfileSpec(
                    ProfileName(name), "tox", f".tox/{name}/bin/python", env, tags=_factors(name)
                )
                for name, env in found.items()
            ]
            return tuple(specs), problems
        if isinstance(project.raw("profiles"), str):
            raise project.wrong("profiles", 'a table or "tox"')
        return tuple(_tables(project)), ()
    if source.list_profiles:
        names = _names(source.list_profiles, f"{source.origin}: list_profiles", root, environ)
        if not names:
            raise UserError(
                f"{source.origin}: list_profiles printed no profile.",
                hint="Let it print names with blanks between, or remove it.",
            )
        origin = f"{source.origin} list_profiles"
        return tuple(ProfileSpec(ProfileName(name), origin) for name in names), ()
    return (), ()


def default_names(
    project: Table | None, source: Source, root: Path, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], str] | None:
    """Return the names or tags of the profiles that run if none is asked for, and who says so.

    None stands for all.
    """
    names = project.texts("default_profiles") if project is not None else None
    if names is not None and project is not None:
        return tuple(names), f"{project.file}: {project.path('default_profiles')}"
    if source.default_profiles:
        what = f"{source.origin}: default_profiles"
        return _names(source.default_profiles, what, root, environ), what
    return None


def choose(
    specs: Sequence[ProfileSpec], wanted: Iterable[str], where: str
) -> tuple[ProfileSpec, ...]:
    """Return the profiles that any of ``wanted`` names: their names, tags, or patterns of these (``py31*``).

    Raises:
        UserError: one of them names none. ``where`` says who asks.
    """
    chosen: set[ProfileName] = set()
    words = [word for text in wanted for part in text.split(",") if (word := part.strip())]
    if not words:
        known = ", ".join(spec.name for spec in specs)
        raise UserError(f"{where} names no profile.", hint=f"There are: {known}." if known else "")
    for word in words:
        named = [
            spec.name
            for spec in specs
            if any(fnmatchcase(each, word) for each in (spec.name, *spec.tags))
        ]
        if not named:
            if not specs:
                raise UserError(
                    f"{where} asks for {word!r}, and no profiles are configured.",
                    hint=f"Write [tool.testlanes.profiles.{word}] in pyproject.toml.",
                )
            hint = nearest(word, {each for spec in specs for each in (spec.name, *spec.tags)})
            raise UserError(f"{where}: there is no profile {word!r}.", hint=hint)
        chosen.update(named)
    return tuple(spec for spec in specs if spec.name in chosen)


def _tables(project: Table) -> Iterable[ProfileSpec]:
    tables = dict(project.table("profiles") or {})
    file, name = project.file, project.path("profiles")
    matrix = project.table("matrix")
    inner = tables.get("matrix")
    if matrix is None and isinstance(inner, dict):
        axes = cast("dict[str, object]", inner)
        if axes and all(isinstance(value, list) for value in axes.values()):
            matrix = cast("dict[str, object]", tables.pop("matrix"))
    specs = {spec.name: spec for spec in _product(project, matrix or {})}
    for key, value in tables.items():
        if not isinstance(value, dict):
            raise UserError(
                f"{file}: {name}.{key} is {value!r}, not a table.",
                hint=f'Write [{name}.{key}] and below it, for example, python = "{key}".',
            )
        table = Table(cast("dict[str, object]", value), file, f"{name}.{key}", KEYS)
        refuse_name(key, f"{file}: {name}")
        base = specs.get(ProfileName(key), ProfileSpec(ProfileName(key)))
        specs[base.name] = _merged(base, table)
    if not specs and project.has("matrix"):
        what = "leaves no profile, everything is excluded" if matrix else "has no axis"
        raise UserError(
            f"{file}: {project.path('matrix')} {what}.",
            hint='Write, for example, matrix = { python = ["py311", "py312"], db = ["sqlite"] }.',
        )
    if not specs:
        raise UserError(f"{file}: {name} names no profile.", hint="Remove it, or name some.")
    return specs.values()


def _product(project: Table, matrix: Mapping[str, object]) -> Iterable[ProfileSpec]:
    """Yield the profiles of a matrix; ``exclude`` in it leaves some out, by name or pattern."""
    where = f"{project.file}: {project.path('matrix')}"
    parts = project.table("parts") or {}
    table = Table(matrix, project.file, project.path("matrix"), dict.fromkeys(matrix, '["a", "b"]'))
    axes = {axis: table.texts(axis) or () for axis in matrix if axis != "exclude"}
    for axis, values in axes.items():
        if not values:
            raise UserError(f"{where}.{axis} is empty.", hint='Write, for example, ["a", "b"].')
        for value in values:
            refuse_name(value, f"{where}.{axis}")
    known = {value for values in axes.values() for value in values}
    for part in parts:
        if part not in known:
            what = f"{project.file}: {project.path('parts')}.{part} is no part of the matrix."
            raise UserError(what, hint=nearest(part, known) if known else "There is no matrix.")
    product = list(itertools.product(*axes.values())) if axes else []
    excluded = table.texts("exclude") or ()
    names = {"-".join(values) for values in product}
    for pattern in excluded:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UserError(
                f"{where}.exclude: no profile is called {pattern!r}.", hint=nearest(pattern, names)
            )
    for values in product:
        name = "-".join(values)
        if any(fnmatchcase(name, pattern) for pattern in excluded):
            continue
        python = dict(zip(axes, values, strict=True)).get("python", "")
        tags = tuple(value for value in values if value != name)
        spec = ProfileSpec(ProfileName(name), project.origin("matrix"), python, tags=tags)
        for value in values:
            part = parts.get(value, {})
            path = f"{project.path('parts')}.{value}"
            if not isinstance(part, dict):
                raise UserError(f"{project.file}: {path} is {part!r}, not a table.")
            spec = _merged(spec, Table(cast("dict[str, object]", part), project.file, path, KEYS))
        yield replace(spec, origin=project.origin("matrix"))


def _merged(base: ProfileSpec, table: Table) -> ProfileSpec:
    """Return what a table says on top of what is known of a profile."""
    hosts = table.texts("hosts")
    if hosts == ():
        raise table.wrong("hosts", "a list with a host in it")
    for tag in table.texts("tags") or ():
        refuse_name(tag, f"{table.file}: {table.path('tags')}")
    return ProfileSpec(
        base.name,
        table.origin("python") if table.has("python") else f"{table.file.name} {table.name}",
        table.text("python") or base.python,
        {**base.env, **(table.environment("env") or {})},
        (*base.args, *(table.texts("args") or ())),
        table.text("directory") or base.directory,
        tuple(dict.fromkeys((*base.tags, *(table.texts("tags") or ())))),
        base.hosts if hosts is None else tuple(map(HostName, hosts)),
        table.whole("lanes", 1) or base.lanes,
    )


def _factors(name: str) -> tuple[str, ...]:
    """Return the parts of a tox environment's name, that ``-p`` can name like those of a matrix."""
    parts = tuple(part for part in name.split("-") if _NAME.fullmatch(part))
    return parts if len(parts) > 1 else ()


def refuse_name(name: str, where: str) -> None:
    """Raise UserError for what cannot be a profile's name, which is a tag on results."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{where}: {name!r} cannot be a profile's name or tag.",
            hint="Use letters, digits and . _ + - only; worker-… and host-… are taken.",
        )


def _names(command: str, what: str, root: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Run a command of the project's and return the words it prints, each once."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=root,
            env=dict(environ),
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{what} did not end in {LIMIT:g} s: {command}") from None
    except OSError as error:
        raise UserError(f"{what} does not start: {error.strerror}.") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = f" {lines[-1]}" if lines else ""
        raise UserError(f"{what} failed with exit code {done.returncode}:{why or ' ' + command}")
    names = tuple(dict.fromkeys(done.stdout.decode("utf-8", "replace").split()))
    for name in names:
        refuse_name(name, what)
    return names
