"""The command line: ``testlanes`` and ``python -m testlanes``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testlanes.runner.cli.arguments import Arguments
    from testlanes.runner.engine import Request
    from testlanes.runner.repository.directory import DirectoryRepository
    from testlanes.runner.settings import Settings


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    from testlanes.runner.cli.entry import run_command_line

    return run_command_line(sys.argv[1:] if argv is None else argv, _open_dashboard)


def _open_dashboard(
    args: Arguments, settings: Settings, repository: DirectoryRepository, request: Request
) -> int:
    from .dashboard import run_with_dashboard

    return run_with_dashboard(args, settings, repository, request)


if __name__ == "__main__":
    sys.exit(main())
