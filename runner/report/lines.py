"""The plain face of a run: failures, what is slow, a heartbeat, a summary; nothing about tests that pass.

On a terminal there are colours and one status line that is drawn over; elsewhere neither, and a
heartbeat every half minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from ..events import (
    INTERRUPTED,
    CaseFinished,
    CasesGivenUp,
    CaseStarted,
    ExtraResult,
    HostLost,
    HostPhase,
    HostReady,
    HostStrained,
    ListingEnded,
    RunEnded,
    RunEvent,
    StopAsked,
    Ticked,
    Warned,
    WorkerLost,
)
from ..ids import DEFAULT_PROFILE, LOCAL, HostName, LaneId, ProfileName, Row, Status
from ..state import Detail, LaneState, RunState, Standing
from .attempts import extra_attempt
from .clean import clean_line
from .ending import RED, YELLOW, ending
from .hosts import lost_line, ready_line
from .reporter import Outlet
from .telling import block, told
from .wording import clock, cut_left, label, seconds_of, several

HEARTBEAT = 30.0
REPEATED = 100
"""Failures told in full again at the end; of more, only the names."""
OLDEST = 3
_DIM, _BOLD = "2", "1"


class Lines:
    """Reads the run's state, which took each event in before ``record`` gets it."""

    def __init__(
        self,
        state: RunState,
        stream: IO[str],
        environ: Mapping[str, str],
        *,
        slow_after: float = 10.0,
        rerun: str = "testlanes run --failing",
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """``slow_after``: seconds. ``rerun``: the command that re-runs failures. ``now``: UTC, ns since the epoch."""
        self._state = state
        self._out = Outlet(stream)
        terminal = stream.isatty() and environ.get("TERM", "") != "dumb"
        self._live = terminal
        self._ci = not terminal
        self._color = terminal and not environ.get("NO_COLOR")
        self._slow_after = slow_after
        self._rerun = rerun
        self._now = now
        self._drawn = ""
        self._told_slow: dict[LaneId, tuple[int, float]] = {}
        self._last_heartbeat: float | None = None
        self._not_run: dict[str, int] = {}
        self._warnings: set[str] = set()
        self._provisioning: set[HostName] = set()

    def record(self, event: RunEvent) -> None:
        """Take one event."""
        match event:
            case CaseFinished(lane, row, status, kind, _, seconds):
                if status.is_failure:
                    self._failed(lane, row, label(status, kind), seconds)
                self._slow_one_ended(lane, row, status, seconds)
            case CaseStarted(lane):
                self._told_slow.pop(lane, None)
            case ExtraResult() if event.status.is_failure:
                self._extra(event)
            case Ticked(now):
                self._tick(now)
            case ListingEnded(profile, error, seconds):
                self._listed(profile, error, seconds)
            case Warned(about, text):
                self._warned(about, text)
            case HostReady():
                self._say(self._line(ready_line(self._state, event)))
            case HostLost():
                self._say(f"{self._paint('lost', RED)} {self._line(lost_line(event))}")
            case HostStrained(host, why, fewer):
                self._warned(host, f"{why}; there is a lane less from now on" if fewer else why)
            case HostPhase(host, "provisioning", note) if host not in self._provisioning:
                self._provisioning.add(host)
                self._say(f"{self._line(host)}: provisioning {self._line(note)}")
            case WorkerLost(lane, _, reason, expected) if not expected:
                self._say(
                    f"{self._paint('lost', RED)} the worker of lane {lane}: {self._line(reason)}"
                )
            case StopAsked(hard, reason):
                how = "killing what runs" if hard else "letting running tests end"
                if reason == INTERRUPTED and not hard:
                    how += "; Ctrl-C again kills them"
                self._say(f"{self._paint('stopping', YELLOW)} ({self._line(reason)}): {how}")
            case CasesGivenUp(rows, reason):
                self._not_run[reason] = self._not_run.get(reason, 0) + len(rows)
            case RunEnded():
                self._last_heartbeat = None
                self._erase()
            case _:
                pass

    def finish(self, *, unseen: bool = False) -> None:
        """Tell the failures again, and the summary. Raises UserError if not all could be written.

        ``unseen``: nobody has seen what was told so far.
        """
        self._erase()
        self._again(unseen=unseen)
        self._summary()
        self._out.close()

    # -- while it runs -------------------------------------------------------------------------------

    def _failed(self, lane: LaneId, row: Row, word: str, seconds: float) -> None:
        state = self._state
        test_id = state.cases.test_id(row)
        head = self._head(word, seconds, state.cases.profile(row), lane, test_id)
        head += self._excuse(test_id)
        self._say(f"({state.finished:,}/{state.selected:,}) {head}\n{self._details(row)}")

    def _extra(self, event: ExtraResult) -> None:
        attempt = extra_attempt(event)
        word = label(attempt.status, attempt.kind)
        head = self._head(word, None, attempt.profile, attempt.lane, attempt.test_id)
        head += self._excuse(attempt.test_id)
        self._say(f"{head}\n{self._told(attempt.details)}")

    def _warned(self, about: str, text: str) -> None:
        if text in self._warnings:
            return  # each lane meets it, and each worker anew
        self._warnings.add(text)
        first, *more = text.rstrip("\n").split("\n")
        self._say(f"{self._paint('warning', YELLOW)}: {self._line(about)}: {self._line(first)}")
        if more:
            self._say(block("\n".join(more), ci=self._ci))

    def _listed(self, profile: ProfileName, error: str, seconds: float) -> None:
        where = "" if profile == DEFAULT_PROFILE else f" of {self._line(profile)}"
        if error:
            word = self._paint("ERROR", RED)
            self._say(f"{word} the tests{where} could not be listed:\n{block(error, ci=self._ci)}")
        elif not self._live:
            count = self._state.profiles[profile].listed
            self._say(f"{several(count, 'test')}{where} listed in {seconds:.1f} s")

    def _tick(self, now: float) -> None:
        self._slow()
        if self._live:
            self._draw()
        elif self._last_heartbeat is None:
            self._last_heartbeat = now
        elif now - self._last_heartbeat >= HEARTBEAT:
            self._last_heartbeat = now
            self._say(self._progress(OLDEST))

    def _running(self) -> list[tuple[float, LaneState]]:
        """Return (seconds so far, lane) of what runs, the oldest first."""
        now = self._now()
        found = [
            (max(0.0, (now - lane.started_at) / 1e9), lane)
            for lane in self._state.lanes.values()
            if lane.row is not None
        ]
        return sorted(found, key=lambda one: -one[0])

    def _slow(self) -> None:
        """Mark tests that run for ``slow_after`` seconds, and again each time that has doubled."""
        if self._slow_after <= 0:
            return
        for seconds, lane in self._running():
            started, limit = self._told_slow.get(lane.lane, (0, 0.0))
            if started != lane.started_at:
                limit = self._slow_after
            if seconds < limit or lane.row is None:
                continue
            while limit <= seconds:
                limit *= 2
            self._told_slow[lane.lane] = lane.started_at, limit
            expected = self._state.expected_seconds(lane.row)
            usual = "" if expected is None else f", usually {seconds_of(expected)}"
            test_id = self._state.cases.test_id(lane.row)
            head = self._head("SLOW", seconds, lane.profile, lane.lane, test_id, ">")
            self._say(head + usual)

    def _slow_one_ended(self, lane: LaneId, row: Row, status: Status, seconds: float) -> None:
        if self._told_slow.pop(lane, None) is not None and not status.is_failure:
            cases = self._state.cases
            word = label(status, self._state.kind_of(row))
            self._say(self._head(word, seconds, cases.profile(row), lane, cases.test_id(row)))

    def _progress(self, oldest: int) -> str:
        state = self._state
        parts = [clock(self._elapsed()), f"{state.finished:,}/{state.selected:,}"]
        if state.selected and not state.listing:
            parts.append(f"{100 * state.finished // state.selected}%")
        if state.listing:
            parts.append("listing")
        if state.failed:
            parts.append(self._paint(f"{state.failed:,} failed", RED))
        left = state.remaining_seconds()
        if left is not None and not state.listing:
            parts.append(f"ETA {clock(left)}")
        running = self._running()
        if running and oldest:
            names = [
                f"{self._name(lane)} {seconds_of(seconds)}" for seconds, lane in running[:oldest]
            ]
            parts.append(f"{len(running)} running, oldest: {', '.join(names)}")
        return "  ".join(parts)

    def _name(self, lane: LaneState) -> str:
        return "" if lane.row is None else self._line(self._state.cases.test_id(lane.row))

    def _elapsed(self) -> float:
        started, ended = self._state.started, self._state.ended
        if started is None:
            return 0.0
        return max(0, (ended.at if ended else self._now()) - started.at) / 1e9

    # -- at the end ----------------------------------------------------------------------------------

    def _again(self, *, unseen: bool) -> None:
        state = self._state
        extras = [extra for extra in state.extras.values() if extra.status.is_failure]
        failures = list(state.failures)
        count = len(failures) + len(extras)
        if count > 1 or (failures and state.finished > 50) or (count and unseen):
            failed = several(count, "failure")
            self._say(f"\n{self._paint(failed, _BOLD)}")
            for extra in extras[:REPEATED]:
                self._extra(extra)
            for number, row in enumerate(failures):
                word = label(_status(state, row), state.kind_of(row))
                lane = LaneId(state.lane_of[row])
                cases = state.cases
                head = self._head(
                    word, state.seconds[row], cases.profile(row), lane, cases.test_id(row)
                )
                head += self._excuse(cases.test_id(row))
                self._say(f"{head}\n{self._details(row)}" if number < REPEATED else head)

    def _excuse(self, test_id: str) -> str:
        return "  (known flaky)" if self._state.known_flaky(test_id) else ""

    def _summary(self) -> None:
        for line in ending(self._state, self._elapsed(), self._not_run, self._paint, ci=self._ci):
            self._say(line)
        if self._state.failed:
            self._say(f"to run the failures again: {self._rerun}")

    # -- wording -------------------------------------------------------------------------------------

    def _head(
        self,
        word: str,
        seconds: float | None,
        profile: ProfileName,
        lane: LaneId,
        test_id: str,
        sign: str = "",
    ) -> str:
        took = " " * 11 if seconds is None else f"[{sign + seconds_of(seconds):>9}]"
        color = YELLOW if word == "SLOW" else _DIM if word in ("PASS", "SKIP", "XFAIL") else RED
        known = self._state.lanes.get(lane)
        host = "" if known is None or known.host == LOCAL else f"{self._line(known.host)} "
        name = "" if profile == DEFAULT_PROFILE else f"{self._line(profile)} "
        where = f"{name}{host}lane {lane}"
        return f"{self._paint(f'{word:<7}', color)} {took} {where}  {self._line(test_id)}"

    def _details(self, row: Row) -> str:
        text = self._told(self._state.details.get(row, ()))
        if not text and self._state.standing_of(row) is Standing.UXSUCCESS:
            return "    It was expected to fail, and passed.\n"
        return text

    def _told(self, details: Sequence[Detail]) -> str:
        return told(details, ci=self._ci)

    def _line(self, text: str) -> str:
        return clean_line(text, ci=self._ci)

    def _paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._color else text

    # -- the stream ----------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        erase, self._drawn = ("\r\x1b[K" if self._drawn else ""), ""
        self._out.write(f"{erase}{text}\n")

    def _draw(self) -> None:
        import shutil

        width = shutil.get_terminal_size().columns - 1
        running = self._running()
        color, self._color = self._color, False
        line = self._progress(0)
        self._color = color
        if running:
            seconds, lane = running[0]
            tail = f" {seconds_of(seconds)}"
            name = cut_left(self._name(lane), width - len(line) - len(tail) - 2)
            line += f"  {name}{tail}" if name else ""
        line = line[: max(0, width)]
        if line != self._drawn:
            self._out.write(f"\r\x1b[K{self._paint(line, _DIM)}")
            self._drawn = line

    def _erase(self) -> None:
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._drawn = ""


def _status(state: RunState, row: Row) -> Status:
    unexpected = state.standing_of(row) is Standing.UXSUCCESS
    return Status.UXSUCCESS if unexpected else Status.FAIL
