"""What was expected against what came, out of the words of a failed assertion."""

from __future__ import annotations

import ast
import difflib
import pprint
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .lines import Line, Span, clean

Side: TypeAlias = Literal["-", "+", " ", "?"]

LIMIT = 400
"""Lines of a difference that are shown."""
TEXT_LIMIT = 20_000
"""Characters of a message that are compared: more would take too long for a frame."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a difference: ``-`` is on the left (expected or first) side only, ``+`` on the right."""

    side: Side
    text: str


_NOT_EQUAL = re.compile(r"^(?P<left>.+?) != (?P<right>.+?)(?: : .*)?$", re.DOTALL)
_ASSERT = re.compile(r"^assert (?P<left>.+?) == (?P<right>.+)$")
_REFERENCE = re.compile(
    r"reference = (?P<left>.*?)\s*\nactual    = (?P<right>.*?)\s*(?:\n: .*)?$", re.DOTALL
)
_TESTTOOLS = re.compile(r"!=:?\s*\n\s*reference", re.DOTALL)


def difference(message: str) -> list[DiffLine]:
    """Return the difference that a message tells or implies; empty if it tells none."""
    message = message[:TEXT_LIMIT]
    told = _told(message.split("\n"))
    if told:
        return (_spread_out(told) or told)[:LIMIT]
    if items := _differing_items(message):
        return items[:LIMIT]
    match = _REFERENCE.search(message) if _TESTTOOLS.search(message) else None
    first = message.strip().split("\n", 1)[0].strip()
    match = match or _ASSERT.match(first) or _NOT_EQUAL.match(message.strip())
    found = [] if match is None else compare(match["left"], match["right"])[:LIMIT]
    if any(line.side != " " for line in found):
        return found
    # Two values that pytest has cut short look the same; below them it tells what differs, indented.
    told = _told([line[2:] for line in message.split("\n")[1:] if line.startswith("  ")])
    return _turned_around(told)[:LIMIT]


def _differing_items(message: str) -> list[DiffLine]:
    """Read what pytest says of two dictionaries or dataclasses: the items alone that differ."""
    out: list[DiffLine] = []
    for line in message.partition("Differing items:")[2].split("\n")[1:]:
        match = _NOT_EQUAL.match(line.strip())
        if match is None:
            break
        out += [DiffLine("-", match["left"]), DiffLine("+", match["right"])]
    return out


def _spread_out(told: list[DiffLine]) -> list[DiffLine]:
    """Lay out two long values of one line each: what differs in them is easier to see so."""
    values = [line for line in told if line.side != "?"]
    if [line.side for line in values] != ["-", "+"] or max(len(one.text) for one in values) < 60:
        return []
    one, two = (_laid_out(line.text) for line in values)
    return compare(values[0].text, values[1].text) if len(one) > 1 and len(two) > 1 else []


def _told(lines: list[str]) -> list[DiffLine]:
    """Read the lines of an ndiff: unittest prints them bare, pytest behind its ``E``."""
    out: list[DiffLine] = []
    for raw in lines:
        line = raw.rstrip("\n")
        mark = line[:2]
        if mark in ("- ", "+ ", "? ") or line in ("-", "+"):
            side: Side = "-" if line[0] == "-" else "+" if line[0] == "+" else "?"
            out.append(DiffLine(side, line[2:]))
        elif out and mark == "  ":
            out.append(DiffLine(" ", line[2:]))
    sides = {line.side for line in out}
    return out if "-" in sides and "+" in sides else []


def _turned_around(told: list[DiffLine]) -> list[DiffLine]:
    """Return pytest's difference with its sides as here: its ``-`` is what stands at the right of ``==``."""
    out: list[DiffLine] = []
    first: list[DiffLine] = []
    second: list[DiffLine] = []
    for line in told:
        if line.side == "+":
            first.append(DiffLine("-", line.text))
        elif line.side == "-":
            second.append(DiffLine("+", line.text))
        elif line.side == " ":
            out += [*first, *second, line]
            first, second = [], []
    return [*out, *first, *second]


def compare(left: str, right: str) -> list[DiffLine]:
    """Compare two values as they are printed; values that Python can read are laid out first."""
    one, two = _laid_out(left), _laid_out(right)
    if len(one) > LIMIT or len(two) > LIMIT:
        one, two = one[:LIMIT], two[:LIMIT]
    return [
        DiffLine("-" if line[0] == "-" else "+" if line[0] == "+" else " ", line[2:])
        for line in difflib.ndiff(one, two)
        if line[0] != "?"
    ]


def _laid_out(text: str) -> list[str]:
    text = text.strip()
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text.split("\n")
    if isinstance(value, str):
        return value.split("\n")
    # Narrow, so that each element gets a line of its own and shows what it alone differs in.
    return pprint.pformat(value, width=40 if len(text) > 40 else 80, sort_dicts=True).split("\n")


def diff_lines(found: list[DiffLine]) -> list[Line]:
    """Return a difference as lines of the screen; what changed within a line is underlined."""
    out: list[Line] = []
    at = 0
    found = [line for line in found if line.side != "?"]
    while at < len(found):
        gone: list[str] = []
        came: list[str] = []
        while at < len(found) and found[at].side == "-":
            gone.append(found[at].text)
            at += 1
        while at < len(found) and found[at].side == "+":
            came.append(found[at].text)
            at += 1
        if gone or came:
            pairs = len(gone) == len(came)
            out += [_side("-", text, came[n] if pairs else None) for n, text in enumerate(gone)]
            out += [_side("+", text, gone[n] if pairs else None) for n, text in enumerate(came)]
            continue
        out.append((Span("     ", "dim"), Span(clean(found[at].text), "dim")))
        at += 1
    return out


def _side(side: str, text: str, other: str | None) -> Line:
    tone = "diff-del" if side == "-" else "diff-add"
    ground = f"on:{tone}-ground"
    text = clean(text)
    head = Span(f"   {side} ", f"{tone} bold {ground}")
    if other is None or len(text) > 300:
        return (head, Span(text + " ", f"{tone} {ground}"))
    matcher = difflib.SequenceMatcher(None, text, clean(other), autojunk=False)
    if matcher.ratio() < 0.4:
        return (head, Span(text + " ", f"{tone} {ground}"))
    out = [head]
    for what, start, end, _, _ in matcher.get_opcodes():
        if start < end:
            mark = "" if what == "equal" else " bold underline"
            out.append(Span(text[start:end], f"{tone}{mark} {ground}"))
    return (*out, Span(" ", ground))
