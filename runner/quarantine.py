"""Tests whose failures are known to come and go: they are told, and do not make a run fail."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from .patterns import compile_pattern

_FIXTURE = re.compile(r"(?:setUp|tearDown)(?:Class|Module) \((.+)\)")


class Quarantine:
    """Whether a test is one of them. ``known``: ids, or regexes that may match anywhere in an id.

    ``setUpClass (m.K)`` is one if ``m.K`` or ``m.K.`` (which begins the ids of its tests) is.

    Raises:
        UserError: one is no regex.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        texts = tuple(known)
        self._ids = frozenset(texts)
        self._patterns = [compile_pattern(text, "known_flaky:") for text in texts]
        self._asked = lru_cache(maxsize=None)(self._ask)

    def __bool__(self) -> bool:
        return bool(self._ids)

    def __call__(self, test_id: str) -> bool:
        """Return whether a test's failures are known to come and go."""
        return bool(self._ids) and self._asked(test_id)

    def _ask(self, test_id: str) -> bool:
        fixture = _FIXTURE.fullmatch(test_id)
        names = (test_id,) if fixture is None else (test_id, fixture[1], f"{fixture[1]}.")
        return any(
            name in self._ids or any(pattern.search(name) for pattern in self._patterns)
            for name in names
        )
