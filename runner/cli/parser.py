"""argparse for testlanes: what is wrong is a UserError, help is a text, and values are read as what they are."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from typing import NoReturn

from ..config.sizes import size_of
from ..errors import UserError
from .help import EPILOGS, SUMMARIES, USAGES
from .pytest_words import in_our_words

_OF_TESTS = ("run", "list", "watch")


class HelpWanted(Exception):  # noqa: N818
    """The user asked for a text: help or the version."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Parser(argparse.ArgumentParser):
    """argparse that raises UserError and HelpWanted, and never exits or prints."""

    def __init__(self, command: str) -> None:
        super().__init__(
            prog=f"testlanes {command}",
            usage=f"testlanes {command} {USAGES.get(command, '[OPTION…]')}",
            description=SUMMARIES[command],
            epilog=EPILOGS.get(command, ""),
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=32
            ),
            allow_abbrev=False,
            add_help=False,
        )
        self._command = command
        self._positionals.title, self._optionals.title = "what", "how"

    def read(self, words: list[str]) -> argparse.Namespace:
        """Parse. Options may stand between positional words."""
        if "-h" in words or "--help" in words:
            raise HelpWanted(self.format_help())
        # argparse would take the next word for the seed.
        words = ["--random=" if word == "--random" else word for word in words]
        return self.parse_intermixed_args(words)

    def error(self, message: str) -> NoReturn:
        unknown = re.search(r"unrecognized arguments: (.*)", message)
        if unknown:
            option = unknown[1].split()[0].partition("=")[0]
            message = f"unknown option {option}"
            if option.startswith("--") and option[2:] in SUMMARIES:
                raise UserError(message, hint=f"`testlanes {option[2:]}` is a command of its own")
            if self._command in _OF_TESTS and (instead := in_our_words(unknown[1].split()[0])):
                raise UserError(message, hint=f"use {instead}")
            if near := self._near(option):
                own = " The tests' own options go behind `--`" if self._command == "run" else ""
                raise UserError(message, hint=f"is {near} meant?{own}")
            if self._command == "run":
                hint = "`testlanes run --help` lists the options; the tests' own go behind `--`"
                raise UserError(message, hint=hint)
        raise UserError(
            message.replace("argument ", "", 1), hint=f"see `testlanes {self._command} --help`"
        )

    def _near(self, option: str) -> str:
        """Return the option of ours that looks like one that is unknown, or nothing."""
        import difflib  # only for whoever made a mistake

        known = [action.option_strings for action in self._actions]
        near = difflib.get_close_matches(option, [each for some in known for each in some], 1, 0.75)
        return near[0] if near else ""


def whole(least: int) -> Callable[[str], int]:
    """Return what reads a whole number from ``least`` on."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return read


def size(text: str) -> int:
    """Read a size as bytes: ``500M``, ``2G``."""
    try:
        return size_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def seed(text: str) -> int | str:
    """Read a seed; empty where none is named."""
    if not text:
        return ""
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: a whole number")
    return int(text)
