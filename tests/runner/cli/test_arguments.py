"""The command line's words: what each becomes, and what a wrong one says."""

from __future__ import annotations

import re

import pytest

from testlanes.runner.cli.arguments import COMMANDS, parse_arguments
from testlanes.runner.cli.parser import HelpWanted
from testlanes.runner.errors import UserError


def test_without_a_command_tests_are_run() -> None:
    assert parse_arguments([]).command == "run"
    assert parse_arguments(["-j", "4"]).overrides.concurrency == 4
    args = parse_arguments(["tests/test_a.py", "quota", "--failing"])
    assert (args.command, args.filters, args.failing) == ("run", ("tests/test_a.py", "quota"), True)


def test_a_command_is_known_by_its_first_word_only() -> None:
    assert parse_arguments(["last"]).command == "last"
    assert parse_arguments(["run", "last"]).filters == ("last",)
    assert parse_arguments(["list-tests", "x"]).command == "list"


def test_a_misspelt_command_is_a_filter_that_says_so() -> None:
    args = parse_arguments(["hsitory"])
    assert (args.command, args.filters, args.meant) == ("run", ("hsitory",), "history")
    assert parse_arguments(["run", "hsitory"]).meant == ""
    assert parse_arguments(["tests.test_api"]).meant == ""


def test_stestrs_options_before_the_command() -> None:
    args = parse_arguments(["-d", "/p", "--repo-url", "/r", "-c", "x.toml", "failing", "--list"])
    assert (args.command, args.here, args.list_only) == ("failing", "/p", True)
    assert (args.overrides.repository, args.overrides.config_file) == ("/r", "x.toml")


def test_what_stands_behind_dashes_goes_to_the_tests_runner() -> None:
    args = parse_arguments(["a", "--", "-x", "--", "--help"])
    assert (args.filters, args.overrides.args) == (("a",), ("-x", "--", "--help"))


def test_what_pytest_is_to_choose_goes_to_pytest() -> None:
    args = parse_arguments(["-k", "a and b", "list_me", "-m", "not slow", "--", "-v"])
    assert args.overrides.args == ("-k", "a and b", "-m", "not slow", "-v")
    assert (args.filters, args.by_pytest) == (("list_me",), True)
    assert not parse_arguments(["--", "-k", "a"]).by_pytest


def test_options_and_filters_may_be_mixed() -> None:
    args = parse_arguments(["run", "a", "-j2", "b", "--timeout", "1.5", "c"])
    assert args.filters == ("a", "b", "c")
    assert (args.overrides.concurrency, args.overrides.timeout) == (2, 1.5)


def test_random_never_takes_the_next_word_for_its_seed() -> None:
    args = parse_arguments(["run", "--random", "filter"])
    assert (args.random, args.overrides.shuffle, args.filters) == (True, None, ("filter",))
    args = parse_arguments(["run", "--random=7"])
    assert (args.random, args.overrides.shuffle) == (True, 7)
    args = parse_arguments(["run", "--random=0"])
    assert (args.random, args.overrides.shuffle) == (True, 0)
    assert not parse_arguments(["run"]).random


def test_what_may_be_said_several_times_adds_up() -> None:
    args = parse_arguments(["-E", "a", "-E", "b", "-p", "x,y", "-p", "z", "--load-list", "f"])
    assert args.exclude_regex == ("a", "b")
    assert args.overrides.profiles == ("x,y", "z")
    assert args.load_list == ("f",)


def test_what_is_not_said_stays_open_for_the_configuration() -> None:
    over = parse_arguments([]).overrides
    assert (over.concurrency, over.timeout, over.isolated, over.native) == (None,) * 4
    args = parse_arguments(["--timeout", "0", "--no-native", "--isolated", "--no-tui", "--partial"])
    over = args.overrides
    assert (over.timeout, over.native, over.isolated) == (0.0, False, True)
    assert (args.tui, args.partial) == (False, True)


def test_fail_fast_is_a_limit_of_one() -> None:
    assert parse_arguments(["-x"]).overrides.max_fail == 1
    assert parse_arguments(["-x", "--max-fail", "3"]).overrides.max_fail == 3


def test_the_other_commands() -> None:
    assert parse_arguments(["slowest"]).count == 10
    assert parse_arguments(["slowest", "-n", "3"]).count == 3
    assert parse_arguments(["slowest", "--all"]).count is None
    assert parse_arguments(["history"]).action == "list"
    args = parse_arguments(["history", "show", "3", "--subunit"])
    assert (args.action, args.run, args.subunit) == ("show", "3", True)
    args = parse_arguments(["load", "-", "b", "-p", "py311", "--partial"])
    assert (args.files, args.ran_under, args.partial) == (("-", "b"), ("py311",), True)
    assert parse_arguments(["load", "-p", "py311"]).overrides.profiles == ()


WRONG: list[tuple[list[str], str]] = [
    (["--nonsense"], "unknown option --nonsense"),
    (["--lf"], "use --failing"),
    (["watch", "-n", "4"], "use -j N"),
    (["--html=r.html"], "use --junit FILE"),
    (["--pdb"], "use `D` in the dashboard"),
    (["-v"], "the tests' own go behind `--`"),
    (["run", "-j", "many"], "-j/--concurrency: 'many' is no whole number from 0 on"),
    (["run", "-j", "-1"], "-j/--concurrency"),
    (["run", "--timeout", "nan"], "'nan' is no number of seconds"),
    (["run", "--random=x"], "'x' is no seed"),
    (["run", "--framework", "nose"], "invalid choice: 'nose'"),
    (["run", "--subunit", "--json"], "both want standard output"),
    (["run", "--serial", "-j4"], "--serial is one lane"),
    (["run", "--until-failure", "--analyze-isolation"], "exclude each other"),
    (["failing", "--list", "--subunit"], "not allowed with"),
    (["slowest", "-n", "0"], "from 1 on"),
    (["history", "remove"], "which run"),
    (["history", "remove", "../x"], "'../x' is no number"),
    (["history", "show", "all"], "'all' is no number"),
    (["history", "show", "٣"], "is no number"),
    (["history", "list", "3"], "has no use for '3'"),
    (["last", "--", "x"], "behind `--`"),
    (["help", "nothing"], "no command 'nothing'"),
]


@pytest.mark.parametrize(("argv", "said"), WRONG)
def test_what_is_wrong_is_said_and_what_to_do(argv: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_arguments(argv)
    assert caught.value.hint
    assert said in f"{caught.value.message}\n{caught.value.hint}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_that_names_each_option_once(command: str) -> None:
    with pytest.raises(HelpWanted) as caught:
        parse_arguments([command, "--help"])
    text = caught.value.text
    assert text.startswith(f"usage: testlanes {command} ")
    options = re.findall(r"^  (?:-\w\b.*?)?(--[\w-]+)", text, re.MULTILINE)
    assert "--help" in options
    assert len(options) == len(set(options))
    assert "arguments:" not in text
    with pytest.raises(HelpWanted) as other:
        parse_arguments(["help", command])
    assert other.value.text == caught.value.text


@pytest.mark.parametrize("argv", [["-h"], ["--help"], ["help"]])
def test_the_overview_names_every_command(argv: list[str]) -> None:
    with pytest.raises(HelpWanted) as caught:
        parse_arguments(argv)
    assert all(f"\n  {command} " in caught.value.text for command in COMMANDS)
