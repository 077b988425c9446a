"""The hosts that the other tests use can be broken in the ways that those rely on, and leave nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from .rig import CHECKOUT, Rig, missing, until


def ssh(rig: Rig, host: str, command: str, limit: float = 10.0) -> str | None:
    """Return what a command prints there, None when it fails."""
    words = [*rig.inside, "ssh", "-F", str(rig.ssh_config), "-o", "BatchMode=yes", host, command]
    try:
        done = subprocess.run(words, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else done.stdout.decode().strip()


def test_a_host_is_a_machine_of_its_own(rig: Rig) -> None:
    assert "h1" == ssh(rig, "h1", "hostname")
    assert "lane" == ssh(rig, "h2", "whoami")
    assert not ssh(rig, "h1", f"ls {CHECKOUT}")
    assert "0" == ssh(rig, "h1", "ls /tmp | wc -l")
    (rig["h1"].root / "tmp/mine").touch()
    assert "mine" == ssh(rig, "h1", "ls /tmp")
    assert "" == ssh(rig, "h2", "ls /tmp")


@pytest.mark.parametrize("how", ["drop", "in", "out"])
def test_a_cut_lets_nothing_through_and_heals(rig: Rig, how: str) -> None:
    rig["h1"].cable.cut(how)
    assert ssh(rig, "h1", "true", 0.7) is None
    assert ssh(rig, "h2", "true") is not None
    rig["h1"].cable.heal()
    assert ssh(rig, "h1", "true") is not None


def test_a_crash_ends_everything_and_a_boot_brings_it_back(rig: Rig) -> None:
    rig["h1"].crash()
    assert ssh(rig, "h1", "true", 0.7) is None
    rig["h1"].boot()
    assert "h1" == ssh(rig, "h1", "hostname")


def test_a_frozen_host_does_not_answer(rig: Rig) -> None:
    rig["h3"].freeze()
    assert ssh(rig, "h3", "true", 0.7) is None
    rig["h3"].thaw()
    assert ssh(rig, "h3", "true") is not None


def test_a_slow_link_delays_and_loses(rig: Rig) -> None:
    rig["h1"].cable.slow(delay=0.1)
    times = (
        rig.run("ping", "-c1", "-W2", rig["h1"].cable.address) if Path("/bin/ping").exists() else ""
    )
    if times:
        assert 200.0 <= float(times.partition("time=")[2].split()[0])
    assert "h1" == ssh(rig, "h1", "hostname")
    rig["h1"].cable.heal()
    rig["h1"].cable.slow(rate="2mbit", loss=1.0)
    assert ssh(rig, "h1", "true", 0.7) is None


PROGRAM = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from tests.hosts.rig import Rig
rig = Rig(pathlib.Path(sys.argv[2]), 2)
print(rig._pid, *(host.init for host in rig.hosts.values()), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(bool(missing()), reason=missing() or "-")
def test_nothing_is_left_when_whoever_made_it_is_killed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", PROGRAM, str(CHECKOUT), str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        pids = list(map(int, made.stdout.readline().split()))
        assert 3 == len(pids)
        spaces = {Path(f"/proc/{pid}/ns/net").readlink() for pid in pids}
        made.send_signal(signal.SIGKILL)
    until(lambda: not spaces & _network_spaces(), what="the end of all namespaces")


def _network_spaces() -> set[Path]:
    """Return the network namespaces of all processes."""
    found: set[Path] = set()
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        with suppress(OSError):
            found.add(link.readlink())
    return found
