"""What somebody asked to be run, before any change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..ids import Case
from ..watching import RunCases, RunNow, What
from .choice import Choice
from .inbox import Inbox

ASKED = "it was asked for"


class Wishes:
    """Runs that were asked for, the first first."""

    def __init__(
        self, choice: Choice, inbox: Inbox, failing: Callable[[], frozenset[Case]]
    ) -> None:
        self._choice, self._inbox, self._failing = choice, inbox, failing
        self._asked: deque[RunNow | RunCases] = deque()
        self._why = ASKED
        self.repeat: frozenset[Case] = frozenset()
        """What ran last, for the one who wants that again."""

    def __bool__(self) -> bool:
        return bool(self._asked)

    def add(self, wish: RunNow | RunCases) -> None:
        """Note what somebody asked for."""
        self._asked.append(wish)

    def begin_with_all(self, why: str) -> None:
        """Have everything run, for a reason of the watch's own."""
        self._asked.append(RunNow("all"))
        self._why = why

    @property
    def all(self) -> bool:
        """Whether somebody wants everything run."""
        return any(isinstance(wish, RunNow) and wish.what == "all" for wish in self._asked)

    def next(self) -> RunNow | RunCases | None:
        """Take the next; None if nobody asked for anything."""
        return self._asked.popleft() if self._asked else None

    def means(self, wish: RunNow | RunCases | None) -> tuple[str, frozenset[Case] | None]:
        """Return why everything is to run, or exactly which tests are, as far as somebody asked."""
        if wish is None:
            return "", None
        if isinstance(wish, RunCases):
            return "", wish.cases
        return self._what(wish.what)

    def _what(self, what: What) -> tuple[str, frozenset[Case] | None]:
        match what:
            case "all":
                why, self._why = self._why, ASKED
                return why, None
            case "rest":
                return "", frozenset(self._choice.unseen)
            case "failing":
                return "", self._failing()
            case "again":
                if self._inbox or self._choice.due:
                    return "", None
                return ("", self.repeat) if self.repeat else (ASKED, None)
