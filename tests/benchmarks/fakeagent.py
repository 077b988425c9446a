"""An agent of very many lanes whose tests only pretend to run: what a controller has to bear, without what runs it.

    python fakeagent.py TESTS SECONDS <the agent's usual command>      as a host's ``run``

It answers as the real one does, and starts nothing.
"""

# pyright: basic
# The agent's modules have no annotations.

from __future__ import annotations

import asyncio
import io
import os
import re
import sys
import time
import zlib
from collections import deque

from testlanes.runner.agent.bootstrap import banner
from testlanes.runner.agent.pack import Frames, dumps, frame
from testlanes.runner.agent.packets import packet
from testlanes.runner.wire.control import EVENT_MIME

GATHER = 0.005
"""Seconds for which what is said is gathered, as the agent does."""


class FakeAgent:
    """Speaks frames on stdin and stdout."""

    def __init__(self, tests: int, seconds: float) -> None:
        self.tests, self.seconds = tests, seconds
        self.queues: dict[int, deque[str]] = {}
        self.generations: dict[int, int] = {}
        self.running: set[int] = set()
        self.out = bytearray()
        self.loop = asyncio.get_running_loop()
        self.over = asyncio.Event()

    def say(self, *words: object) -> None:
        if not self.out:
            self.loop.call_later(GATHER, self.flush)
        self.out += frame(words)

    def flush(self) -> None:
        view = memoryview(bytes(self.out))
        self.out.clear()
        while view:
            view = view[os.write(1, view) :]

    def event(self, channel: int | str, kind: str, /, **fields: object) -> None:
        data = packet(name=f"testlanes.{kind}", data=dumps(fields), mime=EVENT_MIME, eof=True)
        self.say("data", channel, data)

    def obey(self, word: str, *rest: object) -> None:
        match word, rest:
            case "hello", _:
                hello = {"version": 1, "pid": 1, "python": "3.11.0", "host": "fake", "cpus": 200}
                self.say("hello", {**hello, "clock": time.time_ns(), "dir": "/"})
            case "ping", (number,):
                self.say("pong", number)
            case "tree", (folder, _):
                self.say("tree", {"root": folder, "state": "there", "holder": "", "rsync": False})
            case "load", (str() as name,):
                self.say("loader", name, {"state": "loading", "why": ""})
                for at in range(0, self.tests, 500):
                    some = range(at, min(at + 500, self.tests))
                    self.event(name, "ids", ids=[f"m.C.test_{one}" for one in some], groups={})
                self.event(name, "listed", count=self.tests, error="")
                self.say("loader", name, {"state": "ready", "why": ""})
            case "open", (int() as lane, _, int() as generation, _):
                self.queues[lane], self.generations[lane] = deque(), generation
                self.say("opened", lane, generation, 2)
                self.event(lane, "hello", pid=2, python="3.11.0", kind="unittest", known=-1)
            case "run", (int() as lane, list() as ids):
                self.queues[lane] += ids
                if lane not in self.running:
                    self.begin(lane)
            case "drop", (int() as lane, list() as ids):
                back = [one for one in ids if one in self.queues[lane]]
                self.queues[lane] = deque(one for one in self.queues[lane] if one not in back)
                self.say("dropped", lane, back)
            case (("retire" | "kill"), (int() as lane,)):
                ended = {"code": 0, "signal": None, "why": "exited with status 0", "stacks": ""}
                self.event(lane, "bye", output={})
                self.say(
                    "exited",
                    lane,
                    self.generations[lane],
                    {**ended, "stdout": "", "stderr": "", "sources": []},
                )
            case "end", _:
                self.say("bye")
                self.flush()
                self.over.set()
            case _:
                pass

    def begin(self, lane: int) -> None:
        if not self.queues[lane]:
            self.running.discard(lane)
            return
        self.running.add(lane)
        test_id = self.queues[lane].popleft()
        self.say("data", lane, packet(test_id, "inprogress", ns=time.time_ns()))
        self.loop.call_later(self.seconds, self.end, lane, test_id)

    def end(self, lane: int, test_id: str) -> None:
        self.say("data", lane, packet(test_id, "success", ns=time.time_ns()))
        self.begin(lane)


async def main() -> None:
    source = io.BufferedReader(io.FileIO(0, closefd=False))
    text = zlib.decompress(source.read(int(source.readline())))
    nonce = re.search(rb"NONCE = '(\w+)'", text)
    assert nonce is not None
    os.write(1, banner(nonce[1].decode()))
    agent = FakeAgent(int(sys.argv[1]), float(sys.argv[2]))
    frames = Frames()

    def hear() -> None:
        data = os.read(0, 1 << 16)
        if not data:
            agent.over.set()
        for words in frames.feed(data):
            agent.obey(*words)

    early = source.peek() if source.peek(1) else b""  # what came with the source
    source.read(len(early))
    for words in frames.feed(early):
        agent.obey(*words)
    agent.loop.add_reader(0, hear)
    await agent.over.wait()


if __name__ == "__main__":
    asyncio.run(main())
