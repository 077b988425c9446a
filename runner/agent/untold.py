"""What a worker has run and not told yet: quick passes without a word, of which one write tells many.

The lane's ``pulse`` holds what is untold when a test begins, and the agent tells that of a worker that died, or that is
inside a long test. So a result may be told twice; whoever reads it goes by the places. A worker killed between a test's end
and the next one's beginning has lost that result, as if it were killed in the test.
"""

from struct import Struct

from .channel import event_packet
from .packets import packets

RESULT = Struct("<IIQ")
"""One pass: its place among all ids that the worker was sent, what it took (ns), when it ended (ns since the epoch)."""
LONGEST = (1 << 32) - 1
"""Nanoseconds of the longest test that fits."""
MOST = 64
"""Results after which they are told anyhow: the pulse is written with all of them."""
PAUSE = 5000000
"""Nanoseconds for which a busy worker gathers."""
HURRIES = 8
"""How often it tells at once after a calm time: first results, and those of slow tests, have somebody waiting."""


class Untold:
    """``take`` is what goes ahead of whatever the worker says next (``Channel.ahead``)."""

    def __init__(self):
        self.results = b""
        self._begun = None
        self._hurries, self._counted = float(HURRIES), 0

    def began(self, test_id, at):
        """A test began. ``at``: ns since the epoch. Return whether it is time to tell."""
        self._begun = test_id, at
        hurries = min(self._hurries + (at - self._counted) / PAUSE, HURRIES)
        self._counted = at
        due = hurries >= 1.0 or len(self.results) >= MOST * RESULT.size
        self._hurries = hurries - 1.0 if hurries >= 1.0 else hurries
        return due

    def passed(self, place, took, at):
        """The test that began passed."""
        self._begun = None
        self.results += RESULT.pack(place, took, at)

    def take(self):
        """Return it as packets; from now on it is told."""
        said = b""
        if self.results:
            said = event_packet("ran", results=self.results)
            self.results = b""
        if self._begun is not None:
            test_id, at = self._begun
            self._begun = None
            said += packets(test_id, "inprogress", ns=at)
        return said
