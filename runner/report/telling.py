"""The text of a test's details, for people: the traceback first, then what was captured."""

from __future__ import annotations

from collections.abc import Sequence

from ..state import Detail
from .attempts import describe, is_text
from .clean import clean, clean_line

DETAIL_LINES = 400


def told(details: Sequence[Detail], *, ci: bool = False) -> str:
    """Return all details, indented, with an empty line behind; empty if there are none."""
    parts: list[str] = []
    for detail in sorted(details, key=lambda one: not one.name.startswith("traceback")):
        if not detail.data and not detail.dropped:
            continue
        if not is_text(detail):
            parts.append(f"    -- {clean_line(describe(detail), ci=ci)}")
            continue
        # unittest's subtests have the parameters behind the name
        name = detail.name.removeprefix("traceback (")
        if name != detail.name:
            parts.append(f"    -- subtest ({clean_line(name, ci=ci)}")
        elif not name.startswith("traceback"):
            parts.append(f"    -- {clean_line(name, ci=ci)}")
        parts.append(block(detail.text, ci=ci))
        if detail.dropped:
            parts.append(f"    ({detail.dropped:,} bytes of it are left out)")
    return "\n".join(parts) + "\n" if parts else ""


def block(text: str, *, ci: bool = False) -> str:
    """Return foreign text, indented, and shortened in the middle if it is very long."""
    lines = clean(text, ci=ci).rstrip("\n").split("\n")
    if len(lines) > DETAIL_LINES:
        half = DETAIL_LINES // 2
        left = len(lines) - 2 * half
        lines = [*lines[:half], f"… {left:,} lines left out …", *lines[-half:]]
    return "\n".join(f"    {line}".rstrip() for line in lines)
