"""A test is blamed for lost hosts when it alone ran on two of them."""

from __future__ import annotations

from testlanes.runner.ids import Row
from testlanes.runner.suspects import Bench, Losses

A, B, C = map(Row, range(3))


def test_one_loss_is_nobodys_fault_and_the_second_is() -> None:
    losses = Losses()
    assert losses.judge([A, B]) == (None, ())
    assert losses.judge([C, A]) == (A, ())


def test_of_two_that_ran_at_both_losses_neither_is_blamed_before_one_ran_alone() -> None:
    losses = Losses()
    losses.judge([A, B])
    assert losses.judge([B, A]) == (None, (B, A))
    assert losses.judge([A, C]) == (A, ())


def test_who_sits_on_the_bench_runs_one_at_a_time() -> None:
    bench = Bench()
    bench.put([A, B])
    assert A == bench.next()
    assert bench.next() is None
    bench.over(A)
    assert B == bench.next()
    bench.put(
        [B, A]
    )  # it was running when a host was lost, and somebody else was who may be to blame
    assert B == bench.next()
    assert (A,) == bench.clear()
    bench.over(B)
    assert bench.next() is None
