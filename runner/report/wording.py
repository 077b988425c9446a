"""How plain text says durations, outcomes and counts."""

from __future__ import annotations

from ..ids import XPASS, Kind, Status
from ..state import RunState, Standing

LABELS = {
    Kind.ASSERTION: "FAIL",
    Kind.ERROR: "ERROR",
    Kind.CRASH: "CRASH",
    Kind.TIMEOUT: "TIMEOUT",
    Kind.SETUP: "SETUP",
    Kind.NONE: "FAIL",
}
_KIND_WORDS = {
    Kind.ASSERTION: "failed",
    Kind.NONE: "failed",
    Kind.ERROR: "errors",
    Kind.CRASH: "crashed",
    Kind.TIMEOUT: "timed out",
    Kind.SETUP: "failed in set-up",
}


_ONE = {
    "errors": "error",
    "unexpected successes": "unexpected success",
    "other failures": "other failure",
    "expected failures": "expected failure",
}


def clock(seconds: float) -> str:
    """Return a span of a run: ``0:52``, ``1:02:03``."""
    whole = max(0, int(seconds))
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def several(count: int, noun: str) -> str:
    """Return ``1 test``, ``2,000 tests``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def seconds_of(value: float) -> str:
    """Return a test's time: ``0.090s``, ``12.3s``, ``75s``."""
    return f"{value:.3f}s" if value < 10 else f"{value:.1f}s" if value < 60 else f"{value:.0f}s"


def label(status: Status, kind: Kind) -> str:
    """Return the word for an outcome: ``PASS``, ``FAIL``, ``CRASH`` …"""
    return LABELS[kind] if status is Status.FAIL else _STATUS_LABELS[status]


def counted(state: RunState) -> list[tuple[str, int]]:
    """Return a run's counts in words, those that are not zero: ``[("passed", 12), ("failed", 1) …]``."""
    counts = state.counts
    kinds = dict.fromkeys(_KIND_WORDS.values(), 0)
    for row in state.failures:
        if state.standing_of(row) is Standing.FAIL and row not in state.excused:
            kinds[_KIND_WORDS[state.kind_of(row)]] += 1
    extras = sum(
        extra.status.is_failure and not state.known_flaky(extra.test_id)
        for extra in state.extras.values()
    )
    unexpected = sum(
        state.standing_of(row) is Standing.UXSUCCESS and row not in state.excused
        for row in state.failures
    )
    xpassed = sum(
        XPASS in tags and state.standing[row] == Standing.SUCCESS
        for row, tags in state.tags.items()
    )
    words = [
        ("passed", counts[Standing.SUCCESS] - xpassed),
        *kinds.items(),
        ("unexpected successes", unexpected),
        ("other failures", extras),
        ("known flaky", state.tolerated),
        ("flaky", len(state.flaky)),
        ("skipped", counts[Standing.SKIP]),
        ("expected failures", counts[Standing.XFAIL]),
        ("xpassed", xpassed),
        ("not run", counts[Standing.NOT_RUN]),
        ("unfinished", counts[Standing.WAITING] + counts[Standing.RUNNING]),
    ]
    return [(_ONE.get(word, word) if count == 1 else word, count) for word, count in words if count]


def cut_left(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` characters: of a test's name the end matters."""
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :] if width > 1 else ""


_STATUS_LABELS = {
    Status.SUCCESS: "PASS",
    Status.SKIP: "SKIP",
    Status.XFAIL: "XFAIL",
    Status.UXSUCCESS: "UXPASS",
    Status.NOT_RUN: "NOT RUN",
}
