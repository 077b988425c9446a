"""Simulate runs of many kinds and print how close each way of handing tests out comes to the bound.

``python -m tests.benchmarks.scheduling [--small]``, from the checkout.
``tests/runner/test_dispatch_simulation.py`` holds what is to be reached in some of these cells.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .peers import Load, OneByOne, Partition, Peer, WorkSteal
from .simulator import Outcome, Simulation, Workload, bound, lanes, simulate, with_set_ups, workload

KINDS = {"unit": 12_000, "heavy": 3_000, "integration": 3_000}
HISTORIES = ("none", "noisy", "stale", "failfast")
ROUND_TRIPS = (0.0002, 0.005, 0.05)


@dataclass(frozen=True)
class Cell:
    """One run to simulate."""

    kind: str
    count: int
    history: str
    unequal: bool
    lanes: int
    round_trip: float

    @property
    def suite(self) -> Workload:
        """Its tests."""
        return workload(self.kind, self.count, self.history, 1)

    @property
    def speeds(self) -> list[float]:
        """Its lanes."""
        return lanes(self.lanes, self.unequal)

    def __str__(self) -> str:
        speeds = "1/1/2" if self.unequal else "equal"
        trip = f"{self.round_trip * 1000:g} ms"
        return f"{self.history:9}{speeds:6}{self.kind:12}{self.lanes:4} lanes {trip:>7}"


def cells(
    histories: Sequence[str] = HISTORIES,
    widths: Sequence[int] = (2, 8, 64),
    speeds: Sequence[bool] = (False, True),
) -> Iterator[Cell]:
    """Yield the cells of a sweep. 512 lanes get five times the tests: a run of seconds has no middle."""
    for history in histories:
        for unequal in speeds:
            for kind, count in KINDS.items():
                for width in widths:
                    for trip in ROUND_TRIPS:
                        many = 5 * count if width > 64 else count
                        yield Cell(kind, many, history, unequal, width, trip)


def peer(
    make: Callable[[Sequence[float | None], int], Peer], *, needs_next: bool = False
) -> Callable[[Cell], Outcome]:
    """Return what runs a cell with a peer."""

    def run(cell: Cell) -> Outcome:
        suite, speeds = cell.suite, cell.speeds
        policy = make(suite.estimates, len(speeds))
        return Simulation(suite, speeds, cell.round_trip, policy, needs_next=needs_next).run()

    return run


POLICIES: dict[str, Callable[[Cell], Outcome]] = {
    "ours": lambda cell: simulate(cell.suite, cell.speeds, cell.round_trip),
    "load": peer(Load, needs_next=True),
    "worksteal": peer(WorkSteal, needs_next=True),
    "partition": peer(Partition),
    "one by one": peer(OneByOne),
}


def sweep(which: Sequence[Cell]) -> None:
    """Print a line for each cell and the medians of each history."""
    print("share of the bound in percent; messages a test of ours")
    print(f"{'':47}" + "".join(f"{name:>11}" for name in POLICIES))
    shares: dict[tuple[str, bool], dict[str, list[float]]] = {}
    for cell in which:
        outcomes = {name: run(cell) for name, run in POLICIES.items()}
        line = "".join(f"{outcome.share:11.1f}" for outcome in outcomes.values())
        print(f"{cell!s:47}{line}{outcomes['ours'].messages:7.2f}", flush=True)
        row = shares.setdefault((cell.history, cell.unequal), {})
        for name, outcome in outcomes.items():
            row.setdefault(name, []).append(outcome.share)
    print("\nmedian / worst")
    for (history, unequal), row in shares.items():
        line = "".join(f"{statistics.median(s):7.1f} /{min(s):5.1f}" for s in row.values())
        print(f"{history:9}{'1/1/2' if unequal else 'equal':6}{line}")


def set_ups(widths: Sequence[int]) -> None:
    """Print the cells with class set-ups."""
    print("\nclass set-ups: share of the bound, set-ups run for each needed, messages a test")
    for kind, count in (("unit", 12_000), ("heavy", 3_000)):
        for seconds in (0.3, 4.0):
            for giant in (False, True):
                for width, trip in ((w, t) for w in widths for t in ROUND_TRIPS):
                    suite = with_set_ups(workload(kind, count, "noisy", 1), seconds, giant, 1)
                    out = simulate(suite, lanes(width), trip, inside=True)
                    name = f"{kind:6}{seconds:4g} s {'giant' if giant else '':6}{width:3} lanes"
                    print(
                        f"{name} {trip * 1000:5g} ms {out.share:6.1f}{out.set_ups:6.2f}x"
                        f"{out.messages:6.2f}"
                    )


def three_hosts(seeds: int) -> None:
    """Print what three hosts reach whose speeds nobody knows, beside what they reach where they are known.

    Without history nothing tells a long test from a short one: there the last column is the best that handing
    out in any order does with the speeds known, slow hosts taking nothing of the last so many tests; no round trips.
    """
    print(
        "\nthree hosts, 5 ms: share of the bound, mean (worst) of seeds: unknown speeds, known, blind"
    )
    for name, three in (("1:1:2", (1.0, 1.0, 2.0)), ("1:0.5:0.25", (1.0, 0.5, 0.25))):
        for each in (4, 21):
            hosts = [host for host in range(3) for _ in range(each)]
            speeds = [three[host] for host in hosts]
            for kind in KINDS:
                for history in ("noisy", "none"):
                    suites = [workload(kind, 3000, history, 1 + seed) for seed in range(seeds)]
                    line = f"{name:11}{3 * each:3} lanes {kind:12}{history:6}"
                    for known in (False, True):
                        shares = [
                            simulate(suite, speeds, 0.005, known=known, hosts=hosts).share
                            for suite in suites
                        ]
                        line += f"{statistics.mean(shares):7.1f} ({min(shares):.1f})"
                    if history == "none":
                        line += f"{_blind(suites, speeds):7.1f}"
                    print(line, flush=True)


def _blind(suites: Sequence[Workload], speeds: Sequence[float]) -> float:
    """Return the mean share that the best of many rules reaches, one for all suites, that knows speeds alone."""
    held_back = (0, 30, 100, 300, 600, 1000, 1500)
    slow = sorted({*speeds})[:-1]
    best = 0.0
    for rests in itertools.product(held_back, repeat=len(slow)):
        rest = dict(zip(slow, rests, strict=True))
        shares = (bound(suite, speeds) / _handed_out(suite, speeds, rest) for suite in suites)
        best = max(best, 100.0 * statistics.mean(shares))
    return best


def _handed_out(suite: Workload, speeds: Sequence[float], rest: Mapping[float, int]) -> float:
    """Return a run's seconds if each free lane takes the next test, but of the last ``rest`` none at a speed."""
    lanes = [(0.0, -speed) for speed in speeds]
    heapq.heapify(lanes)
    end, left = 0.0, len(suite.durations)
    for seconds in suite.durations:
        while rest.get(-lanes[0][1], 0) >= left:
            heapq.heappop(lanes)
        now, speed = lanes[0]
        end = max(end, now - seconds / speed)
        heapq.heapreplace(lanes, (now - seconds / speed, speed))
        left -= 1
    return end


def main() -> None:
    """Read the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="up to 64 lanes, few seeds")
    small: bool = parser.parse_args().small
    sweep([*cells(widths=(2, 8, 64) if small else (2, 8, 64, 512))])
    set_ups((2, 8, 64))
    three_hosts(4 if small else 12)


if __name__ == "__main__":
    main()
