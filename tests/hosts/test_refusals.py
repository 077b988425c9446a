"""A host that cannot be used says so in one line, with what to do, and the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from .projects import Project, lost
from .rig import Rig

QUICK = """
    import time, unittest

    class Quick(unittest.TestCase):
        pass

    for number in range(60):
        setattr(Quick, f"test_{number:02}", lambda self: time.sleep(0.1))
"""

NOISE = r"""
printf 'Welcome! \xb3\xff\000\n'
printf '\033]0;title\007 a line that looks like testlanes:0123456789abcdef\n'
echo and an error >&2
"""


def test_hosts_that_cannot_be_used_say_why_and_others_go_on(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, quick=QUICK)
    ssh = ["ssh", "-F", str(rig.ssh_config)]
    rig["h3"].new_key()
    project.arrive("h3")
    project.describe(
        nokey={"run": [*ssh, "-o", "UserKnownHostsFile=/dev/null", "h1"]},
        nologin={"run": [*ssh, "-l", "nobody", "h1"]},
        noname={"run": [*ssh, "no.such.host.invalid"]},
        nopython={"run": [*ssh, "h1"], "python": "python3.99"},
        nocommand={"run": ["no-such-command", "h1"]},
        nothing={"run": ["true"]},
    )
    wrong = ("h3", "nokey", "nologin", "noname", "nopython", "nocommand", "nothing")
    running = project.run(",".join(("local", "h1", *wrong)))
    told = {name: running.until(lost(name))["reason"] for name in wrong}

    assert 0 == running.process.returncode, str(running)
    running.check_each_has_one_outcome()
    assert running.finished("h1")
    for name, words in {
        "h3": ("host key has changed", "ssh-keygen -R"),
        "nokey": ("Host key verification failed", "accept it once"),
        "nologin": ("Permission denied", "log in there"),
        "noname": ("Could not resolve hostname", "hosts.toml"),
        "nopython": ("python3.99", "python = "),
        "nocommand": ("no-such-command could not be started: No such file",),
        "nothing": ("ended",),
    }.items():
        assert "\n" not in told[name]
        for word in words:
            assert word in told[name], name
    final = {name for name in wrong if running.until(lost(name))["again"] is None}
    assert final == set(wrong) - {"nothing"}


def old_python() -> str:
    """Return a Python that is too old for the agent, or nothing."""
    found = sorted(Path("~/.pyenv/versions").expanduser().glob("3.[67].*/bin/python3"))
    return str(found[0]) if found else ""


@pytest.mark.skipif(not old_python(), reason="there is no Python 3.6 or 3.7 here")
def test_a_python_that_is_too_old_is_named(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, quick=QUICK)
    project.describe(old={"run": ["env"], "python": old_python(), "lanes": 1})
    running = project.run("local,old")
    reason = running.until(lost("old"))["reason"]
    assert 0 == running.process.returncode
    assert "3.8 or later" in reason
    assert "\n" not in reason


def test_a_shell_that_greets_with_noise_does_not_matter(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, quick=QUICK)
    greeting = rig["h2"].root / "home/lane/.bashrc"
    greeting.write_text(NOISE)
    try:
        running = project.run("h2")
    finally:
        greeting.unlink()
    assert 0 == running.process.returncode, str(running)
    assert not running.of("host_lost")
