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
}
_SAME = {
    "--exitfirst": "-x",
    "--last-failed": "--lf",
    "--sw": "--stepwise",
    "--co": "--collect-only",
    "--collectonly": "--collect-only",
    "--trace": "--pdb",
    "--junit-xml": "--junitxml",
    "--numprocesses": "-n",
}
_SHORT = re.compile(r"-(?:[lqsv]*(x)[lqsvx]*|(n)(?:\d*|auto))")
"""``-x`` among other short options, and ``-n`` with its number."""


def refuse_put_aside(words: Iterable[str]) -> None:
    """Raise UserError for a word that pytest would not see: whoever wrote it counts on it."""
    for word in words:
        option = word.partition("=")[0]
        if short := _SHORT.fullmatch(word):
            option = f"-{short[1] or short[2]}"
        instead = _INSTEAD.get(_SAME.get(option, option))
        if instead:
            raise UserError(f"pytest's {option} has no effect in lanes", hint=f"use {instead}")
