"""How near to the best possible the dispatcher comes, in simulated runs with fixed seeds: no clock is read."""

from __future__ import annotations

import pytest

from ..benchmarks.simulator import Workload, lanes, simulate, with_set_ups, workload

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
@pytest.mark.parametrize("inside", [False, True])
def test_dear_class_set_ups_are_hardly_repeated(kind: str, count: int, inside: bool) -> None:
    suite = with_set_ups(workload(kind, 2 * SMALL[kind], "noisy", 1), 0.3, False, 1)
    outcome = simulate(suite, lanes(count), 0.0002, inside=inside)

    assert outcome.share >= 90
    assert outcome.set_ups <= 1.4


@pytest.mark.parametrize("history", ["none", "noisy"])
def test_what_a_first_test_takes_is_told_from_what_its_fixtures_take(history: str) -> None:
    """Else the rest of its group seems to be worth a set-up in each lane that has nothing else to do."""
    outcomes = [
        simulate(
            with_set_ups(workload(kind, 1_000, history, seed), 4.0, False, seed),
            lanes(4),
            0.0005,
            inside=True,
        )
        for kind in SMALL
        for seed in (1, 2, 3)
    ]

    assert sum(one.share for one in outcomes) >= 85 * len(outcomes)
    assert sum(one.set_ups for one in outcomes) <= 1.25 * len(outcomes)


def test_a_class_of_quick_tests_is_not_left_to_the_end_when_nobody_knows_its_set_up() -> None:
    suite = with_set_ups(workload("unit", 12_000, "noisy", 1), 4.0, False, 1)

    assert simulate(suite, lanes(8), 0.05).share >= 90


def test_short_tests_are_sent_in_batches() -> None:
    outcome = simulate(workload("unit", SMALL["unit"], "noisy", 1), lanes(2), 0.005)

    assert outcome.messages <= 0.5


@pytest.mark.parametrize("round_trip", [0.0002, 0.005, 0.05])
def test_in_a_short_run_on_many_lanes_it_reaches_97_percent(round_trip: float) -> None:
    """Three seconds in which tests of 60 ms are not like those of 1 ms any more."""
    outcome = simulate(workload("unit", 12_000, "noisy", 1), lanes(64), round_trip)

    assert outcome.share >= 97


def test_nothing_waits_behind_the_longest_test_of_a_short_run() -> None:
    outcome = simulate(workload("unit", 12_000, "exact", 3), lanes(64), 0.0002)

    assert outcome.share >= 97


UNEQUAL = [(1.0, 1.0, 2.0), (2.0, 1.0, 1.0), (1.0, 0.5, 0.25), (0.25, 0.5, 1.0)]


def three_hosts(speeds: tuple[float, ...], each: int) -> tuple[list[float], list[int]]:
    """Return the speed and the host of each lane of three hosts that have as many."""
    return (
        [speed for speed in speeds for _ in range(each)],
        [host for host in range(len(speeds)) for _ in range(each)],
    )


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("speeds", UNEQUAL[::2])
def test_on_unequal_hosts_whose_speeds_earlier_runs_learnt_it_reaches_95_percent(
    kind: str, speeds: tuple[float, ...]
) -> None:
    four_each, hosts = three_hosts(speeds, 4)
    suite = workload(kind, SMALL[kind], "noisy", 1)

    assert simulate(suite, four_each, 0.01, known=True, hosts=hosts).share >= 95


@pytest.mark.parametrize("kind", ["heavy", "integration"])
@pytest.mark.parametrize("speeds", UNEQUAL)
@pytest.mark.parametrize("each", [4, 21])
def test_on_unequal_hosts_of_unknown_speed_it_reaches_95_percent(
    kind: str, speeds: tuple[float, ...], each: int
) -> None:
    """With 21 lanes each, no test of a minute may begin before it is known which host is fast."""
    many, hosts = three_hosts(speeds, each)
    suite = workload(kind, SMALL[kind], "noisy", 1)

    assert simulate(suite, many, 0.0002, hosts=hosts).share >= 95


def best_of_regular(seconds: float, count: int, speeds: list[float]) -> float:
    """Return the seconds in which so many tests that all take ``seconds`` can be run at best."""
    best = seconds / max(speeds)
    while sum(int(best * speed / seconds + 1e-9) for speed in speeds) < count:
        best += seconds / 12
    return best


@pytest.mark.parametrize("speeds", UNEQUAL)
@pytest.mark.parametrize("each", [4, 21])
def test_on_unequal_hosts_tests_that_take_equally_long_are_shared_as_well_as_can_be(
    speeds: tuple[float, ...], each: int
) -> None:
    many, hosts = three_hosts(speeds, each)
    suite = Workload([3.0] * 200, [3.0] * 200)

    outcome = simulate(suite, many, 0.0002, known=True, hosts=hosts)

    assert outcome.seconds <= 1.05 * best_of_regular(3.0, 200, many)


@pytest.mark.parametrize("speeds", UNEQUAL)
@pytest.mark.parametrize("seconds", [0.3, 3.0])
def test_so_are_they_in_a_first_run_that_knows_neither_tests_nor_hosts(
    seconds: float, speeds: tuple[float, ...]
) -> None:
    four_each, hosts = three_hosts(speeds, 4)
    suite = Workload([seconds] * 200, [None] * 200)

    outcome = simulate(suite, four_each, 0.005, hosts=hosts)

    assert outcome.seconds <= 1.05 * best_of_regular(seconds, 200, four_each)


def test_no_long_test_waits_behind_another_while_many_lanes_begin() -> None:
    outcome = simulate(workload("integration", 3000, "noisy", 1), lanes(64), 0.005)

    assert outcome.share >= 97
