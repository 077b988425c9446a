"""The shell of a run: the only module that performs commands. It owns the agents and the timers.

Everything happens in the event loop's callbacks, in the order it arrived: an event is published to
the observers first, then the session decides, then its commands are performed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
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
from .errors import UserError
from .events import (
    INTERRUPTED,
    CasesQueued,
    HostPhase,
    HostsProvisioned,
    RunEnded,
    RunEvent,
    RunStarted,
    StopAsked,
    Ticked,
    Warned,
)
from .hosting import HostPlan, Pool, RunHost
from .ids import HostName, LaneId
from .intents import (
    ChangeLanes,
    DumpStacks,
    Intent,
    JoinHost,
    LeaveHost,
    Rerun,
    StopRun,
    StopTest,
    Watch,
)
from .state import RunState
from .wire import orders

TICK = 1.0
"""Seconds between two ``Ticked`` events."""

Observer = Callable[[RunEvent], None]


class Core(Protocol):
    """What decides: a ``Session``, or a ``Listing``."""

    def begin(self, now: float) -> list[Command]: ...
    def step(self, events: Iterable[RunEvent], now: float) -> list[Command]: ...
    def change_lanes(self, by: int, now: float, host: HostName = ...) -> list[Command]: ...


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
        self._hosts: dict[HostName, RunHost] = {}
        self._host_of: dict[LaneId, RunHost] = {}
        self._ending: set[RunHost] = set()
        self._watched: set[LaneId] = set()
        self._inbox: deque[RunEvent] = deque()
        self._busy = False
        self._problem: str | None = None
        self._done = asyncio.Event()
        self.settled: Callable[[], object] = lambda: None
        """Called while the hosts end, when every case has its outcome: what needs no more than these."""
        self._wake: asyncio.TimerHandle | None = None

    async def run(
        self, started: RunStarted, plans: Sequence[HostPlan], pools: Sequence[Pool] = ()
    ) -> RunEnded:
        """Run to the end; no process is left when this returns, whatever is raised."""
        self._publish(started)
        self._hosts = {plan.name: RunHost(plan, self.take, self._done.is_set) for plan in plans}
        here = [host for host in self._hosts.values() if host.plan.here]
        ticker = asyncio.get_running_loop().call_later(TICK, self._tick)
        try:
            for host in here:
                await host.connect()
            self._perform(self._session.begin(time.monotonic()))
            for host in here:
                host.channel.listen()
            async with asyncio.TaskGroup() as group:
                away = [
                    group.create_task(each.stay())
                    for each in self._hosts.values()
                    if not each.plan.here
                ]
                for pool in pools:
                    away.append(group.create_task(self._fill(pool, group, away)))
                await self._done.wait()
                for task in away:
                    task.cancel()
            self._end_hosts()
            self.settled()
        finally:
            ticker.cancel()
            self._done.set()
            if self._wake is not None:
                self._wake.cancel()
            self._end_hosts()
            await asyncio.gather(*(host.channel.finish() for host in self._hosts.values()))
            for pool in pools:
                pool.give_back()
        stopping = self._state.stopping
        ended = RunEnded(
            self._clock(), stopping is not None and stopping.reason != "", self._problem or ""
        )
        self._publish(ended)
        return ended

    def _end_hosts(self) -> None:
        for host in self._hosts.values():
            if host not in self._ending:
                self._ending.add(host)
                host.channel.write(orders.end())

    async def _fill(
        self, pool: Pool, group: asyncio.TaskGroup, away: list[asyncio.Task[None]]
    ) -> None:
        """Take into the run what a pool provides. Where it fails, the run ends."""
        name, profile = pool.name, pool.profile
        try:
            async with contextlib.aclosing(
                pool.provide(lambda note: self.take([HostPhase(name, "provisioning", note)]))
            ) as provided:
                async for plans in provided:
                    self.take(
                        [HostsProvisioned(name, profile, tuple(p.name for p in plans), False)]
                    )
                    for plan in plans:
                        host = self._hosts[plan.name] = RunHost(plan, self.take, self._done.is_set)
                        away.append(group.create_task(host.stay()))
        except UserError as error:
            text = f"{error.message}; {error.hint}" if error.hint else error.message
            self.take([StopAsked(True, text, fault=True)])
        self.take([*pool.over(), HostsProvisioned(name, profile, (), True)])

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
                self.take([StopAsked(hard, INTERRUPTED)])
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
            case DumpStacks(lane):
                if (host := self._host_of.get(lane)) is not None:
                    host.channel.write(orders.dump(lane))
            case ChangeLanes(by, host):
                self._perform(self._session.change_lanes(by, time.monotonic(), host))
            case JoinHost(host):
                if host in self._hosts:
                    self._hosts[host].join()
            case LeaveHost(host):
                if host in self._hosts:
                    self._hosts[host].leave()
            case _:
                assert_never(intent)

    # -- inside --------------------------------------------------------------------------------------

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
        host: RunHost,
        command: LoadSuite | StartWorker | Send | TakeBack | StopCase | Retire | Kill,
    ) -> None:
        host.channel.write(host.lanes.perform(command))

    def _wake_at(self, seconds: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        loop = asyncio.get_running_loop()
        delay = max(0.0, seconds - time.monotonic())
        self._wake = loop.call_later(delay, lambda: self.take([Ticked(time.monotonic())]))

    def _tick(self) -> None:
        if not self._done.is_set():
            looked = [event for host in self._hosts.values() for event in host.lanes.tick()]
            self.take([*looked, Ticked(time.monotonic())])
            asyncio.get_running_loop().call_later(TICK, self._tick)
