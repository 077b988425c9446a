"""A lane with a worker of ours: forked from its profile's loader, from its warm image, or a process of its own."""

import os
import time

from . import processes, tail
from .lane import Lane

FORK_START, FRESH_START = 60.0, 600.0
"""Seconds in which a worker has to say something, unless ``start_limit`` says otherwise."""
MARGIN = 0.02
"""Seconds on top of a time limit: the worker starts its clock a moment after the pulse, and ignores what is early."""
SILENT = 0.04
"""Seconds without a word after which we look whether it is inside a long test."""
UNTOLD = 1.0
"""Seconds that a loader has to say that a worker of its is dead, when we see it before."""


class WorkerLane(Lane):
    """A worker of ours: forked from its profile's loader, or a process of its own."""

    def __init__(self, agent, number, generation, profile, options):
        super().__init__(agent, number, generation, profile, options)
        limit = options.get("limit")
        self.limit = float(limit) if limit else None
        self.watched = self.limit is not None
        self.token = ""
        self.peer = 0
        self.loader = None
        """The loader that it is forked from, if it is."""
        self.spoke = False
        self._opened = False
        self._asked = 0.0
        self._leaving = False
        self._dead_since = None
        self._asked_test = 0  # the test that was asked to end
        self._kill_at = None
        self._kill_why = ""
        self._heard = 0.0
        self._told_for = 0  # the test that was last told of in its place

    # -- start ---------------------------------------------------------------

    def start(self, fork=True):
        """Fork it from the loader if that can be, else start a process. Raises OSError."""
        self.make_folder()
        self.agent.board.forget_token(self.token)
        self.token = self.agent.board.new_token(self)
        options = self.profile.options(self.options)
        options.update(op="options", role="worker", lane=self.number, generation=self.generation)
        options["dir"] = self.folder
        options["agent"] = os.getpid()
        if self.profile.loader is not None:
            options["loader"] = (
                self.profile.loader.folder
            )  # where plugins' controller halves listen
        options["env"].update(self.environment())
        if not self._asked:  # else the loader let us down, and what was sent since then still holds
            self.link.send(options)
        self._asked = time.monotonic()
        loader = self.profile.loader
        can = fork and not options.get("fresh") and loader is not None and loader.can_fork
        self.loader = loader if can else None
        if can:
            loader.link.send(
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
            self.agent.board.watch(loader)
            return
        image = self.profile.ready_image() if fork and not options.get("fresh") else None
        if image is not None:
            asked = {"token": self.token, "dir": self.folder, "env": options["env"]}
            image.fork(self, asked)
            return
        pid = self.agent.start_python(self.profile, self.token, options["env"], self)
        self.opened(pid)

    def forked(self, pid, why):
        """The image forked it; ``pid`` 0: it would not, and it is to start like any other."""
        if self.done:
            processes.send(pid, processes.SIGKILL, group=True)
        elif pid:
            self.opened(pid)
        elif not self.exists:
            self.agent.start_lane(self, fork=False)

    def opened(self, pid):
        """Its process exists."""
        if not self._opened and not self.done:
            self._opened = True
            self.pid = pid
            self.agent.children.add(pid, self)
            self.agent.uplink.say("opened", self.number, self.generation, pid)

    @property
    def exists(self):
        """Whether there is a process, as far as we know."""
        return self._opened

    def overdue(self, now):
        """Kill it if it took too long to start. Return whether it is still to be watched."""
        if self.spoke or self.done:
            return False
        settings = self.profile.settings
        limit = self.options.get("start_limit") or settings.get("start_limit")
        if self.loader is None:
            limit = limit or settings.get("load_limit")
        limit = float(limit) if limit else FORK_START if self.loader else FRESH_START
        since = self._asked
        if self.loader is not None:
            if self.loader.loading:
                return True
            since = max(since, self.loader.ready_at)
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
            self.agent.clockwork.follow_dump(self, tail.Tail("stacks", path, tail.size(path)))
            processes.send(self.peer, processes.SIG_DUMP)

    def stop(self, place):
        """End the running test, if there is one, and it is that of this place; None: any."""
        seen = self.observe()
        if place not in (None, seen.place):
            return  # that one has ended, and another begun
        if seen.number and self._asked_test != seen.number:
            self._ask(seen.number, processes.SIG_CANCEL, "was killed when its test did not stop")

    def kill(self, why="was killed on request"):
        """Kill it now."""
        self.finish_by(why)

    def finish_by(self, why):
        """Kill it; ``exited`` follows when its process is gone."""
        self.ending = self.ending or why
        if self._opened:
            processes.kill(self.pid)
            self.suspect()
        else:
            # A fork that the loader has not made yet. If it comes it finds its token gone.
            self.ended(None)

    # -- time limits ---------------------------------------------------------

    def observe(self):
        """Return its Pulse."""
        seen = self._pulse.read()
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
                self.agent.board.drain(self)
                self._tell_for_it(seen)
                self.agent.uplink.say("limit", self.number, self.generation)
                self._ask(seen.number, processes.SIG_TIMEOUT, "was killed after its time limit")
        return self._kill_at is not None

    def speak_for(self, now):
        """Tell what it could not tell before it began a long test. Return whether to look again."""
        again = super().speak_for(now)
        if self.done or not self.spoke:
            return again
        if now - self._heard < SILENT:
            return True
        seen = self.observe()
        if seen.number in (0, self._told_for):
            return again  # what begins after a silence is told at once
        if now - seen.start / 1e9 < SILENT:
            return True  # it may be about to say what came before
        if self.link.fd is None:
            self.agent.board.accept()  # a test closed the connection: it may be back
        # What it said itself comes first.
        if self.link.fd is None or (self.link.may_read and not self.link.waiting()):
            self._tell_for_it(seen)
        return True

    def _tell_for_it(self, seen):
        """Tell what ran untold, and what runs, or ended without a word. All that it said before was passed on."""
        running = None
        if seen.place != tail.NOWHERE:
            ago = time.monotonic_ns() - seen.start
            running = [seen.place, time.time_ns() - ago]
        self._told_for = seen.number
        if seen.untold or running:
            self.agent.uplink.say("ran", self.number, self.generation, seen.untold, running)

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
        if not self._opened:
            self.opened(self.peer)

    def take(self, data):
        """It said something."""
        self.spoke = True
        self._heard = time.monotonic()
        self.touch()
        self.link.unacknowledged += len(data)
        self.agent.uplink.data(self.number, data)

    def closed(self):
        """Its connection ended: a test closed it, or it is dead."""
        self.suspect()

    def suspect(self):
        """Look whether it is dead until it is clear."""
        self.agent.clockwork.suspect(self)

    def check(self, now):
        """Return whether it still has to be looked after: its loader should say when it dies, but may be busy or stuck."""
        if self.done:
            return False
        process = processes.look(self.pid)
        if process is not None and process.state not in "ZX":
            return self.link.fd is None or bool(self.ending)
        if self._dead_since is None:
            self._dead_since = now
        if now - self._dead_since > UNTOLD:
            self.ended(process.exit_code if process is not None else None)
            return False
        return True

    def ended(self, status):
        """Its process is gone. Clean up after it, take what it said last, then tell."""
        if self.done:
            return
        processes.kill_lane(self.pid, self.cookie, self.agent.name, self.folder)
        self.agent.board.accept()
        self.agent.board.drain(self)
        self.done = True
        seen = self.observe()
        self._tell_for_it(seen)
        told = "is gone" if status is None else processes.phrase(status)[2]
        why = self.note() or self.ending or told
        if self._leaving and status == 0 and not seen.number:
            why = "ended as asked"
        inside = seen.number or seen.place != tail.NOWHERE
        starts = (seen.stdout, seen.stderr) if inside else (0, 0)
        words = bool(seen.number) or status != 0
        self.say_exited(status, why, starts, seen.stacks, words, seen.number)
        self.agent.board.forget_token(self.token)
        self.agent.closed(self)
