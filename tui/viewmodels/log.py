"""The run's own log: what happened that is no test's result."""

from __future__ import annotations

from testlanes.runner.state import leak_words

from .lines import EMPTY, Line, Span, clean, fit, split_id
from .options import Shown
from .tail import mark
from .times import seconds_text


class LogModel:
    """Warnings, lost workers and hosts, leaks, listings. ``advance`` once a frame."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.lines: list[tuple[str, str, str, str]] = []
        """(sign's name, about, text, tone)"""
        self.query = ""
        self._seen: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def advance(self) -> bool:
        """Look at the run again; return whether there is more."""
        state = self.shown.state
        seen = (
            len(state.warnings),
            len(state.leaks),
            sum(lane.crashed for lane in state.lanes.values()),
            sum(host.phase == "lost" for host in state.hosts.values()),
            sum(profile.listing in ("listed", "failed") for profile in state.profiles.values()),
            state.stopping is not None,
            state.ended is not None,
        )
        if seen == self._seen:
            return False
        self._seen = seen
        self.lines = list(self._make())
        return True

    def _make(self):
        state = self.shown.state
        for name, profile in state.profiles.items():
            if profile.listing == "listed":
                words = (
                    f"{profile.listed:,} tests listed in {seconds_text(profile.listing_seconds)}"
                )
                yield "ok", str(name), words, "dim"
            elif profile.listing == "failed":
                for number, part in enumerate(profile.error.rstrip().split("\n")):
                    yield (
                        ("fail" if not number else ""),
                        ("" if number else str(name)),
                        part,
                        "fail",
                    )
        for host in state.hosts.values():
            if host.phase == "lost":
                yield "fail", str(host.host), f"lost: {host.note}", "fail"
        for lane in state.lanes.values():
            if lane.crashed:
                words = f"{lane.crashed} worker{'s' * (lane.crashed > 1)} lost"
                if lane.lost:
                    words += f"; the last: {lane.lost}" if lane.crashed > 1 else f": {lane.lost}"
                yield "crash", f"lane {lane.lane}", words, "crash"
        for warning in state.warnings:
            for number, part in enumerate(warning.text.rstrip().split("\n")):
                yield (
                    ("setup" if not number else ""),
                    ("" if number else warning.about),
                    part,
                    "slow" if not number else "text",
                )
        for found in state.leaks:
            name = (
                split_id(state.cases.test_id(found.row))[1]
                if found.row is not None
                else f"lane {found.lane}"
            )
            for kind, texts in found.leaks.items():
                for text in texts:
                    yield "flaky", name, f"left behind: {leak_words(kind)} {text}", "flaky"
        if state.stopping is not None:
            yield "not_run", "run", f"stopping: {state.stopping.reason or 'asked to'}", "slow"
        if state.ended is not None:
            problem, failed = state.ended.problem, state.failed
            words = f"ended, {failed:,} failed" if failed else "ended"
            sign, tone = ("fail", "fail") if problem else ("fail" if failed else "ok", "dim")
            yield sign, "run", problem or words, tone

    def line(self, index: int, width: int) -> Line:
        """Return a line, as long as it is."""
        if index >= len(self.lines):
            return EMPTY
        sign, about, text, tone = self.lines[index]
        glyph = str(getattr(self.shown.options.glyphs, sign)) if sign else " "
        return (
            Span(f"  {glyph} ", tone),
            Span(fit(_short(clean(about)), 24) + " ", "dim"),
            *mark(clean(text), self.query, tone),
        )


def _short(about: str) -> str:
    """Of a long test id, its own name."""
    return split_id(about)[1] if len(about) > 24 else about
