"""An agent of this machine that outlives runs: watch mode keeps it, and the warm images it has, from one to the next.

Each run sees a channel of its own, as to an agent of its own. Its end is a barrier (``rest``, answered by ``pong``):
what the agent says of one run never reaches the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from .errors import ProtocolError
from .events import ImageChanged
from .ids import ProfileName
from .launch import Launch
from .transports import AgentChannel
from .wire import messages, orders
from .wire.frames import unpack

REST_LIMIT = 10.0
"""Seconds that an agent may take to come to rest after a run, before it is ended and the next run starts another."""

_END = orders.end()
_HELLO = orders.say_hello(None)


class Standby:
    """Keeps the agent. One run at a time may use it, by ``channel``; ``close`` ends it."""

    def __init__(self, changed: Callable[[ImageChanged], None] = lambda _: None) -> None:
        """``changed`` hears of warm images between runs; in a run its observers do."""
        self._changed = changed
        self._agent: AgentChannel | None = None
        self._hello = b""
        self._user: KeptChannel | None = None
        self._buffer = bytearray()
        self._rests = 0
        self._rested = asyncio.Event()

    def channel(
        self, received: Callable[[bytes], None], ended: Callable[[str], None]
    ) -> KeptChannel:
        """Return the channel of one run."""
        return KeptChannel(self, received, ended)

    async def close(self) -> None:
        """End the agent and all that it started."""
        agent, self._agent = self._agent, None
        self._user = None
        if agent is not None:
            agent.write(_END)
            await agent.finish()

    # -- for channels --------------------------------------------------------------------------------

    async def attach(self, user: KeptChannel, launch: Launch | None) -> None:
        """Give the agent to a run, starting one if there is none that lives. Raises OSError."""
        if self._agent is not None and self._agent.closed.is_set():  # it died between two runs
            dead, self._agent = self._agent, None
            await dead.finish()
        if self._agent is None:
            agent = AgentChannel(self._received, self._ended)
            self._buffer.clear()
            self._hello = b""
            await agent.adopt(launch)
            self._agent = agent
        self._user = user

    def listen(self, user: KeptChannel) -> None:
        """Begin to hand what the agent says to the run."""
        if self._agent is None or self._user is not user:
            return
        if self._hello:
            user.received(self._hello)
        else:
            self._agent.listen()

    def write(self, user: KeptChannel, data: bytes) -> None:
        """Send what a run says, but for what begins and ends an agent."""
        if self._agent is None or self._user is not user or data == _END:
            return
        if data != _HELLO or not self._hello:
            self._agent.write(data)

    def fail(self, reason: str) -> None:
        """End the agent at once: it broke the protocol."""
        if self._agent is not None:
            self._agent.fail(reason)

    async def rest(self, user: KeptChannel) -> None:
        """Take the agent back from a run that is over."""
        if self._user is not user:
            return
        self._user = None
        agent = self._agent
        if agent is None:
            return
        self._rests += 1
        self._rested.clear()
        agent.write(orders.rest(self._rests))
        if not agent.closed.is_set():
            # No wait_for: that of Python 3.11 loses a cancellation that comes at the same time.
            loop = asyncio.get_running_loop()
            late = loop.call_later(REST_LIMIT, agent.fail, "it did not come to rest")
            try:
                await self._rested.wait()
            finally:
                late.cancel()
        if agent.closed.is_set():
            self._agent = None
            await agent.finish()

    # -- from the agent ------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= 4:
            end = at + 4 + int.from_bytes(buffer[at : at + 4], "big")
            if end > len(buffer):
                break
            if not self._hello:
                self._hello = bytes(buffer[at:end])
            if self._user is None:
                self._heard(bytes(buffer[at + 4 : end]))
                del buffer[:end]
                end = 0
            at = end
        whole = bytes(buffer[:at])
        del buffer[:at]
        if whole and self._user is not None:
            self._user.received(whole)

    def _heard(self, frame: bytes) -> None:
        """Take a frame between two runs."""
        with suppress(ProtocolError):
            found = unpack(frame)
            if not isinstance(found, list):
                return
            match messages.parse(found):  # pyright: ignore[reportUnknownArgumentType]
                case messages.Pong(number) if number == self._rests:
                    self._rested.set()
                case messages.ImageState(profile, state, why, memory, count):
                    self._changed(ImageChanged(ProfileName(profile), state, why, memory, count))
                case _:
                    pass

    def _ended(self, reason: str) -> None:
        self._rested.set()
        user, self._user = self._user, None
        if user is not None:
            user.ended(reason)
            self._user = user  # it takes leave by itself


class KeptChannel:
    """What a run has in place of an ``AgentChannel``."""

    def __init__(
        self, standby: Standby, received: Callable[[bytes], None], ended: Callable[[str], None]
    ) -> None:
        self._standby = standby
        self.received = received
        self.ended = ended

    async def adopt(self, launch: Launch | None) -> None:
        """Use the agent that is kept; else the one that was started already, or start one. Raises OSError."""
        await self._standby.attach(self, launch)

    def listen(self) -> None:
        """Begin to receive."""
        self._standby.listen(self)

    def write(self, data: bytes) -> None:
        """Queue bytes for the agent. After the end of the channel they are dropped."""
        self._standby.write(self, data)

    async def drain(self) -> None:
        """What is said to this machine's agent is never much."""

    def fail(self, reason: str) -> None:
        """End the agent because it broke the protocol."""
        self._standby.fail(reason)

    async def finish(self) -> None:
        """Give the agent back."""
        await self._standby.rest(self)
