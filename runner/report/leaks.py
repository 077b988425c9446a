"""What tests left behind, in a few lines: how much of what, and the worst offenders."""

from __future__ import annotations

from collections import Counter

from ..ids import Row
from ..state import RunState, leak_words

OFFENDERS = 3


def leak_lines(state: RunState) -> list[str]:
    """Return a line of totals and one for each of the worst offenders; nothing if nothing was left."""
    kinds: Counter[str] = Counter()
    owners: Counter[Row | None] = Counter()
    first: dict[Row | None, str] = {}
    for found in state.leaks:
        for kind, texts in found.leaks.items():
            kinds[kind] += len(texts)
            owners[found.row] += len(texts)
            for text in texts:
                first.setdefault(found.row, f"{leak_words(kind)} {text}")
    if not owners:
        return []
    tests = len(owners) - (None in owners)
    by = f"{tests:,} test{'s' * (tests != 1)}" if tests else "fixtures"
    if tests and None in owners:
        by += " and fixtures"
    totals = ", ".join(
        f"{count:,} {leak_words(kind, count)}" for kind, count in kinds.most_common()
    )
    lines = [f"left behind by {by}: {totals}"]
    for row, count in owners.most_common(OFFENDERS):
        name = "fixtures" if row is None else state.cases.test_id(row)
        more = f" and {count - 1:,} more" if count > 1 else ""
        lines.append(f"  {name}: {first[row]}{more}")
    if len(owners) > OFFENDERS:
        lines.append(f"  and {len(owners) - OFFENDERS:,} more; --json tells all")
    return lines
