"""Words for pytest that lanes put aside, for each sees a part of the run only, and what to say in their place."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import UserError

_INSTEAD = {
    "-x": "-x in front of the `--`",
    "--maxfail": "--max-fail N in front of the `--`",
    "--lf": "--failing in front of the `--`",
    "--stepwise": "--max-fail 1 in front of the `--`, and --failing the next time",
    "--collect-only": "`testlanes list`",
    "--pdb": "`D` in the dashboard, which debugs the test under the cursor",
    "--junitxml": "--junit FILE in front of the `--`",
    "-n": "-j N in front of the `--`",
    "--durations": "`testlanes slowest` afterwards",
    "--pastebin": "--no-tui, and paste what it prints",
    "--benchmark-json": "pytest itself: what runs side by side is no measure of speed",
}
_JUNIT = "--junit FILE in front of the `--`, which other programs make pages and tables of"
_JSON = "--json in front of the `--`, or `testlanes last --subunit` afterwards"
_REPORTS = {
    **dict.fromkeys(("--html", "--md", "--md-report", "--csv", "--nunit-xml"), _JUNIT),
    **dict.fromkeys(("--json", "--json-report", "--report-log", "--ctrf", "--cucumberjson"), _JSON),
}
"""What plugins write when a session is over, of the tests that it ran: each lane's is a part of the run."""
_SAME = {
    "--exitfirst": "-x",
    "--last-failed": "--lf",
    "--sw": "--stepwise",
    "--co": "--collect-only",
    "--collectonly": "--collect-only",
    "--trace": "--pdb",
    "--junit-xml": "--junitxml",
    "--numprocesses": "-n",
    "--benchmark-save": "--benchmark-json",
    "--benchmark-autosave": "--benchmark-json",
    "--json-report-file": "--json-report",
    "--md-report-output": "--md-report",
    "--nunitxml": "--nunit-xml",
    "--cucumber-json": "--cucumberjson",
}
_SHORT = re.compile(r"-(?:[lqsv]*(x)[lqsvx]*|(n)(?:\d*|auto))")
"""``-x`` among other short options, and ``-n`` with its number."""


def refuse_put_aside(words: Iterable[str]) -> None:
    """Raise UserError for a word that pytest would not see: whoever wrote it counts on it."""
    for word in words:
        option = word.partition("=")[0]
        if short := _SHORT.fullmatch(word):
            option = f"-{short[1] or short[2]}"
        meant = _SAME.get(option, option)
        if instead := _INSTEAD.get(meant):
            raise UserError(f"pytest's {option} has no effect in lanes", hint=f"use {instead}")
        if instead := _REPORTS.get(meant):
            raise UserError(
                f"{option} writes no report in lanes: no pytest there sees the whole run",
                hint=f"use {instead}",
            )
