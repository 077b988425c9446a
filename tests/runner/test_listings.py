"""What there is to run is what one host lists, whoever is faster, and another goes on where it is lost."""

from __future__ import annotations

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CasesAbsent,
    CasesGivenUp,
    CasesListed,
    Group,
    ListingEnded,
    ListingStarted,
    RunEvent,
    SuiteLoaded,
    Warned,
)
from testlanes.runner.ids import HostName, ProfileName
from testlanes.runner.listings import Listings

PY = ProfileName("py")
ONE, TWO, THREE = map(HostName, ("one", "two", "three"))


class Hosts:
    """Listings of one profile on three hosts."""

    def __init__(self) -> None:
        self.cases = CaseTable()
        self.listings = Listings(
            self.cases, lambda _id, _profile: True, lambda _id: None, {PY: [ONE, TWO, THREE]}
        )

    def load(self, host: HostName, *ids: str, error: str = "") -> list[RunEvent]:
        """A host loads its suite from begin to end."""
        events = self.listings.began(PY, host)
        if ids:
            events += self.listings.ids(PY, host, ids, {})
        return events + self.listings.loaded(PY, host, error, 1.0)

    def listed(self, events: list[RunEvent]) -> list[str]:
        """Return the ids that are to run from now on."""
        return [
            self.cases.test_id(row)
            for event in events
            if isinstance(event, CasesListed)
            for row in event.selected
        ]

    def absent(self, events: list[RunEvent]) -> dict[str, list[str]]:
        """Return host -> the ids that it cannot run."""
        return {
            event.host: [self.cases.test_id(row) for row in event.rows]
            for event in events
            if isinstance(event, CasesAbsent)
        }


def test_the_first_that_begins_to_load_lists() -> None:
    hosts = Hosts()
    events = hosts.load(ONE, "a", "b")
    assert ListingStarted(PY, ONE) == events[0]
    assert ["a", "b"] == hosts.listed(events)
    assert [SuiteLoaded(PY, ONE), ListingEnded(PY, "", 1.0)] == events[-2:]
    assert [SuiteLoaded(PY, TWO)] == hosts.load(TWO, "b", "a")


def test_what_another_has_not_it_cannot_run_and_what_only_it_has_is_told() -> None:
    hosts = Hosts()
    hosts.load(ONE, "a", "b", "c")
    events = hosts.load(TWO, "a", "x", "y")
    assert {TWO: ["b", "c"]} == hosts.absent(events)
    assert [Warned(TWO, "only its suite of profile py has x, y: not run")] == [
        event for event in events if isinstance(event, Warned)
    ]
    assert not hosts.listed(events)


def test_one_that_loaded_before_the_list_was_complete_is_held_against_all_of_it() -> None:
    hosts = Hosts()
    hosts.listings.began(PY, ONE)
    hosts.listings.ids(PY, ONE, ["a"], {})
    assert not hosts.absent(hosts.load(TWO, "a", "c", "x"))
    assert {TWO: ["b"]} == hosts.absent(hosts.listings.ids(PY, ONE, ["b", "c"], {}))
    told = hosts.listings.loaded(PY, ONE, "", 1.0)
    assert ["only its suite of profile py has x: not run"] == [
        event.text for event in told if isinstance(event, Warned)
    ]


def test_a_host_that_has_loaded_takes_over_from_one_that_is_lost() -> None:
    hosts = Hosts()
    hosts.listings.began(PY, ONE)
    hosts.listings.ids(PY, ONE, ["a", "b"], {})
    hosts.load(TWO, "b", "c")
    events = hosts.listings.lost(ONE, for_good=False)
    assert ListingStarted(PY, TWO) == events[0]
    assert ["c"] == hosts.listed(events)
    assert {TWO: ["a"]} == hosts.absent(events)
    assert ListingEnded(PY) == events[-1]
    assert {ONE: ["c"]} == hosts.absent(hosts.load(ONE, "a", "b"))


def test_a_host_that_is_loading_takes_over_and_goes_on() -> None:
    hosts = Hosts()
    hosts.listings.began(PY, ONE)
    hosts.listings.began(PY, TWO)
    hosts.listings.ids(PY, TWO, ["a"], {})
    assert ["a"] == hosts.listed(hosts.listings.lost(ONE, for_good=True))
    assert ["b"] == hosts.listed(hosts.listings.ids(PY, TWO, ["b"], {}))
    assert ListingEnded(PY, "", 2.0) in hosts.listings.loaded(PY, TWO, "", 2.0)


