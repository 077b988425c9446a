"""What is failing after any sequence of runs is what a plain model says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from testlanes.runner.ids import DEFAULT_PROFILE, ProfileName, Status
from testlanes.runner.repository.base import Repository, StoredResult
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
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
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


@pytest.mark.parametrize(
    ("failed", "instead", "other"),
    [
        ("pkg.test_x.T.test_a", "unittest.loader._FailedTest.pkg.test_x", "pkg.test_x.T.test_b"),
        ("test_x.T.test_a", "setUpClass (test_x.T)", "test_x.T.test_b"),
        ("t/test_x.py::T::test_a[1]", "t/test_x.py", "t/test_x.py::test_b"),
    ],
)
def test_what_its_module_or_class_kept_from_running_is_not_forgotten(
    failed: str, instead: str, other: str
) -> None:
    """It still fails when its module can be loaded again and only another test of it has run."""
    repository = MemoryRepository()
    for test_id, status, partial in (
        (failed, Status.FAIL, False),
        (instead, Status.FAIL, False),
        (other, Status.SUCCESS, True),
    ):
        repository.insert([StoredResult(test_id, status, ProfileName("py311"))], partial)
    assert [one.test_id for one in repository.failing()] == [failed]


def test_a_stream_of_one_profile_says_nothing_of_what_failed_without_one() -> None:
    repository = MemoryRepository()
    repository.insert([StoredResult("m.a", Status.FAIL, DEFAULT_PROFILE)], False)
    repository.insert([StoredResult("m.b", Status.SUCCESS, ProfileName("py311"))], False)
    assert [one.test_id for one in repository.failing()] == ["m.a"]
    repository.insert([StoredResult("m.a", Status.SUCCESS, ProfileName("py311"))], True)
    assert repository.failing() == []
