"""One worker in one lane, from ``open`` to ``exited``, as the agent sees it."""

import os
import time
from errno import ENOENT

from . import processes, tail
from .link import Link

FORK_START, FRESH_START = 60.0, 600.0
"""Seconds in which a worker has to say something, unless ``start_limit`` says otherwise."""
MARGIN = 0.02
"""Seconds on top of a time limit: the worker starts its clock a moment after the pulse, and ignores what is early."""
BUSY = 1.0
"""Seconds after its last sign of work for which a worker counts as busy."""
UNTOLD = 1.0
"""Seconds that a loader has to say that a worker of its is dead, when we see it before."""

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
        self.folder = os.path.join(agent.folder, "lanes", str(number))
        self.pid = 0
        self.link = Link()
        self.successor = None
        """The arguments of an ``open`` that waits for our end."""
        self.ending = ""
        """Why we end it, in the words of ``exited``."""
        self.done = False
        self.tails = []
        self.busy_until = 0.0
        self._ticks = None

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
        for name in ("stdout", "stderr", "pulse", "stacks", "note", "ids"):
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

    def environment(self):
        """Return what the lane adds to the environment of its profile; None removes."""
        env = dict(self.options.get("env") or {})
        env[processes.LANE_COOKIE] = self.cookie
        env[processes.AGENT_COOKIE] = self.agent.name
        return env

    def busy(self, now):
        """Whether something runs in it."""
        return now < self.busy_until

    watched = False
    """Whether it has to be looked at often."""

    def observe(self):
        """Return its Pulse."""
        return tail.pulse(self.folder)

    def touch(self):
        """There is a sign of work."""
        self.busy_until = time.monotonic() + BUSY
        self.agent.hurry()

    def set_tail(self, on):
        """Begin or end live output."""
        self.tails = []
        if on:
            seen = tail.pulse(self.folder)
            for name, start in zip(_FILES, (seen.stdout, seen.stderr)):
                path = self.path(name)
                at = max(start if seen.number else 0, tail.size(path) - tail.LAST_WORDS)
                self.tails.append(tail.Tail(name, path, at))

    def show_output(self):
        """Say what was added to the followed files."""
        for each in self.tails:
            data = each.read()
            if data:
                self.agent.uplink.say("output", self.number, each.source, data)

    def usage(self, seconds):
        """Say memory and cpu share, ``seconds`` after the last time."""
        process = processes.look(self.pid) if self.pid else None
        if process is None:
            return
        before, self._ticks = self._ticks, process.ticks
        share = (
            (process.ticks - before) / os.sysconf("SC_CLK_TCK") / seconds
            if before is not None
            else 0.0
        )
        fields = {"memory": processes.resident(self.pid), "cpu": round(max(0.0, share), 3)}
        self.agent.uplink.say("usage", self.number, fields)

    def note(self):
        """Return why the process could not be started, if so."""
        said = tail.piece(self.path("note"), 0, 4096)
        return "could not be started: " + text(said) if said else ""

    def say_exited(self, status, why, starts=(0, 0), stacks=0, words=True):
        """Say ``exited``; ``starts``: sizes of stdout and stderr, and ``stacks``: of that file, when the test began."""
        self.show_output()
        code, number = (None, None) if status is None else processes.phrase(status)[:2]
        fields = {
            "code": code,
            "signal": number,
            "why": why,
            "stacks": "",
            "stdout": "",
            "stderr": "",
        }
        if words:
            fields["stacks"] = text(tail.last_words(self.path("stacks"), stacks))
            for name, start in zip(_FILES, starts):
                fields[name] = text(tail.last_words(self.path(name), start))
        self.agent.uplink.say("exited", self.number, self.generation, fields)


