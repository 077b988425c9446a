"""A host's way through a run, where the user takes it out and lets it join."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

from testlanes.runner.cases import CaseTable
from testlanes.runner.engine import prepare
from testlanes.runner.events import HostLost, HostReady, RunEnded, RunEvent, Warned
from testlanes.runner.hosting import HostPlan, RunHost
from testlanes.runner.ids import LOCAL, HostName
from testlanes.runner.intents import JoinHost, LeaveHost
from testlanes.runner.lanes import HostLanes
from testlanes.runner.listings import Listings
from testlanes.runner.request import Request
from testlanes.runner.settings import Host
from testlanes.runner.transports import AgentChannel
from testlanes.runner.wire.frames import encode

from .projects import unittests, write
from .watched import Watched

FAR = HostName("far")
GATED = """
import pathlib, time, unittest

class GateTest(unittest.TestCase):
    def test_gate(self):
        for _ in range(6000):
            if pathlib.Path("gate").exists():
                return
            time.sleep(0.01)
        self.fail("nobody opened the gate")
"""


def reached_by(folder: Path, first: str) -> Watched:
    """Prepare a run on this machine and a host, whose command first does something else and works only then."""
    write(folder, test_gate=GATED)
    script = f'echo x >> starts; if [ $(wc -l < starts) = 1 ]; then {first}; else exec "$@"; fi'
    command = ("/bin/sh", "-c", f"cd {folder}; {script}", "sh")
    host = Host(FAR, command, lanes=1, python=sys.executable, directory=str(folder), sync="none")
    made = unittests(folder, hosts=(LOCAL, FAR), reach={FAR: host})
    profile = replace(made.profiles[0], hosts=(LOCAL, FAR))
    return Watched(prepare(replace(made, profiles=(profile,)), Request()))


def starts(folder: Path) -> int:
    return len((folder / "starts").read_text().split())


async def go(
    watched: Watched, folder: Path, meanwhile: Coroutine[object, object, None]
) -> RunEnded:
    """Run, and let the test end once something came to its end."""
    async with asyncio.TaskGroup() as group:
        going = group.create_task(watched.run.go())
        try:
            await meanwhile
        finally:
            (folder / "gate").touch()
    return going.result()


def test_what_a_host_says_after_it_was_taken_out_is_nobodys() -> None:
    """Its lanes are closed; what was on its way here speaks of them as if they were open."""
    told: list[RunEvent] = []
    heard: list[Callable[[bytes], None]] = []

    def channel(received: Callable[[bytes], None], ended: Callable[[str], None]) -> AgentChannel:
        heard.append(received)
        return AgentChannel(received, ended)

    def lanes() -> HostLanes:
        cases = CaseTable()
        listings = Listings(cases, lambda _id, _profile: True, lambda _id: None, {})
        return HostLanes(
            FAR,
            cases,
            listings,
            foreign=frozenset(),
            open_options=lambda _command: {},
            clock=lambda: 0,
        )

    async def main() -> None:
        plan = HostPlan(FAR, lanes, lambda _root, _lanes: [], ".", channel=channel, instance=True)
        host = RunHost(plan, told.extend, lambda: False)
        heard[0](encode("warn", "in time"))
        host.leave()
        heard[0](encode("warn", "too late"))

    asyncio.run(main())

    assert [Warned(FAR, "in time"), HostLost(FAR, "it was taken out of the run")] == told


async def test_a_host_that_leaves_while_it_comes_up_can_join_at_once(tmp_path: Path) -> None:
    watched = reached_by(tmp_path, "sleep 1000")

    async def leave_and_join() -> None:
        async with asyncio.timeout(30):
            while not (tmp_path / "starts").exists():  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.01)
        watched.run.supervisor.ask(LeaveHost(FAR))
        watched.run.supervisor.ask(JoinHost(FAR))
        await watched.until(lambda: watched.count(HostReady, FAR))

    ended = await go(watched, tmp_path, leave_and_join())

    assert not ended.problem
    assert 1 == watched.count(HostLost, FAR)


async def test_a_host_that_leaves_when_it_is_lost_is_not_tried_again(tmp_path: Path) -> None:
    watched = reached_by(tmp_path, "echo bad luck >&2")
    lost: list[HostLost] = []

    def leave(event: RunEvent) -> None:
        if isinstance(event, HostLost):
            lost.append(event)
            watched.run.supervisor.ask(LeaveHost(FAR))

    watched.run.observers.append(leave)
    ended = await go(watched, tmp_path, watched.until(lambda: lost and lost[-1].again is None))

    assert not ended.problem
    assert ["bad luck", "it was taken out of the run"] == [each.reason for each in lost]
    assert 1 == starts(tmp_path)
    assert not watched.count(HostReady, FAR)
