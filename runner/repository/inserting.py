"""Making a run of results that come from elsewhere: ``load``, or a stream that a killed run left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..ids import DEFAULT_PROFILE, Case, ProfileName, Status
from .base import StoredResult
from .failing import Facts
from .filing import Draft, Filing, Outcome
from .history import about_of, outcomes_of
from .spelling import stored_id, stored_tag
from .stream_v1 import write_v1


def filing_of(
    results: Iterable[StoredResult],
    draft: Draft,
    profiles: frozenset[str],
    *,
    partial: bool,
    interrupted: bool = False,
) -> Filing:
    """Write results into ``draft`` and return the filing.

    A result's profile is added to its tags, or taken from them if it has none; ``profiles`` are the
    names that are known as such.
    """
    places: dict[Case, tuple[int, int]] = {}
    kept: list[StoredResult] = []
    for one in results:
        one = _spelled(one, profiles)
        block = write_v1(one)
        places[one.case] = (draft.add(block), len(block))
        kept.append(replace(one, details=()))
    draft.flush()
    outcomes: list[Outcome] = []
    for one in outcomes_of(kept):
        offset, length = places[Case(one.test_id, one.profile)]
        outcomes.append(one._replace(offset=offset, length=length))
    last: dict[tuple[str, str], Status] = {
        (one.test_id, one.profile): one.status for one in outcomes
    }
    names = tuple(dict.fromkeys(one.profile for one in outcomes))
    facts = Facts(
        status=lambda test_id, profile: last.get((test_id, profile)),
        known=lambda test_id, profile: (test_id, profile) in last,
        ran=lambda profile: (test_id for test_id, of in last if of == profile),
        profiles=names,
        partial=partial or interrupted or not kept,
        interrupted=interrupted,
        from_elsewhere=True,
    )
    about = replace(about_of(outcomes, partial=partial), interrupted=interrupted)
    failures = [one for one in outcomes if one.status.is_failure]
    return Filing(draft, about, facts, lambda: iter(outcomes), lambda: iter(failures))


def _spelled(one: StoredResult, profiles: frozenset[str]) -> StoredResult:
    tags = tuple(dict.fromkeys(tag for tag in map(stored_tag, one.tags) if tag))
    profile = ProfileName(stored_tag(one.profile))
    if profile == DEFAULT_PROFILE:
        profile = ProfileName(next((tag for tag in tags if tag in profiles), profile))
    elif profile not in tags:
        tags = (*tags, profile)
    return replace(one, test_id=stored_id(one.test_id), profile=profile, tags=tags)
