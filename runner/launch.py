"""Starts agents: a command starts a Python on a host, and our agent in it.

No command is this machine, where the agent runs from our own files; another host gets its source
over the channel. The child's stdin and stdout are one end of a socket pair. Needs no event loop and few
imports: the command line starts its agent first, and reads its words and settings while that comes up.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from .agent.bootstrap import LOCAL_BOOTSTRAP, here, payload

DISCARD_LIMIT = 5.0
"""Seconds that an agent may take to end that nobody uses."""


class Launch:
    """An agent that was started. Its channel belongs to this object until ``claim``."""

    def __init__(self, command: Sequence[str] = ()) -> None:
        """Start it. Raises OSError when the command cannot be started.

        ``command`` runs BOOTSTRAP in a host's Python; empty: the agent is to run on this machine.
        """
        nonce = os.urandom(8).hex()
        self.greeting = f"\ntestlanes:{nonce}\n".encode()
        """What ends the noise that a host may print before our agent speaks."""
        self.errors = anonymous_file()
        """A file descriptor: what the command writes to stderr."""
        self.first = payload(nonce) if command else b""
        """What the agent must be sent before all else."""
        self.loading: dict[str, int] = {}
        """Profiles whose loaders it was told to start, and when: UTC, ns since the epoch."""
        self.greeted = False
        self.claimed = False
        if not command:
            own = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
            command = [sys.executable, *own, "-c", LOCAL_BOOTSTRAP, here(), nonce]
        self.socket, theirs = socket.socketpair()
        try:
            with theirs:
                # A session of its own: Ctrl-C in our terminal must not reach ssh or the agent.
                self.process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self.errors,
                    start_new_session=True,
                )
        except OSError:
            self.socket.close()
            os.close(self.errors)
            raise

    def start_loading(self, profiles: Mapping[str, Mapping[str, object]]) -> None:
        """Greet the agent of this machine and have it load these profiles' suites, before there is an event loop.

        ``profiles``: name -> what the agent needs to know of it. Raises OSError when it is dead.
        """
        from .wire.orders import define_profile, load, say_hello  # while the agent comes up

        self.greeted = True
        frames = [say_hello(None)]
        for name, options in profiles.items():
            frames += [define_profile(name, options), load(name)]
            self.loading[name] = time.time_ns()
        self.socket.sendall(b"".join(frames))

    def claim(self) -> None:
        """Make the channel the caller's, who has to end and reap the process."""
        self.claimed = True

    def discard(self) -> None:
        """End an agent that nobody claimed, and wait for it."""
        if self.claimed:
            return
        self.claimed = True
        self.socket.close()
        os.close(self.errors)
        try:
            self.process.wait(DISCARD_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def anonymous_file() -> int:
    """Return a descriptor of a file without a name, for what a command says."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("testlanes")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
