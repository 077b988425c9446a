"""Questions to history: trends of a case, differences of runs, what ran before a test."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import cast

from ..frozen import frozen
from ..ids import Case, HostName, ProfileName, Status
from .history import History, RunRecord, key_of

SLOWER = 1.5
"""How many times as long as before a case takes to be called slower …"""
SLOWER_BY = 0.1
"""… and at least how many seconds longer."""

_FAILURES = tuple(status.value for status in Status if status.is_failure)


@frozen
class Change:
    """A case whose time changed, in seconds."""

    case: Case
    before: float
    after: float


@frozen
class Comparison:
    """How a later run differs from an earlier one. A case is in one of the first five, or did not change."""

    newly_failing: tuple[Case, ...]
    fixed: tuple[Case, ...]
    still_failing: tuple[Case, ...]
    new: tuple[Case, ...]
    gone: tuple[Case, ...]
    """Also what merely did not run, when the later run is partial."""
    slower: tuple[Change, ...]
    """The greatest differences first."""


@frozen
class Flaky:
    """A case that goes both ways: ``flips`` between passing and failing among its last ``runs`` results."""

    case: Case
    flips: int
    runs: int
    failures: int = 0
    """In how many of the runs it failed in the end …"""
    retried: int = 0
    """… and in how many it passed after it had failed."""
    last_failed: int | None = None
    """The newest run with either."""


@frozen
class Result:
    """How a case ended in a run that began at ``started`` (UTC, ns); ``seconds`` is None if unknown."""

    run: int
    started: int
    status: Status
    seconds: float | None


def results_of(history: History, case: Case, number: int = 200) -> list[Result]:
    """Return the case's last results, the newest first."""
    rows = history.database.execute(
        """SELECT number, started, status, r.seconds FROM runs
        CROSS JOIN results r ON run = number AND key = ? ORDER BY number DESC LIMIT ?""",
        (key_of(*case), number),
    )
    return [Result(run, started, Status(status), seconds) for run, started, status, seconds in rows]


def runs(history: History, limit: int = -1) -> list[RunRecord]:
    """Return the runs, the newest first."""
    rows = history.database.execute("SELECT * FROM runs ORDER BY number DESC LIMIT ?", (limit,))
    return [_record(row) for row in rows]


def run(history: History, number: int) -> RunRecord | None:
    """Return one run."""
    row = history.database.execute("SELECT * FROM runs WHERE number = ?", (number,)).fetchone()
    return None if row is None else _record(row)


def last_green(history: History, *, before: int | None = None) -> int | None:
    """Return the newest run (before another) that ran everything and in which nothing failed."""
    for one in runs(history):
        if one.green and not one.partial and (before is None or one.number < before):
            return one.number
    return None


def failed(history: History) -> dict[int, list[str]]:
    """Return the ids of the tests that failed in each run in which some did."""
    rows = history.database.execute(
        f"""SELECT r.run, test_id FROM results r JOIN cases USING (key)
        WHERE status IN ({", ".join("?" * len(_FAILURES))})""",  # noqa: S608 - question marks
        _FAILURES,
    )
    found: dict[int, list[str]] = {}
    for run, test_id in rows:
        found.setdefault(run, []).append(test_id)
    return found


def latest_seconds(history: History) -> dict[Case, float]:
    """Return what each case took when it last ended by itself, in seconds."""
    rows = history.database.execute(
        "SELECT test_id, profile, seconds FROM cases WHERE seconds IS NOT NULL"
    )
    # A plain pair is equal to the Case of it, and hundreds of thousands of them are made in a third of the time.
    times = {(test_id, profile): seconds for test_id, profile, seconds in rows}
    return cast("dict[Case, float]", times)


def host_speeds(history: History) -> dict[HostName, float]:
    """Return how fast each host showed itself last, where this machine's speed is 1."""
    rows = history.database.execute("SELECT host, speed FROM hosts")
    return {HostName(host): speed for host, speed in rows}


def statuses(history: History, case: Case, number: int = 20) -> list[Status]:
    """Return the case's last statuses, the newest last."""
    rows = history.database.execute(
        """SELECT status FROM runs CROSS JOIN results ON run = number AND key = ?
        ORDER BY number DESC LIMIT ?""",
        (key_of(*case), number),
    )
    return [Status(status) for (status,) in rows][::-1]


def slowest(history: History, number: int, count: int = 10) -> list[tuple[Case, float]]:
    """Return a run's slowest cases and their seconds, the slowest first."""
    rows = history.database.execute(
        """SELECT test_id, profile, r.seconds FROM results r JOIN cases USING (key)
        WHERE r.run = ? AND r.seconds IS NOT NULL ORDER BY r.seconds DESC, test_id LIMIT ?""",
        (number, count),
    )
    return [(Case(test_id, ProfileName(profile)), seconds) for test_id, profile, seconds in rows]


