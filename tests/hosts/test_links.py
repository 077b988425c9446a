"""Links that are slow or lossy are no losses, and one lane's flood does not hold up the others."""

from __future__ import annotations

from pathlib import Path

from .projects import Project, Running
from .rig import Rig
from .test_losses import GATED, let_begin, open_gate

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
    running = project.run("h1")
    running.check_each_has_one_outcome()
    arrived = [event["case"]["id"].rpartition(".")[2] for event in running.finished()]
    # Without credit only those are before it that ended before it did.
    assert arrived.index("test_a_flood") > 2, arrived


def test_a_host_can_be_far_away(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, gated=GATED)
    rig["h1"].cable.slow(delay=0.05)
    let_begin(project)
    open_gate(project)
    running: Running = project.run("h1,h2")
    assert 0 == running.process.returncode, str(running)
    ready = {event["host"]: event["latency"] for event in running.of("host_ready")}
    assert ready["h1"] >= 0.1
    assert ready["h2"] < ready["h1"]
    used = running.hosts_used()
    assert used["h1"] > used["h2"] / 3
