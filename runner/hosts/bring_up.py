"""What happens on a host before its lanes are opened: greet its agent, copy the project, make it ready."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ..frozen import frozen
from ..settings import Host
from ..wire import orders
from ..wire.messages import AgentHello, Pong
from .link import HostError, Link
from .setup import OLDEST, make_ready
from .tree import bring_tree

HELLO_LIMIT = 30.0
"""Seconds from starting a command until an agent must have greeted; a host with ``queue`` has no limit."""


@frozen
class Ready:
    """A host on which lanes may be opened. ``root``: the project's folder there. ``latency``: in seconds."""

    root: str
    lanes: int
    cpus: int
    latency: float


async def bring_up(link: Link, project: str) -> Ready:
    """Do all that is needed. ``project``: its folder here. Raises HostError."""
    host = link.host
    hello = await greet(link)
    latency = await measure(link)
    root = await bring_tree(link, project, project_folder(host, project))
    await make_ready(link, project, hello.python)
    return Ready(root, host.lanes or hello.cpus, hello.cpus, latency)


async def greet(link: Link) -> AgentHello:
    """Say hello and return the answer. Raises HostError."""
    host = link.host
    link.told("queued" if host.queue else "connecting", " ".join(host.run))
    await link.send(orders.say_hello(host.lease))
    try:
        hello = await link.answer(AgentHello, None if host.queue else HELLO_LIMIT)
    except HostError as error:
        raise _no_answer(error, host) from None
    version = tuple(map(int, hello.python.split(".")[:2]))
    if version < OLDEST:
        raise HostError(
            f"{host.python} there is Python {hello.python}; the agent needs 3.8 or later",
            "name another one: python = …",
            final=True,
        )
    return hello


async def measure(link: Link) -> float:
    """Return the seconds that a question and its answer take, the least of three."""
    loop = asyncio.get_running_loop()
    best = float("inf")
    for number in range(3):
        began = loop.time()
        await link.send(orders.ping(-1 - number))
        while (await link.answer(Pong, HELLO_LIMIT)).number != -1 - number:
            pass
        best = min(best, loop.time() - began)
    return best


def project_folder(host: Host, project: str) -> str:
    """Return a host's folder for a project as it is configured, with ``{project}`` filled in."""
    import zlib

    mark = f"{zlib.crc32(os.fsencode(project)):08x}"
    name = "".join(c if c.isalnum() or c in "._-" else "_" for c in Path(project).name)
    return host.directory.replace("{project}", f"{name or 'project'}-{mark}")


def _no_answer(error: HostError, host: Host) -> HostError:
    if "did not answer" not in error.reason:
        return error
    text = f"no agent answered within {HELLO_LIMIT:g} seconds"
    return HostError(text, f"does `{' '.join(host.run)} {host.python} --version` answer at once?")
