"""The loop of a watch: wait for files to change, run what that affects, tell."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ..affected import Affected, Change
from ..engine import Request, Run, WatchRequest
from ..errors import UserError
from ..events import CaseFinished, CasesListed, FilesUsed, ImageChanged, RunEvent
from ..ids import Case, ProfileName
from ..intents import StopRun
from ..settings import Settings
from ..standby import Standby
from .choice import Choice
from .cycle import Broken, Cycle, Mode
from .notes import Notes
from .outcome import counts_of, failures_of
from .renewal import configuration_among, package_stamps
from .syntax import broken_sources
from .tree import Tree


class Recorded(Protocol):
    """A run that is stored as it goes."""

    run: Run

    @property
    def number(self) -> int | None:
        """The run's number in the repository; None or -1 if it was not stored."""
        ...

    @property
    def problem(self) -> str:
        """What could not be stored."""
        ...

    def finish(self) -> int:
        """Store the run."""
        ...


@dataclass(frozen=True, slots=True)
class Project:
    """What is watched, as its configuration says now."""

    settings: Settings
    request: Callable[[], Request]
    """What a cycle may run at most: the user's filters, and what times are known."""
    record: Callable[[Request], Recorded]
    failing: Callable[[], frozenset[Case]]
    """What failed when it last ran."""
    notes: Path
    """Where to keep what is known of the files' uses."""


@dataclass(slots=True)
class _Tally:
    """What a cycle has brought so far."""

    clock: float
    first: float | None = None
    finished: set[Case] = field(default_factory=set[Case])
    listed: set[Case] = field(default_factory=set[Case])
    reasons: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])


