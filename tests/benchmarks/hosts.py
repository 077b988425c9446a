"""What other hosts cost and give: simulated, and on real sshd hosts behind real links (root rights needed).

``python -m tests.benchmarks.hosts [simulated] [links] [unequal] [loss] [lanes]``, from the checkout; all without an argument.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ..hosts.projects import Project, Running, lost
from ..hosts.rig import Rig, missing, rig_of
from .manylanes import many_lanes
from .simulator import Workload, simulate, workload

SPEEDS: Mapping[str, tuple[float, ...]] = {"1:1:2": (1.0, 1.0, 2.0), "1:0.5:0.25": (1.0, 0.5, 0.25)}
ROUND_TRIPS = (0.0002, 0.01, 0.1)

EVEN = """
    import os, time, unittest

    class Even(unittest.TestCase):
        pass

    for number in range({count}):
        def test(self, seconds={seconds}):
            time.sleep(seconds * float(os.environ.get("SLOWNESS", "1")))
        setattr(Even, f"test_{{number:04}}", test)
"""


def even(seconds: float, count: int, *, known: bool) -> Workload:
    """Return tests that all take the same time."""
    return Workload([seconds] * count, [seconds if known else None] * count)


def simulated() -> None:
    """Print the share of the bound on three unequal hosts of four lanes, and what a link costs 100 ms tests."""
    print("three hosts of four lanes, share of the bound in percent (round trip 0.2, 10, 100 ms)")
    suites: dict[str, Workload] = {}
    for history in ("exact", "noisy", "none"):
        suites[f"heavy, history {history}"] = workload("heavy", 3000, history, 1)
        suites[f"integration, history {history}"] = workload("integration", 3000, history, 1)
    for known in (True, False):
        how = "known" if known else "unknown"
        suites[f"3000 of 20 ms, {how}"] = even(0.02, 3000, known=known)
        suites[f"1000 of 0.3 s, {how}"] = even(0.3, 1000, known=known)
        suites[f"200 of 3 s, {how}"] = even(3.0, 200, known=known)
    for known in (False, True):
        print(f"speeds {'known from earlier runs' if known else 'unknown at first'}:")
        for name, suite in suites.items():
            line = f"  {name:32}"
            for speeds in SPEEDS.values():
                lanes = [speed for speed in speeds for _ in range(4)]
                shares = [simulate(suite, lanes, trip, known=known).share for trip in ROUND_TRIPS]
                line += "   " + " ".join(f"{share:6.1f}" for share in shares)
            print(line, flush=True)
        print(f"{'':34}   " + "".join(f"{name:23}" for name in SPEEDS))
    alone = simulate(even(0.1, 2400, known=True), [1.0] * 12, 0.0002).seconds
    for trip in (0.01, 0.1):
        took = simulate(even(0.1, 2400, known=True), [1.0] * 12, trip).seconds
        print(
            f"2400 tests of 100 ms, 12 lanes: a link of {trip * 500:g} ms costs {took / alone - 1:.1%}"
        )


def span(running: Running) -> float:
    """Return the seconds from the first test's start to the last one's end."""
    begins = [datetime.fromisoformat(event["at"]) for event in running.of("case_started")]
    ends = [datetime.fromisoformat(event["at"]) for event in running.finished()]
    return (max(ends) - min(begins)).total_seconds()


@contextmanager
def hosts_with(source: str) -> Generator[tuple[Rig, Project]]:
    """Have three hosts with a project on them."""
    folder = Path(tempfile.mkdtemp(prefix="testlanes-hosts-"))
    try:
        (folder / "rig").mkdir()
        with rig_of(folder / "rig", 3) as rig:
            yield rig, Project(folder / "work", rig, even=source)
    finally:
        shutil.rmtree(folder)


def links() -> None:
    """Print what a link costs 100 ms tests on three hosts of two lanes, runs in turn."""
    with hosts_with(EVEN.format(count=240, seconds=0.1)) as (rig, project):
        project.run("h1,h2,h3")  # their times are known from now on
        took: dict[float, list[float]] = {}
        for _ in range(3):
            for delay in (0.0, 0.005, 0.05):
                for host in rig.hosts.values():
                    host.cable.heal()
                    if delay:
                        host.cable.slow(delay=delay)
                took.setdefault(delay, []).append(span(project.run("h1,h2,h3")))
        best = {delay: min(times) for delay, times in took.items()}
        print("240 tests of 100 ms on three hosts of two lanes, best of three")
        for delay, seconds in best.items():
            cost = seconds / best[0.0] - 1
            print(
                f"  link of {delay * 1000:4g} ms: {seconds:5.2f} s ({4.0 / seconds:.0%} of ideal) {cost:+.1%}"
            )


def unequal() -> None:
    """Print the share of the ideal makespan on unequal hosts; the slow ones' tests sleep longer."""
    with hosts_with(EVEN.format(count=240, seconds=0.1)) as (_, project):
        project.run("h1,h2,h3")
        for name, speeds in SPEEDS.items():
            slowness = {f"h{at}": str(1 / speed) for at, speed in enumerate(speeds, 1)}
            project.describe(**{host: {"env": {"SLOWNESS": one}} for host, one in slowness.items()})
            shares = [24.0 / (2 * sum(speeds)) / span(project.run("h1,h2,h3")) for _ in range(3)]
            print(
                f"hosts of speed {name}: {max(shares):.0%} of the ideal (of three: {min(shares):.0%} at worst)"
            )


def loss() -> None:
    """Print how long it takes by default until a cut host is taken to be lost, and until nothing runs there."""
    with hosts_with(EVEN.format(count=2000, seconds=0.1)) as (rig, project):
        project.describe(**{host: {"lease": 15.0} for host in rig.hosts})
        running = project.start("h1,h2")
        running.until_finished(5, "h1")
        rig["h1"].cable.cut()
        began = time.monotonic()
        ended = 0.0
        while not any(map(lost("h1"), tuple(running.events))):
            if not ended and not rig["h1"].processes():
                ended = time.monotonic() - began
            time.sleep(0.02)
        noticed = time.monotonic() - began
        print(f"a cut host: nothing runs there after {ended:.1f} s, lost after {noticed:.1f} s")
        running.kill()


PARTS: Mapping[str, Callable[[], None]] = {
    "simulated": simulated,
    "links": links,
    "unequal": unequal,
    "loss": loss,
    "lanes": many_lanes,
}


def main() -> None:
    """Print what was asked for."""
    for name in sys.argv[1:] or PARTS:
        if name in ("links", "unequal", "loss") and (why := missing()):
            print(f"{name}: {why}")
        else:
            PARTS[name]()


if __name__ == "__main__":
    main()
