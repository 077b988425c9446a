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
    assert loading.listed(A) == [LoadSuite(LOCAL, B)]
    assert loading.listed(A) == []
    assert loading.listed(B) == [LoadSuite(LOCAL, C)]
    assert loading.listed(C) == []


def test_what_is_named_twice_is_loaded_once_and_nothing_after_a_stop() -> None:
    loading = Loading([(LOCAL, A), (LOCAL, A), (LOCAL, B)], {LOCAL: 1})
    assert loading.next() == [LoadSuite(LOCAL, A)]
    loading.stop()
    assert loading.listed(A) == []
