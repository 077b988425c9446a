"""The options of each command, as argparse parsers. Only the parser of the command that was asked for is built."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from .option_groups import lanes, limits, profiles, selection, suite, where
from .parser import Parser, whole


def _run(parser: Parser) -> Parser:
    selection(parser)
    lanes(parser)
    add = limits(parser).add_argument
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
    suite(parser)
    where(parser)
    return parser


def _watch(parser: Parser) -> Parser:
    selection(parser)
    parser.add_argument_group("what a change runs").add_argument(
        "--mode",
        choices=("affected", "failing", "branch", "all"),
        help="what it affects (the default), of that only what is failing, what all changes since the"
        " branch began affect, or everything",
    )
    lanes(parser)
    limits(parser)
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
    suite(parser)
    where(parser)
    return parser


def _list(parser: Parser) -> Parser:
    selection(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--json", action="store_true", help='{"ID": {"profiles": [...]}, ...}')
    _which_profiles(group)
    suite(parser)
    where(parser)
    return parser


def _which_profiles(group: argparse._MutuallyExclusiveGroup) -> None:  # pyright: ignore[reportPrivateUsage]
    group.add_argument(
        "--profiles",
        dest="which_profiles",
        action="store_true",
        help="only the profiles that this would be of, one a line",
    )


def _failing(parser: Parser) -> Parser:
    profiles(parser.add_argument_group("of what"))
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--list", dest="list_only", action="store_true", help="ids only, one a line")
    group.add_argument("--subunit", action="store_true", help="as subunit v2")
    group.add_argument("--json", action="store_true", help='{"ID": {"profiles": [...]}, ...}')
    _which_profiles(group)
    where(parser)
    return parser


def _last(parser: Parser) -> Parser:
    parser.add_argument("--subunit", action="store_true", help="as subunit v2")
    where(parser)
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
    where(parser)
    return parser


def _slowest(parser: Parser) -> Parser:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-n", dest="count", metavar="N", type=whole(1), default=10, help="how many (10)"
    )
    group.add_argument("--all", dest="count", action="store_const", const=None, help="all of them")
    where(parser)
    return parser


def _flaky(parser: Parser) -> Parser:
    parser.add_argument(
        "filters", metavar="FILTER", nargs="*", help="regexes, any of which may match in the id"
    )
    parser.add_argument(
        "-n", "--runs", metavar="N", type=whole(1), default=20, help="how many runs back (20)"
    )
    profiles(parser.add_argument_group("of what"))
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--list", dest="list_only", action="store_true", help="ids only, one a line")
    group.add_argument("--json", action="store_true", help="as JSON")
    where(parser)
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
    where(parser)
    return parser


def _config(parser: Parser) -> Parser:
    parser.add_argument("--json", action="store_true", help="as JSON")
    profiles(parser.add_argument_group("of what"))
    suite(parser)
    where(parser)
    return parser


def _profiles_command(parser: Parser) -> Parser:
    parser.add_argument("--json", action="store_true", help="as JSON")
    suite(parser)
    where(parser)
    return parser


def _plain(parser: Parser) -> Parser:
    where(parser)
    return parser


def _hosts(parser: Parser) -> Parser:
    parser.add_argument("filters", metavar="NAME", nargs="*", help="these only")
    parser.add_argument("--json", action="store_true", help="as JSON")
    where(parser)
    return parser


def _dispose(parser: Parser) -> Parser:
    parser.add_argument(
        "--forget", action="store_true", help="do nothing to them, and remember them no more"
    )
    where(parser)
    return parser


def _demo(parser: Parser) -> Parser:
    add = parser.add_argument
    add("--no-tui", dest="tui", action="store_const", const=False, help="plain lines, no dashboard")
    add("-h", "--help", action="store_true", help="show this text")
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
