"""Which tests the words of the command line select."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.lists import build_selection

if TYPE_CHECKING:
    from ..ids import ProfileName
    from ..settings import Selection, Settings
    from .arguments import Arguments


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
