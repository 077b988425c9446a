"""Projects on this machine and on the rig's hosts, and runs of them through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from .rig import Rig, until

PYTHON = os.path.realpath(sys.executable)
LEASE = 3.0
"""Seconds; long enough for two busy cores, short enough to wait for."""

LIMIT = 60.0
"""Seconds that anything in a run may take."""

Event = dict[str, Any]


class Project:
    """A project, on this machine and on every host; ``files``: name -> source of ``test_NAME.py``."""

    def __init__(self, folder: Path, rig: Rig, **files: str) -> None:
        self.rig = rig
        self.user = folder / "user"
        self.folder = folder / "project"
        self.folder.mkdir(parents=True)
        for name, source in files.items():
            (self.folder / f"test_{name}.py").write_text(textwrap.dedent(source))
        for host in rig.hosts.values():
            host.give(self.folder)
        self.describe()

    def describe(self, **hosts: Mapping[str, object]) -> None:
        """Write the user's hosts.toml; ``hosts``: name -> keys that differ from the usual."""
        usual: dict[str, object] = {
            "lanes": 2,
            "python": PYTHON,
            "sync": "none",
            "dir": str(self.folder),
            "lease": LEASE,
        }
        lines: list[str] = []
        for name in dict.fromkeys((*self.rig.hosts, *hosts)):
            reach = {"run": ["ssh", "-F", str(self.rig.ssh_config), name]}
            lines.append(f"[hosts.{name}]")
            for key, value in {**reach, **usual, **hosts.get(name, {})}.items():
                lines.append(f"{key} = {_toml(value)}")
        (self.user / "testlanes").mkdir(parents=True, exist_ok=True)
        (self.user / "testlanes/hosts.toml").write_text("\n".join(lines) + "\n")

    def there(self, host: str) -> Path:
        """Return its folder on a host, as seen from here."""
        return self.rig[host].root / str(self.folder).lstrip("/")

    def arrive(self, host: str) -> None:
        """Copy the project to a host again, which forgets all but its disk."""
        self.rig[host].give(self.folder)

    def start(self, hosts: str, *words: str) -> Running:
        """Start a run on these hosts."""
        return Running(self, "run", "--no-tui", "--json", "-j2", "--host", hosts, *words)

    def run(self, hosts: str, *words: str) -> Running:
        """Run to the end."""
        running = self.start(hosts, *words)
        running.end()
        return running

    def tell(self, program: str, *words: str, code: int = 0) -> str:
        """Run another program of our environment in the project; return what it printed."""
        done = subprocess.run(
            [Path(sys.executable).with_name(program), *words],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT,
            check=False,
        )
        assert code == done.returncode, done.stdout + done.stderr
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Return the environment of everything that is run in the project."""
        return {**os.environ, "XDG_CONFIG_HOME": str(self.user), "XDG_STATE_HOME": str(self.user)}


class Running:
    """A run that goes on: its events as ``--json`` says them, and what they come to."""

    def __init__(self, project: Project, *words: str) -> None:
        self.project = project
        self.events: list[Event] = []
        self.complaints = project.folder.parent / "stderr"
        with self.complaints.open("wb") as errors:
            self.process = subprocess.Popen(
                [*project.rig.inside, sys.executable, "-m", "testlanes", *words],
                cwd=project.folder,
                env=project.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        project.rig.runs.append(self.process)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def end(self, limit: float = LIMIT) -> int:
        """Wait for its end; return its exit code."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end:\n{self}") from None
        self._reader.join(LIMIT)
        return self.process.returncode

    def kill(self) -> None:
        """Kill the controller and nothing else."""
        self.process.kill()
        self.process.wait(LIMIT)
        self._reader.join(LIMIT)

    def until(
        self, what: Callable[[Event], object], limit: float = LIMIT, *, since: int = 0
    ) -> Event:
        """Wait for an event; return it. ``since``: how many events to pass over."""
        found: list[Event] = []

        def seen() -> bool:
            found[:] = [event for event in self.events[since:] if what(event)][:1]
            return bool(found) or self.process.poll() is not None

        until(seen, limit, f"an event of the run\n{self}")
        if not found:
            self._reader.join(LIMIT)
            seen()
        assert found, f"it ended before:\n{self}"
        return found[0]

    def until_finished(self, count: int, host: str = "") -> None:
        """Wait until so many tests have finished (on a host)."""
        until(
            lambda: len(self.finished(host)) >= count or self.process.poll() is not None,
            LIMIT,
            f"{count} tests\n{self}",
        )

    def of(self, kind: str) -> list[Event]:
        """Return the events of a kind so far."""
        return [event for event in tuple(self.events) if event["event"] == kind]

    def host_of(self) -> dict[int, str]:
        """Return lane -> host."""
        return {event["lane"]: event["host"] for event in self.of("lane_opened")}

    def finished(self, host: str = "") -> list[Event]:
        """Return what finished (on a host)."""
        hosts = self.host_of()
        return [
            event
            for event in self.of("case_finished")
            if not host or hosts.get(event["lane"]) == host
        ]

    def hosts_used(self) -> Counter[str]:
        """Return how many tests each host finished."""
        hosts = self.host_of()
        return Counter(hosts[event["lane"]] for event in self.of("case_finished"))

    @property
    def verdicts(self) -> dict[str, str]:
        """Test id's last part -> its last outcome; ``notrun`` is one."""
        found = {_short(event): event["kind"] or event["status"] for event in self.finished()}
        for event in self.of("cases_given_up"):
            found.update({_short({"case": case}): "notrun" for case in event["cases"]})
        return found

    @property
    def outcomes(self) -> Counter[str]:
        """How often each test had an outcome, ``notrun`` included."""
        counted = Counter(_short(event) for event in self.finished())
        for event in self.of("cases_given_up"):
            counted.update(_short({"case": case}) for case in event["cases"])
        return counted

    @property
    def selected(self) -> set[str]:
        """What was to run."""
        return {
            _short({"case": case})
            for event in self.of("cases_listed")
            for case in event["selected"]
        }

    def text(self, name: str) -> str:
        """Return what the details of a test say."""
        return "".join(
            event.get("text", "")
            for event in self.of("detail_received")
            if event["case"] and _short(event) == name
        )

    def check_each_has_one_outcome(self) -> None:
        """Every test that was to run has exactly one outcome, and nothing else has."""
        assert self.selected, str(self)
        assert dict.fromkeys(self.selected, 1) == dict(self.outcomes), str(self)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    self.events.append(json.loads(line))

    def __str__(self) -> str:
        dull = ("usage", "case_started", "case_finished", "detail_received", "cases_listed")
        told = [str(event)[:300] for event in tuple(self.events) if event["event"] not in dull]
        return "\n".join([*told[-60:], self.complaints.read_text(errors="replace")])


def lost(host: str) -> Callable[[Event], bool]:
    """Return what finds the loss of a host."""
    return lambda event: event["event"] == "host_lost" and event["host"] == host


def ready(host: str) -> Callable[[Event], bool]:
    """Return what finds that a host's lanes are there."""
    return lambda event: event["event"] == "host_ready" and event["host"] == host


def started(name: str) -> Callable[[Event], bool]:
    """Return what finds the start of a test."""
    return lambda event: event["event"] == "case_started" and _short(event) == name


def _short(event: Event) -> str:
    return event["case"]["id"].rpartition(".")[2]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        items = ", ".join(f"{key} = {_toml(item)}" for key, item in table.items())
        return f"{{ {items} }}"
    return json.dumps(value)
