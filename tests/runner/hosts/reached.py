"""A host that is reached as in a run: a command prefix on this machine, a real agent, and what it is told."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from testlanes.runner.hosts.link import HostError, Link
from testlanes.runner.hosts.reach import agent_command
from testlanes.runner.hosts.stream import Packer
from testlanes.runner.hosts.tree import bring_tree
from testlanes.runner.ids import HostName
from testlanes.runner.launch import Launch
from testlanes.runner.settings import Host
from testlanes.runner.transports import AgentChannel
from testlanes.runner.wire import bring_up, messages, orders
from testlanes.runner.wire.frames import Frames


class Reached(Link):
    """A link that remembers what was shown and warned of."""

    def __init__(self, host: Host, channel: AgentChannel) -> None:
        super().__init__(host, channel, self._told, self._warned)
        self.notes: list[tuple[str, str]] = []
        self.warnings: list[str] = []
        self.agent = 0
        """Its process id."""
        self._more = asyncio.Event()

    def _told(self, phase: str, note: str) -> None:
        self.notes.append((phase, note))
        self._more.set()

    def _warned(self, text: str) -> None:
        self.warnings.append(text)

    async def until(self, text: str) -> None:
        """Wait until a note with this in it is shown."""
        while not any(text in note for _, note in self.notes):
            self._more.clear()
            await self._more.wait()


def far(python: str = sys.executable, **fields: object) -> Host:
    """Return a host that is this machine again."""
    return replace(Host(HostName("far"), ("env", "FAR=1"), python=python), **fields)  # type: ignore[arg-type]


@asynccontextmanager
async def reached(host: Host) -> AsyncGenerator[Reached]:
    """Start an agent there and greet it."""
    frames = Frames()
    links: list[Reached] = []

    def received(data: bytes) -> None:
        for frame in frames.feed(data):
            message = messages.parse(frame)
            if isinstance(message, messages.ANSWERS):
                links[0].hear(message)

    def ended(reason: str) -> None:
        links[0].broken(HostError(reason))

    channel = AgentChannel(received, ended)
    links.append(Reached(host, channel))
    await channel.adopt(Launch(command=agent_command(host)))
    channel.listen()
    try:
        await links[0].send(orders.say_hello(60.0))
        links[0].agent = (await links[0].answer(messages.AgentHello, 60.0)).pid
        yield links[0]
    finally:
        channel.write(orders.end())
        await channel.finish()


def bring(project: Path, folder: Path | str, host: Host | None = None) -> Reached:
    """Bring a project to a folder; return the link, which is over then."""

    async def main() -> Reached:
        async with reached(host or far()) as link:
            assert await bring_tree(link, str(project), str(folder)) == str(folder)
            return link

    return asyncio.run(main())


def say(folder: Path, *streams: Iterable[bytes], killed: bool = False) -> None:
    """Take a folder as a controller does, and send it streams of frames; return when the last is taken.

    ``killed``: the agent is, then.
    """

    async def main() -> None:
        async with reached(far()) as link:
            await link.send(orders.use_tree(str(folder), "me", copy=True))
            await link.answer(bring_up.Tree, 60)
            packer = Packer()
            for stream in streams:
                for piece in packer.pieces(stream):
                    await link.send(orders.copy(piece))
                    await link.answer(bring_up.Copied, 60)
            if killed:
                os.kill(link.agent, signal.SIGKILL)

    asyncio.run(main())


def lay(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder and return it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def seen(folder: Path) -> dict[str, tuple[bytes | str, int, int]]:
    """Return path -> (content, or where a link points; mode; time in ns) of all files below a folder but our own."""
    found: dict[str, tuple[bytes | str, int, int]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = (str(path.readlink()), 0, 0)
        elif path.is_file() and not name.startswith(".testlanes-tree"):
            stat = path.stat()
            found[name] = (path.read_bytes(), stat.st_mode & 0o777, stat.st_mtime_ns)
    return found
