"""Which of the things that lie in a project says how its tests are run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from ..settings import CommandSuite, PytestSuite, UnittestSuite
from . import stestr, testr
from .discover import discover
from .ini import read_section
from .overrides import Overrides
from .project import FRAMEWORKS
from .source import Source
from .tables import Table, nearest


def choose_source(
    root: Path,
    project: Table | None,
    overrides: Overrides,
    file: Path | None,
    environ: Mapping[str, str],
    without_pytest: Callable[[], str],
) -> Source:
    """Return how the tests are run, by the first of these that says it.

    The command line's ``framework``; an INI ``file`` it names; the project's ``framework`` or
    ``command``; testr's or stestr's configuration; ``start``, ``pattern`` or ``top`` (unittest);
    pytest's configuration; tests that look like pytest; else unittest discovery.

    Where both testr and stestr are configured, the one whose repository is there is meant, and
    ``.testr.conf`` if none or both are.

    Raises:
        UserError: a file is wrong, or what was asked for is not there.
    """
    framework, start = overrides.framework, overrides.start
    if framework and framework not in FRAMEWORKS:
        raise UserError(
            f"There is no framework {framework!r}.", hint=nearest(framework, FRAMEWORKS)
        )
    if not framework and file is not None:
        return _from_file(file, root, start, environ)
    origin = "command line"
    if not framework and project is not None:
        framework = project.choice("framework", FRAMEWORKS) or ""
        origin = project.origin("framework")
        if not framework and project.has("command"):
            framework, origin = "command", project.origin("command")
    match framework:
        case "pytest":
            return Source(origin, PytestSuite())
        case "unittest":
            return Source(origin, UnittestSuite())
        case "command":
            return _command(project, root)
        case "testr" | "stestr":
            found = _configured(root, framework, start, environ)
            if found is None:
                raise UserError(
                    f"{root}: the framework is {framework} ({origin}), and it is not configured here."
                )
            return found
        case _:
            pass
    found = _either(root, start, environ)
    if found is not None:
        return found
    for key, given in (("start", start), ("pattern", overrides.pattern), ("top", overrides.top)):
        if given:
            return Source("command line", UnittestSuite())
        if project is not None and project.has(key):
            return Source(project.origin(key), UnittestSuite())
    return discover(root, without_pytest)


def _either(root: Path, start: str, environ: Mapping[str, str]) -> Source | None:
    there = [(root / name).is_dir() for name in (".testrepository", ".stestr")]
    order = ("stestr", "testr") if there == [False, True] else ("testr", "stestr")
    found = [_configured(root, name, start, environ) for name in order]
    first = found[0] or found[1]
    if first is None or found[0] is None or found[1] is None:
        return first
    told = f"{first.origin} is used, though {found[1].origin} is there as well."
    return replace(first, problems=(*first.problems, told))


def _configured(
    root: Path, framework: str, start: str, environ: Mapping[str, str]
) -> Source | None:
    if framework == "testr":
        return testr.read_testr(root / testr.FILE)
    found = stestr.read_stestr(root, test_path=start)
    return None if found is None else _with_python_command(found, environ)


def _from_file(file: Path, root: Path, start: str, environ: Mapping[str, str]) -> Source:
    values = read_section(file) or {}
    if "test_command" in values or file.name == testr.FILE:
        found = testr.read_testr(file)
    elif "test_path" in values or file.name == stestr.FILE or start:
        found = stestr.read_stestr(root, file, start)
    else:
        found = None
    if found is None:
        raise UserError(
            f"{file} configures neither testr nor stestr nor testlanes.",
            hint="It should have test_command or test_path below [DEFAULT], or be a .toml file.",
        )
    return _with_python_command(found, environ)


def _with_python_command(source: Source, environ: Mapping[str, str]) -> Source:
    """Return stestr's own command where ``PYTHON`` is more than an interpreter (``coverage run …``)."""
    suite = source.suite
    if not isinstance(suite, UnittestSuite) or len(environ.get("PYTHON", "").split()) < 2:
        return source
    places = f'-t "{suite.top or "./"}" "{suite.start}"'  # as stestr: variables in there have their values
    command = f"${{PYTHON}} -m stestr.subunit_runner.run discover {places} $LISTOPT $IDOPTION"
    return replace(source, suite=CommandSuite(command, "--load-list $IDFILE", "--list"))


def _command(project: Table | None, root: Path) -> Source:
    command = project.text("command") if project is not None else None
    if project is None or command is None:
        raise UserError(
            f"{root}: the framework is a command, and none is given.",
            hint='Write command = "./run-tests $LISTOPT $IDOPTION" in testlanes.toml.',
        )
    texts: dict[str, str] = {}
    for key, variable in (
        ("id_option", "$IDOPTION"),
        ("list_option", "$LISTOPT"),
        ("id_list_default", ""),
    ):
        value = project.raw(key)
        if value is not None and not isinstance(value, str):
            raise project.wrong(key, "a text")
        if value is None and variable and variable in command:
            raise UserError(
                f"{project.file}: {project.path('command')} uses {variable},"
                f" and {project.path(key)} is missing.",
                hint='Write id_option = "--load-list $IDFILE" and list_option = "--list", or what the command takes.',
            )
        texts[key] = value or ""
    return Source(project.origin("command"), CommandSuite(command, **texts))
