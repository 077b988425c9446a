"""Which tests the words of the command line select."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.lists import build_selection
from ..ids import ProfileName

if TYPE_CHECKING:
    from ..config.overrides import Overrides
    from ..repository.base import Repository
    from ..settings import Selection, Settings
    from .arguments import Arguments

_SELECTING = (
    *("--deselect", "--ignore", "--lf", "--last-failed", "--sw", "--stepwise", "--keyword"),
    *("--markexpr", "--testmon", "--picked"),
)
"""Options of the frameworks that leave tests out (https://docs.pytest.org/en/stable/reference/reference.html)."""


def selection_of(
    args: Arguments,
    settings: Settings,
    failing: Mapping[ProfileName, frozenset[str]] | None = None,
) -> Selection:
    """Return the selection; ``failing`` are the known failures, if those are asked for. Raises UserError."""
    return build_selection(
        Path.cwd(),
        Path(settings.root),
        filters=args.filters,
        load_lists=args.load_list,
        include_lists=args.include_list,
        exclude_lists=args.exclude_list,
        exclude=args.exclude_regex,
        failing=failing,
    )


def known_failures(settings: Settings, repository: Repository) -> dict[ProfileName, frozenset[str]]:
    """Return what failed when it last ran, for each profile of this run.

    Where no profiles are configured, what was recorded under some other one counts too: another tool's
    tag may look like a profile.
    """
    found: dict[ProfileName, set[str]] = {profile.name: set() for profile in settings.profiles}
    for result in repository.failing():
        case = result.case
        if case.profile in found:
            found[case.profile].add(case.test_id)
        elif not settings.all_profiles:
            for ids in found.values():
                ids.add(case.test_id)
    return {name: frozenset(ids) for name, ids in found.items()}


def narrows(given: Overrides, settings: Settings) -> bool:
    """Say whether the command line asks for less than the project's suite, by other means than filters.

    Fewer profiles than run by themselves, a part of the tree, words for the framework that select
    (``-k``, a path). When in doubt it is so: a partial run forgets no failure.
    """
    if given.profiles:
        names = {profile.name for profile in settings.profiles}
        if not names.issuperset(settings.default_profiles):
            return True
    return bool(given.start or given.pattern) or any(map(_selects, given.args))


def _selects(word: str) -> bool:
    if not word.startswith("-"):
        return True  # a path, or an option's value: nobody can tell without the framework
    if word.startswith("--"):
        return word.startswith(_SELECTING)
    return "k" in word or "m" in word
