"""Foreign text for a terminal or a log: nothing in it may act, everything in it stays visible.

What terminals obey and why this is needed was measured: titles, clipboard writes, screen clearing and
C1 controls all pass through print. In the logs of CI services, lines can be commands.
"""

from __future__ import annotations

import re

_SUSPECT = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029\ud800-\udfff]"
)
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, screen
    r"|(?:\x1b[\]P^_X]|[\x9d\x90\x9e\x9f\x98])[^\x07\x1b\x9c]{0,65536}(?:\x07|\x1b\\|\x9c)"  # OSC, DCS …
    r"|\x1b[ -/]+[0-~]"
    r"|\x1b[0-OQ-WYZ`-~]"
)
_MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_PILE = re.compile(f"([{_MARKS}]{{8}})[{_MARKS}]+")
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\w*\[)", re.MULTILINE)
_TAB = "    "


def clean(text: str, *, ci: bool = False) -> str:
    """Return ``text`` without control sequences, other controls as pictures (``␛``) or escapes.

    Line ends stay, tabs become four spaces. ``ci``: lines that a CI service would take for a command
    (``::error::``, ``##vso[``) are broken up with a space.
    """
    if _SUSPECT.search(text):
        text = _SUSPECT.sub(_picture, _SEQUENCE.sub("", text.replace("\r\n", "\n")))
    if not text.isascii():
        text = _PILE.sub(r"\1", text)
    if ci and ("::" in text or "##" in text):
        text = _COMMAND.sub(_broken_up, text)
    return text


def clean_line(text: str, *, ci: bool = False) -> str:
    """Return ``text``, a test id or a name, cleaned and on one line."""
    text = clean(text, ci=ci)
    return text.replace("\n", "\\n") if "\n" in text else text


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0x09:
        return _TAB
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _broken_up(match: re.Match[str]) -> str:
    return "# " if match[0] == "#" else f"{match[1]}: "
