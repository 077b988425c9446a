"""Which framework a project uses that does not say it: by its configuration files and its tests."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import UserError
from ..settings import PytestSuite, UnittestSuite
from .ini import read_section
from .source import Source
from .tables import read_toml, subtable

_SKIPPED = frozenset(
    ("node_modules", "build", "dist", "site-packages", "__pycache__", "venv", "env", "_build")
)
_FILES = 5_000  # looked at, at most: enough to meet a test, and quick on a cold disk
_HEAD = 200_000  # bytes of a file
_OTHER = "Is it the wrong Python? Activate the project's environment, or give --python."
_DJANGO_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)""")
_PYTEST_TEST = re.compile(
    # "def test_suite():" is an old convention of unittest's: it returns a suite
    rb"^(?:async\s+)?def\s+test(?!_suite\b)|^(?:import|from)\s+pytest\b|^@pytest\.",
    re.MULTILINE,
)


def pytest_configuration(root: Path) -> str:
    """Return what configures pytest in a folder, in pytest's own order, or nothing.

    https://docs.pytest.org/en/stable/reference/customize.html#configuration-file-formats
    """
    for name in ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"):
        if (root / name).is_file():
            return name
    try:
        tool = subtable(read_toml(root / "pyproject.toml") or {}, "tool", "pytest")
        if tool is not None:
            return f"pyproject.toml [tool.pytest{'.ini_options' if 'ini_options' in tool else ''}]"
        for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
            if read_section(root / name, section) is not None:
                return f"{name} [{section}]"
    except UserError as error:
        if "percent sign" in error.message:  # pytest does not interpolate
            return "setup.cfg or tox.ini"
        raise
    return ""


def discover(root: Path, without_pytest: Callable[[], str]) -> Source:
    """Return the suite of a project that configures neither testr nor stestr.

    ``without_pytest`` returns the tests' interpreter if that has no pytest; it is asked only if it matters.
    """
    configured = pytest_configuration(root)
    if configured:
        python = without_pytest()
        problem = f"{configured} is there, but {python} has no pytest. {_OTHER}"
        return Source(configured, PytestSuite(), problems=(problem,) if python else ())
    seen = _pytest_test(root)
    python = without_pytest() if seen else ""
    if seen and not python:
        return Source(f"{seen} looks like pytest", PytestSuite())
    problem = f"{seen} looks like pytest, but {python} has no pytest: unittest runs them. {_OTHER}"
    start, why = _unittest_start(root)
    problems = (problem if seen else "", _django(root))
    return Source(why, UnittestSuite(start=start), problems=tuple(filter(None, problems)))


def _django(root: Path) -> str:
    """Return what a project is told whose tests Django would run, with settings and a database, or nothing."""
    try:
        text = (root / "manage.py").read_text(errors="replace")
    except OSError:
        return ""
    settings = _DJANGO_SETTINGS.search(text)
    if settings is None:
        return ""
    return (
        "manage.py: these tests seem to be Django's, and unittest discovery gives them no settings and no database."
        " Install pytest and pytest-django beside Django, and run: testlanes --framework pytest --"
        f' --ds={settings[1]} -o python_files="tests.py test_*.py"'
    )


def _pytest_test(root: Path) -> str:
    """Return a file that only pytest would run, or nothing."""
    for path in _python_files(root):
        name = path.name
        if name == "conftest.py":
            return str(path.relative_to(root))
        if not (name.startswith("test_") or name.endswith("_test.py")):
            continue
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD)
        except OSError:
            continue
        if _PYTEST_TEST.search(head):
            return str(path.relative_to(root))
    return ""


def _unittest_start(root: Path) -> tuple[str, str]:
    """Return where unittest's discovery begins: it enters packages only, and ``tests`` may be none."""
    places = [root]
    while places:
        folder = places.pop()
        if any(folder.glob("test*.py")):
            return ".", "unittest discovery"
        places += [init.parent for init in sorted(folder.glob("*/__init__.py"))]
    for name in ("tests", "test"):
        if any((root / name).glob("test*.py")) or any((root / name).glob("*/__init__.py")):
            return name, f"unittest discovery of {name}, which is no package"
    return ".", "unittest discovery"


def _python_files(root: Path) -> Iterator[Path]:
    seen = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED
            and not Path(folder, name, "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            if name.endswith(".py"):
                yield Path(folder, name)
        seen += len(files)
        if seen > _FILES:
            return