def flaky(history: History, last: int = 20) -> list[Flaky]:
    """Return the cases that both passed and failed in the last runs, most often changing first.

    A case that passed on a further attempt within a run counts as two flips.
    """
    rows = history.database.execute(
        """SELECT key, status, flaky, run FROM results
        WHERE run IN (SELECT number FROM runs ORDER BY number DESC LIMIT ?) ORDER BY run""",
        (last,),
    )
    # key -> [flips, results, failed, passed on a retry, the newest run with a failure, how the last one was]
    seen: dict[int, list[int]] = {}
    for key, status, within, run in rows:
        failed = int(status in _FAILURES)
        entry = seen.setdefault(key, [0, 0, 0, 0, -1, failed])
        entry[0] += (entry[5] != failed) + 2 * within
        entry[1] += 1
        entry[2] += failed
        entry[3] += within
        if failed or within:
            entry[4] = run
        entry[5] = failed
    found = {key: entry for key, entry in seen.items() if entry[0]}
    names = _names(history.database, found)
    several = [
        Flaky(names[key], flips, number, failures, retried, None if newest < 0 else newest)
        for key, (flips, number, failures, retried, newest, _) in found.items()
    ]
    return sorted(several, key=lambda one: (-one.flips, one.case))


def compare(history: History, earlier: int, later: int) -> Comparison:
    """Return what is different in ``later``."""
    old, new = _results(history.database, earlier), _results(history.database, later)
    names = _names(history.database, old.keys() | new.keys())
    groups: dict[str, list[Case]] = {
        name: [] for name in ("newly_failing", "fixed", "still_failing", "new", "gone")
    }
    slower: list[Change] = []
    for key, (status, seconds) in new.items():
        failed = status in _FAILURES
        if key not in old:
            groups["newly_failing" if failed else "new"].append(names[key])
            continue
        before, before_seconds = old[key]
        if before in _FAILURES:
            groups["still_failing" if failed else "fixed"].append(names[key])
        elif failed:
            groups["newly_failing"].append(names[key])
        if seconds is None or before_seconds is None:
            continue
        if seconds > max(before_seconds * SLOWER, before_seconds + SLOWER_BY):
            slower.append(Change(names[key], before_seconds, seconds))
    groups["gone"] = [names[key] for key in old.keys() - new.keys()]
    slower.sort(key=lambda change: change.before - change.after)
    return Comparison(
        **{name: tuple(sorted(cases)) for name, cases in groups.items()}, slower=tuple(slower)
    )


def ran_before(history: History, number: int, case: Case) -> list[Case]:
    """Return what the same worker process ran before ``case`` in a run, in that order; see ``replay_of``."""
    replay = replay_of(history, number, case)
    return [] if replay is None else list(replay.cases[:-1])


@frozen
class Replay:
    """What a worker process ran up to an attempt of a case, in that order; the case's own is the last."""

    cases: tuple[Case, ...]
    worker: int | None
    status: Status
    """Of that attempt."""


def replay_of(history: History, number: int, case: Case) -> Replay | None:
    """Return what led to a case's last failure in a run, else to its result; None if it did not run then.

    A case that was repeated in that worker is there several times.
    """
    attempts = history.database.execute(
        f"""SELECT status, worker, generation, place FROM ({_ALL})
        WHERE run = ? AND key = ? ORDER BY last, number""",  # noqa: S608 - our own words
        (number, key_of(*case)),
    ).fetchall()
    if not attempts:
        return None
    failed = [one for one in attempts if one[0] in _FAILURES]
    status, worker, generation, place = (failed or attempts)[-1]
    rows = history.database.execute(
        f"""SELECT test_id, profile FROM ({_ALL}) it JOIN cases USING (key)
        WHERE it.run = ? AND worker IS ? AND generation = ? AND place < ? ORDER BY place""",  # noqa: S608
        (number, worker, generation, place),
    )
    before = [Case(test_id, ProfileName(profile)) for test_id, profile in rows]
    return Replay((*before, case), worker, Status(status))


_ALL = """
SELECT run, key, status, worker, generation, place, 1 AS last, 0 AS number FROM results
UNION ALL SELECT run, key, status, worker, generation, place, 0, rowid FROM attempts
"""


def _record(row: tuple[object, ...]) -> RunRecord:
    number, _, started, seconds, partial, interrupted, label, profiles, *counts = row
    return RunRecord(
        int(str(number)),
        int(str(started)),
        float(str(seconds)),
        bool(partial),
        bool(interrupted),
        str(label),
        tuple(json.loads(str(profiles))),
        {status: int(str(count)) for status, count in zip(Status, counts, strict=True)},
    )


def _results(database: sqlite3.Connection, number: int) -> Mapping[int, tuple[str, float | None]]:
    rows = database.execute("SELECT key, status, seconds FROM results WHERE run = ?", (number,))
    return {key: (status, seconds) for key, status, seconds in rows}


def _names(database: sqlite3.Connection, keys: Iterable[int]) -> dict[int, Case]:
    names: dict[int, Case] = {}
    several = list(keys)
    for at in range(0, len(several), 500):
        some = several[at : at + 500]
        marks = ", ".join("?" * len(some))
        query = f"SELECT key, test_id, profile FROM cases WHERE key IN ({marks})"  # noqa: S608
        rows = database.execute(query, some)
        names.update((key, Case(test_id, ProfileName(profile))) for key, test_id, profile in rows)
    return names
