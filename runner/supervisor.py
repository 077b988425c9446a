"""The shell of a run: the only module that performs commands. It owns the agents and the timers.

Everything happens in the event loop's callbacks, in the order it arrived: an event is published to
the observers first, then the session decides, then its commands are performed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, assert_never

from .commands import (
    Command,
    Finish,
    Kill,
    LoadSuite,
    Publish,
    Retire,
    Send,
    StartWorker,
    StopCase,
    TakeBack,
    WakeAt,
)
from .errors import ProtocolError
from .events import (
    CasesQueued,
    HostLost,
    HostPhase,
    RunEnded,
    RunEvent,
    RunStarted,
    StopAsked,
    Ticked,
    Warned,
)
from .ids import HostName, LaneId
from .intents import ChangeLanes, Intent, Rerun, StopRun, StopTest, Watch
from .lanes import HostLanes
from .launch import Launch
from .state import RunState
from .transports import AgentChannel
from .wire import messages, orders
from .wire.frames import Frames

TICK = 1.0
"""Seconds between two ``Ticked`` events."""

Observer = Callable[[RunEvent], None]


@dataclass(frozen=True, slots=True)
class HostPlan:
    """A host to start: how its agent is reached, and the profiles it may run."""

    name: HostName
    lanes: HostLanes
    profiles: Sequence[tuple[str, Mapping[str, object]]]
    """(name, options for the agent) of each profile."""
    prefix: Sequence[str] = ()
    python: str = ""
    launch: Launch | None = None
    """An agent that was started, and told of its profiles, before there was a run."""
    channel: Callable[[Callable[[bytes], None], Callable[[str], None]], Channel] = AgentChannel
    """Makes the channel to its agent: (what is received, why it ended) -> channel."""


class Channel(Protocol):
    """The way to an agent: an ``AgentChannel``, or one to an agent that is kept."""

    async def start(self, prefix: Sequence[str] = ..., python: str = ...) -> None: ...
    async def adopt(self, launch: Launch) -> None: ...
    def listen(self) -> None: ...
    def write(self, data: bytes) -> None: ...
    def fail(self, reason: str) -> None: ...
    async def finish(self) -> None: ...


class Core(Protocol):
    """What decides: a ``Session``, or a ``Listing``."""

    def begin(self, now: float) -> list[Command]: ...
    def step(self, events: Iterable[RunEvent], now: float) -> list[Command]: ...
    def change_lanes(self, by: int, now: float) -> list[Command]: ...


class _Host:
    """One agent and what it said so far."""

    def __init__(self, plan: HostPlan, supervisor: Supervisor) -> None:
        self.plan = plan
        self._supervisor = supervisor
        self._frames = Frames()
        self.channel = plan.channel(self._received, self._ended)

    def _received(self, data: bytes) -> None:
        events: list[RunEvent] = []
        try:
            for frame in self._frames.feed(data):
                events += self.plan.lanes.receive(messages.parse(frame))
        except ProtocolError as error:
            self._supervisor.take(events)
            self.channel.fail(f"its agent broke the protocol: {error}")
            return
        self.channel.write(self.plan.lanes.outbox())
        self._supervisor.take(events)

    def _ended(self, reason: str) -> None:
        lanes = self.plan.lanes
        if lanes.said_bye and self._supervisor.done:
            return
        if lanes.said_bye:  # somebody ended it
            reason = lanes.last_words or reason
        self._supervisor.take([*lanes.lost(reason), HostLost(self.plan.name, reason)])


class Supervisor:
    """Runs one session (or listing) to its end. ``observers`` may grow until the run begins; the state comes first."""

    def __init__(
        self,
        session: Core,
        state: RunState,
        observers: list[Observer],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._session = session
        self._state = state
        self._observers = observers
        self._clock = clock
        self._hosts: dict[HostName, _Host] = {}
        self._host_of: dict[LaneId, _Host] = {}
        self._watched: set[LaneId] = set()
        self._inbox: deque[RunEvent] = deque()
        self._busy = False
        self._problem: str | None = None
        self._done = asyncio.Event()
        self._wake: asyncio.TimerHandle | None = None

    async def run(self, started: RunStarted, plans: Sequence[HostPlan]) -> RunEnded:
        """Run to the end; no process is left when this returns, whatever is raised."""
        self._publish(started)
        self._hosts = {plan.name: _Host(plan, self) for plan in plans}
        ticker = asyncio.get_running_loop().call_later(TICK, self._tick)
        try:
            for host in self._hosts.values():
                await self._connect(host)
            self._perform(self._session.begin(time.monotonic()))
            for host in self._hosts.values():
                host.channel.listen()
            await self._done.wait()
        finally:
            ticker.cancel()
            self._done.set()
            if self._wake is not None:
                self._wake.cancel()
            for host in self._hosts.values():
                host.channel.write(orders.end())
            for host in self._hosts.values():
                await host.channel.finish()
        stopping = self._state.stopping
        ended = RunEnded(
            self._clock(), stopping is not None and stopping.reason != "", self._problem or ""
        )
        self._publish(ended)
        return ended

    def take(self, events: Iterable[RunEvent]) -> None:
        """Publish events, let the session decide, perform. Safe to call from within itself."""
        self._inbox.extend(events)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inbox:
                batch = tuple(self._inbox)
                self._inbox.clear()
                for event in batch:
                    self._publish(event)
                self._perform(self._session.step(batch, time.monotonic()))
        finally:
            self._busy = False

    @property
    def done(self) -> bool:
        """Whether the run has come to its end, so that hosts may go."""
        return self._done.is_set()

    def ask(self, intent: Intent) -> None:
        """Do what the user wants; what cannot be done any more is ignored."""
        if self._done.is_set():
            return
        match intent:
            case StopRun(hard):
                self.take([StopAsked(hard, "interrupted")])
            case Rerun(rows, times, until_failure):
                self.take([CasesQueued(rows, times, until_failure)])
            case StopTest(lane):
                row = self._state.lanes[lane].row
                if row is not None:
                    self._perform([StopCase(lane, row)])
            case Watch(lane, on):
                (self._watched.add if on else self._watched.discard)(lane)
                if (host := self._host_of.get(lane)) is not None:
                    host.channel.write(orders.tail(lane, on))
            case ChangeLanes(by):
                self._perform(self._session.change_lanes(by, time.monotonic()))
            case _:
                assert_never(intent)

    # -- inside --------------------------------------------------------------------------------------

    async def _connect(self, host: _Host) -> None:
        plan = host.plan
        self.take([HostPhase(plan.name, "connecting")])
        try:
            if plan.launch is not None:
                await host.channel.adopt(plan.launch)
            elif plan.python:
                await host.channel.start(plan.prefix, plan.python)
            else:
                await host.channel.start(plan.prefix)
        except OSError as error:
            self.take([HostLost(plan.name, f"its agent could not be started: {error}")])
            return
        known = {} if plan.launch is None else plan.launch.loading
        if plan.launch is None:
            host.channel.write(orders.say_hello(None if not plan.prefix else 15.0))
        for name, options in plan.profiles:
            if name not in known:
                host.channel.write(orders.define_profile(name, options))

    def _publish(self, event: RunEvent) -> None:
        self._state.apply(event)
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception as error:  # a reader's failure must not break the run
                self._observers.remove(observer)
                name = getattr(observer, "__qualname__", repr(observer))
                text = f"it failed and hears no more: {type(error).__name__}: {error}"
                self.take([Warned(name, text)])

    def _perform(self, commands: Iterable[Command]) -> None:
        published: list[RunEvent] = []
        for command in commands:
            match command:
                case Publish(event):
                    published.append(event)
                case Finish(problem):
                    self._problem = problem
                    self._done.set()
                case WakeAt(seconds):
                    self._wake_at(seconds)
                case LoadSuite(host):
                    self._write(self._hosts[host], command)
                case StartWorker(lane, host):
                    self._host_of[lane] = self._hosts[host]
                    self._write(self._hosts[host], command)
                    if lane in self._watched:  # the tail of a new worker begins anew
                        self._hosts[host].channel.write(orders.tail(lane, True))
                case Send(lane) | TakeBack(lane) | StopCase(lane) | Retire(lane) | Kill(lane):
                    self._write(self._host_of[lane], command)
                case _:
                    assert_never(command)
        if published:
            self.take(published)

    def _write(
        self,
        host: _Host,
        command: LoadSuite | StartWorker | Send | TakeBack | StopCase | Retire | Kill,
    ) -> None:
        host.channel.write(host.plan.lanes.perform(command))

    def _wake_at(self, seconds: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        loop = asyncio.get_running_loop()
        delay = max(0.0, seconds - time.monotonic())
        self._wake = loop.call_later(delay, lambda: self.take([Ticked(time.monotonic())]))

    def _tick(self) -> None:
        if not self._done.is_set():
            looked = [event for host in self._hosts.values() for event in host.plan.lanes.tick()]
            self.take([*looked, Ticked(time.monotonic())])
            asyncio.get_running_loop().call_later(TICK, self._tick)
