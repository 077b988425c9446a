"""A few runs of the fault injection, with seeds that hit every part; ``python -m tests.torture.faults`` does hundreds."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from .faults import Fault, Tally, Victim, torture

PLANS: list[tuple[str, list[tuple[float, Fault]]]] = [
    ("unittest", [(0.6, ("worker", signal.SIGKILL)), (0.9, ("loader", signal.SIGKILL))]),
    ("pytest", [(0.7, ("agent", signal.SIGKILL))]),
    ("unittest", [(0.7, ("controller", signal.SIGKILL))]),
    ("pytest", [(0.5, ("disk", "no growth")), (0.9, ("guardian", signal.SIGTERM))]),
    ("unittest", [(0.5, ("disk", "full for a while")), (0.8, ("worker", signal.SIGTERM))]),
    ("pytest", [(0.8, ("controller", signal.SIGHUP))]),
]


@pytest.mark.parametrize(("kind", "plan"), PLANS)
def test_whatever_is_killed_nothing_is_lost(
    tmp_path: Path, kind: str, plan: list[tuple[float, Fault]]
) -> None:
    victim = Victim(tmp_path, kind)
    try:
        tally = Tally()
        assert torture(victim, 1, tally, plan) == []
        assert torture(victim, 2, tally, []) == []
    finally:
        victim.close()
    assert tally.runs == 2
    assert 70 not in tally.codes  # an error of ours
