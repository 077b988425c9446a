"""The part of the shell's language that is certain to mean the same to us as to ``sh``."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPECIAL = frozenset("|&;<>()`*?[]{}!#\n~=")
_VARIABLE = re.compile(
    r"\$(?:\{([A-Za-z_]\w*)(?:(:?-)([^{}$`\"'\\]*))?\}|([A-Za-z_]\w*))", re.ASCII
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)


def plain_words(command: str, environ: Mapping[str, str]) -> list[str] | None:
    """Split a command into words as ``sh`` would, or return None if it uses more of the shell than we know.

    Known are blanks, quotes, backslashes, ``$VAR``, ``${VAR}``, ``${VAR-word}`` and
    ``${VAR:-word}``. Assignments at the beginning see those before them.
    """
    words: list[str] = []
    seen = dict(environ)
    leading = True
    at = 0
    while True:
        while at < len(command) and (
            command[at] in " \t" or command.startswith("\\\n", at) or command[at:] == "\n"
        ):
            at += 2 if command[at] == "\\" else 1
        if at >= len(command):
            return words
        assigns = leading and _ASSIGNMENT.match(command, at) is not None
        read = _word(command, at, seen, assigns)
        if read is None:
            return None
        word, at, empty = read
        leading = assigns
        if assigns:
            name, _, value = word.partition("=")
            # sh expands a later assignment with the earlier ones' values in some
            # shells only: where it would matter, it is not plain
            if re.search(rf"\$\{{?{name}\b", command[at:]) and seen.get(name) != value:
                return None
            seen[name] = value
        if word or not empty:
            words.append(word)


def _word(
    command: str, at: int, environ: Mapping[str, str], assigns: bool
) -> tuple[str, int, bool] | None:
    """Return a word, where it ends, and whether it would vanish if nothing is in it."""
    text = ""
    vanishes = True
    quote = ""
    while at < len(command):
        char = command[at]
        if quote == "'":
            if char == "'":
                quote = ""
            else:
                text += char
            at += 1
        elif char == "$":
            variable = _VARIABLE.match(command, at)
            if variable is None or command.startswith("\\\n", variable.end()):
                return None  # a name may go on in the next line
            value = _value(variable, environ)
            if not quote and not assigns and re.search(r"[\s*?\[]", value):
                return None  # sh would split it or look for files
            text += value
            at = variable.end()
        elif char == "\\":
            following = command[at + 1 : at + 2]
            if not following or (quote and following not in '$`"\\\n'):
                return None
            text += "" if following == "\n" else following
            at += 2
        elif char == quote:
            quote = ""
            at += 1
        elif quote:
            if char == "`":
                return None
            text += char
            at += 1
        elif char in "\"'":
            quote = char
            vanishes = False
            at += 1
        elif char in " \t" or command[at:] == "\n":
            break
        elif char in _SPECIAL and not (char == "=" and text):
            return None
        else:
            text += char
            at += 1
    return None if quote else (text, at, vanishes)


def _value(variable: re.Match[str], environ: Mapping[str, str]) -> str:
    value = environ.get(variable[1] or variable[4])
    if value is None or (not value and variable[2] == ":-"):
        return variable[3] or ""
    return value
