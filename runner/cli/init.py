"""``testlanes init``: make the repository."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..settings import Settings
from .arguments import Arguments
from .stored import opened


def run_init(args: Arguments, settings: Settings) -> int:
    """Make the repository and return 0. Raises UserError if there is one, with testr's exit code 3."""
    del args
    path = Path(settings.repository)
    if (path / "format").exists():
        raise UserError(
            f"there is a repository already: {path}",
            hint="runs store their results in it",
            exit_code=3,
        )
    opened(settings, create=True).close()
    return 0
