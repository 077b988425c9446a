"""``--subunit``: the run as one subunit v2 stream, in testr's manner: the lane is route code and tag."""

from __future__ import annotations

from typing import IO

from ..cases import CaseTable
from ..events import (
    CaseFinished,
    CasesListed,
    CaseStarted,
    DetailReceived,
    ExtraResult,
    LaneClosed,
    PluginReported,
    RunEvent,
    WorkerLost,
)
from ..ids import DEFAULT_PROFILE, LaneId, ProfileName, Row
from ..wire.subunit import Packet, encode
from .beginnings import Beginnings
from .reporter import Outlet

TEXT = "text/plain; charset=utf8"


class SubunitOut:
    """Writes nothing but subunit. Tags are ``worker-N``, the profile (unless it is the default one) and the test's."""

    def __init__(self, cases: CaseTable, stream: IO[bytes]) -> None:
        self._cases = cases
        self._out = Outlet(stream)
        self._beginnings = Beginnings()
        self._running: dict[LaneId, Row] = {}

    def record(self, event: RunEvent) -> None:
        """Write what subunit has a word for."""
        for each in self._beginnings.complete(event):
            self._record(each)

    def _record(self, event: RunEvent) -> None:
        match event:
            case CasesListed(profile, _, selected):
                tags = _profile_tags(profile)
                ids = map(self._cases.test_id, selected)
                self._out.write(b"".join(encode(Packet(one, "exists", tags)) for one in ids))
            case CaseStarted(lane, row, at):
                self._running[lane] = row
                self._say(lane, row, Packet(status="inprogress", ns=at))
            case DetailReceived(lane, row, name, mime, data, eof, live):
                if not live:
                    self._say(lane, row, Packet(name=name, mime=mime, data=data, eof=eof))
            case CaseFinished(lane, row, status, _, at, _, tags):
                self._running.pop(lane, None)
                self._say(lane, row, Packet(status=str(status), ns=at, tags=frozenset(tags)))
            case ExtraResult():
                self._extra(event)
            case WorkerLost(lane, _, reason) if lane in self._running:
                # Its route would stay in progress for ever, which readers count as a failure.
                text = f"no verdict here: {reason}"
                row = self._running.pop(lane)
                self._say(lane, row, Packet(name="reason", mime=TEXT, data=_bytes(text), eof=True))
                self._say(lane, row, Packet(status="skip"))
            case LaneClosed(lane):
                self._running.pop(lane, None)
            case PluginReported(profile, text):
                self._out.write(
                    encode(
                        Packet(
                            tags=_profile_tags(profile),
                            name="plugins",
                            mime=TEXT,
                            data=_bytes(text),
                            eof=True,
                        )
                    )
                )
            case _:
                pass

    def finish(self) -> None:
        """Nothing is left to write: what runs stays in progress. Raises UserError if something could not be."""
        self._out.close()

    def _say(self, lane: LaneId, row: Row, packet: Packet) -> None:
        profile = self._cases.profile(row)
        self._write(lane, profile, packet._replace(test_id=self._cases.test_id(row)))

    def _extra(self, event: ExtraResult) -> None:
        for name, mime, data in event.details:
            packet = Packet(event.test_id, name=name, mime=mime, data=data, eof=True, ns=event.at)
            self._write(event.lane, event.profile, packet)
        packet = Packet(event.test_id, str(event.status), ns=event.at)
        self._write(event.lane, event.profile, packet)

    def _write(self, lane: LaneId, profile: ProfileName, packet: Packet) -> None:
        tags = packet.tags | {f"worker-{lane}"} | _profile_tags(profile)
        self._out.write(encode(packet._replace(tags=tags, route=str(lane))))


def _profile_tags(profile: ProfileName) -> frozenset[str]:
    return frozenset() if profile == DEFAULT_PROFILE else frozenset((profile,))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
