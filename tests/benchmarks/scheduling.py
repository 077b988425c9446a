"""Simulate runs of many kinds and print how close each way of handing tests out comes to the bound.

``python -m tests.benchmarks.scheduling [--small]``, from the checkout. PERFORMANCE.md's target E3 is
about these cells; ``tests/runner/test_dispatch_simulation.py`` holds it on the small ones.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .peers import Load, OneByOne, Partition, Peer, WorkSteal
from .simulator import Outcome, Simulation, Workload, lanes, simulate, with_set_ups, workload

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
                    out = simulate(suite, lanes(width), trip)
                    name = f"{kind:6}{seconds:4g} s {'giant' if giant else '':6}{width:3} lanes"
                    print(
                        f"{name} {trip * 1000:5g} ms {out.share:6.1f}{out.set_ups:6.2f}x"
                        f"{out.messages:6.2f}"
                    )


def main() -> None:
    """Read the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="up to 64 lanes only")
    small: bool = parser.parse_args().small
    sweep([*cells(widths=(2, 8, 64) if small else (2, 8, 64, 512))])
    set_ups((2, 8, 64))


if __name__ == "__main__":
    main()
