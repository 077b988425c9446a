"""From the command line's words about tests to a selection."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from ..errors import UserError
from ..ids import ProfileName
from ..repository.base import StoredResult
from ..settings import Selection, Settings
from .arguments import Arguments


def selection_of(
    args: Arguments, settings: Settings, failing: Iterable[StoredResult] = ()
) -> Selection:
    """Return what is selected. ``failing``: what the repository has, for ``--failing``.

    ``--failing`` and ``--load-list`` together select what is in both, as in testr. Raises UserError
    for a file that cannot be read.
    """
    base = Path.cwd() / Path(args.here).expanduser() if args.here else Path.cwd()
    ids: frozenset[str] | None = None
    if args.load_list:
        ids = frozenset(one for name in args.load_list for one in _lines(base, name))
    by_profile: dict[ProfileName, frozenset[str]] | None = None
    if args.failing:
        by_profile = {profile.name: frozenset() for profile in settings.profiles}
        for one in failing:
            # What was recorded without a profile, by another tool say, failed under any of them.
            names = [one.profile] if one.profile in by_profile else list(by_profile)
            for name in names:
                if ids is None or one.test_id in ids:
                    by_profile[name] |= {one.test_id}
    return Selection(
        filters=args.filters,
        ids=ids if by_profile is None else None,
        include=tuple(one for name in args.include_list for one in _patterns(base, name)),
        exclude=(
            *(one for name in args.exclude_list for one in _patterns(base, name)),
            *args.exclude_regex,
        ),
        per_profile=by_profile,
    )


def _lines(base: Path, name: str) -> list[str]:
    """Return the lines of a file, ``-`` for standard input, without blank ones."""
    try:
        text = sys.stdin.read() if name == "-" else (base / name).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(
            f"{name} is not UTF-8", hint="it must have one test id or regex a line"
        ) from None
    return [line.strip() for line in text.split("\n") if line.strip()]


def _patterns(base: Path, name: str) -> list[str]:
    """Return the regexes in a file: one a line, and what follows ``#`` is a comment, as in stestr."""
    found = (line.partition("#")[0].strip() for line in _lines(base, name))
    return [line for line in found if line]
