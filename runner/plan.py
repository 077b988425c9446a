"""Concurrency plans: which tests may run at the same time.

A plan is a JSON file that a person writes. Its segments run one after the other: no test of a
segment starts before the one ahead has ended.

    {
      "segments": [
        {"name": "database", "match": ["^tests\\\\.db\\\\."], "concurrency": 2},
        {"name": "alone", "tests": ["tests.api.test_quota.QuotaTest.test_all"], "concurrency": 1}
      ],
      "rest": "last"
    }

- ``tests``: exact ids; ``match``: regexes (``re.search``). A segment needs one of them.
- ``concurrency``: how many of its tests may run at once; left out: as many as there are lanes.
- ``profiles``: the segment is only about these; left out: about all.
- ``name``: for messages and the screen; left out: ``segment 1``, ``segment 2`` …
- ``rest``: what becomes of tests that no segment names: they run in a segment of their own
  (``"last"``, as if it were not said, or ``"first"``), or they are an error (``"error"``).
  ``rest_concurrency`` is how many of them may run at once.

A segment may also be a list of exact ids, and a plan a list of segments: ``[["a.B.test_c"]]``.
An exact id beats a regex; between regexes the first segment wins, and the overlap is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from itertools import combinations
from typing import Literal, TypeAlias, cast

from .errors import UserError
from .frozen import frozen
from .ids import Case, ProfileName
from .patterns import compile_pattern

Rest: TypeAlias = Literal["last", "first", "error"]

_PLAN_KEYS = ("segments", "rest", "rest_concurrency")
_SEGMENT_KEYS = ("name", "tests", "match", "concurrency", "profiles")
_SHOWN = 3  # examples in a message
_COMPARED = 5_000  # ids that are looked through for a similar one: about a third of a second


@frozen
class Segment:
    """Tests that may run together. ``concurrency`` is None where nothing limits them."""

    name: str
    tests: frozenset[str] = frozenset()
    match: tuple[re.Pattern[str], ...] = ()
    concurrency: int | None = None
    profiles: frozenset[ProfileName] | None = None

    def about(self, profile: ProfileName) -> bool:
        """Return whether the segment says anything about a profile."""
        return self.profiles is None or profile in self.profiles


@frozen
class PlanProblem:
    """Something about a plan and the tests there are. A fatal one means that the run may not go on."""

    text: str
    fatal: bool = False


class Plan:
    """The segments in the order they run, numbered from 0, that of the rest among them."""

    def __init__(
        self, segments: Iterable[Segment], rest: Rest = "last", rest_concurrency: int | None = None
    ) -> None:
        self._named = tuple(segments)
        self._rest: Rest = rest
        self._first = 1 if rest == "first" else 0
        other = Segment("rest", concurrency=rest_concurrency)
        self.segments = (other, *self._named) if self._first else (*self._named, other)
        """Every segment by number; the rest's is there even if no test falls into it."""
        self.rest = 0 if self._first else len(self._named)
        """The number of the segment of all tests that no segment names."""
        self._exact: dict[str, list[int]] = {}
        for number, segment in enumerate(self._named):
            for test_id in segment.tests:
                self._exact.setdefault(test_id, []).append(number)

    def segment_of(self, test_id: str, profile: ProfileName) -> int:
        """Return the number of a test's segment; ``rest`` if the plan does not name it."""
        for number in self._exact.get(test_id, ()):
            if self._named[number].about(profile):
                return number + self._first
        for number in self._matching(test_id, profile):
            return number + self._first
        return self.rest

    def concurrency(self, segment: int) -> int | None:
        """Return how many tests of a segment may run at once, None for no limit."""
        return self.segments[segment].concurrency

    def problems(
        self, known: Iterable[Case], profiles: Collection[ProfileName] = ()
    ) -> tuple[PlanProblem, ...]:
        """Compare the plan with all cases of the suite; ``profiles`` are all that are configured."""
        cases = [(test_id, profile) for test_id, profile in known]
        found = [*self._unknown_profiles(profiles), *self._unknown_tests(cases)]
        overlaps: dict[tuple[int, int], list[str]] = {}
        matched: set[int] = set()
        unnamed: list[str] = []
        for test_id, profile in cases:
            numbers = list(self._matching(test_id, profile))
            matched.update(numbers)
            if any(self._named[each].about(profile) for each in self._exact.get(test_id, ())):
                continue
            for pair in combinations(numbers, 2):
                overlaps.setdefault(pair, []).append(test_id)
            if not numbers:
                unnamed.append(test_id)
        run = {profile for _, profile in cases}
        for number, segment in enumerate(self._named):
            if segment.match and number not in matched and any(map(segment.about, run)):
                found.append(PlanProblem(f"No test matches the regexes of {segment.name!r}."))
        for (first, second), ids in overlaps.items():
            found.append(
                PlanProblem(
                    f"{_count(ids)} in both {self._named[first].name!r} and"
                    f" {self._named[second].name!r}, and will run in the former: {_some(ids)}."
                )
            )
        if unnamed and self._rest == "error":
            text = f"{_count(unnamed)} in no segment, and the plan's rest is 'error': {_some(unnamed)}."
            found.append(PlanProblem(text, fatal=True))
        return tuple(found)

    def _matching(self, test_id: str, profile: ProfileName) -> Iterable[int]:
        for number, segment in enumerate(self._named):
            if segment.about(profile) and any(regex.search(test_id) for regex in segment.match):
                yield number

    def _unknown_profiles(self, profiles: Collection[ProfileName]) -> Iterable[PlanProblem]:
        for segment in self._named:
            unknown = sorted((segment.profiles or set[ProfileName]()) - set(profiles))
            if profiles and unknown:
                known = ", ".join(sorted(profiles))
                yield PlanProblem(
                    f"{segment.name!r} is about {', '.join(unknown)}; the profiles are {known}."
                )

    def _unknown_tests(self, cases: Collection[tuple[str, ProfileName]]) -> Iterable[PlanProblem]:
        ids: dict[ProfileName, set[str]] = {}
        for test_id, profile in cases:
            ids.setdefault(profile, set()).add(test_id)
        for segment in self._named:
            about = [names for profile, names in ids.items() if segment.about(profile)]
            if not about:
                continue
            unknown = sorted(segment.tests.difference(*about))
            if unknown:
                everything = set[str]().union(*about)
                small = everything if len(everything) <= _COMPARED else ()
                import difflib  # only for whoever made a mistake

                near = difflib.get_close_matches(unknown[0], small, 1, 0.8)
                meant = f" Is {near[0]} meant?" if near else ""
                count = f"{len(unknown)} tests" if len(unknown) > 1 else "a test"
                yield PlanProblem(
                    f"{segment.name!r} names {count} that the suite does not have: {_some(unknown)}.{meant}"
                )


