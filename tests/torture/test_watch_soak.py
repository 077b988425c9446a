"""A short soak of a watch; ``watch_soak.py`` beside this file does as many edits as it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from .watch_soak import soak


@pytest.mark.parametrize("kind", ["unittest", "pytest"])
def test_what_fails_after_random_edits_is_what_a_fresh_run_says(kind: str, tmp_path: Path) -> None:
    assert soak(kind, 6, 3, tmp_path, print) == []
