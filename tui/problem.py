"""What is said when the dashboard itself broke."""

from __future__ import annotations

import contextlib
import sys
import tempfile

from .viewmodels.lines import clean


def tell_problem(problem: str) -> None:
    """Say in two lines on stderr that the dashboard broke; its traceback, ``problem``, goes to a file."""
    last = clean(problem.strip().rpartition("\n")[2])[:200]
    told = f"testlanes: the dashboard broke: {last}\nhint: the run goes on without it"
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="testlanes-error-",
            suffix=".log",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file:
            file.write(f"{sys.version}\n{' '.join(sys.argv)!a}\n\n{problem}")
        told += f"; please report it with {file.name}"
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{told}\n")
