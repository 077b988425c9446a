"""Byte channels to agents: a command prefix starts a Python on a host, and our agent in it.

The empty prefix is this machine. The child's stdin and stdout are one end of a socket pair, so one
asyncio transport carries both ways, with its own flow control.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import IO

from .agent.bootstrap import BOOTSTRAP, payload

NOISE_LIMIT = 64 << 10
"""Bytes that a host may print before the agent's greeting (login messages)."""


WORDS_LIMIT = 2000
"""Bytes of a failed command's output that are looked at for its last words."""


GUARDIAN_LIMIT = 15.0
"""Seconds that an agent's guardian has to end everything."""


class AgentChannel(asyncio.Protocol):
    """One agent: bytes in to ``received``, the end of the channel to ``ended`` (with a reason)."""

    def __init__(self, received: Callable[[bytes], None], ended: Callable[[str], None]) -> None:
        self._received = received
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the channel
        self._greeting = b""
        self._noise: bytearray | None = bytearray()
        self.closed = asyncio.Event()

    async def start(self, prefix: Sequence[str] = (), python: str = sys.executable) -> None:
        """Start the agent and send it its source. Raises OSError when the command cannot be started."""
        nonce = secrets.token_hex(8)
        self._greeting = f"\ntestlanes:{nonce}\n".encode()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _spawn(
                [*prefix, python, "-c", BOOTSTRAP], theirs.fileno(), self._stderr
            )
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: self, sock=ours)
        self._transport = transport
        transport.set_write_buffer_limits(high=1 << 20)
        self.write(payload(nonce))

    def write(self, data: bytes) -> None:
        """Queue bytes for the agent. After the end of the channel they are dropped."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

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
        reason = "the channel to its agent ended"
        if self._noise:
            reason = (
                f"no agent answered: {bytes(self._noise[-500:]).decode('utf-8', 'replace').strip()}"
            )
        if not self.closed.is_set():
            self.closed.set()
            self._ended(reason)

    def _last_words(self) -> str:
        """What the command said on stderr at last (ssh's own words, say), else what it printed."""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - WORDS_LIMIT))
        said = self._stderr.read() or bytes(self._noise or b"")[-WORDS_LIMIT:]
        lines = said.decode("utf-8", "backslashreplace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def fail(self, reason: str) -> None:
        """Close the channel because the other end broke the protocol."""
        if not self.closed.is_set():
            self.closed.set()
            self._ended(reason)
        if self._transport is not None:
            self._transport.abort()

    async def finish(self, limit: float = 5.0) -> None:
        """Wait for the agent's end; kill what has not ended after ``limit`` seconds."""
        try:
            await asyncio.wait_for(self.closed.wait(), limit)
        except TimeoutError:
            self.fail("its agent did not end")
        await self._reap(limit)
        self._stderr.close()

    async def _reap(self, limit: float) -> None:
        process = self._process
        if process is None:
            return
        loop = asyncio.get_running_loop()
        # Its guardian ends what hangs when it is asked to; the group is killed when that hangs too.
        steps = [
            (loop.time() + limit, os.kill, signal.SIGTERM),
            (loop.time() + limit + GUARDIAN_LIMIT, os.killpg, signal.SIGKILL),
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


def _spawn(command: Sequence[str], channel: int, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in our terminal must not reach ssh or the agent.
    return subprocess.Popen(
        command, stdin=channel, stdout=channel, stderr=stderr, start_new_session=True
    )
