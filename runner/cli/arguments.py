"""The words of the command line. Names and meanings follow testr and stestr where these have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, cast

from ..errors import UserError
from ..frozen import frozen
from .help import OVERVIEW, SUMMARIES
from .options import PARSERS
from .parser import HelpWanted, Parser

if TYPE_CHECKING:
    from ..config.lists import LoadList
    from ..config.overrides import Overrides

COMMANDS = tuple(SUMMARIES)
_ALIASES = {"list-tests": "list"}
_FRONT = {"-d": 1, "--here": 1, "-c": 1, "--config": 1, "-u": 1, "--repo-url": 1, "--repository": 1}
"""Options that may stand before the command, as stestr has them, and how many words follow."""


def _no_overrides() -> Overrides:
    from ..config.overrides import Overrides

    return Overrides()


@frozen
class Arguments:
    """What was asked for. Which fields count depends on ``command``; the rest keep their defaults."""

    command: str = "run"
    here: str = ""
    """The folder to work in, as typed; empty for the working directory."""
    overrides: Overrides = field(default_factory=_no_overrides)
    meant: str = ""
    """The command that the only filter looks like a misspelling of."""
    # which tests: run, list
    filters: tuple[str, ...] = ()
    failing: bool = False
    load_list: tuple[str, ...] = ()
    listed: LoadList | None = None
    """What these lists say, once they are read."""
    include_list: tuple[str, ...] = ()
    exclude_list: tuple[str, ...] = ()
    exclude_regex: tuple[str, ...] = ()
    by_pytest: bool = False
    """Whether pytest is to choose (``-k``, ``-m``): its words are among ``overrides.args``."""
    partial: bool | None = None
    # how: run
    until_failure: bool = False
    analyze_isolation: bool = False
    repro: tuple[str, ...] = ()
    """A run (its number, or ``last``) and a test whose failure in it is to be reproduced."""
    random: bool = False
    """Whether a random order was asked for; a seed that was named is in ``overrides.shuffle``."""
    runs: int = 20
    """How many runs ``flaky`` looks back."""
    # what is said: run and others
    mode: str = ""
    """``watch``: what a cycle runs; empty for what is affected."""
    tui: bool | None = None
    """False for ``--no-tui``; None: a dashboard if there is a terminal."""
    subunit: bool = False
    json: bool = False
    junit: str = ""
    list_only: bool = False
    forget: bool = False
    """``dispose``: remember them no more, instead."""
    which_profiles: bool = False
    """``list``, ``failing``: print the profiles and nothing else."""
    # failing, last, slowest, load, history
    count: int | None = 10
    """``slowest``: how many, None for all."""
    files: tuple[str, ...] = ()
    ran_under: tuple[str, ...] = ()
    """``load``: the profile that the results ran under, as typed; there may be one only."""
    action: str = ""
    """``history``: ``list``, ``show`` or ``remove``."""
    run: str = ""
    """``history``: the number of a run, or ``all``."""


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Return what ``argv``, without the program's name, asks for. Raises UserError, or HelpWanted."""
    words, behind = _split(argv)
    command, words, meant = _command(words)
    parser = PARSERS[command](Parser(command))
    values = vars(parser.read(words))
    return _arguments(command, values, behind, meant)


