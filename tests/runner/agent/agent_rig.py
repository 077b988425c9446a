"""A real agent process at the other end of a channel, with tiny programs in the place of loaders and workers."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import pytest

from testlanes.runner.agent.bootstrap import BOOTSTRAP, banner, payload, sources
from testlanes.runner.wire import messages, orders
from testlanes.runner.wire.frames import Frames
from testlanes.runner.wire.messages import AgentMessage
from testlanes.runner.wire.subunit import Decoder, Packet

LIMIT = 20.0
"""Seconds that anything may take on a busy machine."""

BOOT = Path(__file__).with_name("fake_boot.txt")


def pythons() -> list[str]:
    """Return the running Python, and the oldest and the newest one that an agent is to run under."""
    found = [sys.executable]
    for name in ("3.8", "3.13"):
        versions = sorted((Path.home() / ".pyenv" / "versions").glob(f"{name}.*/bin/python"))
        path = str(versions[-1]) if versions else shutil.which(f"python{name}")
        if path is not None:
            found.append(path)
    return found


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; fail after the limit."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {LIMIT} s")
        time.sleep(0.005)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(") ")[2][0] not in "ZX"


def parent(pid: int) -> int:
    """Return the parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


_Message = TypeVar("_Message", bound=AgentMessage)


class Rig:
    """Starts an agent and speaks with it."""

    def __init__(self, python: str = sys.executable, *, boot: str | None = None) -> None:
        modules = sources()
        modules["boot.py"] = (BOOT.read_text() if boot is None else boot).encode()
        self.python = python
        self.seen: list[AgentMessage] = []
        self.noise = b""
        self.ended = False
        self._frames = Frames()
        self._decoders: dict[int | str, Decoder] = {}
        self._packets: dict[int | str, list[Packet]] = {}
        self._greeting: bytes | None = banner("c0ffee")
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [python, "-c", BOOTSTRAP],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            start_new_session=True,
        )
        theirs.close()
        self.channel = ours
        ours.settimeout(LIMIT)
        ours.sendall(payload("c0ffee", modules))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.channel.close()
        try:
            self.process.wait(LIMIT)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def send(self, *frames: bytes) -> None:
        """Send frames."""
        self.channel.sendall(b"".join(frames))

    def hello(self, lease: float | None = None) -> messages.AgentHello:
        """Shake hands."""
        self.send(orders.say_hello(lease))
        return self.expect(messages.AgentHello)

    def pump(self, seconds: float) -> bool:
        """Take what arrives; return whether anything did within so many seconds."""
        if self.ended or not select.select([self.channel], [], [], seconds)[0]:
            return False
        try:
            data = self.channel.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = True
            return False
        if self._greeting is not None:
            self.noise += data
            before, found, data = self.noise.partition(self._greeting)
            if not found:
                return True
            self.noise, self._greeting = before, None
        for frame in self._frames.feed(data):
            message = messages.parse(frame)
            self.seen.append(message)
            if isinstance(message, messages.Data):
                decoder = self._decoders.setdefault(message.channel, Decoder())
                self._packets.setdefault(message.channel, []).extend(decoder.feed(message.data))
        return True

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Take messages until a condition holds; fail at the end of the channel, and after the limit."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            self.pump(0.05)
            if self.ended and not condition():
                pytest.fail(f"the channel ended before {what}; seen: {self.seen[-5:]}")
            if time.monotonic() > deadline:
                pytest.fail(f"not within {LIMIT} s: {what}; seen: {self.seen[-5:]}")

    def expect(self, kind: type[_Message], lane: int | None = None) -> _Message:
        """Take messages until one of a kind (of a lane) is there; remove and return the first."""

        def found() -> Iterator[_Message]:
            for message in self.seen:
                if isinstance(message, kind) and lane in (None, getattr(message, "lane", None)):
                    yield message

        self.until(lambda: any(True for _ in found()), kind.__name__)
        message = next(found())
        self.seen.remove(message)
        return message

    def packets(self, channel: int | str) -> list[Packet]:
        """Return what a lane or a loader has said so far."""
        return self._packets.get(channel, [])

    def results(self, lane: int) -> list[tuple[str, str]]:
        """Return (test id, status) in the order in which a lane said them."""
        return [
            (each.test_id, each.status)
            for each in self.packets(lane)
            if each.test_id is not None and each.status is not None
        ]

    def wait_result(self, lane: int, test_id: str, status: str) -> None:
        """Take messages until a lane said this."""
        self.until(lambda: (test_id, status) in self.results(lane), f"{test_id} {status}")

    def data_bytes(self, channel: int | str) -> list[int]:
        """Return the sizes of the data frames of a channel that are still in ``seen``."""
        return [
            len(each.data)
            for each in self.seen
            if isinstance(each, messages.Data) and each.channel == channel
        ]

    def profile(self, name: str = "p", **settings: object) -> None:
        """Define a profile whose programs are the fake ones."""
        known: dict[str, object] = {
            "kind": "unittest",
            "python": self.python,
            "cwd": "/",
            "env": {},
        }
        self.send(orders.define_profile(name, {**known, **settings}))

    def load(self, name: str = "p") -> None:
        """Start the profile's loader and wait until it is ready."""
        self.send(orders.load(name))
        self.until(
            lambda: any(
                isinstance(each, messages.LoaderState) and each.state == "ready"
                for each in self.seen
            ),
            "a loader that is ready",
        )

    def start(self) -> None:
        """Shake hands, define the profile and load its suite."""
        self.hello()
        self.profile()
        self.load()

    def open_loaded(
        self, lane: int = 0, name: str = "p", generation: int = 1, **options: object
    ) -> messages.Opened:
        """Start, and open a lane; return what the agent says about it."""
        self.start()
        return self.open(lane, name, generation, **options)

    def open(
        self, lane: int = 0, name: str = "p", generation: int = 1, **options: object
    ) -> messages.Opened:
        """Open a lane and return what the agent says about it."""
        given: Mapping[str, object] = options
        self.send(orders.open_lane(lane, name, generation, given))
        return self.expect(messages.Opened, lane)

    def run(self, lane: int, ids: Sequence[str]) -> None:
        """Hand ids to a lane."""
        self.send(orders.run(lane, ids))

    def end(self) -> None:
        """End the agent and wait for its last word and its exit."""
        self.send(orders.end())
        self.expect(messages.Bye)
        assert self.process.wait(LIMIT) == 0
