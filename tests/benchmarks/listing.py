"""What a listing costs the controller: from the loader's bytes to a dispatcher that has every case.

    python tests/benchmarks/listing.py

CPU milliseconds for 16,000 ids in events of 100, as a loader says them module by module. Nothing is started.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping

from testlanes.runner.agent.pack import dumps  # pyright: ignore[reportUnknownVariableType]
from testlanes.runner.agent.packets import packets  # pyright: ignore[reportUnknownVariableType]
from testlanes.runner.commands import LoadSuite
from testlanes.runner.engine import prepare
from testlanes.runner.events import ListingEnded, RunEvent
from testlanes.runner.ids import DEFAULT_PROFILE, LOCAL, Case
from testlanes.runner.request import Request
from testlanes.runner.settings import Profile, Settings, UnittestSuite
from testlanes.runner.wire.control import EVENT_MIME
from testlanes.runner.wire.messages import Data, LoaderState

IDS = 16_000
MODULE = 100
"""Tests of a module, and so ids in an event."""
CLASS = 10


def _names() -> list[str]:
    return [
        f"project.tests.unit.area_{number // 1000}.test_module_{number // MODULE}"
        f".ClassOfTests{number // CLASS}.test_something_that_has_a_name_{number}"
        for number in range(IDS)
    ]


def _said(names: list[str], *, grouped: bool) -> Iterator[Data]:
    """Yield what a loader's channel brings."""
    for at in range(0, IDS, MODULE):
        ids = names[at : at + MODULE]
        classes = (name.rpartition(".")[0] for name in ids)
        groups = {index: [name, False] for index, name in enumerate(classes)} if grouped else {}
        yield _event("ids", {"ids": ids, "groups": groups})
    yield _event("listed", {"count": IDS, "error": ""})


def _event(kind: str, fields: Mapping[str, object]) -> Data:
    data = packets(
        None,
        None,
        name=f"testlanes.{kind}",
        data=dumps(fields),
        eof=True,
        mime=EVENT_MIME,
        ns=time.time_ns(),
    )
    return Data(str(DEFAULT_PROFILE), data)


def milliseconds(*, timed: bool, grouped: bool) -> float:
    """Return what it costs once. ``timed``: every test ran before; ``grouped``: each class is a group."""
    names = _names()
    settings = Settings(root=".", profiles=(Profile(suite=UnittestSuite()),))
    times = {Case(name, DEFAULT_PROFILE): 0.01 for name in names} if timed else {}
    run = prepare(settings, Request(times=times))
    said = list(_said(names, grouped=grouped))
    lanes = run.hosts[0].lanes()
    session = run.supervisor._session  # pyright: ignore[reportPrivateUsage]
    heard: list[RunEvent] = []

    def take(events: list[RunEvent]) -> None:
        for event in events:
            run.state.apply(event)
        session.step(events, 0.0)
        heard.extend(events)

    session.begin(0.0)
    lanes.perform(LoadSuite(LOCAL, DEFAULT_PROFILE))
    take(lanes.receive(LoaderState(str(DEFAULT_PROFILE), "loading", "")))
    began = time.process_time()
    for message in said:
        take(lanes.receive(message))
    took = time.process_time() - began
    assert run.state.selected == IDS
    assert isinstance(heard[-1], ListingEnded)
    return took * 1e3


def listing(rounds: int = 7) -> None:
    """Print the medians."""
    print(f"\nlisting {IDS:,} ids: CPU of the controller, 50 ms aimed at (E4)")
    for timed in (False, True):
        for grouped in (False, True):
            took = [milliseconds(timed=timed, grouped=grouped) for _ in range(rounds)]
            what = f"{'timed before' if timed else 'new'}, {'in classes' if grouped else 'single'}"
            print(f"  {what:<24} {statistics.median(took):6.1f} ms")


if __name__ == "__main__":
    listing()
