"""The loop of a watch: wait for files to change, run what that affects, tell."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from ..affected import Change
from ..errors import UserError
from ..events import ImageChanged
from ..ids import Case
from ..intents import StopRun
from ..request import Request, WatchRequest
from ..watching import (
    ChangeWays,
    Cycle,
    CycleBegan,
    CycleEnded,
    FilesSaved,
    RunCases,
    RunNow,
    WatchBegan,
    WatchEvent,
    WatchIntent,
    Ways,
    WaysChanged,
)
from .choice import Aim, Choice
from .inbox import Inbox
from .notes import Notes
from .outcome import counts_of, failures_of
from .project import Project, Recorded
from .renewal import Warm
from .settling import Settling
from .tally import Tally
from .tree import Tree
from .uncompiled import Uncompiled
from .wishes import Wishes


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
        self._inbox = Inbox()
        self._wishes = Wishes(self._choice, self._inbox, lambda: self.project.failing())
        self._uncompiled = Uncompiled(self.tree.root, self._choice, tell)
        self._warm = Warm(settings, tell)
        self._settling = Settling()
        self._label = f"watch {secrets.token_hex(2)}"
        self._stopped = asyncio.Event()
        self._news = False
        """Whether something was saved since the last cycle began."""
        self._number = 0
        self._told_unused: set[str] = set()

    # -- for others ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the watch; a cycle that runs is killed and stored."""
        self._stopped.set()
        self._settling.wake()

    def ask(self, intent: WatchIntent) -> None:
        """Run something now, or answer changes otherwise from now on."""
        match intent:
            case RunNow() | RunCases():
                self._wishes.add(intent)
            case ChangeWays(ways):
                self.ways = ways
                self._tell(WaysChanged(ways))
            case _:
                assert_never(intent)
        self._settling.wake()

    async def run(self) -> None:
        """Watch until ``stop``. No process is left when this returns.

        Raises OSError where the machine cannot watch files.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump())
                self._tell(WatchBegan(len(self.tree.files), self.ways, self.project.failures()))
                self._take_up()
                while not self._stopped.is_set():
                    await self._settling.sleep()
                    if not self._stopped.is_set():
                        await self._cycle(group)
        except* OSError as errors:
            raise errors.exceptions[0] from None
        finally:
            self._stopped.set()
            await self._warm.standby.close()
            self._notes.write()
            self.project.close()

    async def _pump(self) -> None:
        async for changes in self.tree.changes(self._stopped):
            self._inbox.put(changes)
            paths, files = tuple(change.path for change in changes), len(self.tree.files)
            ignored = self.tree.ignored
            self._tell(FilesSaved(time.time_ns(), paths, self._inbox.paths, files, ignored))
            if changes:
                self._news = True
                self._settling.saved(len(changes))

    def _take_up(self) -> None:
        """Begin where the last session ended: with what changed since, or with everything."""
        if not self._notes.known:
            self._wishes.begin_with_all("nobody knows yet what tests use")
        elif self.ways.mode == "all":
            self._wishes.add(RunNow("all"))
        else:
            self._inbox.put(self._choice.since_last_session())
        self._settling.wake()

    # -- one cycle -----------------------------------------------------------------------------------

    async def _cycle(self, group: asyncio.TaskGroup) -> None:
        tally = Tally(time.monotonic(), self._notes.uses, self._choice)
        self._news = False
        began = time.time_ns()
        held = await self._held()
        asked = self._wishes.next()
        if asked is None and self.ways.waits:
            return
        everything, only = self._wishes.means(asked)
        changes = [] if only is not None else self._inbox.take(held)
        cycle = Cycle(0, began, changed=tuple(change.path for change in changes))
        try:
            everything = await self._renew(cycle.changed) or everything
        except UserError as error:
            self._inbox.put_back(changes)
            self._end(replace(cycle, problem=str(error)))
            return
        blocked = [change for change in self._inbox.changes if change.path in held]
        aim = await asyncio.to_thread(
            self._choice.aim, changes, blocked, self.ways, everything, only
        )
        if asked is not None:
            aim = replace(aim, ways=replace(aim.ways, failing=False))
        unused = tuple(path for path in aim.affected.unused if path not in self._told_unused)
        self._told_unused.update(unused)
        cycle = replace(
            cycle, everything=aim.everything, unused=unused, broken=self._uncompiled.broken
        )
        if not self._choice.something(aim, self.project.failing()):
            if unused or asked is not None or not self._number:
                self._end(cycle)
            return
        self._number += 1
        await self._run(replace(cycle, number=self._number), aim, changes, tally, group)
        if self._wishes or self._stopped.is_set() or (self._news and not self.ways.waits):
            self._settling.wake()

    async def _renew(self, changed: Iterable[str]) -> str:
        """Read the configuration again and drop what is kept warm where it may be stale; return why."""
        why = self._warm.stale(changed, self.project.settings)
        if why:
            earlier, self.project = self.project, self._load()
            earlier.close()
            self._choice.configure(self.project.settings)
            await self._warm.renew(self.project.settings)
        return why

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
        go.add_done_callback(lambda _: self._settling.wake())
        stopped, problem = False, ""
        try:
            while not go.done():
                await self._settling.sleep()
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
            self._wishes.repeat = frozenset(tally.finished)
        failures = failures_of(run)
        failed = {failure.case for failure in failures}
        number = recorded.number
        self._end(
            replace(
                cycle,
                seconds=time.monotonic() - tally.clock,
                first=tally.first,
                reasons={path: tuple(tests) for path, tests in tally.reasons.items()},
                broken=self._uncompiled.broken,
                counts=counts_of(run),
                failures=failures,
                fixed=tuple(sorted((before & tally.finished) - failed)),
                stopped=stopped and not self._stopped.is_set(),
                problem=problem or recorded.problem,
                run=None if number in (None, -1) else number,
            )
        )
        ended_well = not (stopped or problem or aim.only is not None)
        if ended_well and project.settings.watch_rest and self._choice.unseen and not self._news:
            self._wishes.add(RunNow("rest"))

    def _request(self, aim: Aim, failing: frozenset[Case], tally: Tally) -> Request:
        request = self.project.request()
        full = bool(aim.everything) and not (aim.ways.narrow or aim.blocked.reasons)
        if full and request.selection.everything:
            self._choice.full_run_begins()
        selects = None if full else self._choice.selector(aim, failing, tally.reasons)
        watch = WatchRequest(
            self._warm.standby,
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
            images=dict(self._warm.images),
        )
        self._tell(CycleEnded(cycle, failing, self._inbox.paths))

    # -- while a cycle runs --------------------------------------------------------------------------

    async def _is_stale(self, tally: Tally) -> bool:
        """Whether the run that goes on is to be stopped: something else is to run, or what it runs changed."""
        if self._stopped.is_set():
            return True
        held = await self._held()
        if self._wishes.all:
            return True
        if self.ways.waits:
            return False
        changes = [change for change in self._inbox.changes if change.path not in held]
        if not changes:
            return False
        tally.learn()
        found = await asyncio.to_thread(self._choice.affected, changes)
        return bool(found.everything or found.reasons)

    async def _held(self) -> set[str]:
        """Return the changed files that have to wait, for they cannot be compiled."""
        return await self._uncompiled.among(self._inbox.changes, self.project.settings)

    def _observe(self, event: object) -> None:
        if isinstance(event, ImageChanged):
            self._warm.image_changed(event)
