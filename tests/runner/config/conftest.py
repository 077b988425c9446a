"""A project in a temporary folder, and an environment that knows nothing of the developer's."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from testlanes.runner.config.load import load_settings
from testlanes.runner.config.overrides import Overrides
from testlanes.runner.settings import Profile, Settings


@dataclass
class Project:
    """A folder to put files into, and what would be set in the shell beside it."""

    root: Path
    home: Path
    environ: dict[str, str] = field(default_factory=dict[str, str])

    def write(self, name: str, text: str = "") -> Path:
        """Write a file of the project; a name that begins with ``~/`` is in the user's home."""
        path = self.home / name[2:] if name.startswith("~/") else self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def program(self, name: str, script: str = "") -> Path:
        """Write a program; without a script it is this Python."""
        path = self.write(name, "#!/bin/sh\n" + (script or f'exec "{sys.executable}" "$@"'))
        path.chmod(0o755)
        return path

    def load(self, overrides: Overrides | None = None, cwd: str = "") -> Settings:
        """Return the project's settings."""
        return load_settings(self.root / cwd, overrides or Overrides(), self.environ)

    def profile(self, overrides: Overrides | None = None) -> Profile:
        """Return the only profile of the project's settings."""
        (profile,) = self.load(overrides).profiles
        return profile


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return an empty project."""
    root, home = tmp_path / "project", tmp_path / "home"
    for folder in (root, home, home / "bin"):
        folder.mkdir()
    return Project(root, home, {"HOME": str(home), "PATH": f"{home / 'bin'}:/usr/bin:/bin"})
