"""``testlanes history``: list the stored runs, show one, remove some."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Set as AbstractSet
from itertools import groupby

from ..quarantine import Quarantine
from ..report.clean import clean_line
from ..report.wording import clock
from ..repository import queries
from ..repository.base import Repository
from ..repository.history import RunRecord
from ..settings import Settings
from .arguments import Arguments
from .last import show_run
from .output import say
from .stored import newest, opened


def run_history(args: Arguments, settings: Settings) -> int:
    """Do one of the three. ``show`` returns 1 for a run that failed."""
    known = Quarantine(settings.known_flaky)
    with opened(settings) as repository:
        if args.action == "show":
            number = int(args.run) if args.run else newest(repository)
            return show_run(repository, number, known, subunit=args.subunit)
        if args.action == "remove":
            numbers = repository.run_numbers() if args.run == "all" else [int(args.run)]
            for number in numbers:
                repository.remove(number)
            return 0
        _list(repository, known, as_json=args.json)
    return 0


def _list(repository: Repository, known: Quarantine, *, as_json: bool) -> None:
    runs = queries.runs(repository.history)[::-1]
    failed = queries.failed(repository.history) if known else {}
    passed = {one.number for one in runs if _passed(one, failed.get(one.number, ()), known)}
    if as_json:
        say(json.dumps([_as_json(one, one.number in passed) for one in runs], indent=2))
        return
    rows = [("run", "date", "time", "tests", "failed", "passed", "profiles", "")]
    for label, group in groupby(runs, key=lambda one: one.label):
        cycles = list(group)
        folded = label.startswith("watch ") and len(cycles) > 1
        rows += [_folded(cycles, passed)] if folded else [_row(one, passed) for one in cycles]
    widths = [max(len(row[at]) for row in rows) for at in range(7)]
    for row in rows:
        run, date, took, tests, failed, passed, profiles, note = row
        say(
            f"{run:>{widths[0]}}  {date:<{widths[1]}}  {took:>{widths[2]}}  {tests:>{widths[3]}}"
            f"  {failed:>{widths[4]}}  {passed:<{widths[5]}}  {profiles:<{widths[6]}}  {note}".rstrip()
        )


def _passed(one: RunRecord, failed: Collection[str], known: Quarantine) -> bool:
    """Return whether all of a run ran, and nothing failed but what is known to be flaky."""
    return one.green or (
        len(failed) == one.failures > 0 and one.complete and all(map(known, failed))
    )


def _row(one: RunRecord, passed: AbstractSet[int]) -> tuple[str, ...]:
    notes = [one.label, "partial" if one.partial else "", "interrupted" if one.interrupted else ""]
    return (
        str(one.number),
        _date(one).strftime("%Y-%m-%d %H:%M:%S") if one.started else "",
        clock(one.seconds),
        f"{one.total:,}",
        f"{one.failures:,}",
        "yes" if one.number in passed else "no",
        clean_line(",".join(one.profiles)),
        clean_line(", ".join(filter(None, notes))),
    )


def _folded(cycles: list[RunRecord], passed: AbstractSet[int]) -> tuple[str, ...]:
    """Return one row for the cycles of a watch: what failed and passed is the last one's."""
    ordered = sorted(cycles, key=lambda one: one.number)
    first, last = _row(ordered[0], passed), _row(ordered[-1], passed)
    note = f"{ordered[-1].label}, {len(ordered)} cycles"
    tests = f"{sum(one.total for one in ordered):,}"
    took = clock(sum(one.seconds for one in ordered))
    return (f"{first[0]}-{last[0]}", first[1], took, tests, *last[4:7], note)


def _as_json(one: RunRecord, passed: bool) -> dict[str, object]:
    return {
        "run": one.number,
        "started": _date(one).astimezone(dt.UTC).isoformat() if one.started else None,
        "seconds": round(one.seconds, 6),
        "passed": passed,
        "partial": one.partial,
        "interrupted": one.interrupted,
        "label": one.label,
        "profiles": list(one.profiles),
        "counts": {status.value: count for status, count in one.counts.items()},
    }


def _date(one: RunRecord) -> dt.datetime:
    """Return when a run began, in local time."""
    return dt.datetime.fromtimestamp(one.started // 1_000_000_000, dt.UTC).astimezone()
