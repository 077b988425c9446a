"""Which failures stay known after a run. Pure; the repository reads and writes the file.

The old tools key failures by test id alone, forget what an interrupted run did not reach, and keep
for ever what matches no test that can be run (``setUpClass (m.K)``). Here a failure is a case's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from ..frozen import frozen
from ..ids import DEFAULT_PROFILE, RETURNCODE, ProfileName, Status
from .base import StoredResult

_CLASS = re.compile(r"(?:setUp|tearDown)Class \((?P<name>.+)\)")
_MODULE = re.compile(r"(?:setUp|tearDown)Module \((?P<name>.+)\)")
_UNLOADED = re.compile(
    r"unittest2?\.loader\.(?:_FailedTest|ModuleImportFailure|LoadTestsFailure)\.(?P<name>.+)"
)


@frozen
class Facts:
    """What a run says about cases; ids are spelled as the repository spells them."""

    status: Callable[[str, ProfileName], Status | None]
    """The last status of a case in this run; None for one that did not run (or that nobody knows)."""
    known: Callable[[str, ProfileName], bool]
    """Whether this run has ever heard of a case."""
    ran: Callable[[ProfileName], Iterable[str]]
    """The ids that ran under a profile."""
    profiles: tuple[ProfileName, ...]
    """Those that had a part in this run."""
    partial: bool = False
    """Less than everything was to run, or the run was cut short."""
    interrupted: bool = False
    from_elsewhere: bool = False
    """It was loaded, and may be one of several runs: it says nothing of profiles that had no part in it."""
    unlisted: frozenset[ProfileName] = field(default_factory=frozenset[ProfileName])
    """Profiles left out, or whose suite could not be loaded, so that no case of them is known."""


class Remembering:
    """Which earlier failures are still known after a run.

    ``all_profiles``: an old failure without any of these tags is from before there were profiles (or
    from another tool), and is superseded by a run of the same id under any profile. ``failures``: the
    ids that failed in the run, each with its profile.
    """

    def __init__(
        self,
        facts: Facts,
        all_profiles: frozenset[str],
        failures: Iterable[tuple[str, ProfileName]],
    ) -> None:
        self._facts = facts
        self._all_profiles = all_profiles
        self._nodes: set[tuple[str, ProfileName]] = set()
        self._scopes: list[tuple[Callable[[str], bool], ProfileName]] = []
        for test_id, profile in failures:
            if "::" in test_id or test_id.endswith(".py"):
                self._nodes.add((test_id, profile))
            elif (matches := _covers(test_id)) is not None:
                self._scopes.append((matches, profile))

    def stays(self, old: StoredResult) -> bool:
        """Say whether an earlier failure, which may have run again, is still known as such.

        False for one that ran again, whatever came of it: if it failed, its new result takes its place.
        """
        facts = self._facts
        profiles: tuple[ProfileName, ...] = (old.profile,)
        if old.profile == DEFAULT_PROFILE and not self._all_profiles.intersection(old.tags):
            profiles = tuple(dict.fromkeys((DEFAULT_PROFILE, *facts.profiles)))
        if any(facts.status(old.test_id, profile) is not None for profile in profiles):
            return False
        if any(facts.known(old.test_id, profile) for profile in profiles):
            return True
        if any(profile in facts.unlisted or self._hides(old, profile) for profile in profiles):
            return True
        if facts.from_elsewhere and old.profile not in facts.profiles:
            return True
        return facts.partial and not _mended(old.test_id, profiles, facts)

    def _hides(self, old: StoredResult, profile: ProfileName) -> bool:
        """Say whether a test was not seen because its class, module or file failed in its place."""
        parts = old.test_id.split("::")
        if any(("::".join(parts[:end]), profile) in self._nodes for end in range(1, len(parts))):
            return True
        return any(of == profile and matches(old.test_id) for matches, of in self._scopes)


def is_gone(old: StoredResult, listed: Mapping[ProfileName, frozenset[str]]) -> bool:
    """Say whether a failure is of nothing that there is any more.

    ``listed``: profile -> all ids it has, as the repository spells them; of other profiles nothing is known.
    """
    if old.profile not in listed or old.test_id == RETURNCODE:
        return False
    ids = listed[old.profile]
    if old.test_id in ids:
        return False
    if _CLASS.fullmatch(old.test_id) or _MODULE.fullmatch(old.test_id):
        covers = _covers(old.test_id)
        return covers is None or not any(map(covers, ids))
    return True


def _mended(test_id: str, profiles: tuple[ProfileName, ...], facts: Facts) -> bool:
    """Say whether a failure that is no test's own is over, because its class, module or file ran."""
    if test_id == RETURNCODE:
        return not facts.interrupted and any(
            True for profile in profiles for _ in facts.ran(profile)
        )
    matches = _covers(test_id)
    return matches is not None and any(
        matches(ran) for profile in profiles for ran in facts.ran(profile)
    )


def _covers(test_id: str) -> Callable[[str], bool] | None:
    """Return what says of an id whether its having run disproves ``test_id``, or None for a test's own id.

    The ids are unittest's ``module.Class.method`` and pytest's ``file.py::Class::function``.
    """
    if (match := _CLASS.fullmatch(test_id)) or (match := _MODULE.fullmatch(test_id)):
        name = match["name"]
    elif match := _UNLOADED.fullmatch(test_id):
        # The loader gives a module's full name, or only the last part of what it looked for.
        name = match["name"]
        middle, end = f".{name}.", f".{name}"
        return lambda ran: ran.startswith(f"{name}.") or middle in ran or ran.endswith(end)
    elif test_id.endswith(".py") or "::" in test_id:
        start = f"{test_id}::"
        return lambda ran: ran.startswith(start)
    else:
        return None
    dotted, node = f"{name}.", "::".join(name.rsplit(".", 1))
    return lambda ran: ran.startswith(dotted) or f"{node}::" in ran
