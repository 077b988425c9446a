"""One profile on this host: its settings, and the loader that its workers are forked from."""

import os
import time

from . import processes, tail
from .lane import FRESH_START, text
from .link import Link
from .scan import Scanner


class Profile:
    """``settings``: the map of ``profile NAME {…}``. Without a loader each worker is a process of its own."""

    def __init__(self, agent, name, settings):
        self.agent = agent
        self.name = name
        self.settings = settings
        self.link = Link()
        self.pid = 0
        self.ready_at = 0.0
        self.loading = False
        self._fork = None
        """Whether the loader says that it can be forked; None: it has not said."""
        self._fork_why = ""
        self._listed = False
        self._told = ""
        self._ending = ""
        self._started = 0.0
        self._scanner = Scanner()
        self._token = ""
        self.folder = ""

    @property
    def kind(self):
        """``unittest``, ``pytest`` or ``command``."""
        return self.settings.get("kind")

    @property
    def cwd(self):
        """Where its processes run."""
        return self.settings.get("cwd") or None

    @property
    def can_fork(self):
        """Whether a worker may be asked of its loader: it is there, and has not said that forking is unsafe."""
        return bool(self.pid) and self._fork is not False and not self._ending

    def options(self, more):
        """Return a new options map: the profile's, with ``more`` on top."""
        options = dict(self.settings)
        env = dict(options.get("env") or {})
        options.update(more)
        env.update(more.get("env") or {})
        options["env"] = env
        return options

    # -- the loader ----------------------------------------------------------

    def load(self):
        """Start the loader, in place of one that runs. Raises OSError."""
        if self.pid:
            self.end("replaced by a newer loader")
        self.link.close()
        self.link, self._scanner = Link(), Scanner()
        self._fork, self._fork_why, self._listed, self._told, self._ending = None, "", False, "", ""
        self.loading = True
        self._started = time.monotonic()
        self.folder = self.agent.loader_folder()
        self._token = self.agent.new_token(self)
        options = self.options({})
        options.update(op="options", role="loader", dir=self.folder)
        options["env"][processes.AGENT_COOKIE] = self.agent.name
        self.link.send(options)
        self._tell("loading", "")
        self.pid = self.agent.start_python(self, self._token, options["env"], self)
        self.agent.by_pid[self.pid] = self

    def path(self, name):
        """Return the path of a file of the loader."""
        return os.path.join(self.folder, name)

    def end(self, why):
        """Kill the loader; its workers stay, and become our children."""
        self._ending = self._ending or why
        processes.send(self.pid, processes.SIGKILL, group=True)

    def overdue(self, now):
        """Kill the loader if it took too long to say anything. Return whether it is still to be watched."""
        if not self.pid or self.link.fd is not None:
            return False
        limit = float(self.settings.get("start_limit") or FRESH_START)
        if now - self._started > limit:
            self.end("did not start within %g s" % limit)
            return False
        return True

    def connected(self, peer):
        """It connected."""

    def closed(self):
        """Its connection ended. If it is not dead it connects again."""

    def take(self, data):
        """It said something: pass on what is not for us."""
        try:
            passed, events = self._scanner.feed(data)
        except ValueError as error:
            self.end(str(error))
            return
        if passed:
            self.link.unacknowledged += len(passed)
            self.agent.uplink.data(self.name, passed)
        for kind, fields in events:
            self._event(kind, fields)

    def _event(self, kind, fields):
        if kind == "forked":
            self.agent.forked(
                fields.get("lane"), fields.get("generation"), int(fields.get("pid") or 0)
            )
        elif kind == "exited":
            self.agent.exited(int(fields.get("pid") or 0), int(fields.get("status") or 0))
        elif kind == "fork":
            self._fork = bool(fields.get("safe"))
            self._fork_why = str(fields.get("why") or "")
            if not self._fork:
                self.agent.start_again(self)
            self._ready()
        else:
            self._listed = True
            self._ready()

    def _ready(self):
        if self._listed:
            self.loading = False
            if self._fork is False:
                self._tell("fresh", self._fork_why)
            else:
                self.ready_at = self.ready_at or time.monotonic()
                self._tell("ready", "")

    def _tell(self, state, why, **fields):
        if state != self._told:
            self._told = state
            self.agent.uplink.say("loader", self.name, dict(fields, state=state, why=why))

    def ended(self, status):
        """The loader is dead."""
        self.agent.accept()
        self.agent.drain(self)
        self.agent.forget_token(self._token)
        self.agent.drop_link(self)
        pid, self.pid = self.pid, 0
        self.loading = False
        processes.send(pid, processes.SIGKILL, group=True)
        code, _, why = processes.phrase(status)
        if self._ending:
            why = self._ending
        note = text(tail.piece(self.path("note"), 0, 4096))
        if note:
            why = "could not be started: " + note
        elif not self._ending:
            last = text(tail.last_words(self.path("stderr"), 0, 4096)).strip().splitlines()
            if last:
                why += ": " + last[-1]
        self._tell("gone", why, code=code)
        self.agent.start_again(self)
