"""Bisection finds the one earlier test that makes another fail, or says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given, strategies as st

from testlanes.runner.isolation import Bisection, Verdict


def verdict(before: Sequence[str], fails: Callable[[list[str]], bool]) -> tuple[Verdict, int]:
    bisection = Bisection("victim", before)
    while (trial := bisection.trial()) is not None:
        assert trial[-1] == "victim"
        bisection.outcome(fails(trial[:-1]))
    assert bisection.verdict is not None
    return bisection.verdict, bisection.trials


@given(count=st.integers(1, 200), data=st.data())
def test_the_culprit_is_found_in_few_trials(count: int, data: st.DataObject) -> None:
    before = [f"t{number}" for number in range(count)]
    culprit = data.draw(st.sampled_from(before))

    found, trials = verdict(before, lambda ran: culprit in ran)

    assert culprit == found.culprit
    assert trials <= 2 + 2 * count.bit_length()


def test_a_test_that_fails_alone_has_no_one_to_blame() -> None:
    found, trials = verdict(["a"], lambda _ran: True)

    assert (None, "it fails alone", 1) == (found.culprit, found.why, trials)


def test_a_test_that_passes_after_everything_is_flaky() -> None:
    found, _ = verdict(["a", "b"], lambda _ran: False)

    assert found.culprit is None
    assert "flaky" in found.why


def test_two_culprits_that_only_act_together_are_told_as_such() -> None:
    found, _ = verdict(["a", "b", "c", "d"], lambda ran: {"a", "d"} <= set(ran))

    assert found.culprit is None
    assert "several" in found.why


def test_a_test_with_no_predecessor_that_passes_alone() -> None:
    found, _ = verdict([], lambda _ran: False)

    assert "nothing ran before" in found.why
