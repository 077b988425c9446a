"""The options of each command, as argparse parsers. Only the parser of the command that was asked for is built."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from typing import NoReturn

from ..config.sizes import size_of
from ..errors import UserError
from .help import EPILOGS, SUMMARIES, USAGES


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
            message = f"unknown option {unknown[1].split()[0]}"
            if self._command == "run":
                hint = "`testlanes run --help` lists the options; the tests' own go behind `--`"
                raise UserError(message, hint=hint)
        raise UserError(
            message.replace("argument ", "", 1), hint=f"see `testlanes {self._command} --help`"
        )


def _where(parser: Parser) -> None:
    group = parser.add_argument_group("where")
    group.add_argument("-d", "--here", metavar="DIR", help="work in this folder")
    group.add_argument("-c", "--config", metavar="FILE", help="read this configuration instead")
    group.add_argument(
        "-u", "--repository", "--repo-url", metavar="DIR", help="where runs are stored"
    )
    group.add_argument("-h", "--help", action="store_true", help="show this text")


def _selection(parser: Parser) -> None:
    group = parser.add_argument_group("which tests")
    group.add_argument(
        "filters",
        metavar="FILTER",
        nargs="*",
        help="regexes, any of which may match anywhere in the id; for pytest also files and node ids",
    )
    group.add_argument("--failing", action="store_true", help="what failed when it last ran")
    group.add_argument(
        "--load-list",
        metavar="FILE",
        action="append",
        help="the ids in this file, one a line",
    )
    group.add_argument(
        "-i",
        "--include-list",
        metavar="FILE",
        action="append",
        help="what matches a regex in this file, one a line",
    )
    group.add_argument(
        "-e",
        "--exclude-list",
        metavar="FILE",
        action="append",
        help="not what matches a regex in this file",
    )
    group.add_argument(
        "-E",
        "--exclude-regex",
        metavar="REGEX",
        action="append",
        help="not what matches this regex",
    )
    _profiles(group)


def _profiles(group: argparse._ArgumentGroup) -> None:  # pyright: ignore[reportPrivateUsage]
    group.add_argument(
        "-p",
        "--profile",
        dest="profiles",
        metavar="NAME",
        action="append",
        help="these profiles only: names or tags, several joined by commas",
    )


def _suite(parser: Parser) -> None:
    group = parser.add_argument_group("what the tests are (else read from the project)")
    group.add_argument("--framework", choices=("pytest", "unittest", "command"))
    group.add_argument("--python", metavar="PATH", help="the interpreter that runs the tests")
    group.add_argument(
        "-s",
        "--start",
        "-t",
        "--test-path",
        metavar="DIR",
        help="unittest: where to look for tests",
    )
    group.add_argument("--pattern", metavar="GLOB", help="unittest: the files that hold tests")
    group.add_argument(
        "--top", "--top-dir", metavar="DIR", help="unittest: the folder to import from"
    )
    group.add_argument(
        "--no-native",
        dest="native",
        action="store_const",
        const=False,
        help="start a test_command as it is written, even if our own workers could run its tests",
    )


def _run(parser: Parser) -> Parser:
    _selection(parser)
    _lanes(parser)
    add = _limits(parser).add_argument
    add("--until-failure", action="store_true", help="run again and again until something fails")
    add(
        "--analyze-isolation",
        action="store_true",
        help="find out which earlier tests make failing ones fail",
    )
    add(
        "--repro",
        metavar=("RUN", "TEST"),
        nargs=2,
        help="run what the worker of a stored run (a number, or `last`) ran up to this test's failure, in order",
    )
    group = parser.add_argument_group("what is said and kept")
    add = group.add_argument
    add("--no-tui", dest="tui", action="store_const", const=False, help="plain lines, no dashboard")
    add("--subunit", action="store_true", help="subunit v2 on stdout and nothing else")
    add("--json", action="store_true", help="a JSON object for each event on stdout")
    add("--junit", metavar="FILE", help="also write JUnit XML")
    add(
        "--partial",
        action="store_const",
        const=True,
        help="keep other known failures (the default unless all tests run)",
    )
    for old in ("--force-init", "--full-results", "--no-subunit-trace"):
        add(old, action="store_true", help=argparse.SUPPRESS)  # accepted, and always so
    _suite(parser)
    _where(parser)
    return parser


def _lanes(parser: Parser) -> None:
    group = parser.add_argument_group("lanes")
    add = group.add_argument
    add(
        "-j",
        "--concurrency",
        metavar="N",
        type=_whole(0),
        help="how many lanes; 0 for one a core (the default)",
    )
    add("--serial", action="store_true", help="one lane")
    add("--parallel", action="store_true", help=argparse.SUPPRESS)  # testr's; ours by default
    add("--plan", metavar="FILE", help="a concurrency plan: what may run together")
    add("-g", "--group-regex", metavar="REGEX", help="tests with the same match stay in one worker")
    add("--parallel-class", action="store_true", help="the tests of a class stay in one worker")
    add(
        "--host",
        metavar="NAME",
        action="append",
        help="lanes on these hosts (see `testlanes hosts`), several joined by commas; local: here",
    )
    add("--isolated", action="store_const", const=True, help="a process for every test")
    add("--fresh", action="store_const", const=True, help="never fork workers from a loaded suite")
    add("--strict-profiles", action="store_true", help="a profile that cannot run is an error")
    add("--random", metavar="SEED", type=_seed, help="in random order (write --random=SEED)")


def _limits(parser: Parser) -> argparse._ArgumentGroup:  # pyright: ignore[reportPrivateUsage]
    group = parser.add_argument_group("limits and repetition")
    add = group.add_argument
    add(
        "--timeout", metavar="SECONDS", type=_seconds, help="end a test that takes longer; 0: never"
    )
    add("--grace", metavar="SECONDS", type=_seconds, help="between asking it to end and killing it")
    add(
        "--load-timeout",
        metavar="SECONDS",
        type=_seconds,
        help="give up a suite that says nothing for so long while it is loaded (600); 0: never",
    )
    add(
        "--memory-limit",
        metavar="SIZE",
        type=_size,
        help="end a worker that holds more memory: 500M, 2G; 0: never",
    )
    add("--slow-after", metavar="SECONDS", type=_seconds, help="mark running tests as slow")
    add("--retries", metavar="N", type=_whole(0), help="run failing tests again up to N times")
    add(
        "--flaky",
        choices=("report", "fail"),
        help="what passes on a retry only: tell (the default), or fail the run",
    )
    add("--max-fail", metavar="N", type=_whole(0), help="stop after N failures")
    add("-x", "--fail-fast", action="store_true", help="stop after the first failure")
    add(
        "--leaks",
        choices=("report", "fail", "off"),
        help="what tests leave behind (processes, threads, files …): tell (the default), fail, or do not look",
    )
    return group


def _watch(parser: Parser) -> Parser:
    _selection(parser)
    parser.add_argument_group("what a change runs").add_argument(
        "--mode",
        choices=("affected", "failing", "branch", "all"),
        help="what it affects (the default), of that only what is failing, what all changes since the"
        " branch began affect, or everything",
    )
    _lanes(parser)
    _limits(parser)
    group = parser.add_argument_group("what is said")
    add = group.add_argument
    add(
        "--no-tui",
        dest="tui",
        action="store_const",
        const=False,
        help="no dashboard: a compact block a cycle",
    )
    add("--json", action="store_true", help="a JSON object for each cycle on stdout")
    _suite(parser)
    _where(parser)
    return parser


def _list(parser: Parser) -> Parser:
    _selection(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--json", action="store_true", help='{"ID": {"profiles": [...]}, ...}')
    _which_profiles(group)
    _suite(parser)
    _where(parser)
    return parser


def _which_profiles(group: argparse._MutuallyExclusiveGroup) -> None:  # pyright: ignore[reportPrivateUsage]
    group.add_argument(
        "--profiles",
        dest="which_profiles",
        action="store_true",
        help="only the profiles that this would be of, one a line",
    )


def _failing(parser: Parser) -> Parser:
    _profiles(parser.add_argument_group("of what"))
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--list", dest="list_only", action="store_true", help="ids only, one a line")
    group.add_argument("--subunit", action="store_true", help="as subunit v2")
    group.add_argument("--json", action="store_true", help='{"ID": {"profiles": [...]}, ...}')
    _which_profiles(group)
    _where(parser)
    return parser


def _last(parser: Parser) -> Parser:
    parser.add_argument("--subunit", action="store_true", help="as subunit v2")
    _where(parser)
    return parser


def _load(parser: Parser) -> Parser:
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="subunit v2 streams; - or none: standard input"
    )
    parser.add_argument(
        "--partial", action="store_const", const=True, help="keep other known failures"
    )
    parser.add_argument("--subunit", action="store_true", help="also copy the results to stdout")
    parser.add_argument(
        "-p",
        "--profile",
        dest="ran_under",
        metavar="NAME",
        action="append",
        help="the profile that results without a profile's tag ran under",
    )
    parser.add_argument("--force-init", action="store_true", help=argparse.SUPPRESS)
    _where(parser)
    return parser


def _slowest(parser: Parser) -> Parser:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-n", dest="count", metavar="N", type=_whole(1), default=10, help="how many (10)"
    )
    group.add_argument("--all", dest="count", action="store_const", const=None, help="all of them")
    _where(parser)
    return parser


def _flaky(parser: Parser) -> Parser:
    parser.add_argument(
        "filters", metavar="FILTER", nargs="*", help="regexes, any of which may match in the id"
    )
    parser.add_argument(
        "-n", "--runs", metavar="N", type=_whole(1), default=20, help="how many runs back (20)"
    )
    _profiles(parser.add_argument_group("of what"))
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--list", dest="list_only", action="store_true", help="ids only, one a line")
    group.add_argument("--json", action="store_true", help="as JSON")
    _where(parser)
    return parser


def _history(parser: Parser) -> Parser:
    parser.add_argument(
        "action",
        choices=("list", "show", "remove"),
        nargs="?",
        default="list",
        help="list the runs, show one (the newest), or remove one or all",
    )
    parser.add_argument("run", metavar="RUN", nargs="?", help="a number, or `all` to remove all")
    parser.add_argument("--json", action="store_true", help="list: as JSON")
    parser.add_argument("--subunit", action="store_true", help="show: as subunit v2")
    _where(parser)
    return parser


def _config(parser: Parser) -> Parser:
    parser.add_argument("--json", action="store_true", help="as JSON")
    _profiles(parser.add_argument_group("of what"))
    _suite(parser)
    _where(parser)
    return parser


def _profiles_command(parser: Parser) -> Parser:
    parser.add_argument("--json", action="store_true", help="as JSON")
    _suite(parser)
    _where(parser)
    return parser


def _plain(parser: Parser) -> Parser:
    _where(parser)
    return parser


def _hosts(parser: Parser) -> Parser:
    parser.add_argument("filters", metavar="NAME", nargs="*", help="these only")
    parser.add_argument("--json", action="store_true", help="as JSON")
    _where(parser)
    return parser


def _dispose(parser: Parser) -> Parser:
    parser.add_argument(
        "--forget", action="store_true", help="do nothing to them, and remember them no more"
    )
    _where(parser)
    return parser


def _demo(parser: Parser) -> Parser:
    add = parser.add_argument
    add("--no-tui", dest="tui", action="store_const", const=False, help="plain lines, no dashboard")
    return parser


PARSERS: dict[str, Callable[[Parser], Parser]] = {
    "run": _run,
    "watch": _watch,
    "list": _list,
    "failing": _failing,
    "last": _last,
    "slowest": _slowest,
    "flaky": _flaky,
    "stats": _plain,
    "history": _history,
    "load": _load,
    "init": _plain,
    "hosts": _hosts,
    "dispose": _dispose,
    "profiles": _profiles_command,
    "config": _config,
    "demo": _demo,
}


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return read


def _size(text: str) -> int:
    try:
        return size_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _seed(text: str) -> int | str:
    if not text:
        return ""
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: a whole number")
    return int(text)
