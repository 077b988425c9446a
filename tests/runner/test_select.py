"""Which tests are selected."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from testlanes.runner.errors import UserError
from testlanes.runner.ids import DEFAULT_PROFILE, ProfileName
from testlanes.runner.patterns import compile_pattern
from testlanes.runner.select import Selector, absent, most_cases
from testlanes.runner.settings import Selection

PY311, PY312 = ProfileName("py311"), ProfileName("py312")


def chosen(selection: Selection, *ids: str) -> list[str]:
    """Return those of ``ids`` that are selected."""
    selector = Selector(selection)
    return [test_id for test_id in ids if selector.selects(test_id, DEFAULT_PROFILE)]


def test_an_empty_selection_selects_everything() -> None:
    assert chosen(Selection(), "a.B.c", "t.py::x", "") == ["a.B.c", "t.py::x", ""]


def test_filters_are_searched_for_and_any_of_them_is_enough() -> None:
    ids = ("pkg.m.K.test_a", "pkg.m.K.test_b", "pkg.n.K.test_c")

    assert chosen(Selection(filters=(r"K\.test_a$", r"\.n\.")), *ids) == [ids[0], ids[2]]


def test_include_adds_to_the_filters_and_exclude_takes_away_afterwards() -> None:
    selection = Selection(filters=("alpha",), include=("beta",), exclude=("slow",))

    ids = ("m.alpha", "m.beta", "m.gamma", "m.alpha_slow", "m.beta_slow")
    assert chosen(selection, *ids) == ["m.alpha", "m.beta"]


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("tests/test_x.py::test_a$|never", ["tests/test_x.py::test_a"]),
        ("tests/test_x.py::test_a[1-2]", ["tests/test_x.py::test_a[1-2]"]),
        ("tests/test_x.py::TestK", ["tests/test_x.py::TestK::test_m[z-a]"]),
        ("tests/test_x.py::TestK::test_m[z-a]", ["tests/test_x.py::TestK::test_m[z-a]"]),
        ("./tests/sub/", ["tests/sub/test_y.py::test_a"]),
        ("tests/sub/test_y.py", ["tests/sub/test_y.py::test_a"]),
    ],
)
def test_for_pytest_a_filter_is_also_a_nodeid_a_file_or_a_folder(
    text: str, selected: list[str]
) -> None:
    ids = (
        "tests/test_x.py::test_a",
        "tests/test_x.py::test_a[1-2]",
        "tests/test_x.py::TestK::test_m[z-a]",
        "tests/sub/test_y.py::test_a",
    )

    assert chosen(Selection(filters=(text,)), *ids) == selected


def test_a_nodeid_without_parameters_selects_every_parametrisation() -> None:
    ids = ("t(1).py::test_a", "t(1).py::test_a[1]", "t(1).py::test_ab", "t(1).py::TestK::test_a")

    # the parentheses keep the filter from matching as a regex
    assert chosen(Selection(filters=("t(1).py::test_a",)), *ids) == list(ids[:2])


@pytest.mark.parametrize("text", [".", "./"])
def test_the_project_folder_selects_every_pytest_test(text: str) -> None:
    assert chosen(Selection(filters=(text,)), "test_x.py::test_a") == ["test_x.py::test_a"]


def test_excluding_a_file_excludes_what_is_in_it() -> None:
    ids = ("tests/a[1].py::test_a", "tests/b.py::test_a")

    assert chosen(Selection(exclude=("tests/a[1].py",)), *ids) == [ids[1]]


@pytest.mark.parametrize(
    "selection",
    [Selection(filters=("K[",)), Selection(include=("K[",)), Selection(exclude=("K[",))],
)
def test_a_filter_that_is_no_regex_is_named(selection: Selection) -> None:
    with pytest.raises(UserError, match=r"'K\[' is not a regular expression") as caught:
        Selector(selection)
    assert caught.value.hint


def test_ids_select_exactly_and_profiles_have_their_own() -> None:
    selector = Selector(Selection(ids=frozenset({"m.K.test_a"})))
    assert selector.selects("m.K.test_a", PY311)
    assert not selector.selects("m.K.test_ab", PY311)

    selector = Selector(Selection(ids=frozenset({"m.b"}), per_profile={PY311: frozenset({"m.a"})}))
    assert selector.selects("m.a", PY311)
    assert not selector.selects("m.b", PY311)
    assert not selector.selects("m.a", PY312)


def test_an_empty_set_of_ids_selects_nothing() -> None:
    assert chosen(Selection(ids=frozenset()), "m.a", "t.py::x", "t.py") == []


def test_ids_and_filters_must_both_agree() -> None:
    selection = Selection(ids=frozenset({"m.a", "m.b"}), filters=("a|c",))

    assert chosen(selection, "m.a", "m.b", "m.c") == ["m.a"]


ALL = (
    "p.m.K.test_a",
    "p.m.K.test_b(x.y)",
    "p.m.KK.test_a",
    "p.n.K.test_a",
    "p.m",
    "q.p.m.K.test_a",
)


@pytest.mark.parametrize(
    ("failed", "again"),
    [
        ("setUpClass (p.m.K)", ALL[:2]),
        ("tearDownClass (p.m.K)", ALL[:2]),
        ("setUpModule (p.m)", ALL[:3]),
        ("tearDownModule (p.m)", ALL[:3]),
        ("unittest.loader._FailedTest.p.m", ALL[:3]),
        ("process-returncode", ()),
    ],
)
def test_a_failed_fixture_is_run_again_by_the_tests_that_meet_it(
    failed: str, again: tuple[str, ...]
) -> None:
    assert chosen(Selection(ids=frozenset({failed})), *ALL) == list(again)


def test_a_failed_import_selects_itself_and_a_failed_collection_its_file() -> None:
    failed = "unittest.loader._FailedTest.p.m"
    assert chosen(Selection(ids=frozenset({failed})), failed) == [failed]

    ids = ("tests/test_x.py", "tests/test_x.py::test_a", "tests/test_x.pyx::test_a")
    assert chosen(Selection(ids=frozenset({ids[0]})), *ids) == list(ids[:2])


@pytest.mark.parametrize(
    ("wanted", "broken"),
    [
        ("p.m.K.test_a", "unittest.loader._FailedTest.p.m"),
        ("p.m.K.test_a", "unittest.loader._FailedTest.p"),
        ("setUpClass (p.m.K)", "unittest.loader._FailedTest.p.m"),
        ("tests/test_x.py::test_a[1]", "tests/test_x.py"),
    ],
)
def test_what_cannot_be_loaded_is_selected_with_the_tests_asked_of_it(
    wanted: str, broken: str
) -> None:
    other = broken + "z"
    assert chosen(Selection(ids=frozenset({wanted})), broken, other) == [broken]
    if "(" not in wanted:
        assert chosen(Selection(filters=(wanted,)), broken, other) == [broken]


names = st.text("ab[.*(+\\]-", min_size=1, max_size=6)
nodeids = st.builds("tests/{}.py::{}".format, names, names)


@given(nodeids, st.lists(nodeids, max_size=5), st.sampled_from(["", "[1]", "::test_x"]))
def test_any_nodeid_selects_itself_and_what_is_below_it(
    wanted: str, others: list[str], below: str
) -> None:
    """Also when it means something else as a regex, or nothing."""
    selector = Selector(Selection(filters=(wanted,)))

    assert selector.selects(wanted + below, DEFAULT_PROFILE)
    try:
        found = list(map(compile_pattern(wanted, "").search, others))
    except UserError:
        found = [None] * len(others)
    for other, match in zip(others, found, strict=True):
        literally = other == wanted or other.startswith((wanted + "[", wanted + "::"))
        expected = literally or match is not None
        assert selector.selects(other, DEFAULT_PROFILE) == expected


@given(st.sets(names.map("m.{}".format)), st.lists(names.map("m.{}".format)))
def test_exact_ids_are_never_read_as_regexes(ids: set[str], asked: list[str]) -> None:
    selection = Selection(ids=frozenset(ids))

    assert chosen(selection, *asked) == [test_id for test_id in asked if test_id in ids]


def test_ids_that_no_suite_has_are_known_but_not_what_stands_for_fixtures_and_files() -> None:
    there = {("a.B.c", PY311), ("a.B.d", PY312)}

    def exists(test_id: str, profile: ProfileName) -> bool:
        return (test_id, profile) in there

    stands = {"setUpClass (a.B)", "unittest.loader._FailedTest.a", "tests/test_x.py"}
    listed = Selection(ids=frozenset({"a.B.c", "a.B.d", "z.gone", "b.gone", *stands}))
    assert absent(listed, [PY311, PY312], exists) == ["b.gone", "z.gone"]
    each = Selection(per_profile={PY311: frozenset({"a.B.c", "a.B.d"})})
    assert absent(each, [PY311, PY312], exists) == ["a.B.d"]
    assert absent(Selection(filters=("nothing",)), [PY311], exists) == []


@pytest.mark.parametrize("broken", ["unittest.loader._FailedTest.p.m", "tests/test_x.py"])
def test_a_filter_overlooks_what_cannot_be_loaded_unless_that_is_left_out_on_purpose(
    broken: str,
) -> None:
    assert Selector(Selection(filters=("quota",))).overlooks(broken)
    assert Selector(Selection(include=("quota",))).overlooks(broken)
    assert not Selector(Selection(filters=("quota",), exclude=("m|x",))).overlooks(broken)
    assert not Selector(Selection(exclude=("quota",))).overlooks(broken)
    assert not Selector(Selection(filters=("quota",))).overlooks("tests/test_x.py::test_a")


def test_exact_ids_are_so_many_cases_at_most_unless_some_stand_for_others() -> None:
    both, two = [PY311, PY312], frozenset({"a.B.c", "t.py::x"})
    assert most_cases(Selection(ids=two), both) == 4
    assert most_cases(Selection(per_profile={PY311: two, PY312: frozenset({"t.py::x"})}), both) == 3
    assert most_cases(Selection(ids=frozenset({"setUpClass (a.B)"})), both) is None
    assert most_cases(Selection(filters=("a",)), both) is None
    assert most_cases(Selection(), both) is None
