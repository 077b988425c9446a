"""Interpreters that have pytest, and what plain pytest says of a project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .harness import LIMIT, Agent, Peer, agent, interpreter

RECORDER = """
import json, os
RANK = ["success", "skip", "xfail", "fail"]
def status(r):
    if r.outcome == "rerun": return None
    if hasattr(r, "wasxfail"): return "xfail" if r.skipped else "success" if r.passed else "fail"
    if hasattr(r, "context") and not r.failed: return None
    return "fail" if r.failed else "skip" if r.skipped else "success" if r.when == "call" else None
class Recorder:
    def __init__(self): self.found = {}
    def pytest_runtest_logreport(self, report):
        new = status(report)
        if new is not None:
            old = self.found.get(report.nodeid, "success")
            self.found[report.nodeid] = max(old, new, key=RANK.index)
    def pytest_collectreport(self, report):
        if report.failed: self.found[report.nodeid] = "fail"
    def pytest_sessionfinish(self):
        with open(os.environ["RECORDED"], "w") as file: json.dump(self.found, file)
def pytest_configure(config): config.pluginmanager.register(Recorder())
"""
"""A plugin: the status of each test, worst phase first, independently of ours."""


def target(factory: pytest.TempPathFactory, version: str, *packages: str) -> str:
    """Return a Python of that version with pytest and ``packages``: this one, or a virtual environment made once."""
    if not packages and version == "{}.{}".format(*sys.version_info[:2]):
        return sys.executable
    base = interpreter(version)
    if os.path.realpath(base) == os.path.realpath(sys.executable):
        base = str(Path(sys.base_prefix) / "bin" / f"python{version}")
    folder = factory.getbasetemp() / "-".join(["target", version, *packages])
    python = folder / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        make = [base, "-m", "venv", str(folder)]
        install = [str(python), "-m", "pip", "install", "-q", "pytest", *packages]
        for command in (make, install):
            try:
                subprocess.run(command, capture_output=True, check=True, timeout=10 * LIMIT)
            except (OSError, subprocess.SubprocessError) as error:
                pytest.skip(f"no virtual environment with pytest for Python {version}: {error}")
        done.touch()
    return str(python)


def plain(
    python: str, project: Path, *args: str, env: dict[str, str] | None = None
) -> dict[str, str]:
    """Run plain pytest and return the status of each test."""
    recorded = project.parent / "recorded.json"
    (project.parent / "recorder.py").write_text(RECORDER)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "recorder", *args],
        cwd=project,
        env={
            **inherited,
            "RECORDED": str(recorded),
            "PYTHONPATH": str(project.parent),
            "PYTHONPYCACHEPREFIX": str(project.parent / "pyc"),
            **(env or {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    return json.loads(recorded.read_text())


def outcomes(peer: Peer) -> dict[str, str]:
    """Return what a worker said of each test so far."""
    return {told.test_id: told.status for told in peer.results}


class Lanes:
    """A loader of a pytest project and its workers."""

    def __init__(
        self, agent: Agent, project: Path, python: str, *args: str, **options: Any
    ) -> None:
        self.agent, self.project, self.python = agent, project, python
        self.options: dict[str, Any] = {
            "kind": "pytest",
            "suite": {"args": list(args)},
            "python": python,
            **options,
        }
        # Not among the user's: a loader that is killed cannot clean up.
        temp = {"PYTEST_DEBUG_TEMPROOT": str(agent.folder)}
        self.options["env"] = {**temp, **options.get("env", {})}
        self.loader = agent.start(project, role="loader", **self.options)
        self.ids = self.loader.listing()

    def fork(self, **options: Any) -> Peer:
        """Start a worker as a fork of the loader."""
        assert self.loader.event("fork")["safe"], self.loader.said("fork")
        peer = self.agent.fork(self.loader, **options)
        peer.event("hello")
        return peer

    def fresh(self, **options: Any) -> Peer:
        """Start a worker as a process of its own."""
        given: dict[str, Any] = {**self.options, "loader": str(self.loader.folder), **options}
        peer = self.agent.start(self.project, **given)
        peer.event("hello")
        return peer

    def worker(self, how: str, **options: Any) -> Peer:
        """Start a worker, ``fork`` or ``fresh``."""
        return self.fork(**options) if how == "fork" else self.fresh(**options)


def serve(folder: Path) -> Iterator[Agent]:
    """Give an agent that ends all it started."""
    with agent(folder) as made:
        yield made
