"""What every kind of lane has on the agent's side, from ``open`` to ``exited``."""

import os
import time
from errno import ENOENT

from . import processes, tail
from .link import Link
from .sources import Announced, Followed

BUSY = 1.0
"""Seconds after its last sign of work for which a worker counts as busy."""

_FILES = ("stdout", "stderr")


def text(data):
    """Return bytes of output as text."""
    return data.decode("utf-8", "replace")


class Lane:
    """What a worker of ours and a foreign command have in common: a folder, an end, its last words."""

    def __init__(self, agent, number, generation, profile, options):
        self.agent = agent
        self.number, self.generation = number, generation
        self.profile = profile
        self.options = options
        self.grace = float(options.get("grace", 2.0))
        self._memory = int(options.get("memory") or 0)
        """The most bytes that its process may hold; 0: any number."""
        self._bloated = ""
        self.folder = os.path.join(agent.folder, "lanes", str(number))
        self._pulse = tail.PulseFile(self.folder)
        self.pid = 0
        self.link = Link()
        self.successor = None
        """The arguments of an ``open`` that waits for our end."""
        self.ending = ""
        """Why we end it, in the words of ``exited``."""
        self.done = False
        self.tails = []
        self._followed = None
        self.busy_until = 0.0
        self._used = None

    @property
    def cookie(self):
        """How the lane's processes are known in their environment."""
        return "%d-%d" % (self.number, self.generation)

    def path(self, name):
        """Return the path of a file of the lane."""
        return os.path.join(self.folder, name)

    def make_folder(self):
        """Begin with empty files: what is left of an earlier worker may still hold the old ones. Raises OSError."""
        os.makedirs(self.folder, 0o700, exist_ok=True)
        for name in ("stdout", "stderr", "pulse", "stacks", "note", "ids", "sources"):
            try:
                os.unlink(self.path(name))
            except OSError as error:
                if error.errno != ENOENT:
                    raise
        for name in _FILES:
            os.close(
                os.open(
                    self.path(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
                )
            )
        self._pulse.create()

    def environment(self):
        """Return what the lane adds to the environment of its profile; None removes."""
        env = dict(self.options.get("env") or {})
        env[processes.LANE_COOKIE] = self.cookie
        env[processes.AGENT_COOKIE] = self.agent.name
        return env

    def busy(self, now):
        """Whether something runs in it."""
        return now < self.busy_until

    def rests(self):
        """Whether its process is stopped while it runs no test; a test has its time limit, or none."""
        return processes.stopped(self.pid) and not self._pulse.read().number

    def hold_memory(self):
        """Kill it if it holds more than it may, when it had a moment to say where it is. Return whether to look again."""
        if not self._memory or self.done or not self.pid:
            return False
        if self._bloated:
            self.finish_by(self._bloated)
            return False
        held = processes.resident(self.pid)
        running = bool(self.observe().number)
        if held > self._memory:
            sizes = held / 1e6, self._memory / 1e6
            self._bloated = "was killed for its memory (%d MB; its limit is %d MB)" % sizes
            if running and processes.catches(self.pid, processes.SIG_DUMP):
                processes.send(self.pid, processes.SIG_DUMP)
        return bool(self._bloated) or running or self.busy(time.monotonic())

    watched = False
    """Whether it has to be looked at often."""

    def observe(self):
        """Return its Pulse."""
        return self._pulse.read()

    def speak_for(self, now):
        """Tell in the place of a worker that cannot, if there is something. Return whether to look again."""
        return bool(self.watched and self.busy(now))

    def touch(self):
        """There is a sign of work."""
        self.busy_until = time.monotonic() + BUSY
        self.agent.clockwork.hurry()

    def set_tail(self, on):
        """Begin or end live output."""
        self.tails = []
        if self._followed is not None:
            self._followed.close()
            self._followed = None
        if on:
            seen = self._pulse.read()
            for name, start in zip(_FILES, (seen.stdout, seen.stderr)):
                path = self.path(name)
                at = max(start if seen.number else 0, tail.size(path) - tail.LAST_WORDS)
                self.tails.append(tail.Tail(name, path, at))
            self._followed = Followed(self.path("sources"), seen.number)

    def show_output(self):
        """Say what was added to the followed files."""
        for each in self.tails:
            data = each.read()
            if data:
                self.agent.uplink.say("output", self.number, each.source, data)
        if self._followed is not None:
            for name, data in self._followed.read():
                self.agent.uplink.say("output", self.number, name, data)

    def usage(self, now):
        """Say its memory, and its share of a core since the last time."""
        process = processes.look(self.pid) if self.pid else None
        if process is None:
            return
        share = 0.0
        if self._used is not None:
            ticks, then = self._used
            share = (process.ticks - ticks) / os.sysconf("SC_CLK_TCK") / max(now - then, 0.001)
        self._used = process.ticks, now
        fields = {"memory": processes.resident(self.pid), "cpu": round(max(0.0, share), 3)}
        self.agent.uplink.say("usage", self.number, fields)

    def note(self):
        """Return why the process could not be started, if so."""
        said = tail.piece(self.path("note"), 0, 4096)
        return "could not be started: " + text(said) if said else ""

    def say_exited(self, status, why, starts=(0, 0), stacks=0, words=True, test=0):
        """Say ``exited``; ``starts``: sizes of stdout and stderr, and ``stacks``: of that file, when the test began.

        ``test``: the number of the test that ran.
        """
        self.show_output()
        if self._followed is not None:
            self._followed.close()
            self._followed = None
        code, number = (None, None) if status is None else processes.phrase(status)[:2]
        fields = {
            "code": code,
            "signal": number,
            "why": why,
            "stacks": "",
            "stdout": "",
            "stderr": "",
            "sources": [],
        }
        if words:
            fields["stacks"] = text(tail.last_words(self.path("stacks"), stacks))
            for name, start in zip(_FILES, starts):
                fields[name] = text(tail.last_words(self.path(name), start))
        for source in Announced(self.path("sources")).of_test(test) if test else ():
            data = source.last_words()
            if data:
                fields["sources"].append([source.name, source.mime, data])
        self._pulse.close()
        self.agent.uplink.say("exited", self.number, self.generation, fields)
