"""Small suites for tests that run the real engine, written to a folder."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from testlanes.runner.engine import prepare
from testlanes.runner.frame import Run
from testlanes.runner.headless import exit_code, run_headless
from testlanes.runner.ids import ProfileName
from testlanes.runner.request import Request
from testlanes.runner.settings import (
    CommandSuite,
    Profile,
    PytestSuite,
    Selection,
    Settings,
    Suite,
    UnittestSuite,
)
from testlanes.runner.state import RunState, Standing


def write(folder: Path, **files: str) -> Path:
    """Write ``name="source"`` as ``name.py`` and return the folder."""
    for name, source in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
    return folder


def settings(folder: Path, suite: Suite, **fields: object) -> Settings:
    """Return settings for a suite under the interpreter that runs the tests."""
    python = "" if isinstance(suite, CommandSuite) else sys.executable
    profile = Profile(python=python, suite=suite)
    return Settings(root=str(folder), profiles=(profile,), **{"concurrency": 2, **fields})  # type: ignore[arg-type]


def unittests(folder: Path, **fields: object) -> Settings:
    """Return settings for unittest discovery."""
    return settings(folder, UnittestSuite(), **fields)


def pytests(folder: Path, *args: str, **fields: object) -> Settings:
    """Return settings for pytest."""
    return settings(folder, PytestSuite(("-p", "no:cacheprovider", *args)), **fields)


async def finish(made: Settings, request: Request | None = None) -> tuple[RunState, int]:
    """Run to the end; return what is known then, and the exit code."""
    run = prepare(made, request or Request())
    return await go(run)


async def go(run: Run) -> tuple[RunState, int]:
    """Run a prepared run to its end."""
    await run_headless(run)
    return run.state, exit_code(run.state)


def outcomes(state: RunState, profile: str = "default") -> dict[str, str]:
    """Return short test id -> where it stands, or why it failed."""
    cases = state.cases
    return {
        cases.test_id(row).rpartition("::")[2].rpartition(".")[2]: state.kind_of(row).value
        or state.standing_of(row).name.lower()
        for row in cases
        if cases.profile(row) == profile and state.standing_of(row) is not Standing.UNSELECTED
    }


def only(*filters: str) -> Request:
    """Return a request for what matches."""
    return Request(Selection(filters=filters))


PROFILE = ProfileName("default")