def parse_plan(text: str, where: str) -> Plan:
    """Read a plan. ``where`` names its file in messages.

    Raises:
        UserError: the text is not JSON or no plan, or two segments name the same test.
    """
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON: {error}.") from None
    plan = dict[str, object](segments=data)
    if isinstance(data, dict):
        plan = cast("dict[str, object]", data)
    elif not isinstance(data, list):
        raise UserError(
            f"{where} is not a plan: it holds {_kind(data)}.",
            hint='A plan is {"segments": [{"tests": ["id", …], "concurrency": 1}], "rest": "last"}.',
        )
    _refuse_unknown(plan, _PLAN_KEYS, where)
    rows = plan.get("segments")
    if not isinstance(rows, list):
        raise UserError(
            f'{where}: "segments" is {_kind(rows)}, not a list.',
            hint='Write "segments": [{"tests": ["id", …], "concurrency": 1}].',
        )
    numbered = enumerate(cast("list[object]", rows), 1)
    segments = [_segment(row, number, where) for number, row in numbered]
    rest = plan.get("rest", "last")
    if rest not in ("last", "first", "error"):
        raise UserError(f'{where}: "rest" is {json.dumps(rest)}, not "last", "first" or "error".')
    _refuse_shared(segments, where)
    limit = _limit(plan, "rest_concurrency", where)
    return Plan(segments, rest, limit)


def _segment(row: object, number: int, where: str) -> Segment:
    place = f"{where}: segment {number}"
    data = dict[str, object](tests=row)
    if isinstance(row, dict):
        data = cast("dict[str, object]", row)
    elif not isinstance(row, list):
        raise UserError(f"{place} is {_kind(row)}, not an object or a list of test ids.")
    name = data.get("name", f"segment {number}")
    if not isinstance(name, str) or not name:
        raise UserError(f'{place}: "name" is {_kind(name)}, not a text.')
    if "name" in data:
        place = f"{place} ({name})"
    _refuse_unknown(data, _SEGMENT_KEYS, place)
    tests = _texts(data, "tests", place)
    match = tuple(compile_pattern(text, f"{place}:") for text in _texts(data, "match", place) or ())
    if not tests and not match:
        raise UserError(
            f"{place} names no tests.", hint='Give it "tests": [ids] or "match": [regexes].'
        )
    profiles = _texts(data, "profiles", place)
    if profiles == ():
        raise UserError(f'{place}: "profiles" is empty.', hint="Leave it out to mean all profiles.")
    return Segment(
        name,
        frozenset(tests or ()),
        match,
        _limit(data, "concurrency", place),
        None if profiles is None else frozenset(map(ProfileName, profiles)),
    )


def _refuse_shared(segments: list[Segment], where: str) -> None:
    for (n, one), (m, two) in combinations(enumerate(segments, 1), 2):
        apart = one.profiles and two.profiles and not one.profiles & two.profiles
        if not apart and one.tests & two.tests:
            both = sorted(one.tests & two.tests)
            raise UserError(
                f"{where}: {_count(both)} in two segments, {n} ({one.name}) and {m} ({two.name}):"
                f" {_some(both)}.",
                hint="A test runs in one segment; leave it in one of them.",
            )


def _refuse_unknown(data: Mapping[str, object], known: Collection[str], place: str) -> None:
    for key in data:
        if key not in known:
            import difflib

            near = difflib.get_close_matches(key, known, 1)
            hint = f'Is "{near[0]}" meant?' if near else f"The keys are {', '.join(known)}."
            raise UserError(f'{place} has no key "{key}".', hint=hint)


def _texts(data: Mapping[str, object], key: str, place: str) -> tuple[str, ...] | None:
    value = data.get(key)
    if value is None:
        return None
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(item, str) and item for item in items):
        raise UserError(
            f'{place}: "{key}" is not a list of texts.', hint=f'Write "{key}": ["…", "…"].'
        )
    return tuple(cast("list[str]", items))


def _limit(data: Mapping[str, object], key: str, place: str) -> int | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(
            f'{place}: "{key}" is {json.dumps(value)}, not a whole number from 1.',
            hint="1 runs the tests alone, one after the other; leave it out for no limit.",
        )
    return value


def _kind(value: object) -> str:
    match value:
        case None:
            return "missing"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return "a text"
        case bool():
            return "a truth value"
        case _:
            return "a number"


def _count(ids: Collection[str]) -> str:
    return "1 test is" if len(ids) == 1 else f"{len(ids)} tests are"


def _some(ids: Collection[str]) -> str:
    shown = list(ids)[:_SHOWN]
    more = len(ids) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
