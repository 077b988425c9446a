"""Suites of quick tests made by chance, whose workers are killed at any moment: what is told of each is what happened.

``TESTLANES_STORMS=200`` tries so many seeds; ``TESTLANES_STORM=17`` one.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import shutil
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from testlanes.runner.cli.recorded import RecordedRun
from testlanes.runner.events import CaseFinished, CasesPassed, CaseStarted, RunEvent
from testlanes.runner.headless import run_headless
from testlanes.runner.journal import Journal, replay
from testlanes.runner.report.jsonlines import JsonLines
from testlanes.runner.repository.directory import DirectoryRepository
from testlanes.runner.repository.stream_v1 import read_v1
from testlanes.runner.request import Request

from ..runner.projects import pytests, unittests

SUITE = Path(__file__).parent / "suites" / "storm.py"
SEEDS = (
    [int(os.environ["TESTLANES_STORM"])]
    if "TESTLANES_STORM" in os.environ
    else list(range(int(os.environ.get("TESTLANES_STORMS", "6"))))
)
DEADLY = {"exits", "aborts", "killed", "removes_and_dies", "execs"}
LIMIT = 1.0
"""Seconds that a test may take."""
USUAL = "passes " * 60 + "prints " * 6 + "fails " * 6 + "skips " * 3 + "waits " * 4 + "threads "
RARE = (
    "floods exits aborts killed closes lowers removes removes_and_dies forks execs stops overruns"
)


class Log:
    """The file ``ran``: what began and ended in which process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[tuple[int, int, str]]:
        """Return (process, test, ``b`` or ``e``) in order."""
        if not self.path.exists():
            return []
        words = (line.split() for line in self.path.read_text().splitlines())
        return [(int(process), int(number), word) for process, number, word in words]

    def last(self) -> int:
        """Return the process that began a test last, 0 if none did."""
        lines = self.lines()
        return lines[-1][0] if lines else 0


async def kill(log: Log, chance: random.Random, killed: list[int]) -> None:
    """Kill workers that run tests."""
    for _ in range(chance.choice((0, 2, 5))):
        await asyncio.sleep(chance.expovariate(5))
        process = log.last()
        if process and process not in killed:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.append(process)


def flat(events: list[RunEvent]) -> Iterator[CaseFinished]:
    """Yield every end that is told."""
    for event in events:
        if isinstance(event, CaseFinished):
            yield event
        elif isinstance(event, CasesPassed):
            yield from event.each()


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_told_is_what_happened(
    tmp_path: Path, seed: int, opened: Callable[..., DirectoryRepository]
) -> None:
    chance = random.Random(seed)
    kinds = chance.choices(USUAL.split(), k=400) + RARE.split() * chance.choice((0, 1, 1, 2))
    chance.shuffle(kinds)
    plan = {"kinds": kinds, "classes": chance.choice((1, 3, 20)), "fixtures": seed % 2}
    (tmp_path / "storm.json").write_text(json.dumps(plan))
    shutil.copy(SUITE, tmp_path / "test_storm.py")
    fields: dict[str, Any] = {"concurrency": chance.choice((1, 2, 4)), "timeout": LIMIT}
    made = chance.choice((unittests, pytests))(tmp_path, grace=0.5, **fields)

    repository = opened(tmp_path / ".stestr", "stestr", create=True)
    recorded = RecordedRun(made, repository, Request())
    run, events, said = recorded.run, list[RunEvent](), io.StringIO()
    journal = Journal(tmp_path / "journal", run.cases)
    run.observers += [events.append, JsonLines(run.cases, said).record, journal.record]
    log, killed = Log(tmp_path / "ran"), list[int]()
    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        killer = group.create_task(kill(log, chance, killed))
        await run_headless(run)
        killer.cancel()
    number = recorded.finish()
    journal.close()

    short = {
        run.cases.test_id(row): int(run.cases.test_id(row).split("test_")[-1][:4])
        for row in run.cases
    }
    told = [(short[run.cases.test_id(one.row)], one) for one in flat(events)]
    lines = log.lines()
    broken = [
        *verdicts(kinds, told, lines, len(killed)),
        *order(told, lines),
        *shown(events),
    ]
    assert not broken, f"seed {seed}, {made.profiles[0].suite}, {fields}: {broken[:10]}"

    ends = [(one.row, one.status, one.at) for one in flat(events)]
    _, kept = replay(journal.path)
    assert [(one.row, one.status, one.at) for one in flat([event for _, event in kept])] == ends
    printed = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [
        (one["case"]["id"], one["status"]) for one in printed if one["event"] == "case_finished"
    ] == [(run.cases.test_id(row), status.value) for row, status, _ in ends]
    stored = (tmp_path / ".stestr" / str(number)).read_bytes()
    results = {one.test_id: one.status for one in read_v1(stored, frozenset())}
    assert {name: results.get(name) for name in short} == {
        run.cases.test_id(row): status for row, status, _ in ends
    }


def verdicts(
    kinds: Sequence[str],
    told: list[tuple[int, CaseFinished]],
    lines: list[tuple[int, int, str]],
    kills: int,
) -> Iterator[str]:
    """Each test has one verdict, that which it deserves; none ran twice without need."""
    count = Counter(number for number, _ in told)
    for number, kind in enumerate(kinds):
        if count[number] != 1:
            yield f"{number} ({kind}) has {count[number]} verdicts"
    hurt = 0
    for number, one in told:
        kind = kinds[number]
        if kind in DEADLY or kind == "overruns":
            due = "crash" if kind in DEADLY else "timeout"
            if one.kind.value != due:
                hurt += 1
                if one.kind.value != "crash":
                    yield f"{number} ({kind}) is {one.status} {one.kind}"
            continue
        status = "fail" if kind == "fails" else "skip" if kind == "skips" else "success"
        if one.status.value != status or (status == "fail" and one.kind.value != "assertion"):
            if one.kind.value == "crash":
                hurt += 1
            else:
                yield f"{number} ({kind}) is {one.status} {one.kind}"
    if hurt > kills:
        yield f"{hurt} tests paid for {kills} kills"
    begun = Counter(number for _, number, word in lines if word == "b")
    twice = [f"{number} ({kinds[number]})" for number, times in begun.items() if times > 1]
    if twice:
        yield f"ran twice: {twice}"


def order(told: list[tuple[int, CaseFinished]], lines: list[tuple[int, int, str]]) -> Iterator[str]:
    """What ran in a worker is told in the order in which it ran."""
    place = {number: index for index, (number, _) in enumerate(told)}
    workers: dict[int, list[int]] = defaultdict(list)
    for process, number, word in lines:
        if word == "b":
            workers[process].append(number)
    for process, numbers in workers.items():
        said = sorted((each for each in numbers if each in place), key=place.__getitem__)
        if said != numbers:
            wrong = [pair for pair in zip(numbers, said, strict=False) if pair[0] != pair[1]]
            yield f"worker {process} ran {wrong[0][0]} where {wrong[0][1]} is told"


def shown(events: list[RunEvent]) -> Iterator[str]:
    """A lane runs one test at a time, and what it began it ends."""
    running: dict[int, int] = {}
    for event in events:
        if isinstance(event, CaseStarted):
            if event.lane in running:
                yield f"row {event.row} begins while {running[event.lane]} runs"
            running[event.lane] = event.row
        elif isinstance(event, CaseFinished):
            if running.pop(event.lane, event.row) != event.row:
                yield f"row {event.row} ends while another runs"
        elif isinstance(event, CasesPassed) and event.lane in running:
            yield f"{len(event.rows)} passed while {running[event.lane]} runs"
