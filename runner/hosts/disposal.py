"""Disposing of instances: once for each profile, all ids that were ever printed, with a limit."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType

from ..errors import UserError
from ..launch import anonymous_file
from .ending import LOOK, ending
from .ledger import Ledger, Left
from .templates import substituted


def dispose(
    ledger: Ledger, lefts: Sequence[Left], told: Callable[[str], None], limit: float
) -> str:
    """Dispose of these; return what went wrong, in a line, or nothing.

    What could not be disposed of stays in the ledger. A second Ctrl-C leaves it there, too.
    """
    problems: list[str] = []
    with _undisturbed(told) as given_up:
        for left in lefts:
            problem = _dispose(ledger, left, told, limit, given_up)
            try:
                if problem:
                    problems.append(problem)
                    ledger.let_go(left)
                else:
                    ledger.forget(left)
            except UserError as error:
                problems.append(error.message)
    return "; ".join(problems)


def _dispose(
    ledger: Ledger,
    left: Left,
    told: Callable[[str], None],
    limit: float,
    given_up: Callable[[], bool],
) -> str:
    ids = sorted(ledger.ids(left))
    if not left.dispose:
        return ""
    told(f"disposing of {len(ids)} instance{'s' * (len(ids) != 1)}: {' '.join(ids)}")
    quoted = " ".join(shlex.quote(each) for each in ids if "\0" not in each)
    command = substituted(left.dispose, {"INSTANCE_IDS": quoted})
    output = anonymous_file()
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=left.cwd,
            env={**os.environ, **left.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        deadline = time.monotonic() + limit
        # A wait with a limit would not see that it was given up.
        while process.poll() is None and time.monotonic() < deadline and not given_up():
            time.sleep(LOOK)
        if process.poll() is None:
            for _ in ending(process.pid, lambda: process.poll() is not None):
                time.sleep(LOOK)
            how = "was interrupted" if given_up() else f"did not end within {limit:g} seconds"
            return f"instance_dispose {how}: {command}"
        last, code = last_line(output), process.returncode
    except OSError as error:
        return f"instance_dispose could not be started: {error.strerror}: {command}"
    finally:
        os.close(output)
    if code == 0:
        return ""
    how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
    return f"instance_dispose {how}{f' ({last})' if last else ''}: {command}"


def last_line(file: int) -> str:
    """Return the last line that somebody else has written to a file, by its descriptor."""
    size = os.fstat(file).st_size
    said = os.pread(file, 1000, max(0, size - 1000))
    return said.decode("utf-8", "replace").strip().rpartition("\n")[2]


@contextmanager
def _undisturbed(told: Callable[[str], None]) -> Generator[Callable[[], bool]]:
    """Keep signals from ending this; yields what says whether the user pressed Ctrl-C twice."""
    presses = 0

    def pressed(_number: int, _frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            told("instances are being disposed of; Ctrl-C again leaves them to the next start")

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, pressed)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        yield lambda: presses > 1
    finally:
        for number, was in before.items():
            signal.signal(number, was if was is not None else signal.SIG_DFL)
