"""Runs to store: told to a recording event by event, the way the engine does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from testlanes.runner.cases import CaseTable
from testlanes.runner.events import (
    CaseFinished,
    CasesListed,
    CaseStarted,
    DetailReceived,
    LaneOpened,
    RunEnded,
    RunEvent,
    RunStarted,
    WorkerStarted,
)
from testlanes.runner.ids import (
    DEFAULT_PROFILE,
    LOCAL,
    Kind,
    LaneId,
    ProfileName,
    Status,
)
from testlanes.runner.repository.base import Repository
from testlanes.runner.repository.memory import MemoryRepository

START = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
TRACEBACK = 'text/x-traceback; charset="utf8"; language="python"'

Line = tuple[str, str, Status | None]


@pytest.fixture(params=["memory", "testr", "stestr"])
def repository(
    request: pytest.FixtureRequest, tmp_path: Path, opened: Callable[..., Repository]
) -> Repository:
    """Each kind of repository, empty."""
    if request.param == "memory":
        return MemoryRepository()
    name = {"testr": ".testrepository", "stestr": ".stestr"}[request.param]
    return opened(tmp_path / name, request.param, create=True)


@pytest.fixture
def testr(tmp_path: Path) -> Path:
    """Where a repository of testr's is to be."""
    return tmp_path / ".testrepository"


@pytest.fixture
def events() -> Callable[..., tuple[CaseTable, list[RunEvent]]]:
    return story


def story(
    script: Sequence[Line],
    *,
    profiles: Sequence[str] = (DEFAULT_PROFILE,),
    partial: bool = False,
    lanes: int = 2,
) -> tuple[CaseTable, list[RunEvent]]:
    """Return a run's events: (id, profile, status) each, None for a case that is not run.

    Cases go round the lanes and take a second each; failures have a traceback.
    """
    cases = CaseTable()
    rows = [cases.add(test_id, ProfileName(profile)) for test_id, profile, _ in script]
    names = tuple(map(ProfileName, profiles))
    told: list[RunEvent] = [RunStarted(START, "/project", names, lanes, partial)]
    for lane in range(lanes):
        told.append(LaneOpened(LaneId(lane), LOCAL, names[0]))
        told.append(WorkerStarted(LaneId(lane), 1, 100 + lane, names[0], -1))
    told += [CasesListed(cases.profile(row), (row,), (row,)) for row in dict.fromkeys(rows)]
    at = START
    for number, (row, (_, _, status)) in enumerate(zip(rows, script, strict=True)):
        if status is None:
            continue
        lane = LaneId(number % lanes)
        told.append(CaseStarted(lane, row, at))
        at += SECOND
        failed = status is Status.FAIL
        if failed:
            told.append(DetailReceived(lane, row, "traceback", TRACEBACK, b"Traceback: no\n", True))
        kind = Kind.ASSERTION if failed else Kind.NONE
        told.append(CaseFinished(lane, row, status, kind, at, 1.0))
    told.append(RunEnded(at, False))
    return cases, told


@pytest.fixture
def play() -> Callable[..., int]:
    """Return what stores a run (see ``story``) and returns its number."""

    def played(
        into: Repository,
        script: Sequence[Line],
        *,
        profiles: Sequence[str] = (DEFAULT_PROFILE,),
        partial: bool = False,
        interrupted: bool = False,
        lanes: int = 2,
    ) -> int:
        cases, told = story(script, profiles=profiles, partial=partial, lanes=lanes)
        recording = into.begin(cases, partial=partial, root="/project")
        for event in told:
            recording.record(event)
        number = recording.finish(interrupted=interrupted)
        assert recording.problem == ""
        return number

    return played


@pytest.fixture
def python() -> Callable[[str], str]:
    """Return what finds an interpreter of a version (``3.13``); skips the test if there is none."""

    def find(version: str) -> str:
        pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
        found = str(pyenv[-1]) if pyenv else shutil.which(f"python{version}")
        if found is None:
            pytest.skip(f"no Python {version} here")
        return found

    return find
