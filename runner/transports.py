"""The controller's ends of the channels to agents, in the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable

from .launch import Launch

NOISE_LIMIT = 64 << 10
"""Bytes that a host may print before the agent's greeting (login messages)."""


WORDS_LIMIT = 2000
"""Bytes of a failed command's output that are looked at for its last words."""


GUARDIAN_LIMIT = 15.0
"""Seconds that an agent's guardian has to end everything."""

UNANSWERED_LIMIT = 1.0
"""Seconds that a command has to end by itself that did not bring us to an agent: nothing runs behind it."""


class AgentChannel(asyncio.Protocol):
    """One agent: bytes in to ``received``, the end of the channel to ``ended`` (with a reason)."""

    def __init__(self, received: Callable[[bytes], None], ended: Callable[[str], None]) -> None:
        self._received = received
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = -1
        self._away = False  # whether a command of the user's stands between us and the agent
        self._greeting = self._first = b""
        self._noise: bytearray | None = bytearray()
        self.closed = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def adopt(self, launch: Launch | None = None) -> None:
        """Take an agent that was started, or start one on this machine. Nothing is received before ``listen``.

        Raises OSError when it cannot be started.
        """
        launch = launch or Launch()
        launch.claim()
        self._greeting = launch.greeting
        self._process, self._errors = launch.process, launch.errors
        loop = asyncio.get_running_loop()
        self._first = launch.first
        self._away = bool(launch.first)
        await loop.create_connection(lambda: self, sock=launch.socket)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.set_write_buffer_limits(high=1 << 20)
        transport.pause_reading()
        self.write(self._first)  # before anything else can be
        self._first = b""

    def listen(self) -> None:
        """Begin to receive."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Queue bytes for the agent. After the end of the channel they are dropped."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def pause_writing(self) -> None:
        self._flowing.clear()

    def resume_writing(self) -> None:
        self._flowing.set()

    async def drain(self) -> None:
        """Wait while more is waiting to be sent than a channel should hold."""
        await self._flowing.wait()

    def data_received(self, data: bytes) -> None:
        if self._noise is not None:
            self._noise += data
            at = self._noise.find(self._greeting)
            if at < 0:
                if len(self._noise) > NOISE_LIMIT:
                    self.fail("it printed 64 KiB before our agent's greeting")
                return
            data = bytes(self._noise[at + len(self._greeting) :])
            self._noise = None
            if not data:
                return
        self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._flowing.set()
        reason = "the channel to its agent ended"
        if self._noise:
            reason = (
                f"no agent answered: {bytes(self._noise[-500:]).decode('utf-8', 'replace').strip()}"
            )
        if not self.closed.is_set():
            self.closed.set()
            self._ended(reason)

    def words(self) -> str:
        """Return what the command said on stderr at last (ssh's own words, say), else what it printed."""
        said = b""
        if self._errors >= 0:
            # Not by its own position, which is where the command goes on to write.
            size = os.fstat(self._errors).st_size
            said = os.pread(self._errors, WORDS_LIMIT, max(0, size - WORDS_LIMIT))
        said = said.strip() or bytes(self._noise or b"")[-WORDS_LIMIT:]
        return said.decode("utf-8", "backslashreplace")

    def fail(self, reason: str) -> None:
        """Close the channel because the other end broke the protocol."""
        if not self.closed.is_set():
            self.closed.set()
            self._ended(reason)
        if self._transport is not None:
            self._transport.abort()

    async def finish(self, limit: float = 5.0) -> None:
        """Wait for the agent's end; kill what has not ended after ``limit`` seconds."""
        if self._process is None:
            return
        patience = limit
        if self._away and self._noise is not None:
            patience = UNANSWERED_LIMIT
            self.fail("no agent had answered yet")
        # Not asyncio's own limits: wait_for of Python 3.11 loses a cancellation that comes at the same
        # time, and in 3.11.2 a task that is being cancelled cannot tell the end of a timeout from that.
        late = asyncio.get_running_loop().call_later(limit, self.fail, "its agent did not end")
        try:
            await self.closed.wait()
        finally:
            late.cancel()
        await self._reap(self._process, patience, limit)
        if self._errors >= 0:
            os.close(self._errors)
            self._errors = -1

    async def _reap(self, process: subprocess.Popen[bytes], patience: float, limit: float) -> None:
        loop = asyncio.get_running_loop()
        # An agent's guardian ends what hangs when it is asked to; what a command of the user's started
        # has none. The group is killed when that hangs too.
        asked = loop.time() + patience
        steps = [
            (asked, os.killpg if self._away else os.kill, signal.SIGTERM),
            (asked + GUARDIAN_LIMIT, os.killpg, signal.SIGKILL),
        ]
        last = steps[-1][0] + limit
        pause = 0.001
        while process.poll() is None and loop.time() < last:
            if steps and loop.time() > steps[0][0]:
                _, send, number = steps.pop(0)
                with contextlib.suppress(ProcessLookupError):
                    send(process.pid, number)
            await asyncio.sleep(pause)
            pause = min(0.05, pause * 2)
