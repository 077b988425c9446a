"""Words for pytest that lanes put aside, for each sees a part of the run only, and what to say in their place."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import UserError

_INSTEAD = {
    "-x": "-x",
    "--maxfail": "--max-fail N",
    "--lf": "--failing",
    "--stepwise": "--max-fail 1, and --failing the next time",
    "--collect-only": "`testlanes list`",
    "--pdb": "`D` in the dashboard, which debugs the test under the cursor",
    "--junitxml": "--junit FILE",
    "-n": "-j N",
    "--durations": "`testlanes slowest` afterwards",
    "--pastebin": "--no-tui, and paste what it prints",
    "--store-durations": "pytest itself, of which one process has to see every test",
    "--benchmark-json": "pytest itself: what runs side by side is no measure of speed",
}
_JUNIT = "--junit FILE, which other programs make pages and tables of"
_JSON = "--json, or `testlanes last --subunit` afterwards"
_REPORTS = {
    **dict.fromkeys(("--html", "--md-report", "--nunit-xml"), _JUNIT),
    **dict.fromkeys(("--json-report", "--report-log", "--ctrf", "--cucumberjson"), _JSON),
}
"""What plugins write when a session is over, of the tests that it ran: each lane's is a part of the run.

Names that a project's own options may well have (``--csv``) are left to the loader, which knows whose they are.
"""
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
_EDITS = re.compile(r"--inline-snapshot=(?!(?:disable|report|short-report)$)")
_SHORT = re.compile(r"-(?:[lqsv]*(x)[lqsvx]*|(n)(?:\d*|auto))")
"""``-x`` among other short options, and ``-n`` with its number."""


def in_our_words(word: str) -> str:
    """Return what to use in the place of a word of pytest's or its plugins', or nothing."""
    if _EDITS.match(word):
        return "pytest itself: lanes would edit the same file at once"
    option = _option(word)
    meant = _SAME.get(option, option)
    return _INSTEAD.get(meant, "") or _REPORTS.get(meant, "")


def refuse_put_aside(words: Iterable[str]) -> None:
    """Raise UserError for a word that pytest would not see: whoever wrote it counts on it."""
    for word in words:
        instead = in_our_words(word)
        if not instead:
            continue
        if instead.startswith("-"):  # behind the dashes it would be pytest's again
            ours, comma, more = instead.partition(",")
            instead = f"{ours} in front of the `--`{comma}{more}"
        option = _option(word)
        if _SAME.get(option, option) in _REPORTS:
            raise UserError(
                f"{option} writes no report in lanes: no pytest there sees the whole run",
                hint=f"use {instead}",
            )
        raise UserError(f"pytest's {option} has no effect in lanes", hint=f"use {instead}")


def _option(word: str) -> str:
    if short := _SHORT.fullmatch(word):
        return f"-{short[1] or short[2]}"
    return word.partition("=")[0]
