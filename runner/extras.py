"""Results under ids that nobody scheduled: ``setUpClass (m.C)``, or what a foreign command ran besides."""

from __future__ import annotations

from .deaths import TEXT
from .errors import ProtocolError
from .events import ExtraResult
from .ids import LaneId, ProfileName, Status
from .wire.subunit import Packet

LIMIT = 1000
"""How many one worker may tell of; more are a protocol error."""


class Extras:
    """What one worker says under such ids. ``count``: how many of them have ended."""

    def __init__(self, lane: LaneId, profile: ProfileName) -> None:
        self.count = 0
        self._lane, self._profile = lane, profile
        self._details: dict[str, list[tuple[str, str, bytes]]] = {}

    def keep(self, test_id: str, packet: Packet) -> None:
        """Keep a detail, or a further piece of the last one, until the end is told. Raises ProtocolError."""
        details = self._details.setdefault(test_id, [])
        if len(self._details) > LIMIT:
            raise self._too_many()
        name, mime, data = packet.name or "", packet.mime or TEXT, packet.data or b""
        if details and details[-1][0] == name:
            data = details.pop()[2] + data
        details.append((name, mime, data))

    def take(self, test_id: str) -> list[tuple[str, str, bytes]]:
        """Return the details (name, mime, bytes) that are kept of an id, and forget them."""
        return self._details.pop(test_id, [])

    def end(self, test_id: str, status: Status, at: int) -> ExtraResult:
        """Return the result of one that ended. Raises ProtocolError."""
        self.count += 1
        if self.count > LIMIT:
            raise self._too_many()
        details = tuple(self.take(test_id))
        return ExtraResult(self._lane, test_id, self._profile, status, at, details)

    def _too_many(self) -> ProtocolError:
        return ProtocolError(
            f"lane {self._lane} tells of more than {LIMIT} tests that it was not given"
        )
