"""A repository in a directory, as testrepository (``.testrepository``) and stestr (``.stestr``) lay it out.

Facts about the layout are in the two tools' ``repository/file.py``: ``format`` holds ``1``, ``next-stream`` the
number of the next run, files named by numbers the runs as subunit v1, ``failing`` the failing tests, and
``times.dbm`` durations. What is ours is in ``testlanes/`` inside it, which both tools ignore.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

from ..cases import CaseTable
from ..errors import UserError
from ..ids import DEFAULT_PROFILE, Case, HostName, ProfileName
from . import queries
from .base import Repository, StoredResult, StoredRun
from .failing import Remembering, is_gone
from .filing import LOST, Draft, Filing, Outcome
from .finished import stored_profile
from .history import History
from .inserting import filing_of
from .locks import locked
from .numbers import TEMPORARY, Numbers, replace_file
from .recording import NOT_STORED, Recording
from .spelling import stored_id
from .stream_v1 import read_v1, write_v1
from .times import TimesError, read_times, stripped, write_times

Format = Literal["testr", "stestr"]

TIMES_LIMIT = 100_000
"""Tests of a run beyond which times.dbm is left as it is: it takes 512 bytes for each, and seconds."""

HELD = 20_000
"""Outcomes that are worth their memory, so as not to be made twice."""


class DirectoryRepository(Repository):
    """Use ``open_repository`` to make one. ``path`` is the repository's own directory."""

    def __init__(self, path: Path, format: Format) -> None:  # noqa: A002 - the word for it
        self.path = path
        self.format = format
        self.own = path / "testlanes"
        """Where we keep what the other tools do not know."""
        self.numbers = Numbers(path)
        self.warnings: list[str] = []
        self._history: History | None = None
        self._profiles: frozenset[str] | None = None

    # -- writing

    def begin(self, cases: CaseTable, *, partial: bool, root: str) -> Recording:
        """Start to store a run; see ``Repository.begin``. Raises ``UserError`` if nothing can be written."""
        draft, token = self._draft()
        journal = self.own / f"{token}.journal"
        return Recording(cases, draft, self._store, partial=partial, journal=journal)

    def insert(
        self, results: Iterable[StoredResult], partial: bool, *, interrupted: bool = False
    ) -> int:
        """Store results as a run; see ``Repository.insert``."""
        draft, _ = self._draft()
        filing = filing_of(results, draft, self.profiles, partial=partial, interrupted=interrupted)
        number, problem = self._store(filing)
        if number == NOT_STORED:
            raise UserError(f"The run could not be stored: {problem}")
        if problem:
            self.warn(problem)
        return number

    def remove(self, number: int) -> None:
        """Forget a run; see ``Repository.remove``."""
        try:
            with self.locked():
                (self.path / str(number)).unlink()
        except FileNotFoundError:
            raise self._no_run(number) from None
        except OSError as error:
            raise self._unwritable(error) from None
        self.history.forget(number)

    def _draft(self) -> tuple[Draft, str]:
        token = f"{os.getpid()}-{os.urandom(4).hex()}"
        try:
            with self.locked():
                return Draft(self.path / f"{TEMPORARY}{token}"), token
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(
            f"Cannot write to {self.path}: {error.strerror or error}",
            hint="Free some space, mend its permissions, or name another repository.",
        )

    def locked(self) -> AbstractContextManager[None]:
        """Return what keeps others of us from writing while it is held."""
        self.own.mkdir(exist_ok=True)
        return locked(self.own / "lock")

    def _store(self, filing: Filing) -> tuple[int, str]:
        """Put a finished run in place: the stream, next-stream, failing, times, history, in this order.

        Returns its number and what went wrong on the way; after a problem the rest is still done.
        """
        problems: list[str] = []
        number = NOT_STORED
        try:
            with self.locked():
                filing.draft.cut()
                if filing.draft.problem:
                    problems.append(filing.draft.problem)
                number = self.numbers.give(filing.draft.name, problems)
                known = self._remember_profiles(filing.about.profiles, problems)
                filing = _held(filing)
                for name, write in (
                    ("failing", lambda: self._write_failing(filing, known)),
                    ("times.dbm", lambda: self._write_times(filing)),
                ):
                    try:
                        write()
                    except OSError as error:
                        problems.append(f"{name}: {error.strerror or error}")
                    except TimesError as error:
                        problems.append(
                            f"{error}; times of this run are in testlanes' own history only"
                        )
                number = self.numbers.keep(filing.draft.name, number)
                if self._history is None:
                    self._history = History(self.own / "history.sqlite")
                self._history.add(
                    number, filing.draft.size, filing.about, filing.outcomes, filing.earlier
                )
                if self._history.problem:
                    problems.append(self._history.problem)
                self._let_go(filing.draft)
        except (OSError, UserError, sqlite3.Error) as error:
            problems.append(str(error))
            filing.draft.close()
        return number, "; ".join(problems)

    def _let_go(self, draft: Draft) -> None:
        """Remove the stream's temporary name, and its journal: it needs no recovery any more."""
        self.journal_of(draft.name).unlink(missing_ok=True)
        draft.discard()

    def journal_of(self, temporary: Path) -> Path:
        """Return where the journal of the run in a temporary file belongs."""
        return self.own / f"{temporary.name.removeprefix(TEMPORARY)}.journal"

    def _write_failing(self, filing: Filing, profiles: frozenset[str]) -> None:
        def blocks() -> Iterator[bytes]:
            failed = ((one.test_id, one.profile) for one in filing.failures())
            known = Remembering(filing.facts, profiles, failed)
            for old in self._read_failing(profiles):
                if known.stays(old):
                    yield write_v1(old)
            for one in filing.failures():
                if one.offset == LOST:
                    yield write_v1(_unstored(one))
                else:
                    yield filing.draft.read(one.offset, one.length)

        replace_file(self.path / "failing", blocks(), 0o600)

    def forget_failures(self, listed: Mapping[ProfileName, frozenset[str]]) -> None:
        """Forget failures of tests that there are no more. ``listed``: profile -> all ids that it has.

        Of profiles that are not named nothing is forgotten. Raises OSError.
        """
        ids = {
            stored_profile(profile): frozenset(map(stored_id, found))
            for profile, found in listed.items()
        }
        with self.locked():
            known = list(self._read_failing(self.profiles))
            left = [old for old in known if not is_gone(old, ids)]
            if len(left) < len(known):
                replace_file(self.path / "failing", map(write_v1, left), 0o600)

    def _write_times(self, filing: Filing) -> None:
        times: dict[str, float] = {}
        scenarios = self.format == "stestr"
        for one in filing.outcomes():
            test_id, seconds = one.test_id, one.normal
            if seconds is None:
                continue
            if seconds >= times.get(test_id, 0.0):
                times[test_id] = seconds
            if scenarios and "[" in test_id:
                name = stripped(test_id)
                times[name] = max(seconds, times.get(name, 0.0))
            if len(times) > TIMES_LIMIT:
                return
        if times:
            write_times(self.path, times, dumb=self.format == "stestr")

    def _remember_profiles(self, profiles: Iterable[str], problems: list[str]) -> frozenset[str]:
        """Keep the names of profiles, by which their tags are told from others when streams are read."""
        self._profiles = None  # others may have added some
        known = self.profiles
        new = [name for name in dict.fromkeys(profiles) if name and name not in known]
        if new:
            self._profiles = known = known.union(new)
            try:
                with (self.own / "profiles").open("a", encoding="utf-8") as stream:
                    stream.writelines(f"{name}\n" for name in new)
            except OSError as error:
                problems.append(f"profiles: {error.strerror or error}")
        return known

    # -- reading

    @property
    def profiles(self) -> frozenset[str]:
        """The names of all profiles that were ever recorded, and the default."""
        if self._profiles is None:
            try:
                names = (self.own / "profiles").read_text("utf-8").split("\n")
            except (OSError, UnicodeDecodeError):
                names = []
            self._profiles = frozenset(name for name in (*names, DEFAULT_PROFILE) if name)
        return self._profiles

    def run_numbers(self) -> list[int]:
        """Return the runs that exist, ascending."""
        return sorted(self.numbers.sizes())

    def read(self, number: int) -> StoredRun:
        """Return a run; see ``Repository.read``."""
        try:
            data = (self.path / str(number)).read_bytes()
        except FileNotFoundError:
            raise self._no_run(number) from None
        except OSError as error:
            raise UserError(f"Cannot read run {number}: {error.strerror or error}") from None
        return StoredRun(number, data, self.profiles)

    def _no_run(self, number: int) -> UserError:
        latest = self.latest()
        there = f"the newest is {latest}" if latest is not None else "there are none yet"
        return UserError(f"There is no run {number} in {self.path}; {there}.")

    def failing(self) -> list[StoredResult]:
        """Return what failed when it last ran, an unexpected success included."""
        last = {one.case: one for one in self._read_failing(self.profiles)}
        return list(last.values())

    def _read_failing(self, profiles: frozenset[str]) -> list[StoredResult]:
        try:
            data = (self.path / "failing").read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(
                f"Cannot read {self.path / 'failing'}: {error.strerror or error}"
            ) from None
        return [one for one in read_v1(data, profiles) if one.status.is_failure]

    def times(self) -> Mapping[Case, float]:
        """Return durations: our own of each case, and testr's or stestr's where we have none."""
        own = queries.latest_seconds(self.history)
        known = {test_id for test_id, profile in own if profile == DEFAULT_PROFILE}
        try:
            shared = read_times(self.path, known, dumb=self.format == "stestr")
        except TimesError as error:
            self.warn(str(error))
            shared = {}
        times = {Case(test_id, DEFAULT_PROFILE): seconds for test_id, seconds in shared.items()}
        return times | own

    def speeds(self) -> Mapping[HostName, float]:
        """Return how fast each host showed itself last."""
        return queries.host_speeds(self.history)

    def subunit_v2(self, number: int | None, out: BinaryIO) -> None:
        """Write a run or what is failing as subunit v2."""
        from .stream_v2 import write_v2

        write_v2(self.failing() if number is None else self.read(number), out)

    def close(self) -> None:
        """Let go of the history's file."""
        if self._history is not None:
            self._history.close()

    @property
    def history(self) -> History:
        """History, with the runs that other tools stored or removed since."""
        if self._history is None:
            place = self.own / "history.sqlite"
            writable = os.access(self.own if self.own.is_dir() else self.path, os.W_OK)
            if writable:
                self.own.mkdir(exist_ok=True)
            self._history = History(place if writable else None)
        self._history.follow(self.numbers.sizes(), self.read)
        if self._history.problem:
            self.warn(self._history.problem)
        return self._history

    def warn(self, text: str) -> None:
        """Keep a line for the user."""
        if text not in self.warnings:
            self.warnings.append(text)


def _held(filing: Filing) -> Filing:
    """Return a filing whose outcomes are made once, if they are not too many."""
    kept = list(islice(filing.outcomes(), HELD + 1))
    return filing if len(kept) > HELD else replace(filing, outcomes=lambda: iter(kept))


def _unstored(outcome: Outcome) -> StoredResult:
    """Return what is left of a result whose block could not be written."""
    tags = () if outcome.profile == DEFAULT_PROFILE else (outcome.profile,)
    return StoredResult(
        outcome.test_id, outcome.status, outcome.profile, tags, outcome.at, outcome.at
    )
