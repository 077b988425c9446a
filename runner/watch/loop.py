"""The loop of a watch: wait for files to change, run what that affects, tell."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from ..affected import Affected, Change
from ..errors import UserError
from ..events import ImageChanged
from ..ids import Case, ProfileName
from ..intents import StopRun
from ..request import Request, WatchRequest
from ..settings import Settings
from ..standby import Standby
from ..watching import (
    Broken,
    ChangeWays,
    Cycle,
    CycleBegan,
    CycleEnded,
    FilesSaved,
    RunCases,
    RunNow,
    SourcesBroken,
    WatchBegan,
    WatchEvent,
    WatchIntent,
    Ways,
    WaysChanged,
)
from .branch import branch_changes
from .choice import Aim, Choice
from .inbox import Inbox
from .notes import Notes
from .outcome import counts_of, failures_of
from .project import Project, Recorded
from .renewal import configuration_among, package_stamps
from .syntax import broken_sources
from .tally import Tally
from .tree import Tree

ASKED = "it was asked for"
QUIET = 0.025
"""Seconds of quiet after which several files are taken to be all that a checkout or an editor writes."""
PATIENCE = 1.6
"""Seconds after which changes are taken up though others follow."""


class Watch:
    """Runs cycles until it is told to stop. ``tell`` hears of all that happens."""

    def __init__(
        self,
        load: Callable[[], Project],
        tell: Callable[[WatchEvent], None],
        ways: Ways = Ways(),  # noqa: B008 - it is frozen
        running: Callable[[Recorded], None] = lambda _: None,
    ) -> None:
        """``load`` reads the configuration (raises UserError); ``running`` hears of each run before it begins."""
        self._load, self._tell, self._running = load, tell, running
        self.ways = ways
        self.project = load()
        settings = self.project.settings
        self.tree = Tree(Path(settings.root), settings.watch_ignore, poll=settings.watch_poll)
        self._notes = Notes(self.project.notes)
        self._choice = Choice(self.tree, self._notes, settings)
        self._images: dict[ProfileName, str] = {}
        self._standby = Standby(self._image_changed)
        self._packages = package_stamps(settings)
        self._label = f"watch {secrets.token_hex(2)}"
        self._inbox = Inbox()
        self._asked: deque[RunNow | RunCases] = deque()
        self._woken = asyncio.Event()
        self._waiting: asyncio.TimerHandle | None = None
        self._waits_until = 0.0
        self._stop = asyncio.Event()
        self._news = False
        """Whether something was saved since the last cycle began."""
        self._number = 0
        self._broken: tuple[Broken, ...] = ()
        self._repeat: frozenset[Case] = frozenset()
        self._told_unused: set[str] = set()
        self._why = ASKED

    # -- for others ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the watch; a cycle that runs is killed and stored."""
        self._stop.set()
        self._woken.set()

    def ask(self, intent: WatchIntent) -> None:
        """Run something now, or answer changes otherwise from now on."""
        match intent:
            case RunNow() | RunCases():
                self._asked.append(intent)
            case ChangeWays(ways):
                self.ways = ways
                self._tell(WaysChanged(ways))
            case _:
                assert_never(intent)
        self._woken.set()

    async def run(self) -> None:
        """Watch until ``stop``. No process is left when this returns.

        Raises OSError where the machine cannot watch files.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump())
                self._tell(WatchBegan(len(self.tree.files), self.ways, self.project.failures()))
                self._take_up()
                while not self._stop.is_set():
                    await self._woken.wait()
                    self._woken.clear()
                    if not self._stop.is_set():
                        await self._cycle(group)
        except* OSError as errors:
            raise errors.exceptions[0] from None
        finally:
            self._stop.set()
            await self._standby.close()
            self._notes.write()

    async def _pump(self) -> None:
        async for changes in self.tree.changes(self._stop):
            self._inbox.put(changes)
            paths, files = tuple(change.path for change in changes), len(self.tree.files)
            ignored = self.tree.ignored
            self._tell(FilesSaved(time.time_ns(), paths, self._inbox.paths, files, ignored))
            if changes:
                self._news = True
                self._wake(alone=len(changes) == 1)

    def _wake(self, *, alone: bool) -> None:
        """Have changes taken up: one file's at once; of several, more may come."""
        loop = asyncio.get_running_loop()
        if self._waiting is None:
            if alone:
                self._woken.set()
                return
            self._waits_until = loop.time() + PATIENCE
        else:
            self._waiting.cancel()
        at = min(loop.time() + QUIET, self._waits_until)
        self._waiting = loop.call_at(at, self._quiet)

    def _quiet(self) -> None:
        self._waiting = None
        self._woken.set()

    def _take_up(self) -> None:
        """Begin where the last session ended: with what changed since, or with everything."""
        if not self._notes.known or self.ways.mode == "all":
            self._asked.append(RunNow("all"))
            self._why = "nobody knows yet what tests use" if not self._notes.known else ASKED
        else:
            self._inbox.put(self._choice.since_last_session())
        self._woken.set()

    # -- one cycle -----------------------------------------------------------------------------------

    async def _cycle(self, group: asyncio.TaskGroup) -> None:
        tally = Tally(time.monotonic(), self._notes.uses, self._choice)
        self._news = False
        began = time.time_ns()
        held = await self._look_at_sources()
        asked = self._asked.popleft() if self._asked else None
        if asked is None and self.ways.waits:
            return
        everything, only = self._wanted(asked)
        changes = [] if only is not None else self._inbox.take(held)
        cycle = Cycle(0, began, changed=tuple(change.path for change in changes))
        try:
            everything = await self._renew(cycle.changed) or everything
        except UserError as error:
            self._inbox.put_back(changes)
            self._end(replace(cycle, problem=str(error)))
            return
        aim = await self._aim(changes, held, everything, only)
        if asked is not None:
            aim = replace(aim, ways=replace(aim.ways, failing=False))
        unused = tuple(path for path in aim.affected.unused if path not in self._told_unused)
        self._told_unused.update(unused)
        cycle = replace(cycle, everything=aim.everything, unused=unused, broken=self._broken)
        if not self._choice.something(aim, self.project.failing()):
            if unused or asked is not None or not self._number:
                self._end(cycle)
            return
        self._number += 1
        await self._run(replace(cycle, number=self._number), aim, changes, tally, group)
        if self._asked or self._stop.is_set() or (self._news and not self.ways.waits):
            self._woken.set()

    async def _aim(
        self, changes: list[Change], held: set[str], everything: str, only: frozenset[Case] | None
    ) -> Aim:
        if changes and not everything and self.ways.mode == "all":
            everything = "everything is to run at each change"
        choice, inbox = self._choice, self._inbox

        def find() -> tuple[Affected, Affected]:
            more = changes
            if changes and self.ways.mode == "branch":
                more = [*changes, *branch_changes(self.tree.root, self.tree.files)]
            return choice.affected(more), choice.affected(
                c for c in inbox.changes if c.path in held
            )

        affected, blocked = await asyncio.to_thread(find)
        return Aim(only, everything or affected.everything, affected, blocked, self.ways)

    def _wanted(self, asked: RunNow | RunCases | None) -> tuple[str, frozenset[Case] | None]:
        """Return why everything is to run, or exactly which tests are, as far as somebody asked."""
        if asked is None:
            return "", None
        if isinstance(asked, RunCases):
            return "", asked.cases
        match asked.what:
            case "all":
                why, self._why = self._why, ASKED
                return why, None
            case "rest":
                return "", frozenset(self._choice.unseen)
            case "failing":
                return "", self.project.failing()
            case "again":
                if self._inbox or self._choice.due:
                    return "", None
                return ("", self._repeat) if self._repeat else (ASKED, None)

    async def _run(
        self,
        cycle: Cycle,
        aim: Aim,
        changes: list[Change],
        tally: Tally,
        group: asyncio.TaskGroup,
    ) -> None:
        project = self.project
        before = project.failing()
        request = self._request(aim, before, tally)
        recorded = project.record(request)
        run = recorded.run
        tally.follow(run, owed=aim.only is None)
        run.observers.append(self._observe)
        self._tell(CycleBegan(cycle, self._inbox.paths))
        self._running(recorded)
        go = group.create_task(run.go())
        go.add_done_callback(lambda _: self._woken.set())
        stopped, problem = False, ""
        try:
            while not go.done():
                await self._woken.wait()
                self._woken.clear()
                if not (go.done() or stopped) and await self._is_stale(tally):
                    stopped = True
                    run.supervisor.ask(StopRun(hard=True))
            ended = go.result()
            stopped |= ended.interrupted
            problem = "" if stopped else ended.problem
        finally:
            recorded.finish()
        tally.learn()
        self._choice.note_recorded(tally.finished)
        if tally.listed_all and not problem:
            if request.watch is not None and request.watch.whole:
                project.forget(tally.ids())
            self._choice.complete(tally.listed, self._inbox.paths)
        elif aim.only is None:
            self._inbox.put_back(changes)  # nobody knows what of it would have run
        if tally.finished:
            self._repeat = frozenset(tally.finished)
        failures = failures_of(run)
        failed = {failure.case for failure in failures}
        number = recorded.number
        self._end(
            replace(
                cycle,
                seconds=time.monotonic() - tally.clock,
                first=tally.first,
                reasons={path: tuple(tests) for path, tests in tally.reasons.items()},
                broken=self._broken,
                counts=counts_of(run),
                failures=failures,
                fixed=tuple(sorted((before & tally.finished) - failed)),
                stopped=stopped and not self._stop.is_set(),
                problem=problem or recorded.problem,
                run=None if number in (None, -1) else number,
            )
        )
        ended_well = not (stopped or problem or aim.only is not None)
        if ended_well and project.settings.watch_rest and self._choice.unseen and not self._news:
            self._asked.append(RunNow("rest"))

    def _request(self, aim: Aim, failing: frozenset[Case], tally: Tally) -> Request:
        request = self.project.request()
        full = bool(aim.everything) and not (aim.ways.narrow or aim.blocked.reasons)
        if full and request.selection.everything:
            self._choice.full_run_begins()
        selects = None if full else self._choice.selector(aim, failing, tally.reasons)
        watch = WatchRequest(
            self._standby,
            selects,
            self._choice.urgent(aim, failing),
            whole=request.partial is not True,
        )
        partial = request.partial if full else True
        return replace(request, label=self._label, partial=partial, watch=watch)

    def _end(self, cycle: Cycle) -> None:
        failing = self.project.failing()
        cycle = replace(
            cycle,
            failing=len(failing),
            due=len(self._choice.due),
            unseen=len(self._choice.unseen),
            images=dict(self._images),
        )
        self._tell(CycleEnded(cycle, failing, self._inbox.paths))

    # -- while a cycle runs --------------------------------------------------------------------------

    async def _is_stale(self, tally: Tally) -> bool:
        """Whether the run that goes on is to be stopped: something else is to run, or what it runs changed."""
        if self._stop.is_set():
            return True
        held = await self._look_at_sources()
        if any(isinstance(asked, RunNow) and asked.what == "all" for asked in self._asked):
            return True
        if self.ways.waits:
            return False
        changes = [change for change in self._inbox.changes if change.path not in held]
        if not changes:
            return False
        tally.learn()
        found = await asyncio.to_thread(self._choice.affected, changes)
        return bool(found.everything or found.reasons)

    async def _look_at_sources(self) -> set[str]:
        """Tell which sources cannot be compiled; return those that have to wait until they can."""
        changes = self._inbox.changes
        broken = await asyncio.to_thread(self._find_broken, changes)
        held = {one.path for one in broken if self._choice.is_code(one.path)}
        found = tuple(one for one in broken if one.path in held)
        if found != self._broken:
            self._broken = found
            paths = tuple(change.path for change in changes)
            self._tell(SourcesBroken(time.time_ns(), paths, found))
        return held

    def _find_broken(self, changes: Iterable[Change]) -> list[Broken]:
        paths = [one.path for one in changes if one.path.endswith(".py") and one.how != "deleted"]
        pythons = {
            profile.python: {**os.environ, **profile.env}
            for profile in self.project.settings.profiles
            if profile.python
        }
        return broken_sources(self.tree.root, paths, list(pythons.items()))

    def _observe(self, event: object) -> None:
        if isinstance(event, ImageChanged):
            self._image_changed(event)

    # -- what is kept warm ---------------------------------------------------------------------------

    async def _renew(self, changed: Iterable[str]) -> str:
        """Read the configuration again and drop the warm images where they may be stale; return why."""
        why = configuration_among(changed)
        packages = package_stamps(self.project.settings)
        if not why and packages != self._packages:
            why = "installed packages changed"
        if why:
            self.project = self._load()
            self._settings_changed(self.project.settings)
            await self._standby.close()
            self._standby = Standby(self._image_changed)
        return why

    def _settings_changed(self, settings: Settings) -> None:
        self._packages = package_stamps(settings)
        self._choice.configure(settings)
        self._images.clear()

    def _image_changed(self, event: ImageChanged) -> None:
        text = event.state
        if event.state == "ready":
            text = f"ready, {event.memory / 2**20:.0f} MB"
            if event.why:
                text += f"; pytest begins anew each time: {event.why}"
        elif event.why:
            text = f"{event.state}: {event.why}"
        self._images[event.profile] = text
        self._tell(event)
