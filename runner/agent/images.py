"""The agent's side of a warm image (``warm``): one process a profile, kept from run to run."""

import os
import time

from . import processes, tail
from .lane import text
from .link import Link
from .scan import Scanner

SPOILED_LIMIT = 8
"""Modules that may turn out to bring in what an image must not have, before it is given up."""
START_LIMIT = 120.0
"""Seconds in which it has to be ready."""
ANSWER_LIMIT = 10.0
"""Seconds in which it has to answer a loader that wants to be forked."""


SHARE = 4
"""All images together may take one part in so many of the machine's memory, where nothing else is said."""


def machine_memory():
    """Return the machine's memory in bytes."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 4 << 30


class Image:
    """``state`` is ``starting``, ``ready``, ``unsafe``, ``large``, ``spoiled`` (to be started again) or ``gone``."""

    def __init__(self, profile, modules, marked):
        self.profile = profile
        self.agent = profile.agent
        self.key = key_of(profile.settings)
        self.modules, self.marked = list(modules), list(marked)
        self.spoiled = []
        """Modules that it must not import."""
        self.plain = ""
        """Why pytest cannot be begun in it (``pytest_begun``)."""
        self.state = "gone"
        self.memory = 0
        """Its resident bytes, while it is ready."""
        self.link = Link()
        self.pid = 0
        self.folder = ""
        self._why = ""
        self._waiting = {}
        self._count = 0
        self._scanner = Scanner()
        self._token = ""
        self._since = 0.0

    def path(self, name):
        """Return the path of a file of the image."""
        return os.path.join(self.folder, name)

    @property
    def _begins(self):
        """Whether it is to begin what its loaders go on with."""
        return self.profile.kind == "pytest" and not self.plain

    def start(self):
        """Start the process. Raises OSError."""
        self.folder = self.agent.loader_folder()
        self.link, self._scanner = Link(), Scanner()
        self.state = "starting"
        self._why = ""
        self._since = time.monotonic()
        names = [name for name in self.modules if not _under(name, self.spoiled)]
        options = self.profile.options({})
        options.update(op="options", role="image", dir=self.folder)
        options.update(modules=names, marked=self.marked, begin=self._begins)
        options["env"][processes.AGENT_COOKIE] = self.agent.name
        self._token = self.agent.board.new_token(self)
        self.link.send(options)
        self.pid = self.agent.start_python(self.profile, self._token, options["env"], self)
        self.agent.clockwork.need("start")
        self._tell()

    def fork(self, loader, request):
        """Ask it to fork a loader; ``loader.forked(pid, why)`` answers."""
        self._count += 1
        self._waiting[self._count] = loader
        self._since = time.monotonic()
        self.link.send(dict(request, op="fork", loader=self._count))
        self.agent.board.watch(self)
        self.agent.clockwork.need("start")

    def finish(self):
        """End it: it is of no use any more."""
        if self.pid:
            self.finish_by("is of no use any more")

    def finish_by(self, why):
        """Kill it; loaders that were forked from it go on, and become our children."""
        self._why = self._why or why
        processes.kill(self.pid)

    def overdue(self, now):
        """Kill it if it took too long. Return whether it is still to be watched."""
        limit = START_LIMIT if self.state == "starting" else ANSWER_LIMIT
        if not self.pid or not (self.state == "starting" or self._waiting):
            return False
        if now - self._since > limit:
            self.finish_by("did not answer within %g s" % limit)
            return False
        return True

    def connected(self, peer):
        """It connected."""

    def closed(self):
        """Its connection ended."""

    def take(self, data):
        """It said something."""
        try:
            _, events = self._scanner.feed(data)
        except ValueError as error:
            self.finish_by(str(error))
            return
        for kind, fields in events:
            if kind == "image":
                self._changed(fields)
            elif kind == "forked":
                loader = self._waiting.pop(fields.get("loader"), None)
                pid, why = int(fields.get("pid") or 0), str(fields.get("why") or "")
                if loader is not None:
                    loader.forked(pid, why)
                else:
                    processes.send(pid, processes.SIGKILL, group=True)
                if not pid:
                    self.finish_by(why)
            elif kind == "exited":
                self.agent.children.exited(
                    int(fields.get("pid") or 0), int(fields.get("status") or 0)
                )

    def _changed(self, fields):
        state = str(fields.get("state") or "")
        if state == "spoiled":
            self.state = state
            self.spoiled.append(str(fields.get("culprit") or ""))
            return  # it ends, and is started again without
        if state == "plain":
            self.state, self.plain = "spoiled", str(fields.get("why") or "")
            return
        self.state, self._why = state, str(fields.get("why") or "")
        memory = int(fields.get("memory") or 0)
        if state == "ready" and not self._fits(memory):
            self.finish_by(self._why)
        self._tell(memory=memory, count=int(fields.get("count") or 0))

    def _fits(self, memory):
        """Take this much memory, if all images together may; else say why not."""
        limit = int(self.profile.settings.get("watch_memory") or 0) or machine_memory() // SHARE
        images = [profile.image for profile in self.agent.profiles.values()]
        taken = sum(image.memory for image in images if image is not None and image is not self)
        if taken + memory <= limit:
            self.memory = memory
            return True
        self.state = "large"
        self._why = "it takes %d MB; all images together may take %d (watch_memory)" % (
            memory >> 20,
            limit >> 20,
        )
        return False

    def _tell(self, **fields):
        fields.update(state=self.state, why=self._why or self.plain)
        self.agent.uplink.say("image", self.profile.name, fields)

    def ended(self, status):
        """It is dead."""
        self.agent.board.accept()
        self.agent.board.drain(self)
        self.agent.board.forget_token(self._token)
        self.agent.board.drop(self)
        self.pid = 0
        current = self.profile.image is self and not self._why
        if current and self.state == "starting" and self._begins:
            self.state, self.plain = "spoiled", processes.phrase(status or 0)[2]
        if self.state == "spoiled" and current and len(self.spoiled) <= SPOILED_LIMIT:
            try:
                self.start()
                return
            except OSError as error:
                self._why = str(error)
        self.memory = 0
        if self.state not in ("unsafe", "large"):
            self.state = "gone"
            last = tail.last_line(self.path("stderr")) or text(
                tail.piece(self.path("note"), 0, 4096)
            )
            self._why = self._why or processes.phrase(status or 0)[2] + last
        if self.state != "large":
            self._tell()
        waiting, self._waiting = self._waiting, {}
        for loader in waiting.values():
            loader.forked(0, self._why)


def key_of(settings):
    """Return what an image must have in common with the loaders that it forks."""
    env = settings.get("env") or {}
    return (
        settings.get("kind"),
        settings.get("python"),
        settings.get("cwd"),
        settings.get("suite"),
        settings.get("watch"),
        sorted(env.items(), key=str),
    )


def _under(name, tops):
    return any(name == top or name.startswith(top + ".") for top in tops)