def test_what_a_host_that_took_over_has_not_it_cannot_run() -> None:
    hosts = Hosts()
    hosts.listings.began(PY, ONE)
    hosts.listings.began(PY, TWO)
    hosts.listings.ids(PY, ONE, ["a", "b"], {})
    hosts.listings.lost(ONE, for_good=False)
    hosts.listings.ids(PY, TWO, ["b", "c"], {})
    assert {TWO: ["a"]} == hosts.absent(hosts.listings.loaded(PY, TWO, "", 1.0))


def test_nothing_is_listed_twice_when_the_lister_comes_back_alone() -> None:
    hosts = Hosts()
    hosts.listings.began(PY, ONE)
    hosts.listings.ids(PY, ONE, ["a", "b"], {})
    assert not hosts.listings.lost(ONE, for_good=False)
    events = hosts.load(ONE, "a", "b", "c")
    assert ListingStarted(PY, ONE) == events[0]
    assert ["c"] == hosts.listed(events)


def test_a_listing_that_was_complete_stays_when_its_host_is_lost() -> None:
    hosts = Hosts()
    hosts.load(ONE, "a")
    assert not hosts.listings.lost(ONE, for_good=True)
    assert not hosts.listed(hosts.load(TWO, "a", "b"))


def test_a_suite_that_cannot_be_loaded_here_may_load_elsewhere() -> None:
    hosts = Hosts()
    events = hosts.load(ONE, error="no module x")
    assert SuiteLoaded(PY, ONE, "no module x") in events
    assert not any(isinstance(event, ListingEnded) for event in events)
    assert ["a"] == hosts.listed(hosts.load(TWO, "a"))
    assert SuiteLoaded(PY, THREE, "nor here") in hosts.load(THREE, error="nor here")


def test_a_suite_that_no_host_can_load_ends_with_the_first_reason() -> None:
    hosts = Hosts()
    hosts.load(ONE, error="no module x")
    hosts.listings.lost(TWO, for_good=True)
    events = hosts.load(THREE, error="no module y")
    assert ListingEnded(PY, "no module x", 1.0) in events


def test_a_suite_whose_hosts_are_all_lost_ends() -> None:
    hosts = Hosts()
    hosts.listings.began(PY, ONE)
    hosts.listings.ids(PY, ONE, ["a"], {})
    hosts.listings.lost(ONE, for_good=False)
    hosts.listings.lost(TWO, for_good=True)
    hosts.listings.lost(THREE, for_good=True)
    events = hosts.listings.lost(ONE, for_good=True)
    assert [ListingEnded(PY, "every host that was to load it is lost", 0.0)] == events


def test_what_the_lister_takes_back_is_given_up_and_what_another_takes_back_it_lacks() -> None:
    hosts = Hosts()
    hosts.listings.began(PY, ONE)
    hosts.listings.began(PY, TWO)
    hosts.listings.ids(PY, ONE, ["a", "b"], {})
    hosts.listings.ids(PY, TWO, ["a", "b"], {})
    (event,) = hosts.listings.gone(PY, ONE, ["b"])
    assert isinstance(event, CasesGivenUp)
    assert ["b"] == [hosts.cases.test_id(row) for row in event.rows]
    hosts.listings.gone(PY, TWO, ["a"])
    assert {TWO: ["a"]} == hosts.absent(hosts.listings.loaded(PY, TWO, "", 1.0))


def test_groups_stay_with_their_tests_where_some_ids_were_listed_before() -> None:
    hosts = Hosts()
    hosts.listings.began(PY, ONE)
    hosts.listings.ids(PY, ONE, ["a"], {})
    (event,) = hosts.listings.ids(PY, ONE, ["a", "b", "c", "b"], {0: ("x", False), 2: ("y", True)})
    assert isinstance(event, CasesListed)
    assert hosts.listed([event]) == ["b", "c"]
    named = {hosts.cases.test_id(row): group for row, group in event.groups.items()}
    assert named == {"c": Group("y", hard=True)}
