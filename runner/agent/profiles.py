"""Profiles on this host: their settings, and the loader that a profile's workers are forked from."""

import os
import time

from . import processes, tail, whereabouts
from .images import Image, key_of
from .lane import text
from .link import Link
from .native import FRESH_START
from .scan import Scanner

LONG = 15.0
"""Seconds after which it is told that something takes long to load; and again each time that has tripled."""
LEAVE = 6.0
"""Seconds that a loader has to end by itself."""


def where(stacks):
    """Return faulthandler's stacks (innermost frame first) with what they say first at the front, without our frames."""
    frames = [
        line
        for line in stacks.splitlines()
        if "testlanes_agent" not in line and '"<frozen ' not in line and '"<string>"' not in line
    ]
    first = next((line.strip() for line in frames if line.lstrip().startswith("File ")), "")
    return (", at " + first if first else "") + "\n" + "\n".join(frames)


class Profile:
    """``settings``: the map of ``profile NAME {…}``. Without a loader each worker is a process of its own."""

    def __init__(self, agent, name, settings):
        self.agent = agent
        self.name = name
        self.settings = settings
        self.loader = None
        self.image = None
        """The warm image, where the settings say ``watch``."""
        self.modules = None
        """(what an image may import, what of it pytest is to rewrite), as a loader told."""

    @property
    def kind(self):
        """``unittest``, ``pytest`` or ``command``."""
        return self.settings.get("kind")

    @property
    def cwd(self):
        """Where its processes run."""
        return self.settings.get("cwd") or None

    def options(self, more):
        """Return a new options map: the profile's, with ``more`` on top."""
        options = dict(self.settings)
        env = dict(options.get("env") or {})
        options.update(more)
        env.update(more.get("env") or {})
        options["env"] = env
        if options.get("watch"):
            options["code"] = os.path.join(self.agent.folder, "code")
        return options

    def load(self):
        """Start a loader, in place of one that runs; the workers of that one go on. Raises OSError."""
        if self.loader is not None:
            self.loader.replace()
        self.loader = Loader(self)
        self.loader.start()

    def rest(self):
        """The run is over, another will come: its loader goes, an image for the next one is made ready."""
        if self.loader is not None:
            self.loader.replace()
            self.loader = None
        if not self.settings.get("watch") or self.settings.get("fresh") or self.modules is None:
            return
        image = self.image
        if image is not None and (
            image.state in ("starting", "ready", "unsafe", "large") and self._fits(image)
        ):
            return
        if image is not None:
            image.finish()
        self.image = Image(self, *self.modules)
        if image is not None and image.key == self.image.key:
            self.image.spoiled, self.image.plain = image.spoiled, image.plain
        try:
            self.image.start()
        except OSError:
            self.image = None

    def ready_image(self):
        """Return the image if a loader can be forked from it now, else None."""
        image = self.image
        return image if image is not None and image.state == "ready" and self._fits(image) else None

    def _fits(self, image):
        return image.key == key_of(self.settings)


