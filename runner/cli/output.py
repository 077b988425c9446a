"""The standard streams of a command: they may be closed, nobody may read them, or their disk may be full."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from ..errors import UserError

UNWRITTEN = 3
"""The exit code of a command of whose output some could not be written."""


def say(text: str = "") -> None:
    """Print a line of output. Raises UserError if there is no room for it."""
    write(f"{text}\n")


def write(text: str) -> None:
    """Print text as it is. Raises UserError if there is no room for it, BrokenPipeError if nobody reads."""
    with _room():
        sys.stdout.write(text)


@contextmanager
def binary_stdout() -> Generator[BinaryIO]:
    """Give stdout for bytes, and flush it. Raises UserError if there is no room for them."""
    with _room():
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


def flush() -> None:
    """Write what is left; nobody needs to read it. Raises UserError if there is no room for it."""
    try:
        with _room():
            sys.stdout.flush()
    except BrokenPipeError:
        silence()
    try:
        sys.stderr.flush()
    except OSError:  # what the dashboard had for a terminal that is gone
        silence(sys.stderr)


def is_ci() -> bool:
    """Whether what we print may be read by a CI service: everything but a terminal."""
    return not sys.stdout.isatty()


def open_closed() -> None:
    """Open the standard streams that were closed before we began (``testlanes >&-``) to nowhere.

    Else the next file that is opened would get their number, and what programs say would go into it.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    sys.stdin = sys.stdin or os.fdopen(os.dup(fd))
    sys.stdout = sys.stdout or os.fdopen(os.dup(fd), "w")
    sys.stderr = sys.stderr or os.fdopen(os.dup(fd), "w")
    os.close(fd)


def silence(stream: TextIO | None = None) -> None:
    """Let stdout, or another stream, go nowhere from now on: the interpreter's own flush at exit would fail again, and say so."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, (stream or sys.stdout).fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


@contextmanager
def _room() -> Generator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        silence()
        if error.errno == errno.EIO:  # of a terminal that is gone
            raise BrokenPipeError from None
        raise UserError(
            f"not all of the output could be written: {error.strerror}", exit_code=UNWRITTEN
        ) from None
