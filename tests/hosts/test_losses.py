"""Hosts are lost while tests run there: it is noticed, what ran there runs elsewhere, and they come back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from .projects import LEASE, Project, Running, lost, ready
from .rig import Machine, Rig, until

BUSY = 15.0
"""Seconds that two busy cores may add; the kernel and ssh by themselves would need minutes to notice."""

NOTICED = LEASE * 1.2 + BUSY
"""Seconds after which a loss must have been noticed."""

GONE = LEASE + BUSY
"""Seconds after which nothing may run any more on a host that hears nothing."""

AGENT = "zlib.decompress"
"""What stands in the command line of an agent and of its guardian."""

GATED = """
    import os, time, unittest

    class Gated(unittest.TestCase):
        def wait_for(self, name):
            for _ in range(3000):
                if os.path.exists(name):
                    return
                time.sleep(0.02)
            self.fail(f"nobody made {name}")

        def test_gate(self):
            self.wait_for("open")

        def quick(self):
            self.wait_for("begun")
            time.sleep(0.1)

    for number in range(120):
        setattr(Gated, f"test_{number:03}", Gated.quick)
"""
"""Nothing ends before all hosts are there: the first would have done everything when the last comes up."""


def let_begin(project: Project) -> None:
    """Let all tests but one end."""
    _make(project, "begun")


def open_gate(project: Project) -> None:
    """Let the run come to its end."""
    _make(project, "open")


def _make(project: Project, name: str) -> None:
    (project.folder / name).touch()
    for host in project.rig.hosts:
        there = project.there(host)
        there.mkdir(parents=True, exist_ok=True)
        (there / name).touch()


def begin(rig: Rig, tmp_path: Path, *hosts: str) -> tuple[Project, Running]:
    """Start a run in which every host has finished some tests. ``hosts``: this machine and all, if none is named."""
    project = Project(tmp_path, rig, gated=GATED)
    running = project.start(",".join(hosts) or "local,h1,h2,h3")
    for name in hosts or rig.hosts:
        running.until(ready(name))
    let_begin(project)
    for name in hosts or rig.hosts:
        running.until_finished(2, name)
    return project, running


def agent_of(host: Machine) -> int:
    """Return the agent: the child of its guardian."""
    both = {pid for pid, words in host.processes().items() if AGENT in words}
    return next(pid for pid in both if _parent(pid) in both)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def cut(how: str) -> Callable[[Rig, str], None]:
    return lambda rig, name: rig[name].cable.cut(how)


def kill_ssh(rig: Rig, name: str) -> None:
    """Kill the client here."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        words = [b""]
        with suppress(OSError):  # it has just ended
            words = entry.read_bytes().split(b"\0")
        if words[0] == b"ssh" and str(rig.ssh_config).encode() in words and name.encode() in words:
            os.kill(int(entry.parent.name), signal.SIGKILL)


FAULTS: Mapping[str, Callable[[Rig, str], object]] = {
    "all packets dropped": cut("drop"),
    "packets to it dropped": cut("in"),
    "packets from it dropped": cut("out"),
    "frozen": lambda rig, name: rig[name].freeze(),
    "power cut": lambda rig, name: rig[name].crash(),
    "agent stopped": lambda rig, name: rig[name].kill(AGENT, signal.SIGSTOP),
    "agent killed": lambda rig, name: os.kill(agent_of(rig[name]), signal.SIGKILL),
    "session killed": lambda rig, name: rig[name].kill_sessions(),
    "ssh killed": kill_ssh,
}
QUICK = ("agent killed", "session killed", "ssh killed")


@pytest.mark.parametrize(
    "faults",
    [
        ("all packets dropped", "packets to it dropped", "packets from it dropped"),
        ("frozen", "power cut", "agent stopped"),
        QUICK,
    ],
    ids=["cut", "silent", "killed"],
)
def test_a_loss_is_noticed_and_the_host_comes_back(
    rig: Rig, tmp_path: Path, faults: tuple[str, ...]
) -> None:
    """Three hosts at once, each in its own way."""
    project, running = begin(rig, tmp_path)
    struck = dict(zip(rig.hosts, faults, strict=True))
    for name, fault in struck.items():
        FAULTS[fault](rig, name)
    for name, fault in struck.items():
        told = running.until(lost(name), BUSY if fault in QUICK else NOTICED)
        assert told["again"] is not None, fault
        assert "\n" not in told["reason"]
    for name, fault in struck.items():
        if fault in ("frozen", "agent stopped"):
            rig[name].thaw()
        if fault == "power cut":
            continue
        until(
            lambda name=name: not _workers(rig[name]),
            GONE,
            f"the end of what ran on {name}: {fault}",
        )
    since = len(running.events)
    for name, fault in struck.items():
        if fault == "power cut":
            rig[name].boot()
            project.arrive(name)
        rig[name].cable.heal()
    for name in struck:
        running.until(ready(name), since=since)
    open_gate(project)
    assert 0 == running.end(), str(running)
    running.check_each_has_one_outcome()
    assert {"success"} == set(running.verdicts.values())


def test_an_agent_that_is_stopped_alone_is_set_going_again(rig: Rig, tmp_path: Path) -> None:
    """Its guardian sees to it: nothing else could end what runs there while we believe it dead."""
    project, running = begin(rig, tmp_path, "h1")
    os.kill(agent_of(rig["h1"]), signal.SIGSTOP)
    running.until_finished(len(running.finished("h1")) + 4, "h1")
    open_gate(project)
    assert 0 == running.end()
    assert not running.of("host_lost")


def _workers(host: Machine) -> dict[int, str]:
    """What an agent started: not the agents, of which a new one may be there already."""
    return {
        pid: words for pid, words in host.processes().items() if "testlanes_agent.boot" in words
    }
