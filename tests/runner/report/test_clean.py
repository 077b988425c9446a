"""Foreign text can be read and cannot act."""

from __future__ import annotations

import random

import pytest

from testlanes.runner.report.clean import clean, clean_line

CASES = {
    "colour": ("\x1b[31mred\x1b[0m", "red"),
    "clear screen": ("a\x1b[2Jb", "ab"),
    "title ended by BEL": ("\x1b]0;title\x07x", "x"),
    "clipboard ended by ST": ("\x1b]52;c;aGk=\x1b\\x", "x"),
    "link": ("\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text"),
    "8-bit CSI": ("\x9b2Jx", "x"),
    "8-bit OSC": ("\x9d0;t\x9cx", "x"),
    "device attributes": ("\x1b[cx\x1bZ", "x"),
    "unended title": ("\x1b]0;title", "\u241b]0;title"),
    "lone escape": ("\x1b", "\u241b"),
    "backspace": ("a\bb", "a\u2408b"),
    "carriage return": ("safe\rEVIL", "safe\u240dEVIL"),
    "windows lines": ("a\r\nb\r\n", "a\nb\n"),
    "tab": ("a\tb", "a    b"),
    "NUL and DEL": ("\0\x7f", "\u2400\u2421"),
    "C1": ("\x85", "\\x85"),
    "bidi": ("\u202eabc\u2066", "\\u202eabc\\u2066"),
    "surrogate": ("\udcff", "\\udcff"),
    "a pile of marks": ("e" + "\u0301" * 500, "e" + "\u0301" * 8),
    "text": (
        "Grüße, 世界 \U0001f600 [red] [/usr/bin]\n",
        "Grüße, 世界 \U0001f600 [red] [/usr/bin]\n",
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_clean(what: str) -> None:
    text, expected = CASES[what]
    assert clean(text) == expected


def test_whatever_comes_nothing_in_the_result_can_act() -> None:
    rng = random.Random(1)
    alphabet = "\x1b\x9b\x9d]0;[2Ja\r\n\t\x07\\\x00\x7f\u202e\udc80\U0001f600"
    for _ in range(3000):
        text = clean("".join(rng.choices(alphabet, k=30)))
        assert all(char == "\n" or char.isprintable() for char in text)
        text.encode()


COMMANDS = {
    "::error file=x::y": ": :error file=x::y",
    "  ::set-output::": "  : :set-output::",
    "a\n::stop-commands::x": "a\n: :stop-commands::x",
    "x ##vso[task.complete]": "x # #vso[task.complete]",
    "##[error]x": "# #[error]x",
    "##teamcity[x]": "# #teamcity[x]",
    "a::b ## heading": "a::b ## heading",
    "\x1b[0m::error::x": ": :error::x",
}


@pytest.mark.parametrize("text", COMMANDS)
def test_commands_to_ci_services_are_broken_up(text: str) -> None:
    assert clean(text, ci=True) == COMMANDS[text]


def test_without_ci_these_lines_stay() -> None:
    assert clean("::error::x ##[a]") == "::error::x ##[a]"


def test_a_name_stays_on_one_line() -> None:
    assert clean_line("test_a[x\ny]") == "test_a[x\\ny]"
