"""Links that are slow or lossy are no losses, and one lane's flood does not hold up the others."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

from .projects import Project, Running
from .rig import Rig
from .test_losses import GATED, open_gate

FLOOD = """
    import os, sys, time, unittest

    class Flood(unittest.TestCase):
        def test_a_flood(self):
            os.write(1, os.urandom(300_000).hex().encode() + b"\\n")
            self.fail("with 600 kB of output")

    class Ticks(unittest.TestCase):
        pass

    for number in range(30):
        setattr(Ticks, f"test_{number:02}", lambda self: time.sleep(0.2))
"""


def test_a_bad_link_is_not_taken_for_a_loss(rig: Rig, tmp_path: Path) -> None:
    """256 kbit/s, 150 ms each way, packets lost, and a lot to send."""
    project = Project(tmp_path, rig, flood=FLOOD.replace("300_000", "60_000"))
    rig["h1"].cable.slow("256kbit", delay=0.15, jitter=0.02, loss=0.02)
    project.describe(h1={"lease": 10.0})
    running = project.run("h1")
    assert 1 == running.process.returncode, str(running)
    running.check_each_has_one_outcome()
    assert not running.of("host_lost")
    assert "assertion" == running.verdicts["test_a_flood"]
    assert 120_000 < len(running.text("test_a_flood"))


def test_a_flood_in_one_lane_leaves_the_other_lanes_quick(rig: Rig, tmp_path: Path) -> None:
    """600 kB over 1 Mbit/s take some five seconds; what the other lane says must not wait behind them."""
    project = Project(tmp_path, rig, flood=FLOOD)
    rig["h1"].cable.slow("1mbit")
    running = project.start("h1")
    arrived: list[tuple[float, str]] = []
    seen = 0
    while running.process.poll() is None:
        for event in running.events[seen:]:
            seen += 1
            if event["event"] == "case_finished":
                arrived.append((time.monotonic(), event["case"]["id"]))
        time.sleep(0.01)
    running.end()
    running.check_each_has_one_outcome()
    ticks = [at for at, name in arrived if "Ticks" in name]
    gaps = [after - before for before, after in pairwise(ticks)]
    # Without credit the longest was the whole transfer.
    assert max(gaps) < 2.0, gaps


def test_a_host_can_be_far_away(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, gated=GATED)
    rig["h1"].cable.slow(delay=0.05)
    open_gate(project)
    running: Running = project.run("h1,h2")
    assert 0 == running.process.returncode, str(running)
    ready = {event["host"]: event["latency"] for event in running.of("host_ready")}
    assert 0.1 <= ready["h1"] < 1.0
    assert ready["h2"] < 0.1
    used = running.hosts_used()
    assert used["h1"] > used["h2"] / 3
