"""Which of the changed sources cannot be compiled: what uses them has to wait until they can."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..affected import Change
from ..settings import Settings
from ..watching import Broken, SourcesBroken
from .choice import Choice
from .syntax import broken_sources


class Uncompiled:
    """Looks at changes, and tells when other sources than before are broken."""

    def __init__(self, root: Path, choice: Choice, tell: Callable[[SourcesBroken], None]) -> None:
        self._root, self._choice, self._tell = root, choice, tell
        self.broken: tuple[Broken, ...] = ()

    async def among(self, changes: Sequence[Change], settings: Settings) -> set[str]:
        """Return the paths of those that have to wait."""
        broken = await asyncio.to_thread(self._find, changes, settings)
        held = {one.path for one in broken if self._choice.is_code(one.path)}
        found = tuple(one for one in broken if one.path in held)
        if found != self.broken:
            self.broken = found
            paths = tuple(change.path for change in changes)
            self._tell(SourcesBroken(time.time_ns(), paths, found))
        return held

    def _find(self, changes: Iterable[Change], settings: Settings) -> list[Broken]:
        paths = [one.path for one in changes if one.path.endswith(".py") and one.how != "deleted"]
        pythons = {
            profile.python: {**os.environ, **profile.env}
            for profile in settings.profiles
            if profile.python
        }
        return broken_sources(self._root, paths, list(pythons.items()))
