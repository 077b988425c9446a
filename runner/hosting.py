"""One host in a run: its channel, what its agent says, and its way from connecting to its end.

This machine's agent is connected at once and lost for good when it goes. Another host is brought up beside the
run; while its lanes work both ends hear of each other every few seconds; when it is lost it is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from .errors import ProtocolError
from .events import HostLost, HostPhase, HostReady, RunEvent, Warned
from .frozen import frozen
from .hosts.heartbeat import Heartbeat
from .hosts.link import HostError, Link
from .ids import HostName, ProfileName
from .lanes import HostLanes
from .launch import Launch
from .settings import Host
from .transports import AgentChannel
from .wire import messages, orders
from .wire.frames import Frames
from .wire.messages import AgentMessage

PAUSES = (0.2, 30.0)
"""The first pause before a lost host is tried again, and the longest, in seconds."""

TRIES = 3
"""Times that a host may fail in a row without finishing a test; then it is given up."""

TAKEN_OUT = "it was taken out of the run"


class Channel(Protocol):
    """The way to an agent: an ``AgentChannel``, or one to an agent that is kept."""

    async def adopt(self, launch: Launch | None) -> None: ...
    def listen(self) -> None: ...
    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...
    def fail(self, reason: str) -> None: ...
    async def finish(self) -> None: ...


@frozen
class HostPlan:
    """A host to start: how its agent is reached, and the profiles it may run."""

    name: HostName
    lanes: Callable[[], HostLanes]
    """Makes what is known of its lanes: anew for each connection."""
    profiles: Callable[[str, int], Sequence[tuple[ProfileName, Mapping[str, object]]]]
    """(the project's folder there, its lanes) -> (name, options for the agent) of each profile.

    This machine's lanes are known before: for it the number means nothing.
    """
    project: str
    """The project's folder here."""
    host: Host | None = None
    """How it is reached; None: it is this machine."""
    launch: Launch | None = None
    """An agent that was started, and told of its profiles, before there was a run."""
    channel: Callable[[Callable[[bytes], None], Callable[[str], None]], Channel] = AgentChannel
    """Makes the channel to its agent: (what is received, why it ended) -> channel."""
    instance: bool = False
    """Whether it is an instance that was provisioned: its agent runs on this machine, its commands there."""

    @property
    def here(self) -> bool:
        """Whether it is this machine itself."""
        return self.host is None and not self.instance


class Pool(Protocol):
    """Hosts that a run is yet to be given, all for one profile: they are being made."""

    @property
    def name(self) -> HostName:
        """The host under whose name that is told."""
        ...

    @property
    def profile(self) -> ProfileName: ...

    def provide(self, told: Callable[[str], None]) -> AsyncGenerator[Sequence[HostPlan]]:
        """Yield hosts as they come to be. ``told``: what goes on. Raises UserError."""
        ...

    def over(self) -> Iterable[RunEvent]:
        """No more come: return what that means."""
        ...

    def give_back(self) -> None:
        """The run is over, and needs its hosts no more."""
        ...


class RunHost:
    """A host while a run goes on. ``take`` publishes events; ``done`` says whether the run is over."""

    def __init__(
        self,
        plan: HostPlan,
        take: Callable[[Iterable[RunEvent]], None],
        done: Callable[[], bool],
    ) -> None:
        self.plan = plan
        self.left = False
        """Whether the user took it out of the run."""
        self._take = take
        self._done = done
        self._tries = 0
        self._pause = PAUSES[0]
        self._again = asyncio.Event()
        self._over = asyncio.Event()
        self._given_up = False
        self._link: Link | None = None
        self._begin()

    def _begin(self) -> None:
        """Start from nothing: no channel, no lanes."""
        self._frames = Frames()
        self.lanes = self.plan.lanes()
        self.channel = self.plan.channel(self._received, self._ended)
        self._ready = self._lost = False
        self._heart: Heartbeat | None = None
        self._over.clear()

    # -- this machine --------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Start this machine's agent, or take the one that was; what it says waits for ``listen``."""
        plan = self.plan
        self._take([HostPhase(plan.name, "connecting")])
        try:
            await self.channel.adopt(plan.launch)
        except OSError as error:
            self._ended(f"its agent could not be started: {error}")
            return
        if plan.launch is None or not plan.launch.greeted:
            self.channel.write(orders.say_hello(None))
        known: Mapping[str, int] = {} if plan.launch is None else plan.launch.loading
        for name, options in plan.profiles(plan.project, 0):
            if name not in known:
                self.channel.write(orders.define_profile(name, options))

    # -- another machine -----------------------------------------------------------------------------

    async def stay(self) -> None:
        """Bring a host up, and up again when it was lost, until it is cancelled."""
        while True:
            async with asyncio.TaskGroup() as group:
                work = [group.create_task(self._come_up())]
                if self.plan.host is not None:
                    work.append(group.create_task(self._beat()))
                await self._over.wait()
                for task in work:
                    task.cancel()
            self.channel.fail("it is started anew")
            await self.channel.finish()
            await self._wait()
            self._begin()

    async def _come_up(self) -> None:
        """Bring it up, or say why it is lost."""
        host = self.plan.host
        if self.left:  # while it was lost already
            self._lose(TAKEN_OUT, final=True)
            return
        try:
            await (self._open_instance() if host is None else self._bring_up(host))
        except HostError as error:
            reason = f"{error.reason}; {error.hint}" if error.hint else error.reason
            self._lose(reason, final=error.final)
        except OSError as error:
            command = "its agent" if host is None else host.run[0]
            self._lose(f"{command} could not be started: {error.strerror}", final=True)

    async def _open_instance(self) -> None:
        await self.connect()
        if self._lost:
            return
        self.channel.listen()
        self._ready = True
        names = tuple(profile for profile, _ in self.plan.profiles(self.plan.project, 1))
        self._take([HostReady(self.plan.name, 1, names)])

    async def _bring_up(self, host: Host) -> None:
        # not quick to import, and most runs have this machine only
        from .hosts.bring_up import bring_up
        from .hosts.reach import agent_command
        from .hosts.setup import usable

        name = self.plan.name
        self._link = link = Link(
            host,
            self.channel,
            lambda phase, note: self._take([HostPhase(name, phase, note)]),
            lambda text: self._take([Warned(name, text)]),
        )
        await self.channel.adopt(Launch(command=agent_command(host)))
        self.channel.listen()
        ready = await bring_up(link, self.plan.project)
        profiles, unfit = await usable(link, self.plan.profiles(ready.root, ready.lanes))
        if self._lost:
            return
        self._link = None
        for profile, options in profiles:
            self.channel.write(orders.define_profile(profile, options))
        self._ready = True
        names = tuple(profile for profile, _ in profiles)
        self._take(
            [
                HostReady(name, ready.lanes, names, ready.latency, ready.root),
                *(event for each in unfit.items() for event in self.lanes.cannot_load(*each)),
            ]
        )

    async def _wait(self) -> None:
        """Wait until it is tried again."""
        limit = None if self._given_up else self._pause
        self._pause = min(self._pause * 2, PAUSES[1])
        try:
            async with asyncio.timeout(limit):
                await self._again.wait()
                self._tries, self._pause = 0, PAUSES[0]
        except TimeoutError:
            pass

    def join(self) -> None:
        """Try it again now, if it is lost or was taken out."""
        self.left = False
        self._again.set()

    def leave(self) -> None:
        """Take it out of the run."""
        self.left = True
        self.channel.write(orders.end())
        self._lose(TAKEN_OUT, final=True)

    async def _beat(self) -> None:
        """Hold the lease once the agent has greeted, and notice when nothing is heard of it any more."""
        loop = asyncio.get_running_loop()
        name = self.plan.name
        while True:
            heart = self._heart
            await asyncio.sleep(0.1 if heart is None else heart.pause)
            if heart is None or self._lost:
                continue
            beat = heart.beat(loop.time())
            if beat.ping:
                self.channel.write(orders.ping(0))
            if beat.silent:
                self._take([HostPhase(name, "silent", f"for {beat.silent} s")])
            if beat.lost:
                seconds = heart.lost_after
                self.channel.fail(f"nothing was heard of it for {seconds:g} seconds")

    # -- what the agent says -------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        if self._lost:
            return  # nobody waits any more for what it went on to say
        events: list[RunEvent] = []
        now = asyncio.get_running_loop().time()
        if self._heart is not None and self._heart.heard(now):
            events.append(HostPhase(self.plan.name, "up"))
        try:
            for frame in self._frames.feed(data):
                message = messages.parse(frame)
                self._heed(message, now)
                if self._link is not None and isinstance(message, messages.ANSWERS):
                    self._link.hear(message)
                events += self.lanes.receive(message)
        except ProtocolError as error:
            self._take(events)
            self.channel.fail(f"its agent broke the protocol: {error}")
            return
        self.channel.write(self.lanes.outbox())
        self._take(events)
        if self.lanes.refused:
            self.channel.write(orders.end())
            self._lose(f"its command ran nothing: it {self.lanes.refused}", final=False)

    def _heed(self, message: AgentMessage, now: float) -> None:
        """Take what a message says of the agent's life."""
        host = self.plan.host
        if isinstance(message, messages.AgentHello) and host is not None:
            self._heart = Heartbeat(host.lease, now)
        elif isinstance(message, messages.Pong) and message.number == 0 and self._heart is not None:
            self._heart.answered()

    def _ended(self, reason: str) -> None:
        """The channel is over."""
        if self.lanes.said_bye and self._done():
            return
        if self.lanes.said_bye:  # somebody ended it
            reason = self.lanes.last_words or reason
        host = self.plan.host
        final = False
        if host is not None and not self._ready and isinstance(self.channel, AgentChannel):
            from .hosts.reach import explain

            failure = explain(host, self.channel.words(), reason)
            final = failure.final
            reason = f"{failure.reason}; {failure.hint}" if failure.hint else failure.reason
        self._lose(reason, final=final)

    def _lose(self, reason: str, *, final: bool) -> None:
        """Tell, once for each connection, that the host is gone."""
        self._over.set()
        if self._lost:
            return
        self._lost = True
        self._again.clear()
        if self.lanes.finished:
            self._tries, self._pause = 0, PAUSES[0]
        self._tries += 1
        self._given_up = (
            self.plan.here or final or self._tries >= TRIES or self.left or self._done()
        )
        events = self.lanes.lost(reason, for_good=self._given_up)
        again = None if self._given_up else self._pause
        self._take([*events, HostLost(self.plan.name, reason, again)])
