"""What a cycle has brought so far: an observer of its run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..affected import Uses
from ..events import CaseFinished, CasesListed, CasesPassed, FilesUsed, ListingEnded, RunEvent
from ..frame import Run
from ..ids import Case, ProfileName, Row
from .choice import Choice


@dataclass(slots=True)
class Tally:
    """``clock``: when the cycle began, monotonic, in seconds."""

    clock: float
    uses: Uses
    choice: Choice
    first: float | None = None
    """Seconds from there to the first result."""
    finished: set[Case] = field(default_factory=set[Case])
    listed: set[Case] = field(default_factory=set[Case])
    reasons: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    _profiles: tuple[ProfileName, ...] = ()
    _unlisted: set[ProfileName] = field(default_factory=set[ProfileName])
    _news: list[tuple[tuple[str, str, str], ...]] = field(
        default_factory=list[tuple[tuple[str, str, str], ...]]
    )

    @property
    def listed_all(self) -> bool:
        """Whether all suites came to be completely known."""
        return not self._unlisted

    def ids(self) -> dict[ProfileName, frozenset[str]]:
        """Return the ids of each profile."""
        found: dict[ProfileName, set[str]] = {name: set() for name in self._profiles}
        for test_id, profile in self.listed:
            found[profile].add(test_id)
        return {profile: frozenset(ids) for profile, ids in found.items()}

    def follow(self, run: Run, *, owed: bool) -> None:
        """Observe a run. ``owed``: what it selects and does not reach is still to run after it."""
        self._profiles = tuple(profile.name for profile in run.settings.profiles)
        self._unlisted = set(self._profiles)

        def finished(rows: Iterable[Row]) -> None:
            if self.first is None:
                self.first = time.monotonic() - self.clock
            for case in map(run.cases.case, rows):
                self.finished.add(case)
                self.choice.ran(case)

        def observe(event: RunEvent) -> None:
            match event:
                case FilesUsed(_, files):
                    self._news.append(files)
                case CasesListed():
                    self.listed.update(map(run.cases.case, event.rows))
                    if owed:
                        self.choice.owes(map(run.cases.case, event.selected))
                case ListingEnded(profile, error):
                    if not error:
                        self._unlisted.discard(profile)
                case CaseFinished(_, row):
                    finished((row,))
                case CasesPassed(_, rows):
                    finished(rows)
                case _:
                    pass

        run.observers.append(observe)

    def learn(self) -> None:
        """Take up what files were used; not while another thread asks whom a change affects."""
        news, self._news = self._news, []
        for files in news:
            self.uses.note(files)
