"""Commands that run on this machine for a host: what copies the project there."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

LIMIT = 900.0
"""Seconds that such a command may take."""

LAST = 8192
"""Bytes of its output that are looked at for its last line."""


async def run_here(
    words: Sequence[str],
    folder: str,
    env: Mapping[str, str],
    *,
    given: bytes = b"",
    heard: Callable[[str], None] = lambda _: None,
    limit: float = LIMIT,
) -> str:
    """Run a command to its end, ``given`` on its stdin. Return what went wrong, to follow its name; or nothing.

    ``heard``: the last line of its output, from time to time. Its whole group is killed when this is cancelled.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as asked:
        asked.write(given)
        asked.seek(0)
        try:
            process = _start(words, folder, env, asked, said)
        except OSError as error:
            return f"could not be started: {error.strerror}"
        try:
            async with asyncio.timeout(limit):
                pause, last = 0.005, ""
                while process.poll() is None:
                    await asyncio.sleep(pause)
                    pause = min(0.2, pause * 1.5)
                    if (line := _last_line(said)) != last:
                        last = line
                        heard(line)
        except TimeoutError:
            return f"did not end within {limit:g} seconds"
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        code, last = process.returncode, _last_line(said)
    if code == 0:
        return ""
    how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
    return f"{how}: {last}" if last else how


def _start(
    words: Sequence[str],
    folder: str,
    env: Mapping[str, str],
    asked: IO[bytes],
    said: IO[bytes],
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **env},
        stdin=asked,
        stdout=said,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _last_line(said: IO[bytes]) -> str:
    """Return the last line with something in it. Not by the file's position, which is where the command writes."""
    size = os.fstat(said.fileno()).st_size
    data = os.pread(said.fileno(), LAST, max(0, size - LAST))
    lines = data.decode("utf-8", "replace").replace("\r", "\n").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
