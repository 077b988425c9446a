"""What is said when the dashboard itself broke."""

from __future__ import annotations

import contextlib
import sys

from testlanes.runner.error_files import keep_traceback

from .viewmodels.lines import clean


def tell_problem(problem: str) -> None:
    """Say in two lines on stderr that the dashboard broke; its traceback, ``problem``, goes to a file."""
    last = clean(problem.strip().rpartition("\n")[2])[:200]
    told = f"testlanes: the dashboard broke: {last}\nhint: the run goes on without it"
    with contextlib.suppress(OSError):
        told += f"; please report it with {keep_traceback(problem)}"
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{told}\n")
