"""Suites are loaded in order, on each host as many at a time as it has lanes."""

from __future__ import annotations

from testlanes.runner.commands import LoadSuite
from testlanes.runner.ids import LOCAL, HostName, ProfileName
from testlanes.runner.loading import Loading

A, B, C = map(ProfileName, "abc")
FAR = HostName("far")


def test_a_host_loads_as_many_at_a_time_as_it_has_lanes() -> None:
    loading = Loading([(LOCAL, A), (LOCAL, B), (FAR, A), (LOCAL, C)], {LOCAL: 1, FAR: 2})
    assert loading.next() == [LoadSuite(LOCAL, A), LoadSuite(FAR, A)]
    assert loading.next() == []
    assert loading.loaded(LOCAL, A) == [LoadSuite(LOCAL, B)]
    assert loading.listed(A) == []
    assert loading.loaded(FAR, A) == []
    assert loading.loaded(LOCAL, B) == [LoadSuite(LOCAL, C)]
    assert loading.loaded(LOCAL, C, failed=True) == []
    assert loading.has(LOCAL, A)
    assert not loading.has(LOCAL, C)


def test_what_a_lost_host_was_to_load_is_loaded_no_more_and_by_the_next_when_it_comes() -> None:
    loading = Loading([(FAR, A), (FAR, B)], {FAR: 1})
    assert loading.next() == [LoadSuite(FAR, A)]
    assert loading.lost(FAR) == []
    assert loading.more([(FAR, A)], {FAR: 1}) == [LoadSuite(FAR, A)]


def test_a_command_lists_on_one_host_and_needs_no_loading_on_the_others() -> None:
    loading = Loading([(FAR, A), (LOCAL, A)], {FAR: 1, LOCAL: 1}, frozenset([A]))
    assert loading.next() == [LoadSuite(FAR, A)]
    assert loading.lost(FAR) == [LoadSuite(LOCAL, A)]
    assert loading.loaded(LOCAL, A) == []
    assert loading.listed(A) == []
    assert loading.more([(FAR, A)], {FAR: 1}) == []


def test_a_command_that_was_listed_is_not_listed_by_the_next_host() -> None:
    loading = Loading([(FAR, A), (LOCAL, A)], {FAR: 1, LOCAL: 1}, frozenset([A]))
    assert loading.next() == [LoadSuite(FAR, A)]
    assert loading.loaded(FAR, A) == []  # its ListingEnded comes next


def test_what_is_named_twice_is_loaded_once_and_nothing_after_a_stop() -> None:
    loading = Loading([(LOCAL, A), (LOCAL, A), (LOCAL, B)], {LOCAL: 1})
    assert loading.next() == [LoadSuite(LOCAL, A)]
    loading.stop()
    assert loading.loaded(LOCAL, A) == []
