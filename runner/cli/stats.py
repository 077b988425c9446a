"""``testlanes stats``: how much is stored."""

from __future__ import annotations

from ..settings import Settings
from .arguments import Arguments
from .output import say
from .stored import opened


def run_stats(args: Arguments, settings: Settings) -> int:
    """Print ``runs=N``, as testr does, and ``failing=N``; return 0."""
    del args
    with opened(settings) as repository:
        stats = repository.stats()
    say(f"runs={stats.runs}")
    say(f"failing={stats.failing}")
    return 0
