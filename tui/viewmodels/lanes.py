"""One line a lane, grouped by host; hosts fold to one line when lanes outnumber rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from testlanes.runner.ids import HostName, LaneId, Row, Status
from testlanes.runner.state import FixtureState, HostState, LaneState

from .glyphs import bar
from .header import elapsed_seconds
from .lines import (
    EMPTY,
    Line,
    Span,
    clean,
    fit,
    keep_end,
    line_width,
    name_spans,
    right,
    split_id,
    spread,
)
from .options import Shown
from .times import NS, count_text, pair_text, seconds_text, size_text

LaneKey: TypeAlias = HostName | LaneId
"""A host's line is known by its name, a lane's by its number."""

LATE = 1.5
"""A test that runs longer than so many times what was expected, and a second more, is late."""


@dataclass(slots=True)
class LanesModel:
    """The lines of the lanes pane. ``arrange`` when the run changed, then ask for lines."""

    shown: Shown
    keys: list[LaneKey] = field(default_factory=list[LaneKey])
    folded: set[HostName] = field(default_factory=set[HostName])
    by_user: dict[HostName, bool] = field(default_factory=dict[HostName, bool])
    """Hosts the user folded (True) or opened (False) by hand."""
    _measured: tuple[int, tuple[int, int, int]] = (-1, (3, 0, 0))

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
            return EMPTY if host is None else self._host(host, width)
        return self._lane(state.lanes[key], width)

    # -- hosts ---------------------------------------------------------------------------------------

    def _host(self, host: HostState, width: int) -> Line:
        glyphs = self.shown.options.glyphs
        state = self.shown.state
        lanes = [state.lanes[lane] for lane in host.lanes if state.lanes[lane].phase != "closed"]
        folded = host.host in self.folded
        sign = glyphs.folded if folded else glyphs.opened
        out: list[Span] = [Span(f" {sign} ", "dim"), Span(clean(host.host), "title bold")]
        between = Span(f" {glyphs.between} ", "faint")
        if host.phase == "lost":
            again = "" if host.again is None else f"; tried again in {seconds_text(host.again)}"
            note = f"{clean(host.note)}{again}"
            return (*out, Span("  lost: ", "fail bold"), Span(note, "fail"))
        if host.phase != "up":
            out += [
                Span(f"  {glyphs.waits} {clean(host.phase)} ", "slow"),
                Span(clean(host.note), "dim"),
            ]
            return tuple(out)
        out += [between, Span(f"{len(lanes)} lane{'s' * (len(lanes) != 1)}", "dim")]
        if not folded or width >= 100:
            if (elapsed := elapsed_seconds(self.shown)) >= 1 and host.done:
                out += [between, Span(f"{host.done / elapsed:,.0f} tests/s", "dim")]
            if (cpu := sum(lane.cpu for lane in lanes) / max(1, host.cpus)) >= 0.005:
                out += [between, Span(f"cpu {cpu:.0%}", "dim")]
        done = (Span(count_text(host.done), "text"), Span(" done ", "dim"))
        if folded and lanes:
            running = [lane for lane in lanes if lane.phase == "running"]
            room = width - line_width(out) - line_width(done) - 14
            out += [Span("  "), *self._density(lanes, max(0, room))]
            out.append(Span(f"  {len(running)} busy", "text"))
            if running:
                oldest = min(running, key=lambda lane: lane.started_at)
                if oldest.row is not None:
                    name = split_id(clean(state.cases.test_id(oldest.row)))[1]
                    out += [
                        between,
                        Span(name, "text"),
                        Span(f" {seconds_text(self._elapsed(oldest))}", "dim"),
                    ]
        return spread(tuple(out), done, width)

    def _density(self, lanes: list[LaneState], room: int) -> list[Span]:
        """One cell a lane, as ground colour: no seams between cells."""
        glyphs = self.shown.options.glyphs
        out: list[Span] = []
        for lane in lanes[:room]:
            if lane.phase == "running":
                late = self._late(lane, self._elapsed(lane))
                tone = "on:slow" if late else "on:bar"
            elif lane.phase == "restarting":
                tone = "on:crash"
            else:
                tone = "on:bar-rest"
            text = " "
            if glyphs.plain:
                text = glyphs.bar if lane.phase == "running" else glyphs.rest
            if out and out[-1].tone == tone:
                out[-1] = Span(out[-1].text + text, tone)
            else:
                out.append(Span(text, tone))
        return out

    # -- lanes ---------------------------------------------------------------------------------------

    def _lane(self, lane: LaneState, width: int) -> Line:
        shown = self.shown
        head: list[Span] = [Span(f" {lane.lane:>2} ", "dim")]
        if size := shown.profile_width:
            head.append(Span(fit(clean(lane.profile), size) + " ", "profile"))
        room = width - line_width(head)
        tail: tuple[Span, ...] = ()
        if room >= 60:
            tail = self._tallies(lane, room)
            room -= line_width(tail)
        if lane.phase == "running" and lane.row is not None:
            return (*head, *self._running(lane, lane.row, room), *tail)
        return (*head, *self._resting(lane, room), *tail)

    def _tallies(self, lane: LaneState, room: int) -> tuple[Span, ...]:
        """What the lane did, and how its worker is, as far as there is room."""
        glyphs = self.shown.options.glyphs
        done, failed, crashed = self._widths()
        out = [
            Span("  "),
            Span(right(count_text(max(0, lane.done - lane.failed)), done), "text"),
            Span(glyphs.ok, "dim"),
        ]
        if failed:
            words = f"{lane.failed}{glyphs.fail}" if lane.failed else ""
            out.append(Span(right(words, failed), "fail"))
        if crashed:
            words = f"{lane.crashed}{glyphs.crash}" if lane.crashed else ""
            out.append(Span(right(words, crashed), "crash"))
        if room >= 84:
            out.append(Span(right(size_text(lane.memory) if lane.memory else "", 8), "dim"))
        if room >= 92:
            out.append(Span(right(f"{lane.cpu:.0%}" if lane.pid else "", 6), "dim"))
        return (*out, Span(" "))

    def _widths(self) -> tuple[int, int, int]:
        """Return the cells for the numbers of done, failed and crashed; 0 for what no lane has."""
        state = self.shown.state
        if self._measured[0] != state.version:
            done = failed = crashed = 0
            for lane in state.lanes.values():
                done, failed = max(done, lane.done), max(failed, lane.failed)
                crashed = max(crashed, lane.crashed)
            widths = (
                max(3, len(count_text(done))),
                len(str(failed)) + 2 if failed else 0,
                len(str(crashed)) + 2 if crashed else 0,
            )
            self._measured = (state.version, widths)
        return self._measured[1]

    def _running(self, lane: LaneState, row: Row, room: int) -> Line:
        shown, state = self.shown, self.shown.state
        glyphs = shown.options.glyphs
        elapsed = self._elapsed(lane)
        expected = state.expected_seconds(row)
        late = self._late(lane, elapsed)
        slow = elapsed >= shown.options.slow_after
        cells = 10 if room >= 70 else 8 if room >= 56 else 6 if room >= 44 else 0
        if expected is None:
            cells = 0  # nothing to measure it against: the name can use the room
        clock = 10 if room >= 44 else 7
        tone = "slow" if late or slow else "text" if expected is not None else "dim"
        mark = Span(" SLOW" if slow else " late" if late else "     ", "slow bold")
        if room < 50:
            mark = Span("!" if late or slow else " ", "slow bold")
        times = right(
            pair_text(elapsed, expected) if clock == 10 else pair_text(elapsed, None), clock
        )
        gauge: tuple[Span, ...] = ()
        if cells and expected is not None:
            filled = bar(glyphs, elapsed / max(expected, 0.001), cells, "slow" if late else "bar")
            gauge = tuple(Span(*pair) for pair in filled)
        room -= 2 + cells + clock + len(mark.text) + 1
        fixture = self._busy_fixture(lane)
        if fixture is not None:
            name = f"{clean(fixture.name)} {fixture.phase}"
            words = f"  for {split_id(clean(state.cases.test_id(row)))[1]}"
            text = (Span(fit(name, room, glyphs.ellipsis), "fixture"),)
            if len(name) + 8 < room:
                text = (
                    Span(name, "fixture"),
                    Span(fit(words, room - len(name), glyphs.ellipsis), "dim"),
                )
            sign = Span(f"{glyphs.fixture} ", "fixture")
        else:
            text = name_spans(
                clean(state.cases.test_id(row)), room, "text", ellipsis=glyphs.ellipsis
            )
            sign = Span(f"{glyphs.running} ", "slow" if late or slow else "running")
        return (sign, *text, Span(" "), *gauge, Span(times, tone), mark)

    def _resting(self, lane: LaneState, room: int) -> Line:
        glyphs = self.shown.options.glyphs
        text: Line
        if lane.phase == "restarting":
            why = clean(lane.note) or "worker ended"
            tone = "crash" if lane.note else "dim"
            then = f"; {clean(lane.waits)}" if lane.waits else ", starting another"
            text = (
                Span(f"{glyphs.restart} ", tone),
                Span(keep_end(f"{why}{then}", room - 2, glyphs.ellipsis), tone),
            )
        elif lane.phase == "starting":
            text = (Span(f"{glyphs.waits} ", "dim"), Span("starting a worker", "dim"))
        elif lane.waits:
            text = (Span(f"{glyphs.waits} ", "slow"), Span(f"waits: {clean(lane.waits)}", "slow"))
        elif lane.last_row is not None:
            name = clean(self.shown.state.cases.test_id(lane.last_row))
            good = lane.last_status in (Status.SUCCESS, Status.XFAIL)
            sign = (
                glyphs.skip
                if lane.last_status is Status.SKIP
                else glyphs.ok
                if good
                else glyphs.fail
            )
            # It stays, dim, until the next one starts: a lane that flickers cannot be read.
            text = (
                Span(f"{sign} ", "dim"),
                *name_spans(name, room - 2, "dim", "faint", glyphs.ellipsis),
            )
        else:
            text = (Span(f"{glyphs.idle} ", "faint"), Span("idle", "faint"))
        text = text if line_width(text) <= room else tuple(_cut(text, room, glyphs.ellipsis))
        return (*text, Span(" " * (room - line_width(text))))

    def _elapsed(self, lane: LaneState) -> float:
        return max(0, self.shown.now_ns() - lane.started_at) / NS

    def _late(self, lane: LaneState, elapsed: float) -> bool:
        if lane.row is None:
            return False
        expected = self.shown.state.expected_seconds(lane.row)
        return expected is not None and elapsed > LATE * expected and elapsed > expected + 1

    @staticmethod
    def _busy_fixture(lane: LaneState) -> FixtureState | None:
        busy = [one for one in lane.fixtures.values() if one.phase in ("setup", "cleanup")]
        return busy[-1] if busy else None


def _cut(line: Line, width: int, ellipsis: str) -> Line:
    *first, last = line
    return (*first, Span(fit(last.text, max(0, width - line_width(first)), ellipsis), last.tone))


def health_of(lane: LaneState) -> str:
    """Return how a lane's worker is: its process, what it takes, and how many there were before it."""
    parts = [f"pid {lane.pid}"] if lane.pid else []
    if lane.memory:
        parts.append(size_text(lane.memory))
    if lane.pid and lane.cpu >= 0.01:
        parts.append(f"cpu {lane.cpu:.0%}")
    if lane.restarts:
        parts.append(f"{lane.restarts} restart{'s' * (lane.restarts != 1)}")
    return ", ".join(parts)


