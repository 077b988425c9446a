"""How long a project takes to a host: by the manifest over the agent's channel, and by rsync.

    python tests/benchmarks/copying.py --folder /tmp/there ssh -F config h1

A tree of 1,160 files and 15 MB, all of it, nothing of it, and three files; the ways in turn, the median of
``--times``. The time counts from an agent that has greeted until the project is there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from testlanes.runner.hosts.link import HostError, Link
from testlanes.runner.hosts.reach import agent_command
from testlanes.runner.hosts.tree import bring_tree
from testlanes.runner.ids import HostName
from testlanes.runner.launch import Launch
from testlanes.runner.settings import Host
from testlanes.runner.transports import AgentChannel
from testlanes.runner.wire import messages, orders
from testlanes.runner.wire.frames import Frames

FILES, SIZE = 1160, 15_000_000
WORDS = [f"name_{number:x}" for number in random.Random(1).sample(range(1 << 20), 4000)]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="/tmp/testlanes-copying", help="a new folder there")  # noqa: S108
    parser.add_argument("--python", default="python3")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("run", nargs=argparse.REMAINDER, help="the command prefix of the host")
    asked = parser.parse_args()
    run = tuple(asked.run) or ("env",)
    ways = ["manifest", *(["rsync"] if Path(run[0]).name == "ssh" else [])]
    took: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(asked.times):
            project = Path(folder) / str(turn)
            make_project(project)
            for way in ways:
                host = Host(
                    HostName("there"),
                    run,
                    Path(run[0]).name == "ssh",
                    python=asked.python,
                    sync=way,
                )
                there = f"{asked.folder}-{os.getpid()}-{turn}-{way}"
                for what in ("all", "nothing", "three files"):
                    if what == "three files":
                        for name in sorted(project.rglob("*.py"))[:3]:
                            name.write_text(f"{turn} {way}\n")
                    seconds = asyncio.run(bring(host, project, there))
                    took.setdefault((way, what), []).append(seconds)
    for (way, what), seconds in took.items():
        print(f"{way:<10} {what:<12} {statistics.median(seconds):6.2f} s")


def make_project(folder: Path) -> None:
    """Write a tree that is as large, and as hard to compress, as a project of Python sources."""
    chance = random.Random(folder.name)
    for number in range(FILES):
        path = folder / f"package_{number % 40}" / f"part_{number % 7}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = " ".join(chance.choices(WORDS, k=SIZE // FILES // 11))
        path.write_text(text)


async def bring(host: Host, project: Path, there: str) -> float:
    """Bring it and return the seconds that it took."""
    frames = Frames()
    links: list[Link] = []

    def received(data: bytes) -> None:
        for frame in frames.feed(data):
            message = messages.parse(frame)
            if isinstance(message, messages.ANSWERS):
                links[0].hear(message)

    channel = AgentChannel(received, lambda reason: links[0].broken(HostError(reason)))
    links.append(Link(host, channel))
    await channel.adopt(Launch(command=agent_command(host)))
    channel.listen()
    await links[0].send(orders.say_hello(60.0))
    await links[0].answer(messages.AgentHello, 60.0)
    began = time.monotonic()
    await bring_tree(links[0], str(project), there)
    seconds = time.monotonic() - began
    channel.write(orders.end())
    await channel.finish()
    return seconds


if __name__ == "__main__":
    main()
