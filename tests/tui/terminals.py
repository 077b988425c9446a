"""A program on a pseudo-terminal, for tests that need a real one."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

LIMIT = 30.0
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h")


@dataclass
class Program:
    """A program on a pseudo-terminal. ``seen`` is all that it wrote."""

    process: subprocess.Popen[bytes]
    master: int
    before: list[object]
    seen: bytearray = field(default_factory=bytearray)

    def read(self, seconds: float = 0.05) -> bool:
        """Read what is there; return whether there was something."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def wait_for(self, text: bytes, since: int = 0) -> None:
        """Read until a text was written, after so many bytes."""
        end = time.monotonic() + LIMIT
        while text not in self.seen[since:]:
            if time.monotonic() > end:
                raise AssertionError(
                    f"{text!r} was not written; at the end: {bytes(self.seen[-3000:])!r}"
                )
            self.read()

    def wait_for_file(self, path: Path, text: str) -> str:
        """Read until a file has a text in it."""
        end = time.monotonic() + LIMIT
        while not path.exists() or text not in path.read_text():
            if time.monotonic() > end:
                raise AssertionError(
                    f"{path} has no {text!r}: {path.read_text() if path.exists() else None}"
                )
            self.read()
        return path.read_text()

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def leave(self, shown: bytes, keys: bytes) -> int:
        """Wait for the end; type the keys once a text is shown, which a dashboard that did not open never does."""
        end = time.monotonic() + LIMIT
        while shown not in self.seen and self.process.poll() is None:
            assert time.monotonic() < end, bytes(self.seen[-2000:])
            self.read()
        with suppress(OSError):  # it has just ended
            self.type(keys)
        return self.end()

    def end(self) -> int:
        """Wait for the end, reading what still comes."""
        end = time.monotonic() + LIMIT
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"it does not end: {bytes(self.seen[-2000:])!r}")
            self.read()
        while self.read(0):
            pass
        return self.process.returncode

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was."""
        modes = termios.tcgetattr(self.master)
        return all(text in self.seen for text in RESTORED) and modes[:4] == self.before[:4]


@contextmanager
def on_terminal(
    command: Sequence[str], cwd: Path, size: tuple[int, int] = (36, 120)
) -> Generator[Program]:
    """Run a command on a pseudo-terminal of (lines, columns); it is killed if it does not end by itself."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, size)
    before = termios.tcgetattr(slave)
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "EDITOR": "true",
        "XDG_CONFIG_HOME": str(cwd / "config"),
    }
    for name in ("NO_COLOR", "CI"):
        environment.pop(name, None)
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        cwd=cwd,
        start_new_session=True,
    )
    os.close(slave)
    one = Program(process, master, list(before))
    try:
        yield one
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        with suppress(OSError):
            os.close(master)
