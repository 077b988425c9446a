"""What the controller says, and what the agent does about it (ARCHITECTURE.md, "inner channel")."""

import os
import sys
import time

from . import processes, rundir
from .bootstrap import PACKAGE
from .foreign import CommandLane, Listing
from .native import WorkerLane
from .profiles import Profile
from .uplink import Lost

VERSION = 2
LANE_WORDS = frozenset(["run", "drop", "stop", "dump", "retire", "kill"])
SITE_WORDS = frozenset(["tree", "copy", "share", "setup", "look"])


class Unheard(Lost):
    """The controller was not heard of for a lease."""


class Ended(Exception):
    """The controller said ``end`` (then it has an argument), or is refused."""


class Orders:
    """Takes the controller's frames, and watches its lease."""

    def __init__(self, agent):
        self.agent = agent
        self._greeted = False
        self._tailed = set()
        self._lease = None
        self._heard = time.monotonic()
        self._site = None

    @property
    def lease_ends(self):
        """When it ends if nothing is heard (monotonic, seconds), or None."""
        return self._heard + self._lease if self._lease else None

    def hold_lease(self, now):
        """Raise Unheard when nothing was heard for too long."""
        if self._lease and now - self._heard > self._lease:
            raise Unheard("nothing was heard of the controller for %g s" % self._lease)

    def hear(self):
        """Take what has arrived. Raises Ended, Lost, OSError."""
        frames = self.agent.uplink.receive()
        self._heard = time.monotonic()
        for frame in frames:
            if not isinstance(frame, list) or not frame or not isinstance(frame[0], str):
                raise Lost("the controller sent a frame that is no message")
            if not self._greeted:
                self._greet(frame)
                continue
            try:
                self._obey(frame[0], frame[1:])
            except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
                what = frame[0], type(error).__name__, error
                self.agent.uplink.say("warn", "the agent cannot obey %r: %s: %s" % what)
            self.agent.uplink.flush()
        # What took long to obey is not the controller's silence.
        self._heard = time.monotonic()

    def _greet(self, frame):
        fields = frame[1] if len(frame) > 1 and isinstance(frame[1], dict) else {}
        version = fields.get("version")
        if frame[0] != "hello" or version != VERSION:
            said = "version %s" % version if frame[0] == "hello" else "%r before hello" % frame[0]
            text = "this agent speaks version %d of the protocol, the controller %s"
            self.agent.uplink.say("warn", text % (VERSION, said))
            raise Ended
        self._greeted = True
        self._lease = fields.get("lease")
        hello = {
            "version": VERSION,
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "dir": self.agent.folder,
        }
        hello["python"] = "%d.%d.%d" % tuple(sys.version_info[:3])
        hello["clock"] = time.time_ns()
        try:
            hello["cpus"] = len(os.sched_getaffinity(0))
        except AttributeError:
            hello["cpus"] = os.cpu_count() or 1
        self.agent.uplink.say("hello", hello)
        self.agent.uplink.flush()
        # What the first lane needs can wait until the controller knows that we are here.
        processes.prepare()
        self.agent.tell()
        rundir.unpack(self.agent.folder, PACKAGE, self.agent.modules)

    def leave(self):
        """Leave nothing half done of what was brought here."""
        if self._site is not None:
            self._site.let_go()

    def _obey(self, word, args):
        if word in LANE_WORDS:
            lane = self.agent.lanes.get(args[0])
            if lane is not None:
                getattr(lane, word)(*args[1:])
                self.agent.board.watch(lane)
        elif word in SITE_WORDS:
            if self._site is None:
                from .site import Site

                self._site = Site(self.agent)
            self._site.obey(word, args)
        elif word == "profile":
            name, settings = args
            profile = self.agent.profiles.setdefault(name, Profile(self.agent, name, {}))
            profile.settings = dict(settings)
        elif word == "load":
            self._load(self.agent.profiles[args[0]])
        elif word == "open":
            self.open(*args)
        elif word == "tail":
            number, on = args
            (self._tailed.add if on else self._tailed.discard)(number)
            if number in self.agent.lanes:
                self.agent.lanes[number].set_tail(on)
            self.agent.clockwork.need("tail")
        elif word == "credit":
            self._credit(*args)
        elif word == "rest":
            self._rest(*args)
        elif word == "ping":
            self.agent.uplink.say("pong", *args)
        elif word == "end":
            raise Ended(word)
        else:
            self.agent.uplink.say("warn", "the agent does not know the word %r" % word)

    def _credit(self, channel, size):
        owners = [each for each in self.agent.listings if each.channel == channel]
        if channel in self.agent.lanes:
            owners.append(self.agent.lanes[channel])
        if channel in self.agent.profiles and self.agent.profiles[channel].loader is not None:
            owners.append(self.agent.profiles[channel].loader)
        for owner in owners:
            owner.link.credit(size)
            self.agent.board.watch(owner)

    def _rest(self, number):
        """A run is over, and another may come: all that was said of it comes before ``pong``."""
        if self.agent.lanes:
            raise Ended(True)
        for listing in list(self.agent.listings):
            listing.replace()
        for profile in self.agent.profiles.values():
            profile.rest()
        self.agent.uplink.say("pong", number)

    def _load(self, profile):
        try:
            if profile.kind == "command":
                for old in list(self.agent.listings):
                    if old.profile is profile:
                        old.replace()
                listing = Listing(self.agent, profile)
                self.agent.listings.add(listing)
                listing.start()
            else:
                profile.load()
                self.agent.clockwork.need("start")
                self.agent.clockwork.need("stopped")
        except OSError as error:
            why = "could not be started: %s" % error
            self.agent.uplink.say("loader", profile.name, {"state": "gone", "why": why})

    def open(self, number, name, generation, options):
        """Put a worker into a lane. Raises KeyError when there is no such profile."""
        old = self.agent.lanes.get(number)
        if old is not None:
            old.successor = (number, name, generation, options)
            old.kill("was replaced by a newer worker")
            return
        profile = self.agent.profiles[name]
        kind = CommandLane if profile.kind == "command" else WorkerLane
        lane = kind(self.agent, int(number), int(generation), profile, dict(options))
        self.agent.lanes[number] = lane
        self.agent.start_lane(lane)
        if number in self._tailed:
            lane.set_tail(True)
            self.agent.clockwork.need("tail")
        self.agent.clockwork.need("start")
        self.agent.clockwork.need("stopped")
