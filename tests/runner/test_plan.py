"""Concurrency plans: read, ask, and compare with the suite."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from testlanes.runner.errors import UserError
from testlanes.runner.ids import DEFAULT_PROFILE, Case, ProfileName
from testlanes.runner.plan import Plan, parse_plan

PY311, PY312 = ProfileName("py311"), ProfileName("py312")


def plan(**data: object) -> Plan:
    """Return the plan that says this."""
    return parse_plan(json.dumps(data), "plan.json")


def cases(*ids: str) -> list[Case]:
    """Return cases of the only profile."""
    return [Case(test_id, DEFAULT_PROFILE) for test_id in ids]


def texts(subject: Plan, *ids: str) -> list[str]:
    """Return the texts of a plan's problems with a suite."""
    return [problem.text for problem in subject.problems(cases(*ids))]


def test_segments_are_numbered_in_order_and_the_rest_comes_last() -> None:
    subject = plan(segments=[{"tests": ["m.a"]}, {"match": ["^m\\.b"], "concurrency": 2}])

    ids = ("m.a", "m.b1", "m.c")
    assert [subject.segment_of(test_id, DEFAULT_PROFILE) for test_id in ids] == [0, 1, 2]
    assert [subject.concurrency(number) for number in range(3)] == [None, 2, None]
    assert [segment.name for segment in subject.segments] == ["segment 1", "segment 2", "rest"]


def test_the_rest_may_come_first_and_have_a_limit() -> None:
    subject = plan(segments=[{"tests": ["m.a"]}], rest="first", rest_concurrency=3)

    assert subject.segment_of("m.x", DEFAULT_PROFILE) == subject.rest == 0
    assert subject.segment_of("m.a", DEFAULT_PROFILE) == 1
    assert subject.concurrency(0) == 3


def test_lists_are_short_for_plans_and_segments() -> None:
    subject = parse_plan('[["m.a", "m.b"], ["m.c"]]', "plan.json")

    assert [subject.segment_of(f"m.{name}", DEFAULT_PROFILE) for name in "abcd"] == [0, 0, 1, 2]


def test_an_exact_id_beats_a_regex_and_the_first_regex_wins() -> None:
    subject = plan(segments=[{"match": ["."]}, {"match": ["b"]}, {"tests": ["m.b"]}])

    assert subject.segment_of("m.b", DEFAULT_PROFILE) == 2
    assert subject.segment_of("m.bb", DEFAULT_PROFILE) == 0


def test_a_segment_may_be_about_some_profiles() -> None:
    subject = plan(
        segments=[
            {"tests": ["m.a"], "profiles": ["py311"]},
            {"tests": ["m.a"], "profiles": ["py312"]},
        ]
    )

    assert subject.segment_of("m.a", PY311) == 0
    assert subject.segment_of("m.a", PY312) == 1
    assert subject.segment_of("m.a", DEFAULT_PROFILE) == subject.rest


def test_unnamed_tests_are_an_error_if_the_plan_says_so() -> None:
    subject = plan(segments=[{"tests": ["m.a"]}], rest="error")

    (problem,) = subject.problems(cases("m.a", "m.b", "m.c", "m.d", "m.e"))
    assert problem.fatal
    assert problem.text == (
        "4 tests are in no segment, and the plan's rest is 'error': m.b, m.c, m.d and 1 more."
    )


def test_a_plan_that_fits_has_no_problems() -> None:
    subject = plan(segments=[{"tests": ["m.a"]}, {"match": ["b"]}])

    assert texts(subject, "m.a", "m.b", "m.c") == []


def test_unknown_ids_are_told_with_what_may_be_meant() -> None:
    subject = plan(segments=[{"name": "db", "tests": ["m.K.test_eins", "m.K.test_b"]}])

    assert texts(subject, "m.K.test_eine", "m.K.test_b") == [
        "'db' names a test that the suite does not have: m.K.test_eins. Is m.K.test_eine meant?"
    ]


def test_a_regex_without_tests_and_overlapping_regexes_are_told() -> None:
    segments = [{"match": ["a"]}, {"match": ["b"]}, {"match": ["zzz"]}]
    subject = plan(segments=segments)

    assert texts(subject, "m.ab", "m.a", "m.b") == [
        "No test matches the regexes of 'segment 3'.",
        "1 test is in both 'segment 1' and 'segment 2', and will run in the former: m.ab.",
    ]


def test_a_segment_of_a_profile_that_does_not_run_is_not_missed() -> None:
    subject = plan(segments=[{"tests": ["m.x"], "match": ["y"], "profiles": ["py312"]}])

    assert subject.problems([Case("m.a", PY311)], [PY311, PY312]) == ()
    (problem,) = subject.problems([Case("m.a", PY311)], [PY311])
    assert problem.text == "'segment 1' is about py312; the profiles are py311."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "plan.json is not JSON: .*line 1"),
        ("3", "plan.json is not a plan: it holds a number"),
        ("{}", '"segments" is missing, not a list'),
        ('{"segment": []}', 'plan.json has no key "segment"'),
        ('{"segments": [3]}', "segment 1 is a number"),
        ('{"segments": [{"tests": ["a"]}, {}]}', "segment 2 names no tests"),
        ('{"segments": [{"name": "db", "test": ["a"]}]}', r'segment 1 \(db\) has no key "test"'),
        ('{"segments": [{"tests": "a"}]}', 'segment 1: "tests" is not a list of texts'),
        ('{"segments": [{"match": ["a["]}]}', r"segment 1: 'a\[' is not a regular expression"),
        ('{"segments": [{"tests": ["a"], "concurrency": 0}]}', '"concurrency" is 0'),
        ('{"segments": [{"tests": ["a"], "concurrency": true}]}', '"concurrency" is true'),
        ('{"segments": [{"tests": ["a"], "profiles": []}]}', '"profiles" is empty'),
        ('{"segments": [{"tests": ["a"], "name": 3}]}', '"name" is a number'),
        ('{"segments": [], "rest": "begin"}', '"rest" is "begin", not'),
        ('[["a", "b"], ["b"]]', r"1 test is in two segments, 1 \(segment 1\) and 2 .*: b"),
    ],
)
def test_a_wrong_plan_is_refused_with_its_file_and_segment(text: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        parse_plan(text, "plan.json")
    assert caught.value.message.startswith("plan.json")


ids = st.sampled_from([f"m.{name}" for name in "abcdef"])


@given(st.lists(st.sets(ids, min_size=1), max_size=4), ids, st.sampled_from(["last", "first"]))
def test_every_test_is_in_exactly_the_segment_that_names_it(
    sets: list[set[str]], asked: str, rest: str
) -> None:
    seen: set[str] = set()
    lists = [sorted(each - seen, key=lambda i: (seen.add(i), i)[1]) for each in sets]
    lists = [each for each in lists if each]
    subject = plan(segments=lists, rest=rest)

    number = subject.segment_of(asked, DEFAULT_PROFILE)
    assert asked in subject.segments[number].tests or number == subject.rest
    assert (number == subject.rest) == all(asked not in each for each in lists)