class Loader:
    """A process that loads a suite once, and forks workers from it."""

    def __init__(self, profile):
        self.profile = profile
        self.agent = profile.agent
        self.link = Link()
        self.pid = 0
        self.ready_at = 0.0
        self.loading = True
        self.folder = self.agent.loader_folder()
        self._fork = None
        """Whether it says that it can be forked; None: it has not said."""
        self._fork_why = ""
        self.patience = 0.0
        """Seconds that it wants at the end, where it combines what workers measured."""
        self._listed = False
        self._told = ""
        self._ending = ""
        self._replaced = False
        self._started = self._heard = time.monotonic()
        self._asked_where = False
        """Whether it was asked to say where it is, because it loads for too long."""
        self._seen_at, self._there_since, self._patient = "", self._started, LONG
        self._scanner = Scanner()
        self._token = ""
        self._asked = None
        """What an image was asked for, until it answers."""

    @property
    def can_fork(self):
        """Whether a worker may be asked of it: it is there, and has not said that forking is unsafe."""
        return bool(self.pid) and self._fork is not False and not self._ending

    def path(self, name):
        """Return the path of a file of the loader."""
        return os.path.join(self.folder, name)

    def start(self):
        """Start the process. Raises OSError."""
        options = self.profile.options({})
        options.update(op="options", role="loader", dir=self.folder)
        options["env"][processes.AGENT_COOKIE] = self.agent.name
        self._token = self.agent.board.new_token(self)
        self.link.send(options)
        self._tell("loading", "")
        image = self.profile.ready_image()
        if image is None:
            self.pid = self.agent.start_python(self.profile, self._token, options["env"], self)
        else:
            self._asked = {"token": self._token, "dir": self.folder, "env": options["env"]}
            image.fork(self, self._asked)

    def forked(self, pid, why):
        """The image forked it; ``pid`` 0: it would not, and it is to start like any other."""
        asked, self._asked = self._asked, None
        if self._replaced or self._ending:
            processes.send(pid, processes.SIGKILL, group=True)
        elif pid:
            self._have(pid)
        elif not self.pid and asked is not None:
            try:
                self.pid = self.agent.start_python(self.profile, self._token, asked["env"], self)
            except OSError as error:
                self._tell("gone", "could not be started: %s" % error)

    def _have(self, pid):
        if not self.pid:
            self.pid = pid
            self.agent.children.add(pid, self)

    def replace(self):
        """Another one takes its place: it says no more, and ends."""
        self._replaced = True
        self.leave()
        self.agent.clockwork.later(LEAVE, self, self.pid)
        self.agent.start_again(self)

    def leave(self):
        """Let it end by itself: what the suite made at import is removed by its atexit handlers."""
        self._ending = self._ending or "ended as asked"
        self.link.send({"op": "shutdown"})
        self.agent.board.watch(self)

    def finish_by(self, why):
        """Kill it; its workers stay, and become our children."""
        self._ending = self._ending or why
        if self.pid:
            processes.kill(self.pid)

    def rests(self):
        """Whether its process is stopped."""
        return processes.stopped(self.pid)

    def overdue(self, now):
        """Kill it if it took too long to connect, or hangs. Return whether it is still to be watched."""
        if self._asked is not None:
            return True
        if not self.pid or self._ending:
            return False
        if self.link.fd is not None:
            return self.loading and self._hold_loading(now)
        limit = float(self.profile.settings.get("start_limit") or FRESH_START)
        if now - self._started > limit:
            self.finish_by("did not start within %g s" % limit)
            return False
        return True

    def _hold_loading(self, now):
        """Kill it if it gets no further for too long while it loads, when it had a moment to say where it is."""
        self._tell_patience(now)
        limit = float(self.profile.settings.get("load_limit") or 0.0)
        if self._asked_where:
            self.finish_by("said nothing for %g s while it loaded the suite" % limit)
            return False
        if limit and now - self._heard > limit:
            self._asked_where = True
            if processes.catches(self.pid, processes.SIG_DUMP):
                processes.send(self.pid, processes.SIG_DUMP)
        return True

    def _tell_patience(self, now):
        loads = self._loads()
        if loads != self._seen_at:
            self._seen_at, self._there_since, self._patient = loads, now, LONG
            self._heard = now  # pytest tells its ids when it has all of them
        there = now - self._there_since
        if there > self._patient:
            self._patient *= 3
            what = loads or "the suite"
            self.agent.uplink.say("warn", "%s takes long to load: %.0f s so far" % (what, there))

    def _loads(self):
        """Return what it is loading: a module, a file; empty if it has not said."""
        return text(whereabouts.told(tail.piece(self.path(whereabouts.NAME), 0, 4096)))

    def connected(self, peer):
        """It connected; ``peer``: its process id."""
        if peer:
            self._have(peer)

    def closed(self):
        """Its connection ended. If it is not dead it connects again."""

    def take(self, data):
        """It said something: pass on what is not for us."""
        self._heard = time.monotonic()
        try:
            passed, events = self._scanner.feed(data)
        except ValueError as error:
            self.finish_by(str(error))
            return
        if passed and not self._replaced:
            self.link.unacknowledged += len(passed)
            self.agent.uplink.data(self.profile.name, passed)
        for kind, fields in events:
            self._event(kind, fields)

    def _event(self, kind, fields):
        if kind == "forked":
            where = fields.get("lane"), fields.get("generation"), int(fields.get("pid") or 0)
            self.agent.forked(self, *where)
        elif kind == "exited":
            self.agent.children.exited(int(fields.get("pid") or 0), int(fields.get("status") or 0))
        elif kind == "modules":
            self.profile.modules = list(fields.get("names") or ()), list(fields.get("marked") or ())
        elif kind == "fork":
            self._fork = bool(fields.get("safe"))
            self._fork_why = str(fields.get("why") or "")
            self.patience = float(fields.get("patience") or 0.0)
            if not self._fork:
                self.agent.start_again(self)
            self._ready()
        else:
            self._listed = True
            self._ready()

    def _ready(self):
        # Whether it can be forked is certain only after it has told so with everything loaded.
        if self._listed and self._fork is not None:
            self.loading = False
            if self._fork:
                self.ready_at = self.ready_at or time.monotonic()
            self._tell("ready" if self._fork else "fresh", "" if self._fork else self._fork_why)

    def _tell(self, state, why, **fields):
        if state != self._told and not self._replaced:
            self._told = state
            self.agent.uplink.say("loader", self.profile.name, dict(fields, state=state, why=why))

    def ended(self, status):
        """It is dead."""
        self.agent.board.accept()
        self.agent.board.drain(self)
        self.agent.board.forget_token(self._token)
        self.agent.board.drop(self)
        pid, self.pid = self.pid, 0
        loads = self._loads() if self.loading else ""
        self.loading = False
        processes.send(pid, processes.SIGKILL, group=True)
        code, _, why = processes.phrase(status)
        note = text(tail.piece(self.path("note"), 0, 4096))
        if note:
            why = "could not be started: " + note
        elif self._ending:
            why = self._ending
            if self._asked_where:
                why += where(text(tail.last_words(self.path("stacks"), 0)))
        else:
            why += tail.last_line(self.path("stderr"))
        if loads and not self._asked_where:
            why += "\nwhile it was loading " + loads
        self._tell("gone", why, code=code)
        if self.profile.loader is self:
            self.profile.loader = None
        self.agent.start_again(self)
