"""The command line: ``testlanes`` and ``python -m testlanes``."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from testlanes.runner.cli.arguments import Arguments
    from testlanes.runner.repository.directory import DirectoryRepository
    from testlanes.runner.request import Request
    from testlanes.runner.settings import Settings
    from testlanes.runner.watching import Ways


YOUNG = 20_000
"""New objects after which the interpreter looks for garbage among them."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    from testlanes.runner.cli.entry import run_command_line

    # Nearly all that is made stays until the end, or goes without being looked for.
    gc.set_threshold(YOUNG)
    # At its end the interpreter looks for garbage in all that there is, again and again: nothing of it is needed any more.
    atexit.register(gc.freeze)
    words = sys.argv[1:] if argv is None else argv
    return run_command_line(words, _open_dashboard, _open_watch)


def _open_dashboard(
    args: Arguments, settings: Settings, repository: DirectoryRepository, request: Request
) -> int:
    from .dashboard import run_with_dashboard

    return run_with_dashboard(args, settings, repository, request)


def _open_watch(args: Arguments, load: Callable[[], Settings], ways: Ways) -> int:
    from .watching import watch_with_dashboard

    return watch_with_dashboard(args, load, ways)


if __name__ == "__main__":
    sys.exit(main())
