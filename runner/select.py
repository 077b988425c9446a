"""Which tests a selection selects: regexes, nodeids and paths, exact ids, and what re-runs a failed fixture."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from .errors import UserError
from .ids import RETURNCODE, ProfileName
from .patterns import compile_pattern
from .settings import Selection

FAILED_IMPORT = "unittest.loader._FailedTest."
"""What unittest calls a module that it could not import: this and the module's name."""

_FIXTURE = re.compile(r"(?:setUp|tearDown)(?:Class|Module) \((.+)\)")


class Selector:
    """Decides for one test at a time, so that it can be asked while the suite is still being listed.

    A test is selected if its id is among ``ids`` (or its profile's ``per_profile``), any of
    ``filters`` and ``include`` matches, and none of ``exclude`` does; empty fields let all pass.

    Raises:
        UserError: a filter is no regex.
    """

    def __init__(self, selection: Selection) -> None:
        wanted = (*selection.filters, *selection.include)
        self._wanted = [_Filter(text) for text in wanted]
        self._unwanted = [_Filter(text) for text in selection.exclude]
        self._all_ids = None if selection.ids is None else _Ids(selection.ids)
        self._by_profile: dict[ProfileName, _Ids] | None = None
        if selection.per_profile is not None:
            ids = selection.per_profile.items()
            self._by_profile = {profile: _Ids(names) for profile, names in ids}

    def selects(self, test_id: str, profile: ProfileName) -> bool:
        """Return whether this test is to run under this profile."""
        if self._by_profile is not None:
            ids = self._by_profile.get(profile)
            if ids is None or not ids.select(test_id):
                return False
        elif self._all_ids is not None and not self._all_ids.select(test_id):
            return False
        if self._wanted and not any(
            each.matches(test_id) or each.cannot_be_loaded_for(test_id) for each in self._wanted
        ):
            return False
        return not any(each.matches(test_id) for each in self._unwanted)

    def overlooks(self, test_id: str) -> bool:
        """Whether an id that is not selected stands for a file or module that could not be loaded, and that
        may have tests which a filter is meant for: nobody can tell.
        """
        if not self._wanted or not stands_for_unloaded(test_id):
            return False
        return not any(each.matches(test_id) for each in self._unwanted)


def stands_for_unloaded(test_id: str) -> bool:
    """Whether an id is that of a file (pytest) or module (unittest) that could not be loaded."""
    return test_id.startswith(FAILED_IMPORT) or ("::" not in test_id and test_id.endswith(".py"))


def absent(
    selection: Selection,
    profiles: Sequence[ProfileName],
    exists: Callable[[str, ProfileName], bool],
) -> list[str]:
    """Return the selection's exact ids that the suites do not have, sorted; those of failed fixtures and files are none."""
    by_profile = selection.per_profile
    if by_profile is None:
        wanted = selection.ids or frozenset[str]()
        gone = {one for one in wanted if not any(exists(one, profile) for profile in profiles)}
    else:
        gone = {
            one
            for profile in profiles
            for one in by_profile.get(profile, ())
            if not exists(one, profile)
        }
    return sorted(one for one in gone if _is_of_a_test(one))


def most_cases(selection: Selection, profiles: Iterable[ProfileName]) -> int | None:
    """Return how many cases a selection of exact ids comes to at most; None where only the suites tell."""
    by_profile, ids = selection.per_profile, selection.ids
    if by_profile is not None:
        chosen = [by_profile.get(profile, frozenset()) for profile in profiles]
    elif ids is not None:
        chosen = [ids for _ in profiles]
    else:
        return None
    if not all(_is_of_a_test(one) for names in chosen for one in names):
        return None  # a failed fixture or file stands for all that meets it again
    return sum(map(len, chosen))


def unmatched(selection: Selection, ids: Iterable[str]) -> list[str]:
    """Return the filters that match none of the suite's ids."""
    known = list(ids)

    def matches(text: str) -> bool:
        one = _Filter(text)
        return any(one.matches(each) or one.cannot_be_loaded_for(each) for each in known)

    return [text for text in selection.filters if not matches(text)]


def _is_of_a_test(test_id: str) -> bool:
    if stands_for_unloaded(test_id) or test_id == RETURNCODE:
        return False
    return _FIXTURE.fullmatch(test_id) is None


class _Filter:
    """One filter of a user: a regex, and literally a test id, a nodeid's beginning, a file or a folder."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._path = text.removeprefix("./").rstrip("/")
        try:
            self._search = compile_pattern(text, "The filter").search
        except UserError:
            # a nodeid need not be a regex: test_x.py::test_y[z-a]
            if "::" not in text:
                raise
            self._search = _never

    def matches(self, test_id: str) -> bool:
        if self._search(test_id) is not None or test_id == self._text:
            return True
        path = self._path
        if path in ("", "."):  # the project's folder
            return "::" in test_id
        if not test_id.startswith(path):
            return False
        rest = test_id[len(path) :]
        if "::" in path:
            return rest == "" or rest.startswith(("::", "["))
        return rest == "" or rest.startswith(("/", "::"))

    def cannot_be_loaded_for(self, test_id: str) -> bool:
        """Whether ``test_id`` stands for a file or module that failed to load, and that we are a test of."""
        if test_id.startswith(FAILED_IMPORT):
            return self._text.startswith(test_id.removeprefix(FAILED_IMPORT) + ".")
        return "::" not in test_id and self._path.startswith(test_id + "::")


class _Ids:
    """Exact ids, and what some of them stand for.

    A failed class or module fixture, import or collection is recorded under an id that no test
    has; the tests that meet it again are selected in its place. The other way round, a module
    that cannot be loaded now is selected if tests of it were asked for: otherwise they would
    be passed over in silence.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = frozenset(ids)
        self._sorted = sorted(self._ids)
        self._scopes: set[str] = set()
        self._files: set[str] = set()
        for test_id in self._ids:
            fixture = _FIXTURE.fullmatch(test_id)
            if fixture is not None:
                self._scopes.add(fixture[1])
            elif test_id.startswith(FAILED_IMPORT):
                self._scopes.add(test_id.removeprefix(FAILED_IMPORT))
            elif test_id.endswith(".py"):
                self._files.add(test_id)

    def select(self, test_id: str) -> bool:
        if test_id in self._ids:
            return True
        if test_id.startswith(FAILED_IMPORT):
            module = test_id.removeprefix(FAILED_IMPORT)
            return (
                module in self._scopes
                or self._any_begins(module + ".")
                or any(scope.startswith(module + ".") for scope in self._scopes)
            )
        file, colons, _ = test_id.partition("::")
        if not colons and self._any_begins(test_id + "::"):
            return True
        if colons and file in self._files:
            return True
        return bool(self._scopes) and self._in_scope(test_id)

    def _any_begins(self, prefix: str) -> bool:
        at = bisect_left(self._sorted, prefix)
        return at < len(self._sorted) and self._sorted[at].startswith(prefix)

    def _in_scope(self, test_id: str) -> bool:
        dot = test_id.find(".")
        while dot >= 0:
            if test_id[:dot] in self._scopes:
                return True
            dot = test_id.find(".", dot + 1)
        return False


def _never(_text: str) -> None:
    """Search of a filter that is no regex."""
