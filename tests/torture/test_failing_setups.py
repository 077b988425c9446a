"""A set-up that fails half-way gives its details, and what it had started is found, named after it, and ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from .projects import left_running, project, run

STARTED = {"process", "thread", "socket", "file"}
MAKERS = {
    "failing_setup_unittest.py": {
        "test_server": "Server",
        "test_old": "Old",
        "test_by_hand": "",
        "test_plain": "",
        "test_whole": "setUpClass (Whole)",
    },
    "failing_setup_pytest.py": {"test_server": "server", "test_shared": "shared"},
}


@pytest.mark.parametrize("suite", MAKERS)
def test_what_a_failing_set_up_said_and_started_is_told(tmp_path: Path, suite: str) -> None:
    outcome = run(project(tmp_path, suite), "-j1")

    makers = MAKERS[suite]
    assert set(outcome.short.values()) <= {"error", "setup"}
    assert len(outcome.short) == len(makers)
    for name, maker in makers.items():
        (test_id,) = (each for each in outcome.verdicts if each.endswith(name))
        assert "it says why" in outcome.texts[test_id]
        assert "RuntimeError: did not start" in outcome.texts[test_id]
        leaks = outcome.leaks[test_id]
        assert leaks.keys() >= STARTED
        if maker:
            assert all(f"(made by {maker})" in text for kind in STARTED for text in leaks[kind])
    assert left_running(tmp_path) == []
