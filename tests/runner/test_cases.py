from __future__ import annotations

import sys
import tracemalloc

from hypothesis import given, strategies as st

from testlanes.runner.cases import CaseTable
from testlanes.runner.ids import ProfileName
from testlanes.runner.texts import PAGE, Texts

ids = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=12),
    st.builds("pkg.module_{}.ClassTest.test_{}".format, st.integers(0, 3), st.integers(0, 99)),
)
batches = st.lists(st.lists(ids, max_size=3 * PAGE), max_size=6)
profiles = st.sampled_from([ProfileName("py311"), ProfileName("py313")])


@given(batches, st.booleans(), st.integers(0, 2 * PAGE))
def test_texts_are_a_list_of_texts(
    given_batches: list[list[str]], singly: bool, recent: int
) -> None:
    texts, plain = Texts(recent), list[str]()
    for batch in given_batches:
        if singly:
            for text in batch:
                texts.append(text)
        else:
            texts.extend(batch)
        plain += batch
        assert [texts[index] for index in range(len(texts))] == plain
    assert texts.at(range(len(plain) - 1, -1, -2)) == plain[::-2]


@given(st.lists(st.tuples(profiles, st.lists(ids, max_size=PAGE), st.booleans()), max_size=8))
def test_the_table_finds_a_row_as_a_dict_does(
    steps: list[tuple[ProfileName, list[str], bool]],
) -> None:
    table, plain = CaseTable(), dict[tuple[str, ProfileName], int]()
    for profile, named, together in steps:
        find = table.finder(profile)
        fresh = {test_id: None for test_id in named if (test_id, profile) not in plain}
        assert [test_id for test_id in dict.fromkeys(named) if find(test_id) is None] == [*fresh]
        last = {test_id: index for index, test_id in enumerate(named) if test_id in fresh}
        assert table.unknown(named, profile) == last
        if together:
            first = len(plain)
            assert table.add_new(fresh, profile) == tuple(range(first, first + len(fresh)))
            for test_id in fresh:
                plain[test_id, profile] = len(plain)
        else:
            for test_id in named:
                row = table.add(test_id, profile)
                assert row == plain.setdefault((test_id, profile), len(plain))
    assert [table.case(row) for row in table] == [*plain]
    of = [profile for _, profile in plain]
    assert table.shares(1, len(of)) == [(name, of[1:].count(name)) for name in table.profiles]
    for (test_id, profile), row in plain.items():
        assert table.find(test_id, profile) == row
        assert table.find(f"{test_id}!", profile) == plain.get((f"{test_id}!", profile))
    assert table.find("anything", ProfileName("never seen")) is None


def test_many_cases_are_told_apart_and_take_little_room() -> None:
    names = [
        f"openstack.compute.tests.functional.api_samples.Class{n // 12:04}Test.test_case_{n:06}"
        for n in range(30_000)
    ]
    profile = ProfileName("py311")
    tracemalloc.start()
    try:
        table = CaseTable()
        table.add_new(names, profile)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    find = table.finder(profile)
    assert [find(name) for name in names] == [*range(len(names))]
    assert [table.test_id(row) for row in table] == names
    assert all(find(f"{name}x") is None for name in names)
    assert taken < 80 * len(names) < sum(map(sys.getsizeof, names))


def test_a_matrix_may_make_hundreds_of_profiles() -> None:
    table = CaseTable()
    names = [ProfileName(f"py-{number}") for number in range(300)]
    rows = [table.add("m.a", name) for name in names]
    assert [table.profile(row) for row in rows] == names
    assert [table.find("m.a", name) for name in names] == rows
