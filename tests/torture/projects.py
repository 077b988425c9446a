"""Runs a hostile project through the real command line, and looks at what is left of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUITES = Path(__file__).parent / "suites"


@dataclass(slots=True)
class Outcome:
    """What a run said: its exit code, and the verdict on each test id, its kind of failure or its status."""

    code: int
    stderr: str
    verdicts: dict[str, str] = field(default_factory=dict[str, str])
    started: set[str] = field(default_factory=set[str])
    selected: set[str] = field(default_factory=set[str])
    warned: list[str] = field(default_factory=list[str])
    given_up: set[str] = field(default_factory=set[str])
    problem: str = ""
    """What went wrong with the run itself."""
    leaks: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    """What each test left: kind -> descriptions."""
    texts: dict[str, str] = field(default_factory=dict[str, str])
    """What the details of each test say."""

    def take(self, event: dict[str, Any]) -> None:
        """Take one line of ``--json``."""
        case: dict[str, str] = event.get("case") or {}
        name = case.get("id", "")
        match event["event"]:
            case "cases_listed":
                self.selected.update(each["id"] for each in event["selected"])
            case "case_started":
                self.started.add(name)
            case "case_finished":
                self.verdicts[name] = event["kind"] or event["status"]
            case "detail_received":
                self.texts[name] = self.texts.get(name, "") + event.get("text", "")
            case "leaks_found":
                self.leaks[name] = event["leaks"]
            case "cases_given_up":
                self.given_up.update(each["id"] for each in event["cases"])
            case "run_ended":
                self.problem = event["problem"]
            case "warned":
                self.warned.append(event["text"])
            case _:
                pass

    @property
    def short(self) -> dict[str, str]:
        """The verdicts by the last part of the id."""
        return {
            name.rpartition("::")[2].rpartition("hostile.")[2]: verdict
            for name, verdict in self.verdicts.items()
        }


def project(folder: Path, suite: str) -> Path:
    """Make a project of one of the suites."""
    shutil.copy(SUITES / suite, folder / "test_hostile.py")
    if "pytest" in suite:
        (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def mark(folder: Path) -> str:
    """Return what stands in the environment of every process of a project's runs."""
    return f"TORTURE={folder}"


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a run whose scratch files and user settings stay in the project."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    name, _, value = mark(folder).partition("=")
    return {
        **os.environ,
        name: value,
        "TMPDIR": str(scratch),
        "XDG_CONFIG_HOME": str(scratch),
        "XDG_STATE_HOME": str(scratch),
        "PYTHONHASHSEED": "0",
    }


def tell(folder: Path, *words: str, limit: float) -> subprocess.CompletedProcess[str]:
    """Run a program in a project."""
    return subprocess.run(
        words,
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=limit,
        check=False,
    )


def run(folder: Path, *options: str, limit: float = 100.0) -> Outcome:
    """Run a project's tests and return what ``--json`` told of them."""
    command = [sys.executable, "-m", "testlanes", "run", "--no-tui", "--json", *options]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        timeout=limit,
        check=False,
    )
    outcome = Outcome(done.returncode, done.stderr.decode("utf-8", "replace"))
    for line in done.stdout.decode().splitlines():
        outcome.take(json.loads(line))
    return outcome


def marked(folder: Path) -> list[tuple[int, int]]:
    """Return (process id, its parent's) of every process of a project's runs."""
    found: list[tuple[int, int]] = []
    wanted = mark(folder).encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            inside = (entry / "cwd").readlink().is_relative_to(folder)
            if inside or wanted in (entry / "environ").read_bytes().split(b"\0"):
                stat = (entry / "stat").read_bytes()
                found.append((int(entry.name), int(stat.rpartition(b")")[2].split()[1])))
        except OSError:
            continue  # it ended just now
    return found


def left_running(folder: Path) -> list[str]:
    """Return the command lines of processes that a project's runs have left."""
    found: list[str] = []
    for pid, _ in marked(folder):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue  # it ended just now
        found.append(words.replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


def left_lying(folder: Path) -> list[str]:
    """Return the run directories that a project's runs have left."""
    return [each.name for each in (folder / "scratch").glob("testlanes-*")]