class Watch:
    """Runs cycles until it is told to stop. ``tell`` hears of each."""

    def __init__(
        self,
        load: Callable[[], Project],
        tell: Callable[[Cycle], None],
        mode: Mode = "affected",
        running: Callable[[Recorded], None] = lambda _: None,
    ) -> None:
        """``load`` reads the configuration (raises UserError); ``running`` hears of each run before it begins."""
        self._load, self._tell, self._running = load, tell, running
        self.mode: Mode = mode
        self._project = load()
        settings = self._project.settings
        self.tree = Tree(Path(settings.root), settings.watch_ignore, poll=settings.watch_poll)
        self._notes = Notes(self._project.notes)
        self._choice = Choice(self.tree, self._notes, settings)
        self._images: dict[ProfileName, str] = {}
        self._standby = Standby(self._image_changed)
        self._packages = package_stamps(settings)
        self._label = f"watch {secrets.token_hex(2)}"
        self._inbox: dict[str, Change] = {}
        self._all = False
        self._woken = asyncio.Event()
        self._stop = asyncio.Event()
        self._number = 0
        self._told_broken: list[Broken] = []
        self._told_unused: set[str] = set()

    # -- for others ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the watch; a cycle that runs is killed and stored."""
        self._stop.set()
        self._woken.set()

    def run_all(self) -> None:
        """Run everything, now."""
        self._all = True
        self._woken.set()

    async def run(self) -> None:
        """Watch until ``stop``. No process is left when this returns.

        Raises OSError where the machine cannot watch files.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump())
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
            self._inbox.update((change.path, change) for change in changes)
            self._woken.set()

    def _take_up(self) -> None:
        """Begin where the last session ended: with what changed since, or with everything."""
        self._all = not self._notes.known or self.mode == "all"
        if not self._all:
            self._inbox.update((one.path, one) for one in self._choice.since_last_session())
        self._woken.set()

    # -- one cycle -----------------------------------------------------------------------------------

    async def _cycle(self, group: asyncio.TaskGroup) -> None:
        tally = _Tally(time.monotonic())
        changes = list(self._inbox.values())
        cycle = Cycle(0, time.time_ns(), changed=tuple(change.path for change in changes))
        if broken := await asyncio.to_thread(self._broken, changes):
            if broken != self._told_broken:
                self._tell(replace(cycle, broken=tuple(broken)))
            self._told_broken = broken
            return  # all of it again with the next save
        self._told_broken = []
        for change in changes:
            if self._inbox.get(change.path) is change:
                del self._inbox[change.path]
        everything, self._all = "it was asked for" if self._all else "", False
        try:
            everything = await self._renew(cycle.changed) or everything
        except UserError as error:
            self._all = True
            self._tell(replace(cycle, problem=str(error)))
            return
        affected = await asyncio.to_thread(self._choice.affected, changes)
        everything = everything or affected.everything
        if not everything and changes and self.mode == "all":
            everything = "everything is to run at each change"
        unused = tuple(path for path in affected.unused if path not in self._told_unused)
        self._told_unused.update(unused)
        if not (everything or affected.reasons or self._choice.due):
            if unused or not self._number:
                self._told(replace(cycle, unused=unused), self._project.failing())
            return
        self._number += 1
        cycle = replace(cycle, number=self._number, everything=everything, unused=unused)
        await self._run(cycle, affected, tally, group)

    async def _run(
        self, cycle: Cycle, affected: Affected, tally: _Tally, group: asyncio.TaskGroup
    ) -> None:
        project = self._project
        before = project.failing()
        recorded = project.record(self._request(cycle, affected, before, tally))
        run = recorded.run
        run.observers.append(lambda event: self._observe(event, run, tally))
        self._running(recorded)
        go = group.create_task(run.go())
        go.add_done_callback(lambda _: self._woken.set())
        stopped = False
        try:
            while not go.done():
                await self._woken.wait()
                self._woken.clear()
                if go.done() or stopped:
                    continue
                if self._stop.is_set() or await asyncio.to_thread(self._is_stale):
                    stopped = True
                    run.supervisor.ask(StopRun(hard=True))
            problem = "" if stopped else go.result().problem
        finally:
            recorded.finish()
        self._choice.note_recorded(tally.finished)
        if not stopped and not problem:
            self._choice.complete(tally.listed, everything=bool(cycle.everything))
        if self._inbox or self._all or self._stop.is_set():
            self._woken.set()
        failures = failures_of(run)
        failed = {failure.case for failure in failures}
        number = recorded.number
        self._told(
            replace(
                cycle,
                seconds=time.monotonic() - tally.clock,
                first=tally.first,
                reasons={path: tuple(tests) for path, tests in tally.reasons.items()},
                counts=counts_of(run),
                failures=failures,
                fixed=tuple(sorted((before & tally.finished) - failed)),
                stopped=stopped and not self._stop.is_set(),
                problem=problem or recorded.problem,
                run=None if number in (None, -1) else number,
            ),
            project.failing(),
        )

    def _request(
        self, cycle: Cycle, affected: Affected, failing: frozenset[Case], tally: _Tally
    ) -> Request:
        request = self._project.request()
        selects = None
        if cycle.everything:
            if request.selection.everything:
                self._choice.full_run_begins()
        else:
            selects = self._choice.selector(affected, self.mode, failing, tally.reasons)
        return replace(
            request,
            label=self._label,
            partial=request.partial if cycle.everything else True,
            watch=WatchRequest(
                self._standby,
                selects,
                lambda test_id, profile: Case(test_id, profile) in failing,
            ),
        )

    def _told(self, cycle: Cycle, failing: frozenset[Case]) -> None:
        self._tell(
            replace(
                cycle,
                failing=len(failing),
                due=len(self._choice.due),
                unseen=self._choice.unseen,
                images=dict(self._images),
            )
        )

    def _observe(self, event: RunEvent, run: Run, tally: _Tally) -> None:
        match event:
            case FilesUsed(_, files):
                self._notes.uses.note(files)
            case CasesListed():
                tally.listed.update(map(run.cases.case, event.rows))
                self._choice.owes(map(run.cases.case, event.selected))
            case CaseFinished():
                if tally.first is None:
                    tally.first = time.monotonic() - tally.clock
                case = run.cases.case(event.row)
                tally.finished.add(case)
                self._choice.ran(case)
            case ImageChanged():
                self._image_changed(event)
            case _:
                pass

    def _is_stale(self) -> bool:
        """Whether what changed since the cycle began affects any test."""
        found = self._choice.affected(list(self._inbox.values()))
        return self._all or bool(found.everything or found.reasons)

    def _broken(self, changes: Iterable[Change]) -> list[Broken]:
        paths = [one.path for one in changes if one.path.endswith(".py") and one.how != "deleted"]
        pythons = {
            profile.python: {**os.environ, **profile.env}
            for profile in self._project.settings.profiles
            if profile.python
        }
        return broken_sources(self.tree.root, paths, list(pythons.items()))

    async def _renew(self, changed: Iterable[str]) -> str:
        """Read the configuration again and drop the warm images where they may be stale; return why."""
        why = configuration_among(changed)
        packages = package_stamps(self._project.settings)
        if not why and packages != self._packages:
            why = "installed packages changed"
        if why:
            self._project = self._load()
            self._packages = package_stamps(self._project.settings)
            self._choice.configure(self._project.settings)
            self._images.clear()
            await self._standby.close()
            self._standby = Standby(self._image_changed)
        return why

    def _image_changed(self, event: ImageChanged) -> None:
        text = event.state
        if event.state == "ready":
            text = f"ready, {event.memory / 2**20:.0f} MB"
        elif event.why:
            text = f"{event.state}: {event.why}"
        self._images[event.profile] = text
