"""Time whole runs against the peers on PyPI, in turn, and print the ratios of each round.

    python tests/benchmarks/engine.py [--rounds N] [--tests N] [--peers stestr,testr,xdist]

Makes its suites and a virtual environment for the peers in a temporary folder. Two lanes everywhere.
Ratios are what counts: on a shared machine no single time means much.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from listing import listing

LIMIT = 600
STESTR_CONF = "[DEFAULT]\ntest_path=.\n"
TESTR_CONF = """[DEFAULT]
test_command={python} -m subunit.run discover . $LISTOPT $IDOPTION
test_id_option=--load-list $IDFILE
test_list_option=--list
"""


@dataclass(frozen=True)
class Contender:
    """A command to time; ``before`` runs once, untimed."""

    name: str
    command: Sequence[str]
    before: Sequence[str] = ()


def unittest_suite(folder: Path, tests: int) -> None:
    """Write trivial unittest tests: modules of ten classes of ten."""
    for module in range(tests // 100):
        classes = "".join(
            f"class C{number}(unittest.TestCase):\n"
            + "".join(f"    def test_{test}(self): self.assertTrue(True)\n" for test in range(10))
            for number in range(10)
        )
        (folder / f"test_m{module:03}.py").write_text(f"import unittest\n{classes}")


def pytest_suite(folder: Path, tests: int) -> None:
    """Write trivial pytest functions: modules of a hundred."""
    for module in range(tests // 100):
        functions = "".join(f"def test_{number}(): assert True\n" for number in range(100))
        (folder / f"test_m{module:03}.py").write_text(functions)


def seconds(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> float:
    """Return the wall seconds of a command. Raises CalledProcessError where it fails."""
    start = time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        env=dict(environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LIMIT,
        check=True,
    )
    return time.perf_counter() - start


def compare(
    title: str,
    folder: Path,
    contenders: Sequence[Contender],
    rounds: int,
    environ: Mapping[str, str],
) -> None:
    """Time every contender once a round, and print medians and the ratio of ours to each.

    Each has the suite for itself: nobody is to read what another one has just stored.
    """
    times: dict[str, list[float]] = {each.name: [] for each in contenders}
    places = {each.name: folder / f"of-{number}" for number, each in enumerate(contenders)}
    files = list(folder.iterdir())
    for each in contenders:
        places[each.name].mkdir()
        for file in files:
            shutil.copy(file, places[each.name])
        if each.before:
            subprocess.run(each.before, cwd=places[each.name], check=True, env=dict(environ))
    for _ in range(rounds):
        for each in contenders:
            times[each.name].append(seconds(each.command, places[each.name], environ))
    print(f"\n{title}")
    for name, got in times.items():
        ratios = [ours / theirs for ours, theirs in zip(times["testlanes"], got, strict=True)]
        median = statistics.median(got)
        print(
            f"  {name:<20} {median:7.2f} s   testlanes takes {statistics.median(ratios):5.2f}x as long"
        )


def main() -> None:
    """Run the comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tests", type=int, default=10_000)
    parser.add_argument("--peers", default="stestr,testr,xdist")
    options = parser.parse_args()
    peers = set(options.peers.split(","))
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory(prefix="testlanes-bench-") as name:
        base = Path(name)
        venv.create(base / "venv", with_pip=True)
        python = str(base / "venv/bin/python")
        packages = ["pytest", "pytest-xdist", "stestr", "testrepository", "python-subunit"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, env=environ)
        environ |= {"VIRTUAL_ENV": str(base / "venv"), "PATH": f"{base}/venv/bin:{environ['PATH']}"}
        ours = [sys.executable, "-m", "testlanes", "run", "--no-tui", "-j2"]

        suite = base / "unittest"
        suite.mkdir()
        unittest_suite(suite, options.tests)
        (suite / ".stestr.conf").write_text(STESTR_CONF)
        (suite / ".testr.conf").write_text(TESTR_CONF.format(python=python))
        contenders = [
            Contender("testlanes", [*ours, "--framework", "unittest"]),
            Contender("python -m unittest", [python, "-m", "unittest", "-q"]),
        ]
        if "stestr" in peers:
            contenders.append(Contender("stestr -c2", ["stestr", "run", "--concurrency", "2"]))
        if "testr" in peers:
            testr = ["testr", "run", "--parallel", "--concurrency", "2"]
            contenders.append(Contender("testr -c2", testr, before=["testr", "init"]))
        compare(
            f"{options.tests} trivial unittest tests (E1)",
            suite,
            contenders,
            options.rounds,
            environ,
        )

        suite = base / "pytest"
        suite.mkdir()
        pytest_suite(suite, options.tests)
        contenders = [
            Contender("testlanes", ours),
            Contender("pytest -q", [python, "-m", "pytest", "-q"]),
        ]
        if "xdist" in peers:
            contenders.append(Contender("pytest -n2", [python, "-m", "pytest", "-q", "-n2"]))
        compare(
            f"{options.tests} trivial pytest functions (E2)",
            suite,
            contenders,
            options.rounds,
            environ,
        )

        suite = base / "one"
        suite.mkdir()
        (suite / "test_one.py").write_text("def test_one(): pass\n")
        contenders = [
            Contender("testlanes", ours),
            Contender("pytest", [python, "-m", "pytest", "-q"]),
        ]
        compare("one trivial test (E7)", suite, contenders, max(options.rounds, 5), environ)
    listing()


if __name__ == "__main__":
    main()
