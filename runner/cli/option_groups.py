"""Groups of options that several commands have in common: each adds one to a parser."""

from __future__ import annotations

import argparse
from typing import TypeAlias

from .parser import Parser, seconds, seed, size, whole

Group: TypeAlias = argparse._ArgumentGroup  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def where(parser: Parser) -> None:
    """Where to work, what to read, where to store; and ``--help``."""
    group = parser.add_argument_group("where")
    group.add_argument("-d", "--here", metavar="DIR", help="work in this folder")
    group.add_argument("-c", "--config", metavar="FILE", help="read this configuration instead")
    group.add_argument(
        "-u", "--repository", "--repo-url", metavar="DIR", help="where runs are stored"
    )
    group.add_argument("-h", "--help", action="store_true", help="show this text")


def selection(parser: Parser) -> None:
    """Which tests."""
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
    group.add_argument("-k", metavar="EXPR", help="pytest: what matches its expression of keywords")
    group.add_argument("-m", metavar="EXPR", help="pytest: what matches its expression of markers")
    profiles(group)


def profiles(group: Group) -> None:
    """Which profiles."""
    group.add_argument(
        "-p",
        "--profile",
        dest="profiles",
        metavar="NAME",
        action="append",
        help="these profiles only: names or tags, several joined by commas",
    )


def suite(parser: Parser) -> None:
    """What the tests are, where the project does not say it, or says something else."""
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


def lanes(parser: Parser) -> None:
    """How many lanes there are, where, and what may share them."""
    group = parser.add_argument_group("lanes")
    add = group.add_argument
    add(
        "-j",
        "--concurrency",
        metavar="N",
        type=whole(0),
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
    add("--random", metavar="SEED", type=seed, help="in random order (write --random=SEED)")


def limits(parser: Parser) -> Group:
    """What a test may take, and when to stop."""
    group = parser.add_argument_group("limits and repetition")
    add = group.add_argument
    add("--timeout", metavar="SECONDS", type=seconds, help="end a test that takes longer; 0: never")
    add("--grace", metavar="SECONDS", type=seconds, help="between asking it to end and killing it")
    add(
        "--load-timeout",
        metavar="SECONDS",
        type=seconds,
        help="give up a suite that says nothing for so long while it is loaded (600); 0: never",
    )
    add(
        "--memory-limit",
        metavar="SIZE",
        type=size,
        help="end a worker that holds more memory: 500M, 2G; 0: never",
    )
    add("--slow-after", metavar="SECONDS", type=seconds, help="mark running tests as slow")
    add("--retries", metavar="N", type=whole(0), help="run failing tests again up to N times")
    add(
        "--flaky",
        choices=("report", "fail"),
        help="what passes on a retry only: tell (the default), or fail the run",
    )
    add("--max-fail", metavar="N", type=whole(0), help="stop after N failures")
    add("-x", "--fail-fast", action="store_true", help="stop after the first failure")
    add(
        "--leaks",
        choices=("report", "fail", "off"),
        help="what tests leave behind (processes, threads, files …): tell (the default), fail, or do not look",
    )
    return group