def _split(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Part what follows ``--``, which is for the tests' own runner."""
    words = list(argv)
    if "--" in words:
        at = words.index("--")
        return words[:at], tuple(words[at + 1 :])
    return words, ()


def _command(words: list[str]) -> tuple[str, list[str], str]:
    """Return the command, the words for its parser, and the command that was probably meant."""
    front: list[str] = []
    rest = list(words)
    while rest and (rest[0] in _FRONT or rest[0].partition("=")[0] in _FRONT):
        take = 1 + (_FRONT.get(rest[0], 0))
        front, rest = [*front, *rest[:take]], rest[take:]
    first = rest[0] if rest else ""
    if first in ("-h", "--help") or (first == "help" and len(rest) == 1):
        raise HelpWanted(OVERVIEW)
    if first in ("--version", "-V"):
        from importlib.metadata import version

        raise HelpWanted(f"testlanes {version('testlanes')}\n")
    if first == "help":
        name = _ALIASES.get(rest[1], rest[1])
        if name not in COMMANDS:
            raise UserError(
                f"there is no command {rest[1]!r}", hint=f"there are: {', '.join(COMMANDS)}"
            )
        return name, ["--help"], ""
    name = _ALIASES.get(first, first)
    if name in COMMANDS:
        return name, [*front, *rest[1:]], ""
    words = [*front, *rest]
    filters = [word for word in rest if not word.startswith("-")]
    import difflib

    near = difflib.get_close_matches(first, COMMANDS, 1, 0.7) if filters == [first] else []
    return "run", words, near[0] if near else ""


def _arguments(
    command: str, values: dict[str, object], behind: tuple[str, ...], meant: str
) -> Arguments:
    """Return parsed values in their two homes."""
    from ..config.overrides import Overrides

    said = {key: value for key, value in values.items() if value is not None and value != []}
    chosen = [(f"-{key}", said.pop(key)) for key in ("k", "m") if key in said]
    behind = (*(str(word) for pair in chosen for word in pair), *behind)
    if said.get("fail_fast"):
        said.setdefault("max_fail", 1)
    seed = said.pop("random", None)
    if isinstance(seed, int):
        said["shuffle"] = seed
    over = {
        "profiles": _several(said.pop("profiles", ())),
        "hosts": _several(said.pop("host", ())),
        "config_file": said.pop("config", ""),
        "args": behind,
    }
    if behind and command not in ("run", "list", "watch"):
        raise UserError(
            f"`testlanes {command}` has no use for what stands behind `--`",
            hint=f"see `testlanes {command} --help`",
        )
    names = Overrides.__dataclass_fields__
    over |= {key: said.pop(key) for key in list(said) if key in names}
    ours = {
        key: _several(cast("object", value)) if isinstance(value, list) else value
        for key, value in said.items()
        if key in Arguments.__dataclass_fields__
    }
    if command == "slowest":
        ours["count"] = values["count"]
    arguments = Arguments(  # the parsers above are what makes the types right
        command=command,
        overrides=Overrides(**over),  # pyright: ignore[reportArgumentType]
        meant=meant,
        random=seed is not None,
        by_pytest=bool(chosen),
        **ours,  # pyright: ignore[reportArgumentType]
    )
    _check(arguments)
    return arguments


def _check(arguments: Arguments) -> None:
    hint = f"see `testlanes {arguments.command} --help`"
    if arguments.subunit and arguments.json:
        raise UserError("--subunit and --json both want standard output", hint="choose one")
    if arguments.overrides.serial and (arguments.overrides.concurrency or 1) != 1:
        raise UserError("--serial is one lane, and --concurrency asks for more", hint="choose one")
    if arguments.until_failure and arguments.analyze_isolation:
        raise UserError("--until-failure and --analyze-isolation exclude each other", hint=hint)
    if arguments.repro:
        chosen = (*arguments.filters, *arguments.load_list, *arguments.include_list)
        if chosen or arguments.failing or arguments.analyze_isolation:
            raise UserError("--repro says by itself which tests run", hint=hint)
        run = arguments.repro[0]
        if run != "last" and not (run.isascii() and run.isdigit()):
            raise UserError(
                f"{run!r} is no number of a run, and not `last`",
                hint="`testlanes history list` has them",
            )
    if arguments.command == "history":
        if arguments.action == "remove" and not arguments.run:
            raise UserError("which run is to be removed?", hint="a number, or `all`")
        if arguments.action == "list" and arguments.run:
            raise UserError(f"`history list` has no use for {arguments.run!r}", hint=hint)
        if arguments.run and not (
            (arguments.run.isascii() and arguments.run.isdigit())
            or (arguments.run == "all" and arguments.action == "remove")
        ):
            raise UserError(
                f"{arguments.run!r} is no number of a run", hint="`testlanes history list` has them"
            )


def _several(value: object) -> tuple[str, ...]:
    return tuple(_texts(value))


def _texts(value: object) -> list[str]:
    return [str(one) for one in cast("list[object]", value)] if isinstance(value, list) else []
