"""Save -> first result and save -> all affected done, of ``testlanes watch`` and of other watchers, in turn.

``python tests/benchmarks/watch.py --python VENV/bin/python [--rounds 9] [--only heavy]``: the interpreter needs
pytest, and for the peers pytest-watcher (which hears of nothing with watchdog 7: install watchdog<6), pytest-watch and pytest-testmon; for the project with heavy imports
sqlalchemy and networkx, of which the suite of the large project is a part. Each watcher has a copy of the project
of its own and stays up; one is given a save after the other. A conftest that all of them load notes when results exist.
"Through" is when the next save may come: testlanes has told of the cycle, pytest's session is over. Also: the CPU that each takes while nothing happens.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LIMIT = 180.0
PROBE = """
import os, time
def note(text):
    fd = os.open(os.environ["PROBE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d %s\\n" % (time.time_ns(), text.encode()))
    os.close(fd)
def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        note(report.nodeid)
def pytest_sessionfinish(session):
    note("end")
"""


# -- projects -------------------------------------------------------------------------------------


def small(folder: Path, _: str) -> str:
    """Make a small project: 6 modules, 18 tests."""
    return generated(folder, 6, "")


def heavy(folder: Path, _: str) -> str:
    """Make one of 17 modules and 51 tests that imports SQLAlchemy and networkx."""
    return generated(folder, 17, "import networkx\nimport sqlalchemy.orm\n")


def generated(folder: Path, modules: int, imports: str) -> str:
    (folder / "lib").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "lib/__init__.py").write_text("")
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\ntestpaths = tests\n")
    for number in range(modules):
        (folder / f"lib/m{number}.py").write_text(f"{imports}def value():\n    return {number}\n")
        tests = "".join(
            f"def test_{case}():\n    assert m{number}.value() == {number}\n" for case in "abc"
        )
        (folder / f"tests/test_m{number}.py").write_text(f"from lib import m{number}\n{tests}")
    return "lib/m3.py"


def suite(folder: Path, python: str) -> str:
    """Copy networkx, to run the tests of its classes and shortest paths: some 2,000."""
    code = "import networkx, pathlib; print(pathlib.Path(networkx.__file__).parent)"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    folder.mkdir()
    shutil.copytree(
        found.stdout.strip(), folder / "networkx", ignore=shutil.ignore_patterns("__pycache__")
    )
    paths = "networkx/classes networkx/algorithms/shortest_paths"
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = .\ntestpaths = {paths}\n")
    return "networkx/algorithms/shortest_paths/dense.py"


PROJECTS: dict[str, Callable[[Path, str], str]] = {"small": small, "heavy": heavy, "suite": suite}


# -- watchers -------------------------------------------------------------------------------------


@dataclass
class Watcher:
    """One watcher on its copy of a project."""

    name: str
    command: list[str]
    folder: Path
    source: str
    bin: Path
    """Where the interpreter with the peers is."""
    ours: bool = False
    process: subprocess.Popen[bytes] = field(init=False)
    told: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """(ns, line) of what it wrote."""
    first: list[float] = field(default_factory=list[float])
    done: list[float] = field(default_factory=list[float])
    """To the last result of an affected test."""
    through: list[float] = field(default_factory=list[float])
    """To when it was ready for the next save: testlanes had stored and told the cycle, pytest's session was over."""
    ran: list[int] = field(default_factory=list[int])

    def start(self) -> None:
        """Start it on a terminal of its own, and wait for its first run."""
        self.log = self.folder.parent / f"{self.folder.name}.log"
        master, slave = pty.openpty()
        self.process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            stdin=slave,
            stdout=subprocess.PIPE if self.ours else slave,
            stderr=subprocess.DEVNULL if self.ours else slave,
            env={
                **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "PROBE": str(self.log),
                "PYTEST_ADDOPTS": "-p no:cacheprovider",
            },
            start_new_session=True,
        )
        os.close(slave)
        source = self.process.stdout.fileno() if self.process.stdout else master
        threading.Thread(target=self._read, args=(source, master), daemon=True).start()
        self.wait(0)
        path = self.folder / self.source
        for _ in range(5):  # some start to watch a good while after their first run
            since, end = time.time_ns(), time.monotonic() + 30
            path.write_text(path.read_text() + "\nWATCHED = True\n")
            while time.monotonic() < end:
                if self.over(since) is not None:
                    time.sleep(1)
                    return
                time.sleep(0.05)
        raise SystemExit(f"{self.name} does not notice what is saved")

    def _read(self, source: int, master: int) -> None:
        left = b""
        with suppress(OSError):
            while data := os.read(source, 1 << 16):
                *lines, left = (left + data).split(b"\n")
                self.told += [(time.time_ns(), line.decode(errors="replace")) for line in lines]

    def results(self, since: int) -> list[tuple[int, str]]:
        """Return (ns, test or ``end``) of what the plugin noted."""
        with suppress(FileNotFoundError):
            lines = [line.partition(" ") for line in self.log.read_text().splitlines()]
            return [(int(at), what) for at, _, what in lines if int(at) > since]
        return []

    def over(self, since: int) -> int | None:
        """Return when it was through with a save, in ns; None if it is not."""
        if not self.ours:
            return next((at for at, what in self.results(since) if what == "end"), None)
        for at, line in self.told:
            if at > since and '"stopped": false' in line and json.loads(line)["counts"]:
                return at
        return None

    def wait(self, since: int) -> int:
        """Wait until it is through."""
        end = time.monotonic() + LIMIT
        while (at := self.over(since)) is None:
            if time.monotonic() > end or self.process.poll() is not None:
                said = "\n".join(line for _, line in self.told[-20:])
                raise SystemExit(f"{self.name} does not run again. It said:\n{said}")
            time.sleep(0.02)
        return at

    def save(self, number: int, affected: list[str]) -> None:
        """Save the source, and take the times. ``affected``: the tests that testlanes runs, which goes first."""
        path = self.folder / self.source
        text = f"{path.read_text()}\nSAVE = {number}\n"
        since = time.time_ns()
        path.write_text(text)
        over = self.wait(since)
        time.sleep(0.3)
        results = [each for each in self.results(since) if each[1] != "end" and each[0] <= over]
        if not results:
            raise SystemExit(f"{self.name} ran no test after a save of {self.source}")
        if self.ours:
            affected[:] = [what for _, what in results]
        mine = [at for at, what in results if what in affected] or [at for at, _ in results]
        self.ran.append(len(results))
        self.first.append((min(at for at, _ in results) - since) / 1e9)
        self.done.append((max(mine) - since) / 1e9)
        self.through.append((over - since) / 1e9)

    def idle(self, seconds: float) -> float:
        """Return the share of a core that it takes while nothing happens."""
        before = self._cpu()
        time.sleep(seconds)
        return (self._cpu() - before) / seconds

    def _cpu(self) -> float:
        return sum(map(cpu_of, tree(self.process.pid)))

    def stop(self) -> None:
        """End it with all that it started."""
        pids = list(tree(self.process.pid))
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def tree(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            for child in (task / "children").read_text().split():
                yield from tree(int(child))


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def commands(python: str) -> dict[str, list[str]]:
    """Return the watchers by name."""
    return {
        "testlanes": [sys.executable, "-m", "testlanes", "watch", "--json", "-j2"],
        "pytest-watcher": [python, "-m", "pytest_watcher", ".", "--now"],
        "pytest-watch": [python, "-m", "pytest_watch"],
        "testmon loop": [python, "-m", "pytest_watch", "--", "--testmon"],
    }


def compare(name: str, python: str, rounds: int, scratch: Path, only: list[str]) -> None:
    """Measure all watchers on a project, and print their medians and ratios."""
    watchers: list[Watcher] = []
    try:
        for each, command in commands(python).items():
            if only and each not in only:
                continue
            folder = scratch / f"{name}-{each.replace(' ', '-')}"
            source = PROJECTS[name](folder, python)
            (folder / "conftest.py").write_text(PROBE)
            ours = each == "testlanes"
            if ours:
                (folder / "testlanes.toml").write_text(
                    f'framework = "pytest"\n[profiles.default]\npython = "{python}"\n'
                )
            watchers.append(Watcher(each, command, folder, source, Path(python).parent, ours))
            watchers[-1].start()
        affected: list[str] = []
        for number in range(rounds + 1):
            for watcher in watchers:
                watcher.save(number, affected)
        for watcher in watchers:  # the first of each is not like the others
            for figures in (watcher.first, watcher.done, watcher.through, watcher.ran):
                del figures[0]
        idle = {watcher.name: watcher.idle(5) for watcher in watchers}
    finally:
        for watcher in watchers:
            watcher.stop()
    print(f"\n{name}: medians of {rounds} saves, in seconds (least-most)")
    print(
        f"{'':16}{'first result':>26}{'all affected done':>26}{'through':>26}{'tests':>8}{'idle CPU':>10}"
    )
    base = watchers[0]
    for one in watchers:
        cells = [
            f"{statistics.median(found):.3f} ({min(found):.2f}-{max(found):.2f}) {times(found, mine)}"
            for found, mine in (
                (one.first, base.first),
                (one.done, base.done),
                (one.through, base.through),
            )
        ]
        ran = round(statistics.median(one.ran))
        print(
            f"{one.name:16}{cells[0]:>26}{cells[1]:>26}{cells[2]:>26}{ran:>8}{idle[one.name]:>10.2%}",
            flush=True,
        )


def times(found: list[float], mine: list[float]) -> str:
    """Return how many times as long something takes, by the median of rounds in turn."""
    return f"x{statistics.median(a / b for a, b in zip(found, mine, strict=True)):.1f}"


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="*", default=list(PROJECTS), choices=list(PROJECTS))
    parser.add_argument("--watchers", nargs="*", default=[], choices=list(commands("")))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.only:
            compare(
                name, str(Path(args.python).absolute()), args.rounds, Path(scratch), args.watchers
            )


if __name__ == "__main__":
    main()
