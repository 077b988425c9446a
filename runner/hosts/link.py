"""A conversation with a host's agent before its lanes run: questions in order, each with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from ..settings import Host
from ..wire.bring_up import Refused
from ..wire.messages import AgentMessage

T = TypeVar("T", bound=AgentMessage)


class HostError(Exception):
    """A host cannot be used: ``reason`` says why, ``hint`` what to do. ``final``: to try again is no use."""

    def __init__(self, reason: str, hint: str = "", *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.final = final


class Sending(Protocol):
    """What a link sends through: an ``AgentChannel``."""

    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...


class Link:
    """One agent during its bring-up. ``told(phase, note)`` shows what goes on, ``warn(text)`` what will be missing."""

    def __init__(
        self,
        host: Host,
        channel: Sending,
        told: Callable[[str, str], None] = lambda _p, _n: None,
        warn: Callable[[str], None] = lambda _t: None,
    ) -> None:
        self.host = host
        self.told = told
        self.warn = warn
        self._channel = channel
        self._heard: asyncio.Queue[AgentMessage | HostError] = asyncio.Queue()

    def hear(self, message: AgentMessage) -> None:
        """Take a message that is an answer."""
        if isinstance(message, Refused):
            self.broken(HostError(message.why, message.hint, final=message.final))
        else:
            self._heard.put_nowait(message)

    def broken(self, error: HostError) -> None:
        """The channel is over: whoever waits learns why."""
        self._heard.put_nowait(error)

    async def send(self, data: bytes) -> None:
        """Send frames, and wait while more is on its way than the channel should hold."""
        self._channel.write(data)
        await self._channel.drain()

    async def answer(self, kind: type[T] | tuple[type[T], ...], limit: float | None) -> T:
        """Return the next answer of a kind, or of some; others are passed over. Raises HostError, after ``limit`` seconds too."""
        try:
            async with asyncio.timeout(limit):
                while True:
                    found = await self._heard.get()
                    if isinstance(found, HostError):
                        self._heard.put_nowait(found)
                        raise found
                    if isinstance(found, kind):
                        return found
        except TimeoutError:
            raise HostError(f"it did not answer within {limit:g} seconds") from None
