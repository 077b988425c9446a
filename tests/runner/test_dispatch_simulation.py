"""How near to the best possible the dispatcher comes, in simulated runs with fixed seeds: no clock is read."""

from __future__ import annotations

import pytest

from ..benchmarks.simulator import lanes, simulate, with_set_ups, workload

SMALL = {"unit": 3_000, "heavy": 3_000, "integration": 3_000}


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("round_trip", [0.0002, 0.005])
def test_with_history_and_equal_lanes_it_reaches_97_percent(
    kind: str, count: int, round_trip: float
) -> None:
    outcome = simulate(workload(kind, SMALL[kind], "noisy", 1), lanes(count), round_trip)

    assert outcome.share >= 97


@pytest.mark.parametrize("kind", SMALL)
def test_where_long_tests_now_fail_fast_it_reaches_92_percent(kind: str) -> None:
    outcome = simulate(workload(kind, SMALL[kind], "failfast", 1), lanes(8), 0.0002)

    assert outcome.share >= 92


@pytest.mark.parametrize("kind", ["unit", "heavy"])
@pytest.mark.parametrize("count", [2, 8])
def test_dear_class_set_ups_are_hardly_repeated(kind: str, count: int) -> None:
    suite = with_set_ups(workload(kind, 2 * SMALL[kind], "noisy", 1), 0.3, False, 1)
    outcome = simulate(suite, lanes(count), 0.0002)

    assert outcome.share >= 90
    assert outcome.set_ups <= 1.4


def test_short_tests_are_sent_in_batches() -> None:
    outcome = simulate(workload("unit", SMALL["unit"], "noisy", 1), lanes(2), 0.005)

    assert outcome.messages <= 0.5


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("speeds", [(1.0, 1.0, 2.0), (1.0, 0.5, 0.25)])
def test_on_unequal_hosts_whose_speeds_earlier_runs_learnt_it_reaches_95_percent(
    kind: str, speeds: tuple[float, ...]
) -> None:
    four_each = [speed for speed in speeds for _ in range(4)]
    suite = workload(kind, SMALL[kind], "noisy", 1)

    assert simulate(suite, four_each, 0.01, known=True).share >= 95


def test_no_long_test_waits_behind_another_while_many_lanes_begin() -> None:
    outcome = simulate(workload("integration", 3000, "noisy", 1), lanes(64), 0.005)

    assert outcome.share >= 97
