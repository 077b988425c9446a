"""What each profile's suite consists of, where several hosts load it.

The first host that begins to load a profile's suite lists it: what it says is what there is to run. What
another one loads is held against that: what it has not, it cannot run, and what only it has is told and left
out, so that the same tests run whoever is faster. If the first is lost or cannot load, the next takes over.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .cases import CaseTable
from .events import (
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
from .ids import HostName, ProfileName, Row
from .select import FAILED_IMPORT

Groups = Mapping[int, tuple[str, bool]]
"""Index in a list of ids -> (name of its group, whether that is hard)."""


@dataclass(slots=True)
class _Copy:
    """What a host has loaded that is not the one which lists."""

    ids: list[tuple[Sequence[str], Groups]] = field(
        default_factory=list[tuple[Sequence[str], Groups]]
    )
    has: set[str] = field(default_factory=set[str])
    loaded: bool = False


@dataclass(slots=True)
class _Suite:
    lister: HostName | None = None
    """The host that lists it; None: nobody yet, or not any more."""
    rows: array[int] = field(default_factory=lambda: array("I"))
    overlooked: list[str] = field(default_factory=list[str])
    """Files and modules that could not be loaded, and may have tests that are meant."""
    took_over: _Copy | None = None
    """What the host that lists it has loaded itself, where another listed before."""
    ended: bool = False
    copies: dict[HostName, _Copy] = field(default_factory=dict[HostName, _Copy])
    errors: dict[HostName, str] = field(default_factory=dict[HostName, str])


class Listings:
    """Shared by all hosts of a run. ``serves``: the hosts that are to run each profile."""

    def __init__(
        self,
        cases: CaseTable,
        selects: Callable[[str, ProfileName], bool] | None,
        group_of: Callable[[str], Group | None] | None,
        serves: Mapping[ProfileName, Sequence[HostName]],
        overlooks: Callable[[str], bool] = lambda _id: False,
    ) -> None:
        """``selects``: None if all are to run. ``group_of``: the hard group that the settings give a test id.

        ``overlooks``: whether an id that is not selected may hide some that are meant.
        """
        self._overlooks = overlooks
        self._cases = cases
        self._selects = selects
        self._group_of = group_of
        self._serves = {profile: set(hosts) for profile, hosts in serves.items()}
        self._suites: dict[ProfileName, _Suite] = {}

    def serve(self, profile: ProfileName, host: HostName) -> None:
        """One more host is to run a profile."""
        self._serves.setdefault(profile, set()).add(host)

    # -- what hosts say ------------------------------------------------------------------------------

    def began(self, profile: ProfileName, host: HostName) -> list[RunEvent]:
        """A host begins to load a suite."""
        suite = self._suites.setdefault(profile, _Suite())
        if suite.lister is None and not suite.ended:
            suite.lister = host
            suite.took_over = _Copy() if suite.rows else None
            return [ListingStarted(profile, host)]
        if suite.lister != host:
            suite.copies[host] = _Copy()
        return []

    def ids(
        self, profile: ProfileName, host: HostName, ids: Sequence[str], groups: Groups
    ) -> list[RunEvent]:
        """A host has some more ids, in listing order."""
        suite = self._suites[profile]
        if suite.lister == host:
            if suite.took_over is not None:
                suite.took_over.has.update(ids)
            return self._listed(profile, suite, ids, groups)
        if (copy := suite.copies.get(host)) is not None:
            copy.ids.append((ids, groups))
            copy.has.update(ids)
        return []

    def gone(self, profile: ProfileName, host: HostName, ids: Sequence[str]) -> list[RunEvent]:
        """What a host announced is not in its complete suite."""
        suite = self._suites[profile]
        if suite.lister == host:
            rows = tuple(
                row for test_id in ids if (row := self._cases.find(test_id, profile)) is not None
            )
            if suite.took_over is not None:
                suite.took_over.has.difference_update(ids)
            return [CasesGivenUp(rows, "the complete suite does not have it")]
        if (copy := suite.copies.get(host)) is not None:
            copy.has.difference_update(ids)
        return []

    def loaded(
        self, profile: ProfileName, host: HostName, error: str, seconds: float
    ) -> list[RunEvent]:
        """A host has loaded the whole suite, or cannot (``error``)."""
        suite = self._suites[profile]
        if error:
            return self._failed(profile, suite, host, error, seconds)
        if suite.lister == host:
            if suite.ended:
                return []
            suite.ended = True
            events: list[RunEvent] = [SuiteLoaded(profile, host)]
            if suite.took_over is not None:
                events += self._absent(profile, host, suite.took_over, suite.rows)
            events += self._overlooked(profile, suite)
            events.append(ListingEnded(profile, "", seconds))
            for other, copy in suite.copies.items():
                if copy.loaded:
                    events += self._surplus(profile, other, copy)
            return events
        copy = suite.copies.get(host)
        if copy is None or copy.loaded:
            return []
        copy.loaded = True
        events = [SuiteLoaded(profile, host), *self._absent(profile, host, copy, suite.rows)]
        if suite.ended:
            events += self._surplus(profile, host, copy)
        return events

    def lost(self, host: HostName, *, for_good: bool) -> list[RunEvent]:
        """A host is gone; ``for_good``: it does not come back."""
        events: list[RunEvent] = []
        for profile, hosts in self._serves.items():
            if for_good:
                hosts.discard(host)
            suite = self._suites.get(profile)
            if suite is None:
                continue
            suite.copies.pop(host, None)
            if suite.lister == host:
                suite.lister = None
                if not suite.ended:
                    events += self._succeed(profile, suite)
            elif for_good and suite.lister is None and not suite.ended and not self._left(profile):
                events += self._nobody(profile, suite, 0.0)
        return events

    # -- inside --------------------------------------------------------------------------------------

    def _failed(
        self, profile: ProfileName, suite: _Suite, host: HostName, error: str, seconds: float
    ) -> list[RunEvent]:
        if host in suite.errors or (suite.lister == host and suite.ended):
            return []
        suite.errors[host] = error
        suite.copies.pop(host, None)
        was_lister, suite.lister = (
            suite.lister == host,
            None if suite.lister == host else suite.lister,
        )
        told = SuiteLoaded(profile, host, error)
        if not suite.ended and not self._left(profile):
            return [*self._nobody(profile, suite, seconds), told]
        events: list[RunEvent] = [told]
        if was_lister:
            events += self._succeed(profile, suite)
        return events

    def _left(self, profile: ProfileName) -> set[HostName]:
        """Return the hosts that may still load a suite."""
        return self._serves.get(profile, set()) - self._suites[profile].errors.keys()

    def _nobody(self, profile: ProfileName, suite: _Suite, seconds: float) -> list[RunEvent]:
        suite.ended = True
        error = next(iter(suite.errors.values()), "every host that was to load it is lost")
        return [ListingEnded(profile, error, seconds)]

    def _succeed(self, profile: ProfileName, suite: _Suite) -> list[RunEvent]:
        """Let another host list, if one has begun to load; else the next that begins will."""
        for host, copy in sorted(suite.copies.items(), key=lambda item: not item[1].loaded):
            suite.lister, suite.took_over = host, copy
            del suite.copies[host]
            events: list[RunEvent] = [ListingStarted(profile, host)]
            for ids, groups in copy.ids:
                events += self._listed(profile, suite, ids, groups, copy.has)
            if copy.loaded:
                suite.ended = True
                events += self._absent(profile, host, copy, suite.rows)
                events.append(ListingEnded(profile))
            return events
        return [] if self._left(profile) else self._nobody(profile, suite, 0.0)

    def _listed(
        self,
        profile: ProfileName,
        suite: _Suite,
        ids: Sequence[str],
        groups: Groups,
        has: set[str] | None = None,
    ) -> list[RunEvent]:
        fresh = self._cases.unknown(ids, profile)
        if has is not None:
            fresh = {test_id: at for test_id, at in fresh.items() if test_id in has}
        rows = selected = self._cases.add_new(fresh, profile)
        if self._selects is not None:
            selected = tuple(self._select(profile, suite, rows, fresh, self._selects))
        named = self._named_groups(selected, rows, fresh, groups)
        suite.rows.extend(rows)
        events: list[RunEvent] = [CasesListed(profile, rows, selected, named)]
        for host, copy in suite.copies.items():
            if copy.loaded:
                events += self._absent(profile, host, copy, rows)
        return events

    def _select(
        self,
        profile: ProfileName,
        suite: _Suite,
        rows: Iterable[Row],
        test_ids: Iterable[str],
        selects: Callable[[str, ProfileName], bool],
    ) -> Iterator[Row]:
        """Yield the rows that are to run, and note what could not be looked into."""
        for row, test_id in zip(rows, test_ids, strict=True):
            if selects(test_id, profile):
                yield row
            elif self._overlooks(test_id):
                suite.overlooked.append(test_id)

    def _named_groups(
        self,
        selected: Sequence[Row],
        rows: Sequence[Row],
        fresh: Mapping[str, int],
        groups: Groups,
    ) -> dict[Row, Group]:
        """Return the groups of selected rows. ``fresh``: the test ids of ``rows`` and their indexes in ``groups``."""
        if self._group_of is None and not groups:
            return {}
        named: dict[Row, Group] = {}
        made: dict[tuple[str, bool], Group] = {}
        chosen = set(selected)
        for row, (test_id, at) in zip(rows, fresh.items(), strict=True):
            if row not in chosen:
                continue
            if self._group_of is not None and (group := self._group_of(test_id)) is not None:
                named[row] = group
            elif (found := groups.get(at)) is not None:
                if found not in made:
                    made[found] = Group(*found)
                named[row] = made[found]
        return named

    def _overlooked(self, profile: ProfileName, suite: _Suite) -> list[RunEvent]:
        """Tell what nobody could look into: a filter may be meant for tests in there."""
        if not suite.overlooked:
            return []
        names = _named(suite.overlooked)
        text = f"could not be loaded, so that no filter finds tests in there: {names}"
        return [Warned(profile, text)]

    def _absent(
        self, profile: ProfileName, host: HostName, copy: _Copy, rows: Iterable[int]
    ) -> list[RunEvent]:
        absent = tuple(row for row in map(Row, rows) if self._cases.test_id(row) not in copy.has)
        return [CasesAbsent(profile, host, absent)] if absent else []

    def _surplus(self, profile: ProfileName, host: HostName, copy: _Copy) -> list[RunEvent]:
        """Tell of what only this host has; nothing of the copy is needed any more."""
        more = sorted(test_id for test_id in copy.has if self._cases.find(test_id, profile) is None)
        copy.ids.clear()
        copy.has.clear()
        if not more:
            return []
        text = f"only its suite of profile {profile} has {_named(more)}: not run"
        return [Warned(host, text)]


def _named(test_ids: Sequence[str]) -> str:
    """Return the first of them, and how many more there are; of what could not be loaded its module."""
    names = [test_id.removeprefix(FAILED_IMPORT) for test_id in test_ids]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"