class Worker(Lane):
    """A worker of ours: forked from its profile's loader, or a process of its own."""

    def __init__(self, agent, number, generation, profile, options):
        super().__init__(agent, number, generation, profile, options)
        limit = options.get("limit")
        self.limit = float(limit) if limit else None
        self.watched = self.limit is not None
        self.token = ""
        self.peer = 0
        self.forked = False
        self.spoke = False
        self._opened = False
        self._asked = 0.0
        self._leaving = False
        self._silent_since = None
        self._test = 0  # number of the test last seen running
        self._stacks = self._stacks_seen = (
            0  # size of the stacks file when it began; when last looked at
        )
        self._asked_test = 0  # the test that was asked to end
        self._kill_at = None
        self._kill_why = ""

    # -- start ---------------------------------------------------------------

    def start(self):
        """Fork it from the loader if that can be, else start a process."""
        self.make_folder()
        self.agent.forget_token(self.token)
        self.token = self.agent.new_token(self)
        options = self.profile.options(self.options)
        options.update(op="options", role="worker", lane=self.number, generation=self.generation)
        options["dir"] = self.folder
        options["env"].update(self.environment())
        if not self._asked:  # else the loader let us down, and what was sent since then still holds
            self.link.send(options)
        self._asked = time.monotonic()
        self.forked = not options.get("fresh") and self.profile.can_fork
        if self.forked:
            self.profile.link.send(
                {
                    "op": "fork",
                    "lane": self.number,
                    "generation": self.generation,
                    "token": self.token,
                    "dir": self.folder,
                    "env": options["env"],
                    "options": options,
                }
            )
            self.agent.watch_link(self.profile)
            return
        pid = self.agent.start_python(self.profile, self.token, options["env"], self)
        self.opened(pid)

    def opened(self, pid):
        """Its process exists."""
        if not self._opened and not self.done:
            self._opened = True
            self.pid = pid
            self.agent.by_pid[pid] = self
            self.agent.uplink.say("opened", self.number, self.generation, pid)

    @property
    def exists(self):
        """Whether there is a process, as far as we know."""
        return self._opened

    def overdue(self, now):
        """Kill it if it took too long to start. Return whether it is still to be watched."""
        if self.spoke or self.done:
            return False
        limit = self.options.get("start_limit")
        limit = float(limit) if limit else FORK_START if self.forked else FRESH_START
        since = max(self._asked, self.profile.ready_at) if self.forked else self._asked
        if self.forked and self.profile.loading:
            return True
        if now - since > limit:
            self.finish_by("did not start within %g s" % limit)
            return False
        return True

    # -- what the controller asks for ----------------------------------------

    def run(self, ids):
        """Append to what it is to run."""
        self.link.send({"op": "run", "ids": ids})
        self.touch()

    def drop(self, ids):
        """Take back what it has not started; it answers itself."""
        self.link.send({"op": "drop", "ids": ids})

    def retire(self):
        """Let it end."""
        self._leaving = True
        self.link.send({"op": "shutdown"})

    def dump(self):
        """Write its stacks to its output, if it can."""
        seen = self.observe()
        if self.spoke and seen.number and processes.catches(self.peer, processes.SIG_DUMP):
            path = self.path("stacks")
            self.agent.follow_dump(self, tail.Tail("stacks", path, tail.size(path)))
            processes.send(self.peer, processes.SIG_DUMP)

    def stop(self):
        """End the running test, if there is one."""
        seen = self.observe()
        if seen.number and self._asked_test != seen.number:
            self._ask(seen.number, processes.SIG_CANCEL, "killed when its test did not stop")

    def kill(self, why="killed on request"):
        """Kill it now."""
        self.finish_by(why)

    def finish_by(self, why):
        """Kill it; ``exited`` follows when its process is gone."""
        self.ending = self.ending or why
        if self._opened:
            processes.send(self.pid, processes.SIGKILL, group=True)
            processes.send(self.pid, processes.SIGKILL)
            self.suspect()
        else:
            # A fork that the loader has not made yet. If it comes it finds its token gone.
            self.ended(None)

    # -- time limits ---------------------------------------------------------

    def observe(self):
        """Return its Pulse, and remember where the running test's part of the files begins."""
        seen = tail.pulse(self.folder)
        stacks = tail.size(self.path("stacks"))
        if seen.number != self._test:
            self._test = seen.number
            self._stacks = self._stacks_seen
        self._stacks_seen = stacks
        if seen.number:
            self.touch()
        return seen

    def hold_limit(self, now):
        """Ask an over-long test to end; kill the worker of one that does not. Return whether that is still to come."""
        seen = self.observe()
        if self._kill_at is not None:
            if seen.number != self._asked_test:
                self._kill_at = None
            elif now >= self._kill_at:
                self._kill_at = None
                self.finish_by(self._kill_why)
        elif self.limit and seen.number and seen.number != self._asked_test:
            if now - seen.start / 1e9 > self.limit + MARGIN:
                self.agent.uplink.say("limit", self.number, self.generation)
                self._ask(seen.number, processes.SIG_TIMEOUT, "killed after its time limit")
        return self._kill_at is not None

    def _ask(self, number, signum, why):
        self._asked_test = number
        self._kill_at = time.monotonic() + self.grace
        self._kill_why = why
        # A test that reset its handlers would die by the first signal, and say nothing.
        for each in (processes.SIG_DUMP, signum):
            if processes.catches(self.peer, each):
                processes.send(self.peer, each)

    # -- its stream and its end ----------------------------------------------

    def connected(self, peer):
        """It connected; ``peer``: its process id."""
        self.peer = peer or self.pid
        self._silent_since = None
        if not self._opened:
            self.opened(self.peer)

    def take(self, data):
        """It said something."""
        self.spoke = True
        self.touch()
        self.link.unacknowledged += len(data)
        self.agent.uplink.data(self.number, data)

    def closed(self):
        """Its connection ended: a test closed it, or it is dead."""
        self.suspect()

    def suspect(self):
        """Look whether it is dead until it is clear."""
        if self._silent_since is None:
            self._silent_since = time.monotonic()
        self.agent.suspect(self)

    def check(self, now):
        """Return whether it still has to be looked after: its loader should say when it dies, but may be busy or stuck."""
        if self.done:
            return False
        process = processes.look(self.pid)
        if process is not None and process.state not in "ZX":
            if self.link.fd is not None and not self.ending:
                self._silent_since = None
                return False
            return True
        if now - (self._silent_since or 0.0) > UNTOLD:
            self.ended(process.exit_code if process is not None else None)
            return False
        return True

    def ended(self, status):
        """Its process is gone. Clean up after it, take what it said last, then tell."""
        if self.done:
            return
        processes.kill_lane(self.pid, self.cookie, self.agent.name, self.folder)
        self.agent.accept()
        self.agent.drain(self)
        self.done = True
        seen = self.observe()
        told = "gone" if status is None else processes.phrase(status)[2]
        why = self.note() or self.ending or told
        if self._leaving and status == 0:
            why = "ended as asked"
        starts = (seen.stdout, seen.stderr) if seen.number else (0, 0)
        words = bool(seen.number) or status != 0
        self.say_exited(status, why, starts, self._stacks if seen.number else 0, words)
        self.agent.closed(self)
