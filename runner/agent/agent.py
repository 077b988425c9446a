"""The agent: one process a host, parent of all its lanes. One thread, one poll loop, asleep when nothing happens.

It hands frames from the controller to lanes and what lanes say to the controller, holds time limits, and sees to
it that nothing of a run outlives the run. Sizes and times are what WORKERS.md and HOSTS.md were measured with.
"""

import _signal
import os
import select
import sys
import time

from . import processes, rundir
from .foreign import Command, Listing
from .lane import Worker
from .profiles import Profile
from .switchboard import Switchboard
from .uplink import Lost, Uplink

VERSION = 1
PACKAGE = "testlanes_agent"
START = (
    "import os,sys;p=os.environ.pop('TESTLANES_PATH');sys.path.insert(0,p);"
    "import testlanes_agent.boot as b;sys.path.remove(p);b.main()"
)
QUIET = 0.005
"""Seconds for which workers gather what they say before we look again."""
PERIODS = {"pulse": 0.05, "suspects": 0.05, "tail": 0.1, "start": 1.0, "usage": 2.0}
DUMP_FOLLOWED = 1.0
LANE_WORDS = frozenset(["run", "drop", "stop", "dump", "retire", "kill"])


class Ended(Exception):
    """The controller said ``end``, or a signal did."""


