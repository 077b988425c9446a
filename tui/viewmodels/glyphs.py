"""The signs that stand beside colours, so that no meaning hangs on a colour alone.

All of them are in Fira Code and DejaVu Sans Mono, and each takes one cell. ``ASCII`` is for
terminals without Unicode.
"""

from __future__ import annotations

from dataclasses import dataclass

from testlanes.runner.ids import Kind
from testlanes.runner.state import Standing


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs."""

    ok: str = "✓"
    fail: str = "✗"
    error: str = "■"
    crash: str = "◆"
    timeout: str = "◷"
    slow: str = "◒"
    setup: str = "▲"
    skip: str = "○"
    expected: str = "±"
    unexpected: str = "!"
    flaky: str = "≈"
    running: str = "▶"
    waiting: str = "·"
    not_run: str = "–"  # noqa: RUF001
    idle: str = "○"
    waits: str = "◐"
    fixture: str = "◇"
    restart: str = "⟳"
    dot: str = "●"
    ring: str = "○"
    opened: str = "▼"
    folded: str = "▶"
    mark: str = "▌"
    seen: str = "✓"
    bar: str = "━"
    rest: str = "─"
    ellipsis: str = "…"
    arrow: str = "→"
    pointer: str = "❱"
    between: str = "·"
    top_left: str = "╭"
    top_right: str = "╮"
    bottom_left: str = "╰"
    bottom_right: str = "╯"
    across: str = "─"
    beside: str = "│"
    levels: str = "▁▂▃▄▅▆▇█"
    plain: bool = False
    """Whether ground colours may not carry a meaning."""


UNICODE = Glyphs()
PLAIN = Glyphs(plain=True)
"""For terminals that show Unicode but no colours."""
ASCII = Glyphs(
    ok="+",
    fail="x",
    error="E",
    crash="C",
    timeout="T",
    slow="L",
    setup="S",
    skip="s",
    expected="e",
    unexpected="!",
    flaky="~",
    running=">",
    waiting=".",
    not_run="-",
    idle="o",
    waits="w",
    fixture="*",
    restart="@",
    dot="*",
    ring="o",
    opened="v",
    folded=">",
    mark="|",
    seen="+",
    bar="#",
    rest="-",
    ellipsis=".",
    arrow="->",
    pointer=">",
    between="-",
    top_left="+",
    top_right="+",
    bottom_left="+",
    bottom_right="+",
    across="-",
    beside="|",
    levels="_.-=+*#@",
    plain=True,
)

_KIND = {
    Kind.NONE: "fail",
    Kind.ASSERTION: "fail",
    Kind.ERROR: "error",
    Kind.CRASH: "crash",
    Kind.TIMEOUT: "timeout",
    Kind.SETUP: "setup",
}
_STANDING = {
    Standing.UNSELECTED: ("not_run", "faint"),
    Standing.WAITING: ("waiting", "faint"),
    Standing.RUNNING: ("running", "running"),
    Standing.SUCCESS: ("ok", "ok"),
    Standing.SKIP: ("skip", "skip"),
    Standing.XFAIL: ("expected", "dim"),
    Standing.UXSUCCESS: ("unexpected", "fail"),
    Standing.NOT_RUN: ("not_run", "dim"),
}


def kind_sign(glyphs: Glyphs, kind: Kind) -> tuple[str, str]:
    """Return the sign and tone of a failure's kind."""
    name = _KIND[kind]
    return getattr(glyphs, name), "crash" if kind is Kind.CRASH else "fail"


def standing_sign(glyphs: Glyphs, standing: int, kind: Kind = Kind.NONE) -> tuple[str, str]:
    """Return the sign and tone of where a case stands."""
    if standing == Standing.FAIL:
        return kind_sign(glyphs, kind)
    name, tone = _STANDING[Standing(standing)]
    return getattr(glyphs, name), tone


def bar(glyphs: Glyphs, share: float, width: int, tone: str = "bar") -> tuple[tuple[str, str], ...]:
    """Return a bar of ``width`` cells that is full to ``share`` (0 to 1), as (text, tone) pairs."""
    full = max(0, min(width, round(share * width)))
    return ((glyphs.bar * full, tone), (glyphs.rest * (width - full), "bar-rest"))


def sparkline(glyphs: Glyphs, values: list[float]) -> str:
    """Return one level sign for each value, the largest the highest."""
    top = max(values, default=0.0) or 1.0
    last = len(glyphs.levels) - 1
    return "".join(glyphs.levels[round(max(0.0, value) / top * last)] for value in values)
