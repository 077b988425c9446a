"""What is failing after any sequence of runs is what a plain model says."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings, strategies as st

from testlanes.runner.ids import Status
from testlanes.runner.repository.base import Repository
from testlanes.runner.repository.memory import MemoryRepository

IDS = ("m.a", "m.b[x]", "line\nbreak")
PROFILES = ("py311", "py313")
CASES = [(test_id, profile) for test_id in IDS for profile in PROFILES]

outcome = st.sampled_from(
    [None, None, Status.SUCCESS, Status.FAIL, Status.FAIL, Status.SKIP, Status.XFAIL]
)
run = st.tuples(
    st.dictionaries(st.sampled_from(CASES), outcome),
    st.booleans(),
    st.booleans(),
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(run, max_size=6))
def test_failing_follows_the_model(
    play: Callable[..., int], several: list[tuple[dict[tuple[str, str], Status | None], bool, bool]]
) -> None:
    check(MemoryRepository(), play, several)


def check(
    repository: Repository,
    play: Callable[..., int],
    several: list[tuple[dict[tuple[str, str], Status | None], bool, bool]],
) -> None:
    model: set[tuple[str, str]] = set()
    for results, partial, interrupted in several:
        script = [(test_id, profile, status) for (test_id, profile), status in results.items()]
        play(repository, script, profiles=PROFILES, partial=partial, interrupted=interrupted)
        ran = {case for case, status in results.items() if status is not None}
        if ran:
            if partial or interrupted:
                model -= ran
            else:
                model &= results.keys() - ran
            model |= {case for case, status in results.items() if status is Status.FAIL}
        stored = {(one.test_id, one.profile) for one in repository.failing()}
        assert stored == {(test_id.replace("\n", "\\n"), profile) for test_id, profile in model}
        assert len(repository.failing()) == len(stored)