class Agent:
    """Everything between the controller and the lanes of this host."""

    def __init__(self, in_fd, out_fd, modules):
        self.uplink = Uplink(in_fd, out_fd)
        self._modules = modules
        self.folder = ""
        self.name = ""
        self.lanes = {}
        self.profiles = {}
        self.by_pid = {}
        self.suspects = set()
        self._listings = set()
        self._tailed = set()
        self._dumps = []
        self._strays = {}
        self._kills = []
        self._due = {}
        self._used_at = 0.0
        self._greeted = False
        self._prepared = False
        self._lease = None
        self._heard = time.monotonic()
        self._loaders = 0
        self.board = None

    # -- life ----------------------------------------------------------------

    def serve(self):
        """Work until the end. Raises Ended, Lost, OSError."""
        self.folder = rundir.make()
        self.name = os.path.basename(self.folder)
        self.board = Switchboard(os.path.join(self.folder, "s"))
        self._silence()
        self._signals, wake = os.pipe()
        for fd in (self._signals, wake):
            os.set_blocking(fd, False)
        for signum in (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGINT):
            _signal.signal(signum, lambda *_: None)
        _signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        every, calm = select.poll(), select.poll()
        for poller in (every, calm):
            poller.register(self.uplink.in_fd, select.POLLIN)
            poller.register(self._signals, select.POLLIN)
            # With no interest it still says when the reader is gone.
            poller.register(self.uplink.out_fd, 0)
        self.board.open(self, every)
        quiet_until = 0.0
        writing = False
        while True:
            self.uplink.flush()
            if self.uplink.pending != writing:
                writing = not writing
                for poller in (every, calm):
                    poller.modify(self.uplink.out_fd, select.POLLOUT if writing else 0)
            self.board.hold(self.uplink.full)
            now = time.monotonic()
            quiet = now < quiet_until
            ready = (calm if quiet else every).poll(
                self._patience(now, quiet_until if quiet else None)
            )
            for fd, mask in ready:
                if fd == self.uplink.in_fd:
                    self._hear()
                elif fd == self._signals:
                    self._signalled()
                elif fd == self.uplink.out_fd:
                    if mask & ~select.POLLOUT:
                        raise Lost("the controller closed the channel")
                else:
                    self.board.ready(fd, mask)
            if self.board.passed:
                # What came in a full read has more behind it.
                quiet_until = 0.0 if self.board.more else time.monotonic() + QUIET
                self.board.passed = self.board.more = False
            self._run_due(time.monotonic())

    def _patience(self, now, quiet_until):
        times = list(self._due.values())
        times += [when for when, _, _ in self._kills]
        if self._lease:
            times.append(self._heard + self._lease)
        if quiet_until is not None:
            times.append(quiet_until)
        # poll counts whole milliseconds.
        return max(0, int((min(times) - now) * 1000) + 1) if times else None

    def _silence(self):
        # Whoever holds these could keep a channel open, or block on it: nobody inherits the real ones.
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(
            os.path.join(self.folder, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        for fd, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(fd, target, inheritable=False)
        os.close(null)
        os.close(log)

    def end(self):
        """Leave nothing: no process, no file. Say ``bye``."""
        for pid in list(self.by_pid):
            processes.send(pid, processes.SIGKILL, group=True)
        processes.kill_everything()
        if self.folder:
            rundir.remove(self.folder)
        self.uplink.say("bye")
        self.uplink.flush_all(2.0)

    # -- the controller ------------------------------------------------------

    def _hear(self):
        frames = self.uplink.receive()
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
                self.uplink.say(
                    "warn",
                    "the agent cannot obey %r: %s: %s" % (frame[0], type(error).__name__, error),
                )
            self.uplink.flush()

    def _greet(self, frame):
        fields = frame[1] if len(frame) > 1 and isinstance(frame[1], dict) else {}
        version = fields.get("version")
        if frame[0] != "hello" or version != VERSION:
            said = "version %s" % version if frame[0] == "hello" else "%r before hello" % frame[0]
            self.uplink.say(
                "warn",
                "this agent speaks version %d of the protocol, the controller %s" % (VERSION, said),
            )
            raise Ended
        self._greeted = True
        self._lease = fields.get("lease")
        try:
            cpus = len(os.sched_getaffinity(0))
        except AttributeError:
            cpus = os.cpu_count() or 1
        self.uplink.say(
            "hello",
            {
                "version": VERSION,
                "pid": os.getpid(),
                "python": "%d.%d.%d" % tuple(sys.version_info[:3]),
                "host": os.uname().nodename,
                "cpus": cpus,
                "clock": time.time_ns(),
                "dir": self.folder,
            },
        )
        self.uplink.flush()
        # What the first lane needs can wait until the controller knows that we are here.
        processes.prepare()
        rundir.unpack(self.folder, PACKAGE, self._modules)

    def _obey(self, word, args):
        if word in LANE_WORDS:
            lane = self.lanes.get(args[0])
            if lane is not None:
                getattr(lane, word)(*args[1:])
                self.watch_link(lane)
        elif word == "profile":
            name, settings = args
            if name in self.profiles:
                self.profiles[name].settings = dict(settings)
            else:
                self.profiles[name] = Profile(self, name, dict(settings))
        elif word == "load":
            self._load(self.profiles[args[0]])
        elif word == "open":
            self._open(*args)
        elif word == "tail":
            number, on = args
            (self._tailed.add if on else self._tailed.discard)(number)
            if number in self.lanes:
                self.lanes[number].set_tail(on)
            self._need("tail")
        elif word == "credit":
            self._credit(*args)
        elif word == "ping":
            self.uplink.say("pong", *args)
        elif word == "end":
            raise Ended
        else:
            self.uplink.say("warn", "the agent does not know the word %r" % word)

    def _credit(self, channel, size):
        owners = [self.lanes.get(channel), self.profiles.get(channel)]
        owners += [each for each in self._listings if each.channel == channel]
        for owner in owners:
            if owner is not None:
                owner.link.credit(size)
                self.watch_link(owner)

    def _load(self, profile):
        try:
            if profile.kind == "command":
                listing = Listing(self, profile)
                self._listings.add(listing)
                listing.start()
            else:
                profile.load()
                self._need("start")
        except OSError as error:
            why = "could not be started: %s" % error
            self.uplink.say("loader", profile.name, {"state": "gone", "why": why})

    def _open(self, number, name, generation, options):
        old = self.lanes.get(number)
        if old is not None:
            old.successor = (number, name, generation, options)
            old.kill("replaced by a newer worker")
            return
        profile = self.profiles[name]
        kind = Command if profile.kind == "command" else Worker
        lane = kind(self, int(number), int(generation), profile, dict(options))
        self.lanes[number] = lane
        self.start_lane(lane)
        if number in self._tailed:
            lane.set_tail(True)
        self._need("start")

    # -- processes -----------------------------------------------------------

    def start_lane(self, lane):
        """Start a lane's worker; one that cannot be started has exited."""
        try:
            lane.start()
        except OSError as error:
            lane.ending = "could not be started: %s" % error
            lane.ended(None)

    def start_python(self, profile, token, env, owner):
        """Start a loader or a worker in the profile's interpreter. Return its pid. Raises OSError."""
        ours = {
            "TESTLANES_PATH": self.folder,
            "TESTLANES_SOCK": self.board.path,
            "TESTLANES_TOKEN": token,
        }
        argv = [str(profile.settings.get("python") or "python3"), "-c", START]
        where = owner.path("stdout"), owner.path("stderr"), owner.path("note")
        return self.start(argv, dict(env, **ours), profile.cwd, *where, owner)

    def start(self, argv, env, cwd, stdout, stderr, note, owner):
        """Start a process whose end goes to ``owner``. Return its pid. Raises OSError."""
        full = dict(os.environ)
        for name, value in env.items():
            if value is None:
                full.pop(name, None)
            else:
                full[name] = str(value)
        pid = processes.spawn(argv, full, cwd, stdout, stderr, note)
        self.by_pid[pid] = owner
        return pid

    def loader_folder(self):
        """Return a new folder for a loader's files."""
        self._loaders += 1
        path = os.path.join(self.folder, "loaders", str(self._loaders))
        os.makedirs(path, 0o700)
        return path

    def _signalled(self):
        try:
            numbers = os.read(self._signals, 4096)
        except BlockingIOError:
            return
        if set(numbers) - {int(_signal.SIGCHLD)}:
            raise Ended
        for pid, status in processes.reap():
            self.exited(pid, status)

    def exited(self, pid, status):
        """A process ended: our child, or, as its loader says, a forked worker."""
        owner = self.by_pid.pop(pid, None)
        if owner is not None:
            owner.ended(status)
        else:
            # A worker whose loader died may end before we have read that it was forked.
            now = time.monotonic()
            self._strays = {p: seen for p, seen in self._strays.items() if now - seen[0] < 5.0}
            self._strays[pid] = now, status

    def forked(self, number, generation, pid):
        """A loader forked a worker."""
        lane = self.lanes.get(number)
        if lane is None or lane.generation != generation or lane.done or not lane.forked:
            processes.send(pid, processes.SIGKILL)
            return
        lane.opened(pid)
        if pid in self._strays:
            del self.by_pid[pid]
            lane.ended(self._strays.pop(pid)[1])

    def start_again(self, profile):
        """A loader will not fork (any more): start what waits for it in another way."""
        for lane in list(self.lanes.values()):
            if (
                isinstance(lane, Worker)
                and lane.profile is profile
                and lane.forked
                and not lane.exists
            ):
                self.start_lane(lane)

    def closed(self, lane):
        """A lane's worker is over and said so."""
        self.board.drop(lane)
        self.by_pid.pop(lane.pid, None)
        if self.lanes.get(lane.number) is lane:
            del self.lanes[lane.number]
        if isinstance(lane, Worker):
            self.forget_token(lane.token)
        if lane.successor is not None:
            try:
                self._open(*lane.successor)
            except KeyError as error:
                self.uplink.say("warn", "the agent does not know the profile %s" % error)

    def listed(self, listing):
        """A foreign suite's listing ended."""
        self._listings.discard(listing)

    # -- connections, for lanes and profiles ---------------------------------

    def new_token(self, owner):
        """Return a token by which a process will be known as ``owner``'s."""
        return self.board.new_token(owner)

    def forget_token(self, token):
        """Let nobody in with it any more."""
        self.board.tokens.pop(token, None)

    def watch_link(self, owner):
        """Look after a link whose state may have changed."""
        self.board.watch(owner)

    def drop_link(self, owner):
        """Close a link."""
        self.board.drop(owner)

    def accept(self):
        """Let in who waits at the socket: a worker may have connected again just before it died."""
        self.board.accept()

    def drain(self, owner):
        """Take all that is in a link."""
        self.board.drain(owner)

    # -- time ----------------------------------------------------------------

    def _need(self, name):
        if name not in self._due:
            self._due[name] = time.monotonic() + PERIODS[name]

    def hurry(self):
        """Something runs: look at pulses and usage."""
        self._need("pulse")
        if "usage" not in self._due:
            self._used_at = time.monotonic()
            self._need("usage")

    def suspect(self, lane):
        """Look at a lane until it is clear whether it is dead."""
        self.suspects.add(lane)
        self._need("suspects")

    def follow_dump(self, lane, tail):
        """Show what is written to a lane's stacks for a while."""
        self._dumps.append((time.monotonic() + DUMP_FOLLOWED, lane, tail))
        self._need("tail")

    def later(self, seconds, lane, pid):
        """Kill a lane's process if it still runs then."""
        self._kills.append((time.monotonic() + seconds, lane, pid))

    def _run_due(self, now):
        if self._lease and now - self._heard > self._lease:
            raise Lost("nothing was heard of the controller for %g s" % self._lease)
        for when, lane, pid in [each for each in self._kills if each[0] <= now]:
            self._kills.remove((when, lane, pid))
            if lane.pid == pid:
                lane.finish_by(lane.ending)
        for name in [name for name, when in self._due.items() if when <= now]:
            del self._due[name]
            if getattr(self, "_on_" + name)(now):
                self._due.setdefault(name, now + PERIODS[name])

    def _on_pulse(self, now):
        again = False
        for lane in list(self.lanes.values()):
            asked = lane.hold_limit(now)
            again = again or asked or (lane.watched and lane.busy(now))
        return again

    def _on_suspects(self, now):
        self.suspects = {lane for lane in list(self.suspects) if lane.check(now)}
        return bool(self.suspects)

    def _on_start(self, now):
        starting = [*self.lanes.values(), *self.profiles.values()]
        overdue = [each.overdue(now) for each in starting]  # all are asked
        return any(overdue)

    def _on_tail(self, now):
        for lane in list(self.lanes.values()):
            lane.show_output()
        for _, lane, tail in self._dumps:
            data = tail.read()
            if data:
                self.uplink.say("output", lane.number, tail.source, data)
        self._dumps = [each for each in self._dumps if each[0] > now]
        return bool(self._dumps) or any(lane.tails for lane in self.lanes.values())

    def _on_usage(self, now):
        seconds, self._used_at = now - self._used_at, now
        lanes = list(self.lanes.values())
        busy = [lane for lane in lanes if lane.observe().number or lane.busy(now)]
        if busy:
            for lane in lanes:
                lane.usage(seconds)
        return bool(busy)


def run_agent(in_fd, out_fd, modules, nonce=""):
    """Be the agent of the controller at the other end of these file descriptors, until the end.

    ``modules``: file name -> source of our package. Return the exit status: 0, or 1 when the agent failed.
    """
    os.write(out_fd, b"\ntestlanes:" + nonce.encode() + b"\n")
    agent = Agent(in_fd, out_fd, modules)
    failed = 0
    try:
        agent.serve()
    except Ended:
        pass
    except Lost as lost:
        agent.uplink.say("warn", "the agent ends: %s" % lost)
    except OSError as error:
        failed = 1
        agent.uplink.say("warn", "the agent cannot work here: %s" % error)
    except BaseException as error:
        failed = 1
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = "%s:%d" % (where.tb_frame.f_code.co_filename, where.tb_lineno) if where else "?"
        agent.uplink.say(
            "warn", "the agent failed: %s: %s (%s)" % (type(error).__name__, error, place)
        )
    agent.end()
    return failed


def main(nonce, modules):
    """Be the agent at stdin and stdout. Does not return."""
    # Anything that writes to the real 0, 1 and 2 would spoil the channel.
    in_fd, out_fd = (os.dup(fd) for fd in (0, 1))
    os._exit(run_agent(in_fd, out_fd, modules, nonce))
