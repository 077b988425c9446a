"""A cycle in words: a compact block for people and editors, an object for programs."""

from __future__ import annotations

import datetime as dt

from ..report.clean import clean_line
from ..watching import Cycle, Failure

SHOWN = 20
"""Failures that are shown of one cycle; all are in the JSON."""
_NAMED = 4


def block(cycle: Cycle, *, many_profiles: bool) -> list[str]:
    """Return the lines that tell of a cycle. A failure is ``path:line: message (test)``, as editors read errors."""
    clock = dt.datetime.fromtimestamp(cycle.began // 1_000_000_000, dt.UTC).astimezone()
    start = clock.strftime("%H:%M:%S")
    if cycle.broken and not cycle.number:
        return [
            f"{start} {one.path}:{one.line}: {clean_line(one.message)} (what uses it waits for the next save)"
            for one in cycle.broken
        ]
    if cycle.problem and not cycle.number:
        return [f"{start} {clean_line(cycle.problem)}"]
    lines: list[str] = []
    if cycle.everything:
        lines.append(f"{start} everything: {clean_line(cycle.everything)}")
    for path, tests in list(cycle.reasons.items())[:_NAMED]:
        lines.append(f"{start} {clean_line(path)} -> {_names(tests)}")
    if len(cycle.reasons) > _NAMED:
        lines.append(f"{start} and {len(cycle.reasons) - _NAMED} more changed files")
    if cycle.unused:
        lines.append(f"{start} no test is known to use {_names(cycle.unused)}")
    lines += [_failure(failure, many_profiles) for failure in cycle.failures[:SHOWN]]
    if len(cycle.failures) > SHOWN:
        lines.append(f"and {len(cycle.failures) - SHOWN} more failures: testlanes failing")
    if cycle.problem:
        lines.append(f"the run went wrong: {clean_line(cycle.problem)}")
    if cycle.number or not cycle.unused:
        lines.append(f"{start} {_sum(cycle)}")
    return lines


def _sum(cycle: Cycle) -> str:
    words: list[str] = []
    if cycle.number:
        said = [
            f"{count:,} {word}"
            for word, count in (("failed", cycle.failed), ("fixed", len(cycle.fixed)))
            if count
        ]
        words.append(
            f"{cycle.ran:,} tests in {cycle.seconds:.2f} s: {', '.join(said) or 'all pass'}"
        )
        if not cycle.ran:
            words = [
                "no test is affected" if not cycle.stopped else "stopped before the first result"
            ]
    if cycle.stopped:
        words.append("stopped")
    words.append(f"failing {cycle.failing:,}" if cycle.failing else "nothing is failing")
    if cycle.broken:
        words.append(f"{len(cycle.broken)} half saved")
    if cycle.due:
        words.append(f"{cycle.due:,} affected and not run")
    if cycle.unseen:
        words.append(f"{cycle.unseen:,} not run since the last full run")
    for profile, state in cycle.images.items():
        if not state.startswith(("ready", "starting", "gone")):
            words.append(f"{profile} is not warm ({clean_line(state)})")
    return " · ".join(words)


def _failure(failure: Failure, many_profiles: bool) -> str:
    whose = f"{failure.case.profile} " if many_profiles else ""
    where = f"{failure.path}:{failure.line}: " if failure.path else ""
    return clean_line(f"{where}{failure.message} ({whose}{failure.case.test_id})")


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(clean_line, names[:_NAMED]))
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def as_json(cycle: Cycle) -> dict[str, object]:
    """Return a cycle as plain data: durations in seconds, times ISO 8601 in UTC."""
    began = dt.datetime.fromtimestamp(cycle.began / 1e9, dt.UTC)
    return {
        "event": "cycle",
        "cycle": cycle.number,
        "at": began.isoformat(),
        "seconds": round(cycle.seconds, 6),
        "first_result": None if cycle.first is None else round(cycle.first, 6),
        "changed": list(cycle.changed),
        "reasons": {path: list(tests) for path, tests in cycle.reasons.items()},
        "everything": cycle.everything,
        "unused": list(cycle.unused),
        "broken": [{"path": b.path, "line": b.line, "message": b.message} for b in cycle.broken],
        "counts": dict(cycle.counts),
        "failures": [
            {
                "id": one.case.test_id,
                "profile": one.case.profile,
                "kind": str(one.kind),
                "message": one.message,
                "path": one.path,
                "line": one.line,
            }
            for one in cycle.failures
        ],
        "fixed": [{"id": case.test_id, "profile": case.profile} for case in cycle.fixed],
        "failing": cycle.failing,
        "due": cycle.due,
        "unseen": cycle.unseen,
        "stopped": cycle.stopped,
        "problem": cycle.problem,
        "run": cycle.run,
        "images": dict(cycle.images),
    }
