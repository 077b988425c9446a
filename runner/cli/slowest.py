"""``testlanes slowest``: the slowest tests of the newest run, in testr's table."""

from __future__ import annotations

from ..ids import DEFAULT_PROFILE
from ..report.clean import clean_line
from ..repository import queries
from ..settings import Settings
from .arguments import Arguments
from .output import say
from .stored import newest, opened


def run_slowest(args: Arguments, settings: Settings) -> int:
    """Print the table, and return 0."""
    count = -1 if args.count is None else args.count
    with opened(settings) as repository:
        found = queries.slowest(repository.history, newest(repository), count)
    names = [
        clean_line(case.test_id)
        if case.profile == DEFAULT_PROFILE
        else f"{clean_line(case.test_id)}  ({clean_line(case.profile)})"
        for case, _ in found
    ]
    width = max(map(len, ["Test id", *names]))
    say(f"{'Test id':<{width}}  Runtime (s)")
    say(f"{'-' * width}  -----------")
    for name, (_, seconds) in zip(names, found, strict=True):
        say(f"{name:<{width}}  {seconds:>11.3f}")
    return 0
