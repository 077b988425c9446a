"""What earlier runs did, in SQLite: derived from the streams, and made anew from them when it is lost.

One file, ``testlanes/history.sqlite`` in the repository. A case's key is a hash of its name, so that
storing a run needs no look at what is there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import blake2b
from pathlib import Path

from ..frozen import frozen
from ..ids import LOCAL, Case, HostName, ProfileName, Status
from .base import StoredResult, StoredRun
from .filing import About, Outcome

VERSION = 1
KEPT = 2_000_000
"""Results that are kept; the oldest runs' go first."""
IMPORTED = 20
"""Runs, the newest, that are read from their streams when history does not have them."""

_SCHEMA = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, size INTEGER NOT NULL, started INTEGER NOT NULL, seconds REAL NOT NULL,
    partial INTEGER NOT NULL, interrupted INTEGER NOT NULL, label TEXT NOT NULL, profiles TEXT NOT NULL,
    success INTEGER NOT NULL, fail INTEGER NOT NULL, skip INTEGER NOT NULL, xfail INTEGER NOT NULL,
    uxsuccess INTEGER NOT NULL, notrun INTEGER NOT NULL
);
CREATE TABLE cases (
    key INTEGER PRIMARY KEY, test_id TEXT NOT NULL, profile TEXT NOT NULL, seconds REAL, run INTEGER NOT NULL
);
CREATE TABLE results (
    run INTEGER NOT NULL, key INTEGER NOT NULL, place INTEGER NOT NULL, status TEXT NOT NULL, kind TEXT NOT NULL,
    seconds REAL, host TEXT, worker INTEGER, generation INTEGER NOT NULL, flaky INTEGER NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
"""
_ATTEMPTS = """
CREATE TABLE IF NOT EXISTS attempts (
    run INTEGER NOT NULL, key INTEGER NOT NULL, place INTEGER NOT NULL, status TEXT NOT NULL,
    worker INTEGER, generation INTEGER NOT NULL
)
"""
"""Attempts that were followed by another one of the same case in the same run; results has the last ones."""
_HOSTS = "CREATE TABLE IF NOT EXISTS hosts (host TEXT PRIMARY KEY, speed REAL NOT NULL)"
"""How fast hosts showed themselves last; this machine's speed is 1."""


@frozen
class RunRecord:
    """A stored run as a whole. ``started`` is UTC in ns; ``counts`` has each status, ``NOT_RUN`` too."""

    number: int
    started: int
    seconds: float
    partial: bool
    interrupted: bool
    label: str
    profiles: tuple[str, ...]
    counts: dict[Status, int]

    @property
    def total(self) -> int:
        """How many cases have a result."""
        return sum(self.counts.values()) - self.counts[Status.NOT_RUN]

    @property
    def failures(self) -> int:
        """How many of them are failures."""
        return sum(count for status, count in self.counts.items() if status.is_failure)

    @property
    def green(self) -> bool:
        """Whether all that was to run ran, and passed."""
        return self.complete and not self.failures

    @property
    def complete(self) -> bool:
        """Whether all that was to run ran."""
        return bool(self.total) and not (self.interrupted or self.counts[Status.NOT_RUN])


class History:
    """The file and what is put into it; ``queries`` asks it. ``path`` is None for one in memory.

    A file that cannot be used is made anew once, and if that fails history lives in memory; ``problem``
    then says so. Methods may be called from any thread, one at a time.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.problem = ""
        self._database: sqlite3.Connection | None = None

    @property
    def database(self) -> sqlite3.Connection:
        """The open database, its tables made."""
        if self._database is None:
            self._database = self._open()
        return self._database

    def add(
        self,
        number: int,
        size: int,
        about: About,
        outcomes: Callable[[], Iterable[Outcome]],
        earlier: Callable[[], Iterable[Outcome]] = tuple,
    ) -> None:
        """Put a run in, in place of what is known of one of this number. ``size``: its stream's, in bytes.

        ``outcomes``: each case's, anew each time it is called; ``earlier``: attempts that were followed by another one.
        """

        def add(database: sqlite3.Connection) -> None:
            _add(database, number, size, about, outcomes)
            _add_attempts(database, number, earlier())

        self._trying(add)

    def forget(self, number: int) -> None:
        """Take a run out."""

        def forget(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM runs WHERE number = ?", (number,))
            database.execute("DELETE FROM results WHERE run = ?", (number,))
            database.execute("DELETE FROM attempts WHERE run = ?", (number,))

        self._trying(forget)

    def follow(self, sizes: dict[int, int], read: Callable[[int], StoredRun]) -> None:
        """Bring it up to date with the streams that exist: number -> size in bytes."""
        try:
            known = dict(self.database.execute("SELECT number, size FROM runs").fetchall())
        except sqlite3.Error:
            self._renew()
            known = {}
        for number in known.keys() - sizes.keys():
            self.forget(number)
        missing = sorted(number for number, size in sizes.items() if known.get(number) != size)
        for number in missing[-IMPORTED:]:
            outcomes = list(outcomes_of(read(number)))
            self.add(number, sizes[number], about_of(outcomes), partial(iter, outcomes))

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _trying(self, change: Callable[[sqlite3.Connection], None]) -> None:
        try:
            with self.database as database:
                change(database)
        except sqlite3.OperationalError as error:
            self.problem = f"history is not up to date: {error}"
        except sqlite3.DatabaseError:
            self._renew()
            with self.database as database:
                change(database)

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self.path)
        except sqlite3.OperationalError as error:
            self.problem = f"{self.path}: {error}"
            return _connect(None)
        except sqlite3.DatabaseError:
            self._remove()
            try:
                return _connect(self.path)
            except sqlite3.Error as error:
                self.problem = f"{self.path}: {error}"
                return _connect(None)

    def _renew(self) -> None:
        """Throw a damaged file away."""
        self.close()
        self._remove()

    def _remove(self) -> None:
        if self.path is not None:
            try:
                self.path.unlink(missing_ok=True)
                self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)
            except OSError as error:
                self.problem = f"{self.path}: {error.strerror}"


def _connect(path: Path | None) -> sqlite3.Connection:
    database = sqlite3.connect(path or ":memory:", timeout=10, check_same_thread=False)
    try:
        database.execute("PRAGMA synchronous = OFF")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            with database:
                database.execute("BEGIN IMMEDIATE")
                version = database.execute("PRAGMA user_version").fetchone()[0]
                if version != VERSION:
                    for name in ("runs", "cases", "results"):
                        database.execute(f"DROP TABLE IF EXISTS {name}")
                    for statement in _SCHEMA.split(";"):
                        database.execute(statement)
                    database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute(_ATTEMPTS)
        database.execute(_HOSTS)
    except BaseException:
        database.close()
        raise
    return database


def key_of(test_id: str, profile: str) -> int:
    """Return a case's key: 64 bits of a hash, as SQLite's signed integer."""
    name = f"{profile}\0{test_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little", signed=True)


def _add(
    database: sqlite3.Connection,
    number: int,
    size: int,
    about: About,
    outcomes: Callable[[], Iterable[Outcome]],
) -> None:
    speeds: dict[HostName, float] = {}

    def results() -> Iterator[tuple[object, ...]]:
        for one in outcomes():
            test_id, profile, status, kind, _, seconds, host, worker, *_ = one
            if one.speed != 1.0:
                speeds[host] = one.speed
            # as plain texts, which SQLite takes without asking what they are
            yield (
                *(number, key_of(test_id, profile), one.place, str(status), str(kind), seconds),
                *(None if host == LOCAL else host, worker, one.generation, one.flaky),
            )

    database.execute("DELETE FROM results WHERE run = ?", (number,))
    database.executemany("REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", results())
    if speeds or database.execute(_ANY_NEW, (number,)).fetchone():
        named = (
            (key_of(one.test_id, one.profile), one.test_id, one.profile, one.normal, number)
            for one in outcomes()
        )
        database.executemany(_NAME_CASE, named)
    else:
        database.execute(_TIME_CASES, (number,))
    database.executemany("REPLACE INTO hosts VALUES (?, ?)", list(speeds.items()))
    query = "SELECT status, count(*) FROM results WHERE run = ? GROUP BY status"
    counts = dict(database.execute(query, (number,)).fetchall())
    counts["notrun"] = about.not_run
    database.execute(
        "REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(number, size, about.started, about.seconds, about.partial, about.interrupted),
            *(
                about.label,
                json.dumps(about.profiles),
                *(counts.get(status, 0) for status in Status),
            ),
        ),
    )
    _prune(database)


def _add_attempts(database: sqlite3.Connection, number: int, earlier: Iterable[Outcome]) -> None:
    database.execute("DELETE FROM attempts WHERE run = ?", (number,))
    rows = (
        (
            number,
            key_of(one.test_id, one.profile),
            one.place,
            one.status.value,
            one.worker,
            one.generation,
        )
        for one in earlier
    )
    database.executemany("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)", rows)


_UPDATE = """
ON CONFLICT (key) DO UPDATE SET
    seconds = coalesce(excluded.seconds, seconds), run = excluded.run WHERE excluded.run >= run
"""
_NAME_CASE = f"INSERT INTO cases VALUES (?, ?, ?, ?, ?) {_UPDATE}"  # noqa: S608 - our own words
_TIME_CASES = f"""
INSERT INTO cases SELECT
    key, test_id, profile, CASE WHEN r.kind NOT IN ('crash', 'timeout', 'setup') THEN r.seconds END, r.run
FROM results r JOIN cases USING (key) WHERE r.run = ? {_UPDATE}
"""  # noqa: S608 - our own words
"""The same for all cases of a run, which are named already, on hosts of speed 1 (``Outcome.normal``)."""
_ANY_NEW = """
SELECT 1 FROM results r WHERE run = ? AND NOT EXISTS (SELECT 1 FROM cases WHERE cases.key = r.key) LIMIT 1
"""


def _prune(database: sqlite3.Connection) -> None:
    """Drop the results of the oldest runs when there are too many; what is said of the runs stays."""
    total = 0
    columns = " + ".join(status.value for status in Status if status is not Status.NOT_RUN)
    query = f"SELECT number, {columns} FROM runs ORDER BY number DESC"  # noqa: S608 - our own words
    for number, count in database.execute(query):
        total += count
        if total > KEPT:
            database.execute("DELETE FROM results WHERE run <= ?", (number,))
            database.execute("DELETE FROM attempts WHERE run <= ?", (number,))
            return


def outcomes_of(results: Iterable[StoredResult]) -> Iterator[Outcome]:
    """Yield what a stored stream says of each case; the last result of a case counts."""
    last: dict[Case, Outcome] = {}
    places: dict[int | None, int] = {}
    for one in results:
        place = places[one.worker] = places.get(one.worker, -1) + 1
        last.pop(one.case, None)
        last[one.case] = Outcome(
            one.test_id,
            ProfileName(one.profile),
            one.status,
            at=one.stop or one.start or 0,
            seconds=one.seconds,
            host=one.host,
            worker=one.worker,
            place=place,
            flaky="flaky" in one.tags,
            own=one.seconds is not None,
        )
    yield from last.values()


def about_of(outcomes: Iterable[Outcome], *, partial: bool = False) -> About:
    """Return what can be said of a run that is only known by its results."""
    begins: list[int] = []
    ends: list[int] = []
    profiles: dict[str, None] = {}
    for one in outcomes:
        profiles[one.profile] = None
        if one.at:
            ends.append(one.at)
            begins.append(one.at - round((one.seconds or 0) * 1e9))
    started = min(begins, default=0)
    return About(started, (max(ends, default=0) - started) / 1e9, partial, profiles=tuple(profiles))
