"""From words to an exit code: the one place that knows every command, and where errors end."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import UserError
from .output import flush, open_closed, silence, write

if TYPE_CHECKING:
    from pathlib import Path

    from ..launch import Launch
    from ..settings import Settings
    from .arguments import Arguments
    from .run import Dashboard
    from .watch import Dashboard as WatchDashboard

INTERRUPTED = 130
INTERNAL = 70
"""sysexits.h: an internal software error."""


def run_command_line(
    argv: Sequence[str],
    dashboard: Dashboard | None = None,
    watch_dashboard: WatchDashboard | None = None,
) -> int:
    """Do what ``argv``, without the program's name, asks for, and return the exit code. Raises nothing.

    ``dashboard`` runs, and ``watch_dashboard`` watches, with a screen where there is a terminal for it;
    without them all is headless.
    """
    open_closed()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    code = 0
    try:
        code = _command(argv, dashboard, watch_dashboard)
        flush()
    except UserError as error:
        told = _tell(error)
        return code or told
    except KeyboardInterrupt:
        _say("testlanes: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        silence()
        return 0
    except Exception as error:
        return _internal(error)
    return code


def _command(
    argv: Sequence[str], dashboard: Dashboard | None, watch_dashboard: WatchDashboard | None
) -> int:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib is not needed for help
    except OSError:
        raise UserError("the folder you are in is gone", hint="cd to it again") from None

    if argv and argv[0] in ("-h", "--help", "help") and len(argv) == 1:
        from .help import OVERVIEW

        write(OVERVIEW)
        return 0
    launch = _launch() if _means_to_run(argv) else None
    try:
        return _obey(argv, dashboard, watch_dashboard, launch)
    finally:
        if launch is not None:
            launch.discard()


def _means_to_run(argv: Sequence[str]) -> bool:
    """Whether this is a run, so that an agent will be needed. Words that turn out to be wrong cost no more than that."""
    return bool(argv) and argv[0] == "run" and not {"-h", "--help"}.intersection(argv)


def _launch() -> Launch | None:
    """Start this machine's agent."""
    from ..launch import Launch

    try:
        return Launch()
    except OSError:  # it is tried again when there is somebody to tell
        return None


def _obey(
    argv: Sequence[str],
    dashboard: Dashboard | None,
    watch_dashboard: WatchDashboard | None,
    launch: Launch | None,
) -> int:
    from .arguments import parse_arguments
    from .parser import HelpWanted

    try:
        args = parse_arguments(argv)
    except HelpWanted as wanted:
        write(wanted.text)
        return 0
    if args.command == "demo":
        from dataclasses import replace

        from .demo import make_demo

        folder = make_demo()
        try:
            return _run(replace(args, command="run", here=str(folder)), dashboard, launch)
        finally:
            # Last, so that it is there when the dashboard has gone: all that was said of the run is about that folder.
            _say(f"testlanes: the demo's project stays in {folder}: go on there, or remove it")
    if args.load_list:
        from .selecting import with_lists

        args = with_lists(args)
    if args.command == "run":
        return _run(args, dashboard, launch)
    if args.command == "watch":
        from .watch import run_watch

        return run_watch(args, lambda: settings_of(args), watch_dashboard)
    if args.command == "hosts":
        from .hosts import run_hosts

        return run_hosts(args, _folder(args))
    if args.command == "profiles":
        from .profiles import run_profiles

        return run_profiles(args, _folder(args))
    return _COMMANDS[args.command](args, settings_of(args))


def _run(args: Arguments, dashboard: Dashboard | None, early: Launch | None) -> int:
    """Run tests. The agent comes up while words and settings are read, and suites are loaded while the rest is imported."""
    launch = _launch() if early is None else early
    try:
        settings = settings_of(args)
        if launch is not None:
            from .early import load_early

            some = args.failing or args.listed is not None
            settings = load_early(launch, settings, some=some)
        from .run import run_tests

        return run_tests(args, settings, dashboard, launch)
    finally:
        if launch is not None:
            launch.discard()


def settings_of(args: Arguments) -> Settings:
    """Read the settings that these arguments ask for. Raises UserError."""
    from ..config.load import load_settings
    from ..settings import PytestSuite

    stored = args.command in _OF_STORED or args.which_profiles
    settings = load_settings(_folder(args), args.overrides, os.environ, stored=stored)
    if args.by_pytest and any(type(each.suite) is not PytestSuite for each in settings.profiles):
        from ..config.build import NOT_PYTEST

        raise UserError("no pytest runs these tests", hint=NOT_PYTEST)
    if args.overrides.args and any(type(each.suite) is PytestSuite for each in settings.profiles):
        from .pytest_words import refuse_put_aside

        refuse_put_aside(args.overrides.args)
    return settings


def _folder(args: Arguments) -> Path:
    from pathlib import Path

    cwd = Path.cwd()
    if args.here:
        cwd = cwd / Path(args.here).expanduser()
        if not cwd.is_dir():
            raise UserError(f"there is no folder {args.here}")
    return cwd


def _list(args: Arguments, settings: Settings) -> int:
    from .list_tests import run_list

    return run_list(args, settings)


def _failing(args: Arguments, settings: Settings) -> int:
    from .failing import run_failing

    return run_failing(args, settings)


def _last(args: Arguments, settings: Settings) -> int:
    from .last import run_last

    return run_last(args, settings)


def _slowest(args: Arguments, settings: Settings) -> int:
    from .slowest import run_slowest

    return run_slowest(args, settings)


def _flaky(args: Arguments, settings: Settings) -> int:
    from .flaky import run_flaky

    return run_flaky(args, settings)


def _stats(args: Arguments, settings: Settings) -> int:
    from .stats import run_stats

    return run_stats(args, settings)


def _history(args: Arguments, settings: Settings) -> int:
    from .history import run_history

    return run_history(args, settings)


def _load(args: Arguments, settings: Settings) -> int:
    from .load import run_load

    return run_load(args, settings)


def _init(args: Arguments, settings: Settings) -> int:
    from .init import run_init

    return run_init(args, settings)


def _dispose(args: Arguments, settings: Settings) -> int:
    from .instances import run_dispose

    return run_dispose(args, settings)


def _config(args: Arguments, settings: Settings) -> int:
    from .config import show_config

    write(show_config(settings, args.json))
    return 0


_COMMANDS: dict[str, Callable[[Arguments, Settings], int]] = {
    "list": _list,
    "failing": _failing,
    "last": _last,
    "slowest": _slowest,
    "flaky": _flaky,
    "stats": _stats,
    "history": _history,
    "load": _load,
    "init": _init,
    "dispose": _dispose,
    "config": _config,
}

_OF_STORED = ("failing", "flaky", "last", "slowest", "stats", "history", "load", "init", "dispose")
"""Those that run nothing: they need no interpreter, and work where a stream is only collected."""


def _tell(error: UserError) -> int:
    message = f"testlanes: {_one_line(error.message)}"
    _say(f"{message}\nhint: {_one_line(error.hint)}" if error.hint else message)
    return error.exit_code


def _internal(error: Exception) -> int:
    """Say that we failed, in two lines; the traceback goes to a file."""
    import traceback

    from ..error_files import keep_traceback

    text = "".join(traceback.format_exception(error))
    where = "its traceback could not be written down"
    with contextlib.suppress(OSError):
        where = f"please report it with {keep_traceback(text)}"
    what = _one_line(f"{type(error).__name__}: {error}")
    _say(f"testlanes: internal error: {what[:200]}\nhint: {where}")
    return INTERNAL


def _one_line(text: str) -> str:
    from ..report.clean import clean_line

    return clean_line(text.strip())


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
