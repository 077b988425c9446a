"""Commands that plainly run unittest, which our own lanes can do themselves, faster and with more to see.

``[VAR=value …] python -m subunit.run discover …`` or ``… NAME …``, with testtools' and stestr's runners alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..frozen import frozen
from ..settings import CommandSuite, UnittestSuite
from .shell_words import plain_words

_RUNNERS = ("subunit.run", "testtools.run", "stestr.subunit_runner.run")
_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[\d.]*t?")
_PLACES = {
    "-s": "start",
    "--start-directory": "start",
    "-p": "pattern",
    "--pattern": "pattern",
    "-t": "top",
    "--top-level-directory": "top",
}
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_SILENT = ("-v", "--verbose", "-q", "--quiet")


@frozen
class PlainUnittest:
    """What such a command says: the interpreter's word, variables, and what is discovered where or named."""

    python: str
    env: Mapping[str, str]
    suite: UnittestSuite


def plain_unittest(suite: CommandSuite, environ: Mapping[str, str]) -> PlainUnittest | None:
    """Return what a command says if it plainly runs unittest, else None."""
    options = {"$IDOPTION": suite.id_option, "$LISTOPT": suite.list_option}
    usual = {"$IDOPTION": ("--load-list $IDFILE", "--load-list=$IDFILE"), "$LISTOPT": ("--list",)}
    command = suite.command
    for variable, value in options.items():
        if variable not in command or value.strip() not in usual[variable]:
            return None
        command = re.sub(rf"{re.escape(variable)}(?!\w)", " ", command)
    if suite.id_list_default.strip() or re.search(
        r"\$\{?(IDFILE|IDLIST|IDOPTION|LISTOPT)", command
    ):
        return None
    words = plain_words(command, environ)
    if words is None:
        return None
    env: dict[str, str] = {}
    while words and re.match(r"[A-Za-z_]\w*=", words[0], re.ASCII):
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    if not words or not (_PYTHON.fullmatch(words[0]) or words[0] == environ.get("PYTHON")):
        return None
    python = words.pop(0)
    while words and words[0] in ("-u", "-B"):
        env["PYTHONUNBUFFERED" if words.pop(0) == "-u" else "PYTHONDONTWRITEBYTECODE"] = "1"
    if len(words) < 3 or words[0] != "-m" or words[1] not in _RUNNERS:
        return None
    found = discovery(words[3:]) if words[2] == "discover" else _named(words[2:])
    return None if found is None else PlainUnittest(python, env, found)


def _named(words: Sequence[str]) -> UnittestSuite | None:
    names = tuple(word for word in words if word not in _SILENT)
    plain = names and all(map(_NAME.fullmatch, names))
    return UnittestSuite(names=names) if plain else None


def discovery(words: Sequence[str], base: UnittestSuite | None = None) -> UnittestSuite | None:
    """Return what the arguments of ``python -m unittest discover`` say, on top of ``base``.

    None if there is anything but ``[-s] START``, ``[-p] PATTERN``, ``[-t] TOP`` and how much to say, or
    if ``base`` discovers nothing.
    """
    base = base or UnittestSuite()
    if base.names:
        return None if set(words).difference(_SILENT) else base
    given: dict[str, str] = {}
    places: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word in _SILENT:
            continue
        if word in _PLACES and rest:
            given[_PLACES[word]] = rest.pop(0)
        elif name.startswith("--") and name in _PLACES and equals:
            given[_PLACES[name]] = value
        elif word[:2] in _PLACES and not word.startswith("--") and len(word) > 2:
            given[_PLACES[word[:2]]] = word[2:]
        elif not word.startswith("-") and len(places) < 3:
            places.append(word)
        else:
            return None
    given.update(zip(("start", "pattern", "top"), places, strict=False))
    top = given.get("top", base.top)
    return UnittestSuite(given.get("start", base.start), given.get("pattern", base.pattern), top)
