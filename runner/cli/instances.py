"""testr's instances around a command, and ``testlanes dispose``: what an earlier one left is disposed of."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..hosts.ledger import Ledger
from ..report.clean import clean_line

if TYPE_CHECKING:
    from ..hosts.instances import Instances
    from ..settings import Settings
    from .arguments import Arguments

FAILED = 3
INTERRUPTED = 130


def dispose_of_what_is_left(folder: Path, limit: float) -> str:
    """Dispose of instances whose command is gone; return what went wrong. ``folder``: of the ledger."""
    ledger = Ledger(folder)
    left = ledger.claim()
    if not left:
        return ""
    from ..hosts.disposal import dispose

    say("an earlier run was killed before it could dispose of its instances")
    return dispose(ledger, left, say, limit)


def on_instances(settings: Settings, command: Callable[[Instances | None], int]) -> int:
    """Run a command, with instances if there are to be some, and return its exit code; 3 if they could not be disposed of.

    The repository must be there.
    """
    folder = Path(settings.repository) / "testlanes"
    if problem := dispose_of_what_is_left(folder, settings.instance_timeout):
        say(f"{problem}; `testlanes dispose` tries again, `testlanes dispose --forget` does not")
    if not settings.instance_provision:
        return command(None)
    from ..hosts.instances import Instances

    instances = Instances(settings, folder, say)
    try:
        with _termination_noted() as noted:
            with instances:
                code = command(instances)
            code = noted() or code
    finally:
        if instances.problem:
            say(f"{instances.problem}; `testlanes dispose` tries again")
    return FAILED if instances.problem and code != INTERRUPTED else code


def run_dispose(args: Arguments, settings: Settings) -> int:
    """Do ``testlanes dispose``. Exit code 3 if something is still there."""
    folder = Path(settings.repository) / "testlanes"
    ledger = Ledger(folder)
    left = ledger.claim() if folder.is_dir() else []
    if not left:
        say("no instances are left to be disposed of")
        return 0
    if args.forget:
        for one in left:
            say(f"forgotten: {' '.join(sorted(ledger.ids(one))) or 'no instances'}")
            ledger.forget(one)
        return 0
    from ..hosts.disposal import dispose

    if problem := dispose(ledger, left, say, settings.instance_timeout):
        say(problem)
        return FAILED
    return 0


@contextlib.contextmanager
def _termination_noted() -> Generator[Callable[[], int]]:
    """Let nothing but the end of the command bring about its end; yields what returns 128 and the signal that came.

    Runs have their own handlers; this is for the moments between and after them.
    """
    seen: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        seen.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: 128 + seen[0] if seen else 0
    finally:
        for number, was in before.items():
            signal.signal(number, was if was is not None else signal.SIG_DFL)


def say(text: str) -> None:
    """Say something on stderr, if somebody is still there."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"testlanes: {clean_line(text)}\n")
        sys.stderr.flush()
