"""Durations and sizes in few characters."""

from __future__ import annotations

from datetime import UTC, datetime

NS = 1_000_000_000


def seconds_text(seconds: float) -> str:
    """Return a test's duration: ``0.04s``, ``4.1s``, ``31s``, ``2:05``, ``1:02:09``."""
    seconds = max(0.0, seconds)
    if seconds < 0.995:
        return f"{seconds:.2f}s"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    return f"{seconds:.0f}s" if seconds < 99.5 else clock_text(seconds)


def pair_text(elapsed: float, expected: float | None) -> str:
    """Return elapsed against expected time: ``4.1/5.0s``; the elapsed time alone if nothing is expected."""
    if expected is None:
        return f"{elapsed:.1f}s" if elapsed < 99.5 else clock_text(elapsed)
    if max(elapsed, expected) >= 99.5:
        return f"{clock_text(elapsed)}/{clock_text(expected)}"
    if max(elapsed, expected) >= 9.95:
        return f"{elapsed:.0f}/{expected:.0f}s"
    return f"{elapsed:.1f}/{expected:.1f}s"


def clock_text(seconds: float) -> str:
    """Return a run's duration: ``0:52``, ``12:04``, ``1:02:09``."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count_text(count: int) -> str:
    """Return a number with thousands apart: ``10,020``."""
    return f"{count:,}"


def size_text(size: int) -> str:
    """Return a number of bytes: ``812 B``, ``4 KB``, ``1.5 GB``."""
    if size < 1024:
        return f"{size} B"
    number = float(size)
    unit = ""
    for unit in ("KB", "MB", "GB", "TB"):  # noqa: B007
        number /= 1024
        if number < 1000:
            break
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"


def when(at: int) -> datetime:
    """Return a time of nanoseconds since the epoch in the user's time zone."""
    return datetime.fromtimestamp(at / NS, UTC).astimezone()
