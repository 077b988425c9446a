"""``testlanes watch`` as a program for tests: a small project, files that are saved, what is told of it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from .projects import write

LIMIT = 60.0
"""Seconds that a cycle may take to be told of, on a machine that is busy."""


def start_watching(
    folder: Path, *words: str, stdout: int | IO[bytes] = subprocess.PIPE, stderr: int | None = None
) -> subprocess.Popen[str]:
    """Start the program; a line of its output is a cycle."""
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    env |= {"HOME": str(folder.parent), "XDG_CONFIG_HOME": str(folder.parent / "config")}
    return subprocess.Popen(
        [sys.executable, "-m", "testlanes", "watch", "--json", "-j2", *words],
        cwd=folder,
        env=env,
        stdout=stdout,
        stderr=stderr,
        text=True,
    )


class Watching:
    """A watch that runs; ``cycle`` waits for what it tells next."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self._process = start_watching(folder, *words)
        self._told: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(line)

    def cycle(self) -> dict[str, Any]:
        return json.loads(self._told.get(timeout=LIMIT))

    def save(self, name: str, text: str) -> None:
        """Save as editors do: write beside it, then put it in its place."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.swp")
        beside.write_text(text)
        beside.replace(path)

    def cycle_of(self, name: str, text: str) -> dict[str, Any]:
        """Save a file and return the first cycle that took it up."""
        self.save(name, text)
        while name not in (told := self.cycle())["changed"]:
            pass
        return told

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(LIMIT)
        self._reader.join(LIMIT)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


def make_project(folder: Path) -> Path:
    """Make a project of two modules, a file of data, and tests of all three."""
    (folder / "lib").mkdir(parents=True)
    (folder / "tests").mkdir()
    write(folder / "lib", __init__="", quota="LIMIT = 3\n", other="X = 1\n")
    write(
        folder / "tests",
        __init__="",
        test_quota="""
            import unittest
            from lib import quota
            class Quota(unittest.TestCase):
                def test_limit(self):
                    self.assertEqual(3, quota.LIMIT)
                def test_data(self):
                    with open("data.txt") as file:
                        self.assertEqual("x", file.read())
        """,
        test_other="""
            import unittest
            from lib import other
            class Other(unittest.TestCase):
                def test_x(self):
                    self.assertEqual(1, other.X)
        """,
    )
    (folder / "data.txt").write_text("x")
    (folder / "testlanes.toml").write_text('framework = "unittest"\ntop = "."\nstart = "tests"\n')
    return folder


def wait_for(path: Path) -> None:
    """Wait until there is such a file."""
    done = threading.Event()
    for _ in range(int(LIMIT / 0.02)):
        if path.exists():
            return
        done.wait(0.02)
    raise AssertionError(f"{path} never came")
