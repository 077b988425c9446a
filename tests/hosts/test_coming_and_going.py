"""Hosts join a run that goes on and leave it, because the user wants it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from testlanes.runner.engine import prepare
from testlanes.runner.events import HostLost, HostReady
from testlanes.runner.frame import Run
from testlanes.runner.headless import exit_code
from testlanes.runner.ids import LOCAL, HostName
from testlanes.runner.intents import ChangeLanes, JoinHost, LeaveHost
from testlanes.runner.request import Request
from testlanes.runner.settings import Host

from ..runner.projects import unittests
from ..runner.watched import Watched
from .projects import LEASE, PYTHON, Project
from .rig import Rig
from .test_losses import GATED, let_begin, open_gate

H1, H2 = HostName("h1"), HostName("h2")


def prepared(project: Project) -> Run:
    """Prepare a run on this machine and h1 and h2."""
    ssh = (*project.rig.inside, "ssh", "-F", str(project.rig.ssh_config))
    reach = {
        name: Host(
            name,
            (*ssh, "-o", "BatchMode=yes", name),
            True,
            2,
            PYTHON,
            str(project.folder),
            "none",
            lease=LEASE,
        )
        for name in (H1, H2)
    }
    made = unittests(project.folder, hosts=(LOCAL, H1, H2), reach=reach)
    profile = replace(made.profiles[0], hosts=(LOCAL, H1, H2))
    return prepare(replace(made, profiles=(profile,)), Request())


async def test_hosts_leave_and_join_as_the_user_wants(rig: Rig, tmp_path: Path) -> None:
    project = Project(tmp_path, rig, gated=GATED)
    watched = Watched(prepared(project))
    ask = watched.run.supervisor.ask
    going = asyncio.ensure_future(watched.run.go())  # noqa: TID251
    await watched.until(lambda: watched.count(HostReady, H1) and watched.count(HostReady, H2))
    let_begin(project)
    await watched.until(lambda: watched.finished[H1] and watched.finished[H2])
    ask(LeaveHost(H1))
    assert 1 == watched.count(HostLost, H1)
    done = watched.finished[H1]
    others = watched.finished.total()
    await watched.until(lambda: watched.finished.total() > others + 10)
    assert done == watched.finished[H1]
    assert 1 == watched.count(HostReady, H1), "it does not come back by itself"
    ask(JoinHost(H1))
    await watched.until(lambda: watched.count(HostReady, H1) == 2)
    ask(ChangeLanes(1, H2))
    await watched.until(lambda: sum(host == H2 for host in watched.hosts.values()) == 3)
    open_gate(project)
    ended = await going

    assert not ended.problem
    assert 0 == exit_code(watched.run.state)
    assert 121 == watched.finished.total()
    assert not rig["h1"].processes()