def collecting_lines(shown: Shown, width: int) -> list[Line]:
    """Return what to show while there are no lanes yet: each profile's listing."""
    state, glyphs = shown.state, shown.options.glyphs
    if state.watch is not None and state.watch.running is None:
        return [EMPTY, (Span("  Nothing runs. Save a file, or press a to run all tests.", "dim"),)]
    out: list[Line] = [EMPTY, (Span("  Collecting tests", "title bold"),), EMPTY]
    for host in state.hosts.values():
        if host.phase != "up":
            tone = "fail" if host.phase == "lost" else "slow"
            note = f"{host.phase} {host.note}"
            out.append(
                (
                    Span(f"  {glyphs.waits} {fit(clean(host.host), 14)} ", tone),
                    Span(clean(note), "dim"),
                )
            )
    for name, profile in state.profiles.items():
        label = fit(clean(name), max(10, shown.profile_width))
        if profile.listing == "failed":
            out.append(
                (
                    Span(f"  {glyphs.fail} {label} ", "fail"),
                    Span(clean(profile.error.split("\n")[0]), "fail"),
                )
            )
        elif profile.listing == "listed":
            words = f"{count_text(profile.listed)} tests in {seconds_text(profile.listing_seconds)}"
            out.append((Span(f"  {glyphs.ok} ", "ok"), Span(f"{label} "), Span(words, "dim")))
        else:
            words = (
                f"{count_text(profile.listed)} tests so far"
                if profile.listed
                else "loading the suite"
            )
            out.append((Span(f"  {glyphs.waits} ", "slow"), Span(f"{label} "), Span(words, "dim")))
    return out if len(out) > 3 else [*out, (Span("  The suite is being loaded.", "dim"),)]
