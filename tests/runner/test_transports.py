"""Channels to agents come to an end, whatever is at the other end of them, and whoever waits."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from testlanes.runner.launch import Launch
from testlanes.runner.standby import Standby
from testlanes.runner.transports import AgentChannel
from testlanes.runner.wire import orders

FOR_EVER = 600.0
LIMIT = 30.0


def channel() -> AgentChannel:
    return AgentChannel(lambda _data: None, lambda _reason: None)


async def group_is_gone(leader: int) -> None:
    """Wait until no process of a group is left."""
    while True:
        try:
            os.killpg(leader, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.01)


async def test_a_command_that_no_agent_answered_is_not_waited_for_and_leaves_nothing() -> None:
    launch = Launch(command=["/bin/sh", "-c", "sleep 1000; true"])
    one = channel()
    await one.adopt(launch)
    one.listen()

    async with asyncio.timeout(LIMIT):
        await one.finish(FOR_EVER)
        await group_is_gone(launch.process.pid)


async def test_a_channel_without_an_agent_is_not_waited_for() -> None:
    async with asyncio.timeout(LIMIT):
        await channel().finish(FOR_EVER)


async def test_who_is_cancelled_still_waits_for_the_agents_end() -> None:
    launch = Launch()
    one = channel()
    begun = asyncio.Event()

    async def use() -> None:
        await one.adopt(launch)
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await one.finish(0.2)

    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as group:
        using = group.create_task(use())
        await begun.wait()
        using.cancel()

    assert launch.process.returncode is not None


async def test_a_cancellation_while_a_kept_agent_comes_to_rest_is_not_lost() -> None:
    standby = Standby()
    kept = standby.channel(lambda _data: None, lambda _reason: None)
    await kept.adopt(None)
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as group:
        resting = group.create_task(kept.finish())
        await asyncio.sleep(0)  # it waits for the agent's answer now

        standby.fail("it is at rest at the same time")
        resting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await resting

    await standby.close()


async def test_an_agent_that_died_between_two_runs_is_started_anew() -> None:
    standby = Standby()
    launch = Launch()

    async def run(launch: Launch | None = None) -> str:
        """Greet the agent as a run does, and ask it something; return how that ended."""
        heard = asyncio.Event()
        over: list[str] = []
        told = bytearray()

        def received(data: bytes) -> None:
            told.extend(data)
            heard.set()

        def ended(reason: str) -> None:
            over.append(reason)
            heard.set()

        kept = standby.channel(received, ended)
        await kept.adopt(launch)
        kept.listen()
        kept.write(orders.say_hello(None))
        kept.write(orders.ping(7))
        while not over and b"pong" not in told:
            heard.clear()
            await heard.wait()
        await kept.finish()
        return "".join(over) or "answered"

    async with asyncio.timeout(LIMIT):
        assert "answered" == await run(launch)
        os.killpg(launch.process.pid, signal.SIGKILL)
        while launch.process.poll() is None:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        while await run() != "answered":
            pass  # that one saw the end of its channel
        await standby.close()
