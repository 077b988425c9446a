"""The lanes by host, a line each; hosts fold to one line when lanes outnumber rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from testlanes.runner.ids import HostName, LaneId
from testlanes.runner.state import HostState

from .hostline import host_line
from .laneline import Widths, lane_line, tally_widths
from .lines import EMPTY, Line
from .options import Shown

LaneKey: TypeAlias = HostName | LaneId
"""A host's line is known by its name, a lane's by its number."""


@dataclass(slots=True)
class LanesModel:
    """The lines of the lanes pane. ``arrange`` when the run changed, then ask for lines."""

    shown: Shown
    keys: list[LaneKey] = field(default_factory=list[LaneKey])
    folded: set[HostName] = field(default_factory=set[HostName])
    by_user: dict[HostName, bool] = field(default_factory=dict[HostName, bool])
    """Hosts the user folded (True) or opened (False) by hand."""
    _measured: tuple[int, Widths] = (-1, (3, 0, 0))

    def __len__(self) -> int:
        return len(self.keys)

    def arrange(self, height: int) -> bool:
        """Lay the lines out for a pane of ``height`` lines; return whether their order changed."""
        state = self.shown.state
        hosts = [(host, self._visible(host)) for host in state.hosts.values()]
        many = len(hosts) > 1
        need = sum(len(lanes) + many for _, lanes in hosts)
        fold: set[HostName] = set()
        if many:
            for host, lanes in sorted(hosts, key=lambda pair: -len(pair[1])):
                by_hand = self.by_user.get(host.host)
                if (by_hand is None and need > height and len(lanes) > 1) or by_hand:
                    fold.add(host.host)
                    need -= len(lanes)
        keys: list[LaneKey] = []
        for host, lanes in hosts:
            if many or (not lanes and host.phase != "up"):
                keys.append(host.host)
            if host.host not in fold:
                keys.extend(lanes)
        changed = keys != self.keys or fold != self.folded
        self.keys, self.folded = keys, fold
        return changed

    def toggle(self, host: HostName) -> None:
        """Fold an open host, open a folded one."""
        self.by_user[host] = host not in self.folded

    def _visible(self, host: HostState) -> list[LaneId]:
        state = self.shown.state
        shows = self.shown.options.shows
        over = state.ended is not None
        return [
            lane
            for lane in host.lanes
            if (over or state.lanes[lane].phase != "closed") and shows(state.lanes[lane].profile)
        ]

    def lane_at(self, index: int) -> LaneId | None:
        """Return the lane of a line; for a folded host its longest running lane."""
        if not 0 <= index < len(self.keys):
            return None
        key = self.keys[index]
        if isinstance(key, int):
            return key
        state = self.shown.state
        host = state.hosts.get(key)  # one that is provisioning goes when its instances are there
        lanes = [] if host is None else [state.lanes[lane] for lane in host.lanes]
        running = [lane for lane in lanes if lane.phase == "running"] or lanes
        return min(running, key=lambda lane: lane.started_at).lane if running else None

    def host_at(self, index: int) -> HostState | None:
        """Return the host of a line, or of a line's lane."""
        if not 0 <= index < len(self.keys):
            return None
        key = self.keys[index]
        state = self.shown.state
        return state.hosts.get(key if isinstance(key, str) else state.lanes[key].host)

    def line(self, index: int, width: int) -> Line:
        """Return a line of ``width`` cells."""
        key = self.keys[index]
        state = self.shown.state
        if isinstance(key, str):
            host = state.hosts.get(key)
            folded = key in self.folded
            return EMPTY if host is None else host_line(self.shown, host, width, folded=folded)
        return lane_line(self.shown, state.lanes[key], width, self._widths())

    def _widths(self) -> Widths:
        version = self.shown.state.version
        if self._measured[0] != version:
            self._measured = (version, tally_widths(self.shown))
        return self._measured[1]
