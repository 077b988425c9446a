"""Lanes whose workers are processes that run one batch each: few of them, and none that idles for long."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import pytest

from testlanes.runner.decisions import Entry, Give
from testlanes.runner.dispatch import Dispatcher
from testlanes.runner.events import Group
from testlanes.runner.ids import LOCAL, LaneId, ProfileName, Row

PY = ProfileName("default")


def run(
    seconds: Sequence[float],
    *,
    start_up: float,
    known: bool = True,
    listed_in: float = 0.0,
    groups: Sequence[str] = (),
    lanes: int = 2,
) -> tuple[float, list[tuple[Row, ...]]]:
    """Run tests that take ``seconds`` in processes that take ``start_up``; return how long, and the batches."""
    dispatcher = Dispatcher(profiles=[PY])
    for lane in range(lanes):
        dispatcher.open_lane(LaneId(lane), LOCAL, PY, latency=1.0, batches=True)
    dispatcher.add(
        (
            Entry(Row(row), PY, row, took if known else None, Group(groups[row], hard=True))
            if groups
            else Entry(Row(row), PY, row, took if known else None, None)
            for row, took in enumerate(seconds)
        ),
        0.0,
    )
    dispatcher.listing_ended(PY, listed_in)
    batches: list[tuple[Row, ...]] = []
    # (when, lane, what it has left to start); a lane that comes up with nothing left gets a new process
    events: list[tuple[float, int, tuple[Row, ...]]] = [(0.0, lane, ()) for lane in range(lanes)]
    running: dict[int, Row] = {}
    idle: set[int] = set()
    now = 0.0
    while events:
        now, number, left = heapq.heappop(events)
        lane = LaneId(number)
        if number in running:
            row = running.pop(number)
            dispatcher.finished(lane, row, seconds[row], now)
        if left:
            dispatcher.started(lane, left[0], now)
            running[number] = left[0]
            heapq.heappush(events, (now + seconds[left[0]], number, left[1:]))
        else:
            dispatcher.worker_gone(lane, now)
            dispatcher.worker_ready(lane, -1, now)
            idle.add(number)
        for decision in dispatcher.decide(now):
            if isinstance(decision, Give):
                idle.discard(decision.lane)
                batches.append(decision.rows)
                heapq.heappush(events, (now + start_up, decision.lane, decision.rows))
    assert sorted(row for batch in batches for row in batch) == list(range(len(seconds)))
    return now, batches


@pytest.mark.parametrize("known", [True, False])
def test_short_tests_are_not_spread_over_many_processes(known: bool) -> None:
    _, batches = run([0.001] * 2000, start_up=1.0, known=known, listed_in=1.0)

    assert len(batches) <= 4


def test_what_takes_long_is_shared_evenly_at_the_cost_of_few_starts() -> None:
    took, batches = run([0.1] * 1000, start_up=1.0, listed_in=1.0)

    assert took <= 1.1 * (50 + 1)
    assert len(batches) <= 12


def test_where_processes_start_quickly_an_idle_lane_helps_with_what_takes_a_second() -> None:
    took, _ = run([0.1] * 16, start_up=0.01, listed_in=0.01)

    assert took <= 1.0


def test_a_group_is_never_run_by_two_processes() -> None:
    groups = [f"group {row // 50}" for row in range(200)]
    _, batches = run([0.1] * 200, start_up=0.5, groups=groups)

    homes = {
        name: {n for n, rows in enumerate(batches) for row in rows if groups[row] == name}
        for name in groups
    }
    assert [1] * 4 == [len(home) for home in homes.values()]
    assert len(batches) > 1
