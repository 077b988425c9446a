"""``testlanes demo``: a small project in a temporary folder, to see everything in a minute."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from ..config.interpreter import candidates, why_broken
from . import demo_suite

VERSIONS = ("3.14", "3.13", "3.12", "3.11", "3.10", "3.9", "3.8")


def make_demo(folder: Path | None = None) -> Path:
    """Write the demo's project to ``folder`` (a new temporary one) and return it."""
    folder = folder or Path(tempfile.mkdtemp(prefix="testlanes-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in demo_suite.files(_profiles(folder)).items():
        (folder / name).write_text(text, "utf-8")
    return folder


def _profiles(folder: Path) -> dict[str, str]:
    """Return the Python that runs us and another one, if this machine has another; else nothing."""
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for version in VERSIONS:
        if version == ours:
            continue
        for found in candidates(f"python{version}", folder, os.environ):
            if not why_broken(found.python, folder, os.environ):
                return {_name(ours): sys.executable, _name(version): found.python}
    return {}


def _name(version: str) -> str:
    return f"py{version.replace('.', '')}"
