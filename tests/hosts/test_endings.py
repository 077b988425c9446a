"""How runs over several hosts end: with true results, and with nothing left on any host."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from .projects import LEASE, Project, lost, ready, started
from .rig import Rig, until
from .test_losses import GONE, begin, open_gate

STUBBORN = """
    import os, re, subprocess, sys, time, unittest

    class Stubborn(unittest.TestCase):
        def test_40_never_lets_go_of_the_interpreter(self):
            re.match(r"(a+)+$", "a" * 60 + "b")

        def test_20_leaves_daemons(self):
            for _ in range(5):
                code = "import os, time; os.setsid(); os.fork() and os._exit(0); time.sleep(600)"
                subprocess.run([sys.executable, "-c", code])
            time.sleep(600)

    for number in range(60):
        setattr(Stubborn, f"test_{number:02}", lambda self: time.sleep(0.1))
"""

KILLS_ITS_AGENT = """
    import os, signal, time, unittest

    def parent(pid):
        return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])

    class Deadly(unittest.TestCase):
        def test_deadly(self):
            pid, doomed = os.getpid(), []
            while pid > 1:
                words = open(f"/proc/{pid}/cmdline").read()
                if "zlib.decompress" in words:
                    doomed.append(pid)
                pid = parent(pid)
            time.sleep(1)  # until it is known to run
            for pid in reversed(doomed):
                os.kill(pid, signal.SIGKILL)
            time.sleep(60)

    for number in range(40):
        setattr(Deadly, f"test_{number:02}", lambda self: time.sleep(0.1))
"""


def alive(rig: Rig) -> dict[str, dict[int, str]]:
    """Return what runs on each host on which something does."""
    found = {name: host.processes() for name, host in rig.hosts.items() if host.init}
    return {name: processes for name, processes in found.items() if processes}


def left_lying(rig: Rig) -> list[str]:
    """Return our files that are left on hosts."""
    return [
        str(path)
        for host in rig.hosts.values()
        for place in ("tmp", "dev/shm", "var/tmp", "run")
        for path in (host.root / place).glob("*testlanes*")
    ]


@pytest.mark.parametrize("seed", range(6))
def test_nothing_outlives_a_controller_that_is_killed(rig: Rig, tmp_path: Path, seed: int) -> None:
    """At any moment: while hosts come up too, with a test that nothing but a kill ends, and daemons of tests."""
    chance = random.Random(seed)
    project = Project(tmp_path, rig, stubborn=STUBBORN)
    running = project.start("local,h1,h2,h3")
    if seed % 2:
        running.until(started("test_20_leaves_daemons"))
        running.until(started("test_40_never_lets_go_of_the_interpreter"))
    until(lambda: running.process.poll() is not None or running.of("host_phase"))
    moment = chance.uniform(0.0, 1.5)
    with pytest.raises(AssertionError):
        running.end(moment)
    assert running.process.poll() is not None
    until(lambda: not alive(rig), GONE, "the end of all processes")
    assert not left_lying(rig)


def test_nothing_outlives_a_controller_that_is_killed_behind_a_cut_link(
    rig: Rig, tmp_path: Path
) -> None:
    project = Project(tmp_path, rig, stubborn=STUBBORN)
    running = project.start("h1,h2,h3")
    running.until(started("test_20_leaves_daemons"))
    running.until(started("test_40_never_lets_go_of_the_interpreter"))
    for host in rig.hosts.values():
        host.cable.cut()
    running.kill()
    until(lambda: not alive(rig), GONE, "the end of all processes")
    assert not left_lying(rig)


def test_a_test_that_took_two_hosts_down_is_not_passed_on(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, deadly=KILLS_ITS_AGENT)
    running = project.run("h1,h2,h3")
    assert 1 == running.process.returncode, str(running)
    running.check_each_has_one_outcome()
    verdicts = running.verdicts
    assert "crash" == verdicts.pop("test_deadly")
    assert {"success"} == set(verdicts.values())
    assert "was lost while this test ran" in running.text("test_deadly")
    assert "so was another before it" in running.text("test_deadly")
    # Two, and a third where another test ran beside it both times.
    assert len(running.of("host_lost")) in (2, 3)


def test_a_run_that_loses_all_its_hosts_ends_and_says_what_was_not_run(
    rig: Rig, tmp_path: Path
) -> None:
    project, running = begin(rig, tmp_path, "h1", "h2")
    for name in ("h1", "h2"):
        rig[name].crash(told=True)
    assert 3 == running.end(), str(running)
    running.check_each_has_one_outcome()
    assert {"success", "notrun"} == set(running.verdicts.values())
    assert "notrun" == running.verdicts["test_gate"]
    ran = sum(verdict == "success" for verdict in running.verdicts.values())
    assert f"Ran {ran} tests" in project.tell("testlanes", "last"), str(running)
    assert "runs=1" in project.tell("testr", "stats")
    assert not any(event["again"] for event in running.of("host_lost")[-2:])


def test_a_controller_that_slept_goes_on_with_its_hosts(rig: Rig, tmp_path: Path) -> None:
    """A laptop that was closed for longer than the lease: its hosts have ended all, and join again."""
    project, running = begin(rig, tmp_path)
    running.process.send_signal(signal.SIGSTOP)
    until(lambda: not alive(rig), GONE + LEASE, "the end of the leases")
    since = len(running.events)
    running.process.send_signal(signal.SIGCONT)
    for name in rig.hosts:
        running.until(lost(name))
        running.until(ready(name), since=since)
    open_gate(project)
    assert 0 == running.end(), str(running)
    running.check_each_has_one_outcome()
    assert {"success"} == set(running.verdicts.values())


def test_hosts_cut_crashed_and_healed_in_turn_leave_one_outcome_each(
    rig: Rig, tmp_path: Path
) -> None:
    project, running = begin(rig, tmp_path)
    rig["h1"].cable.cut()
    rig["h2"].crash()
    rig["h3"].kill("testlanes_agent.boot")
    running.until(lost("h1"))
    running.until(lost("h2"))
    since = len(running.events)
    rig["h1"].cable.heal()
    rig["h2"].boot()
    project.arrive("h2")
    running.until(ready("h1"), since=since)
    rig["h1"].crash()
    running.until(ready("h2"), since=since)
    rig["h1"].boot()
    project.arrive("h1")
    open_gate(project)
    assert running.end() in (0, 1), str(running)
    running.check_each_has_one_outcome()
    assert {"success", "crash"} >= set(running.verdicts.values())
