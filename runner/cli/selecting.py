"""Which tests the words of the command line select."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.lists import STDIN, build_selection, read_load_lists
from ..errors import UserError
from ..ids import DEFAULT_PROFILE, ProfileName
from .stored import refuse_mixture

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


NOTHING = 4


def with_lists(args: Arguments) -> Arguments:
    """Read ``--load-list``, once. Tests by profile run under theirs, unless ``-p`` says which. Raises UserError."""
    listed = read_load_lists(Path.cwd(), args.load_list)
    overrides = args.overrides
    if listed is not None and listed.per_profile is not None and not overrides.profiles:
        names = tuple(name for name, ids in listed.per_profile.items() if ids)
        if names != (DEFAULT_PROFILE,):
            by = ", ".join("standard input" if one == STDIN else one for one in args.load_list)
            overrides = replace(overrides, profiles=names, profiles_by=by)
    return replace(args, listed=listed, overrides=overrides)


def selection_of(
    args: Arguments,
    settings: Settings,
    failing: Mapping[ProfileName, frozenset[str]] | None = None,
) -> Selection:
    """Return the selection; ``failing`` are the known failures, if those are asked for.

    A plain list selects in all profiles that ``-p`` names: a list is of one profile if nobody says more.
    Raises UserError.
    """
    listed = args.listed
    plain = listed is not None and listed.ids is not None and not args.overrides.profiles
    if plain and args.command != "list":
        several = ",".join(settings.default_profiles)
        refuse_mixture(
            settings.default_profiles,
            f"say which with -p NAME, all with -p {several}, or load what `failing --json` prints",
        )
    selection = build_selection(
        Path.cwd(),
        Path(settings.root),
        filters=args.filters,
        listed=listed,
        include_lists=args.include_list,
        exclude_lists=args.exclude_list,
        exclude=args.exclude_regex,
        failing=failing,
    )
    by_profile = selection.per_profile
    if by_profile is not None and not any(by_profile.get(one.name) for one in settings.profiles):
        names = ", ".join(profile.name for profile in settings.profiles)
        raise UserError(f"no test is selected under {names}", exit_code=NOTHING)
    return selection


def known_failures(settings: Settings, repository: Repository) -> dict[ProfileName, frozenset[str]]:
    """Return what failed when it last ran, for each profile of this run.

    What was recorded without a profile, or before there were any, is meant under all. Where none is
    configured, what was recorded under some other one counts too: another tool's tag may look like a profile.
    """
    found: dict[ProfileName, set[str]] = {profile.name: set() for profile in settings.profiles}
    for result in repository.failing():
        case = result.case
        if case.profile in found:
            found[case.profile].add(case.test_id)
        elif case.profile == DEFAULT_PROFILE or not settings.all_profiles:
            for ids in found.values():
                ids.add(case.test_id)
    return {name: frozenset(ids) for name, ids in found.items()}


def failing_elsewhere(settings: Settings, repository: Repository) -> str:
    """Say in a line what is known to fail under profiles that this run does not have; empty if nothing is."""
    here = {profile.name for profile in settings.profiles} | {DEFAULT_PROFILE}
    if not settings.all_profiles:
        return ""
    others = Counter(one.profile for one in repository.failing() if one.profile not in here)
    told = [
        f"{count:,} under {name}" + ("" if name in settings.all_profiles else " (not configured)")
        for name, count in sorted(others.items())
    ]
    return f"known to fail, and left out: {', '.join(told)}" if told else ""


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
