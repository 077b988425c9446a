"""What one lane holds, what it does now, and how long that will keep it busy."""

from __future__ import annotations

import math

from ..ids import HostName, LaneId, Row
from .estimate import SetUp
from .units import EVERYTHING, Part

SLACK = 0.002
"""Seconds of work a lane is to have left, over its round trips, when more is sent."""
NOISE = 0.5
"""The part of its expected time that a test may end too early without its lane running dry …"""
WORTH = 50.0
"""… as far as that is at most this many round trips: a longer test loses too little by waiting."""
OVERRUN = 0.1
"""Seconds that a test may always take before it counts as overrunning."""
OVERRUN_FACTOR = 3.0
BEGINNING = 0.1
"""Seconds after the first test of a group began in which it may yet begin to set up what the group shares."""


class Holding:
    """A lane, seen by the dispatcher. Durations are wall seconds on its host; unknown ones are inf."""

    __slots__ = (
        *(
            "barren",
            "batches",
            "beginner",
            "draining",
            "family",
            "fixtures",
            "free_at",
            "given_at",
            "held",
            "host",
            "known",
            "lane",
        ),
        *("latency", "load", "parts", "pending_wake", "profile", "ready", "recalled", "running"),
        *("setting_up", "since", "spent", "vague"),
    )

    def __init__(
        self, lane: LaneId, host: HostName, profile: int, latency: float, batches: bool = False
    ) -> None:
        self.lane = lane
        self.host = host
        self.profile = profile
        self.latency = latency
        self.batches = batches  # its worker runs one batch and ends
        self.spent = False  # and has got it
        self.given_at: float | None = None  # when, until its first test starts
        self.draining = False  # its worker is to get nothing more
        self.ready = False
        self.known = EVERYTHING
        self.held: dict[Row, float] = {}
        self.load = 0.0
        self.running: Row | None = None
        self.since = 0.0
        self.vague = False  # what runs has no estimate
        self.free_at = 0.0
        self.family: SetUp | None = None  # whose set-up is standing in this worker
        self.beginner: Row | None = None  # which row found it not standing there
        self.setting_up = False  # something that the running row's group shares comes up just now
        self.fixtures: dict[Row, float] = {}  # what shared fixtures took that came up in a row
        self.parts: list[Part] = []
        self.recalled: set[Row] = set()
        self.barren = False  # a recall came back empty, and nothing has changed since
        self.pending_wake = math.inf

    def begins(self, now: float) -> bool:
        """Whether the running test sets up, or may be about to, what its group shares."""
        if self.running is None:
            return False
        return self.setting_up or (self.running == self.beginner and now < self.since + BEGINNING)

    def hold(self, row: Row, seconds: float) -> None:
        """Take a row in."""
        self.held[row] = seconds
        self.load += seconds
        self.barren = False

    def drop(self, row: Row) -> None:
        """Let a row go: done, or given back."""
        seconds = self.held.pop(row)
        self.recalled.discard(row)
        self.fixtures.pop(row, None)
        if math.isinf(seconds) or not self.held:
            self.load = sum(self.held.values())
        else:
            self.load = max(self.load - seconds, 0.0)
        self.barren = False

    def queue(self) -> list[Row]:
        """Return what it has not started, as far as is known, and was not asked back; in order."""
        return [row for row in self.held if row != self.running and row not in self.recalled]

    def outstanding(self, now: float) -> float:
        """Return how long it will be busy if all goes as expected.

        What has no estimate may end at any time: it is not counted once it runs.
        """
        if self.vague and self.running is not None and len(self.held) == 1:
            return 0.0
        if self.running is None or math.isinf(self.load):
            return self.load
        if self.vague:
            return self.load - self.held[self.running]
        return self.load - min(now - self.since, self.held[self.running])

    def low(self) -> float:
        """Return how much work, in seconds, it must have left so as not to run dry before more comes."""
        low = 2.0 * self.latency + SLACK
        if self.running is None or self.vague or math.isinf(self.load):
            return low
        return low + min(NOISE * self.held[self.running], WORTH * self.latency)

    def patience(self) -> float:
        """Return when the running test begins to overrun."""
        if self.running is None:
            return math.inf
        expected = self.held[self.running]
        return self.since + max(
            OVERRUN, OVERRUN_FACTOR * (0.0 if math.isinf(expected) else expected)
        )

    def low_at(self, low: float) -> float:
        """Return when ``outstanding`` falls to ``low`` while the running test goes on, or inf."""
        if self.running is None or self.vague or math.isinf(self.load):
            return math.inf
        excess = self.load - low
        return self.since + excess if excess <= self.held[self.running] else math.inf
