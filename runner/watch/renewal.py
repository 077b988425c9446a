"""When what is kept warm has to be made anew: other settings, other packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from ..settings import Settings

CONFIGURATION = (
    *("pyproject.toml", "testlanes.toml", ".stestr.conf", ".testr.conf", "tox.ini", "tox.toml"),
    *("setup.cfg", "pytest.ini", ".pytest.ini", "*.lock", "requirements*.txt"),
)
"""Files after whose change the settings are read again and everything runs."""


def configuration_among(paths: Iterable[str]) -> str:
    """Return the first of these paths that configures the suite; empty if none does."""
    for path in paths:
        if any(fnmatchcase(path, pattern) for pattern in CONFIGURATION):
            return path
    return ""


def package_stamps(settings: Settings) -> Mapping[str, int]:
    """Return folder -> mtime of the interpreters' installed packages: to install one touches it."""
    found: dict[str, int] = {}
    for profile in settings.profiles:
        if profile.python:
            for folder in Path(profile.python).parent.parent.glob("lib/python3*/site-packages"):
                with suppress(OSError):
                    found[str(folder)] = folder.stat().st_mtime_ns
    return found
