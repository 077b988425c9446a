"""Whether the other end of a channel lives: each end hears of the other, or acts as if it were dead. Pure.

An agent that hears nothing for a lease ends all it runs. We ask it something every so often, and ask nothing more
until it has answered, so that it cannot hear us long after we last heard it: when we take a host to be lost,
1.2 leases after its last word, nothing runs there any more, and what ran there may run elsewhere.
"""

from __future__ import annotations

from ..frozen import frozen

LOST_AFTER = 1.2
"""Leases without a word from a host after which it is lost."""

PINGS = 15
"""Questions in a lease, at least."""

SILENT = 5.0
"""Seconds without a word from a host after which that is worth telling."""


@frozen
class Beat:
    """What is to be done now. ``silent``: whole seconds without a word, 0 while that is nothing to tell."""

    ping: bool = False
    silent: int = 0
    lost: bool = False


class Heartbeat:
    """One channel's. All times are seconds on one monotonic clock."""

    def __init__(self, lease: float, now: float) -> None:
        self.pause = min(1.0, lease / (3 * PINGS))
        """Seconds between two calls of ``beat``."""
        self.lost_after = lease * LOST_AFTER
        """Seconds without a word after which it is lost."""
        self._lease = lease
        self._heard = self._beaten = self._asked = now
        self._unanswered = False
        self._told = 0

    def heard(self, now: float) -> bool:
        """Something came. Return whether the silence before was told of."""
        self._heard = now
        was_silent, self._told = self._told > 0, 0
        return was_silent

    def answered(self) -> None:
        """The answer to a ping came."""
        self._unanswered = False

    def beat(self, now: float) -> Beat:
        """Return what is to be done."""
        late = now - self._beaten - self.pause
        self._beaten = now
        if late > self._lease / 4:
            # We were stopped, and have not looked at what it said meanwhile.
            self._heard = min(self._heard + late, now)
        silent = now - self._heard
        if silent + self.pause > self.lost_after:
            return Beat(lost=True)
        ping = not self._unanswered and now - self._asked >= self._lease / PINGS
        if ping:
            self._asked, self._unanswered = now, True
        told = int(silent) if silent > SILENT else 0
        if told == self._told:
            told = 0
        else:
            self._told = told
        return Beat(ping, told)
