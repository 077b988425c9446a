"""The agent's parent. It does nothing until the agent is killed, and then ends what that one left behind.

A forked worker's parent is its loader, so it does not die with an agent that could not say good-bye. All that the agent
started becomes ours then, because we are the nearest child subreaper; and the run directory can go.
"""

import os
import select
import time

from . import processes, rundir

PATIENCE = 6.0
"""Seconds that an agent which was sent a signal has to end the run."""


def stand_by():
    """Fork. Return in the child, which is to be the agent, a function to tell of its folder, and of having started.

    The parent guards, and exits as the child does. Where there can be no second process, the agent does without.
    """
    read, write = os.pipe()
    guardian = os.getpid()
    try:
        agent = os.fork()
    except OSError:
        agent, guardian = 0, 0
    if agent:
        try:
            os.close(write)
            _guard(agent, read)
        finally:
            os._exit(1)
    os.close(read)

    def tell(folder=""):
        try:
            # The guardian is not in our way as long as all hurries to start: it waits for the zero.
            os.write(write, os.fsencode(folder) or b"\0")
        except OSError:
            pass
        if not folder and guardian and not processes.die_with(guardian, processes.SIGTERM):
            processes.send(os.getpid(), processes.SIGTERM)

    return tell


def _guard(agent, pipe):
    """Wait for the agent's end and exit."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):  # the channel's end must be seen when the agent is dead
        os.dup2(null, fd, inheritable=False)
    signals = processes.signal_pipe()
    for fd in range(3, 64):
        if fd not in (pipe, *signals):
            try:
                os.close(fd)
            except OSError:
                pass
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    poller.register(signals[0], select.POLLIN)
    folder = b""
    until = None
    while True:
        for pid, status in processes.reap():
            if pid == agent:
                _leave(status, os.fsdecode(folder.rstrip(b"\0")))
        if processes.stopped(
            agent
        ):  # by a test, say: while it is, nobody holds the lease or a time limit
            processes.send(agent, processes.SIGCONT)
        if until is not None and time.monotonic() > until:
            processes.send(agent, processes.SIGKILL)
        for fd, _ in poller.poll(None if until is None else 1000):
            if fd == pipe:
                said = os.read(pipe, 4096)
                folder += said
                if not said or said.endswith(b"\0"):
                    poller.unregister(pipe)
                if said.endswith(b"\0"):
                    processes.prepare()
                    rundir.sweep()
                continue
            for number in set(os.read(fd, 4096)) - {int(processes.SIGCHLD)}:
                processes.send(agent, number)
                until = until or time.monotonic() + PATIENCE


def _leave(status, folder):
    if os.WIFEXITED(status):  # it has cleaned up by itself
        os._exit(os.WEXITSTATUS(status))
    processes.kill_everything()
    if folder:
        rundir.remove(folder)
    os._exit(128 + os.WTERMSIG(status))
