"""Whether a host can be used, found out as a run would: reached, greeted, measured, and looked at. Nothing is changed there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import ProtocolError
from ..ids import HostName, ProfileName
from ..launch import Launch
from ..settings import DIRECTORY, Host
from ..transports import AgentChannel
from ..wire import messages, orders
from ..wire.bring_up import Tree
from ..wire.frames import Frames
from .bring_up import greet, measure, project_folder
from .files import project_files
from .link import HostError, Link
from .reach import agent_command, explain
from .setup import ProfileOptions, usable

CHECK_LIMIT = 120.0
"""Seconds that one host may take in all; with ``queue`` it may be waiting for a place."""


@dataclass(slots=True)
class Checked:
    """What was found out about a host. Durations are in seconds."""

    name: HostName
    run: str
    problem: str = ""
    """Why it cannot be used; empty if it can."""
    hint: str = ""
    hostname: str = ""
    python: str = ""
    cpus: int = 0
    lanes: int = 0
    first_byte: float = 0.0
    """From starting the command until the agent had greeted."""
    round_trip: float = 0.0
    clock_offset: float = 0.0
    """Its clock minus ours."""
    profiles: dict[ProfileName, str] = field(default_factory=dict[ProfileName, str])
    """Each profile that it is to run, and why it cannot, or nothing."""
    folder: str = ""
    there: bool = False
    """Whether the project's folder is there."""
    sync: str = ""
    files: int = 0
    """How many are copied, as far as they are not there yet."""
    bytes: int = 0


Profiles = Callable[[Host, str, int], Sequence[ProfileOptions]]
"""(host, the project's folder there, its lanes) -> the profiles that it is to run."""


async def check_hosts(hosts: Sequence[Host], project: str, profiles: Profiles) -> list[Checked]:
    """Look at hosts, all at once. ``project``: its folder here."""
    found = await asyncio.to_thread(project_files, project)
    size = sum(each.size for each in found.files)
    checked = [Checked(host.name, " ".join(host.run), sync=host.sync) for host in hosts]
    for one, host in zip(checked, hosts, strict=True):
        if host.sync in ("auto", "rsync", "manifest"):
            one.files, one.bytes = len(found.files), size
    pairs = zip(checked, hosts, strict=True)
    await asyncio.gather(*(_Check(one, host, project, profiles).go() for one, host in pairs))
    return checked


class _Check:
    """One host."""

    def __init__(self, found: Checked, host: Host, project: str, profiles: Profiles) -> None:
        self._found = found
        self._host = host
        self._project = project
        self._profiles = profiles
        self._frames = Frames()
        self._channel = AgentChannel(self._received, self._ended)
        self._link = Link(host, self._channel)
        self._greeted = False

    async def go(self) -> None:
        found, host = self._found, self._host
        try:
            async with asyncio.timeout(CHECK_LIMIT):
                await self._look()
        except HostError as error:
            found.problem, found.hint = error.reason, error.hint
        except TimeoutError:
            found.problem = f"it was not through with everything within {CHECK_LIMIT:g} seconds"
        except OSError as error:
            found.problem = f"{host.run[0]} could not be started: {error.strerror}"
            found.hint = "is it installed here, and on PATH?"
        finally:
            self._channel.write(orders.end())
            await self._channel.finish()

    async def _look(self) -> None:
        found, host = self._found, self._host
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._channel.adopt(Launch(command=agent_command(host)))
        self._channel.listen()
        hello = await greet(self._link)
        arrived = time.time_ns()
        self._greeted = True
        found.first_byte = loop.time() - began
        found.hostname, found.python, found.cpus = hello.host, hello.python, hello.cpus
        found.lanes = host.lanes or hello.cpus
        found.round_trip = await measure(self._link)
        found.clock_offset = (hello.clock - arrived) / 1e9 + found.round_trip / 2
        same = host.sync == "none" and host.directory == DIRECTORY
        folder = self._project if same else project_folder(host, self._project)
        await self._link.send(orders.use_tree(folder, "", copy=False))
        tree = await self._link.answer(Tree, CHECK_LIMIT)
        found.folder, found.there = tree.root, tree.state == "there"
        if host.sync == "none" and not found.there:
            raise HostError(
                f"it has no folder {tree.root}, and sync is 'none'",
                'name the project\'s folder there (dir = …), or have it copied: sync = "auto"',
            )
        await self._interpreters(tree.root)

    async def _interpreters(self, root: str) -> None:
        """Look at those that are not still to be made, in the project's folder."""
        found = self._found
        asked: list[ProfileOptions] = []
        for name, options in self._profiles(self._host, root, found.lanes):
            made = not found.there and str(options["python"]).startswith(f"{root}/")
            found.profiles[name] = ""
            if not made:
                asked.append((name, options))
        _, bad = await usable(self._link, asked)
        found.profiles.update(bad)

    def _received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                message = messages.parse(frame)
                if isinstance(message, messages.ANSWERS):
                    self._link.hear(message)
        except ProtocolError as error:
            self._channel.fail(f"its agent broke the protocol: {error}")

    def _ended(self, reason: str) -> None:
        if self._greeted:
            self._link.broken(HostError(reason))
        else:
            failure = explain(self._host, self._channel.words(), reason)
            self._link.broken(HostError(failure.reason, failure.hint, final=failure.final))


def as_fields(checked: Checked) -> Mapping[str, object]:
    """Return what was found, for programs."""
    names = [name for name in Checked.__dataclass_fields__ if name != "name"]
    return {"usable": not checked.problem, **{name: getattr(checked, name) for name in names}}
