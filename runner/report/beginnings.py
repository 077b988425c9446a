"""Streams for other programs tell of every test that it begins, also where nobody saw it run."""

from __future__ import annotations

from ..events import CaseFinished, CasesPassed, CaseStarted, LaneClosed, RunEvent, WorkerLost
from ..ids import LaneId, Row


class Beginnings:
    """Knows what runs, and adds the ``CaseStarted`` that ``CaseFinished`` alone stands for."""

    def __init__(self) -> None:
        self._lanes: dict[Row, LaneId] = {}

    def complete(self, event: RunEvent) -> tuple[RunEvent, ...]:
        """Return the event, and before it the beginning that it lacks; each pass by itself."""
        match event:
            case CaseStarted(lane, row):
                self._lanes[row] = lane
            case CaseFinished(lane, row, _, _, at, seconds):
                if self._lanes.pop(row, None) is None:
                    return CaseStarted(lane, row, at - round(seconds * 1e9)), event
            case CasesPassed():
                return tuple(one for each in event.each() for one in self.complete(each))
            case WorkerLost(lane) | LaneClosed(lane):
                for row in [row for row, where in self._lanes.items() if where == lane]:
                    del self._lanes[row]
            case _:
                pass
        return (event,)
