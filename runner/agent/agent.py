"""The agent: one process a host, parent of all its lanes. One thread, one poll loop, asleep when nothing happens.

It hands frames from the controller to lanes and what lanes say to the controller, holds time limits, and sees to
it that nothing of a run outlives the run.
"""

import os
import select
import time

from . import guardian, processes, rundir
from .bootstrap import PACKAGE
from .children import Children
from .clockwork import Clockwork
from .native import WorkerLane
from .orders import Ended, Orders, Unheard
from .strain import Strain
from .switchboard import Switchboard
from .uplink import Lost, Uplink

START = (
    "import os,sys;p=os.environ.pop('TESTLANES_PATH');sys.path.insert(0,p);"
    "sys.version_info>=(3,8)or sys.exit(sys.executable+' is Python %d.%d; 3.8 or later is needed'%sys.version_info[:2]);"
    "import testlanes_agent.boot as b;sys.path.remove(p);b.main()"
)
QUIET = 0.005
"""Seconds for which workers gather what they say before we look again, once they say much."""
HURRIES = 8
"""How often we look at once after a calm time: the first words of a worker, and slow tests, have somebody waiting."""
LEAVE = 1.0
"""Seconds that loaders have at the end of the run, if they did not ask for more."""


class Agent:
    """Everything between the controller and the lanes of this host."""

    def __init__(self, in_fd, out_fd, modules, tell):
        """``tell``: of the guardian, see there."""
        self.tell = tell
        self.uplink = Uplink(in_fd, out_fd)
        self.lanes = {}
        self.profiles = {}
        self.children = Children()
        strain = Strain(self._written_folders)
        self.clockwork = Clockwork(self.uplink, self.lanes, self._loaders, strain)
        self.board = None
        self.folder = ""
        self.name = ""
        self.modules = modules
        self.orders = Orders(self)
        self.listings = set()
        """Running listings of foreign suites."""
        self._folders = 0

    # -- life ----------------------------------------------------------------

    def serve(self):
        """Work until the end. Raises Ended, Lost, OSError."""
        self.folder = rundir.make()
        self.tell(self.folder)
        self.name = os.path.basename(self.folder)
        self._silence()
        every, calm = select.poll(), select.poll()
        self.board = Switchboard(os.path.join(self.folder, "s"), every)
        signals, _ = processes.signal_pipe()
        for poller in (every, calm):
            poller.register(self.uplink.in_fd, select.POLLIN)
            poller.register(signals, select.POLLIN)
            # With no interest it still says when the reader is gone.
            poller.register(self.uplink.out_fd, 0)
        quiet_until = 0.0
        hurries, counted = float(HURRIES), time.monotonic()
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
            patience = self._patience(now, quiet_until if quiet else None)
            for fd, mask in (calm if quiet else every).poll(patience):
                if fd == self.uplink.in_fd:
                    self.orders.hear()
                elif fd == signals:
                    others = set(os.read(signals, 4096)) - {int(processes.SIGCHLD)}
                    if others:
                        raise Lost("it was sent %s" % processes.signal_name(min(others)))
                    self.children.reap()
                elif fd == self.uplink.out_fd:
                    if mask & ~select.POLLOUT:
                        raise Lost("the controller closed the channel")
                else:
                    self.board.ready(fd, mask)
            now = time.monotonic()
            if self.board.passed:
                hurries = min(hurries + (now - counted) / QUIET, HURRIES) - 1.0
                counted = now
                # What came in a full read has more behind it.
                quiet_until = 0.0 if self.board.more or hurries > 0.0 else now + QUIET
                hurries = max(hurries, 0.0)
                self.board.passed = self.board.more = False
            self.orders.hold_lease(now)
            self.clockwork.run(now)

    def _patience(self, now, quiet_until):
        times = [self.clockwork.next(), self.orders.lease_ends, quiet_until]
        times = [each for each in times if each is not None]
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

    def end(self, polite):
        """Leave nothing: no process, no file. Say ``bye``. ``polite``: loaders may end by themselves."""
        self.lanes.clear()  # nothing is started in place of what ends now
        if polite and self._loaders():
            limit = max(LEAVE, *[loader.patience for loader in self._loaders()])
            for loader in self._loaders():
                loader.leave()
            until = time.monotonic() + limit
            while self._loaders() and time.monotonic() < until:
                for loader in self._loaders():
                    self.board.drain(loader)
                self.children.reap()
                time.sleep(0.002)  # the poll loop is over, and there is nothing else to do by now
        self.children.kill()
        if self.folder:
            rundir.remove(self.folder)
        self.orders.leave()
        self.uplink.say("bye")
        self.uplink.flush_all(2.0)

    def _written_folders(self):
        """Where what runs here writes: our folder, and the projects'."""
        return {self.folder, *[each.cwd or "." for each in self.profiles.values()]}

    def _loaders(self):
        return [each.loader for each in self.profiles.values() if each.loader is not None]

    # -- for lanes and loaders -----------------------------------------------

    def start_lane(self, lane, **how):
        """Start a lane's worker; one that cannot be started has exited."""
        try:
            lane.start(**how)
        except OSError as error:
            lane.ending = "could not be started: %s" % error
            lane.ended(None)

    def start_python(self, profile, token, env, owner):
        """Start a loader or a worker in the profile's interpreter. Return its pid. Raises OSError."""
        if not os.path.exists(os.path.join(self.folder, PACKAGE)):  # a test emptied the folder
            rundir.unpack(self.folder, PACKAGE, self.modules)
        env = dict(
            env, TESTLANES_PATH=self.folder, TESTLANES_SOCK=self.board.path, TESTLANES_TOKEN=token
        )
        python = os.path.expanduser(str(profile.settings.get("python") or "python3"))
        argv = [python, "-c", START]
        where = owner.path("stdout"), owner.path("stderr"), owner.path("note")
        return self.children.start(argv, env, profile.cwd, *where, owner)

    def start_heard(self, argv, env, cwd, errors, note, owner):
        """Start a process whose stdout ``owner`` takes, over its link. Return its pid. Raises OSError."""
        read, write = os.pipe()
        try:
            pid = self.children.start(argv, env, cwd, write, errors, note, owner)
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        os.set_blocking(read, False)
        owner.link.fd = read
        self.board.watch(owner)
        return pid

    def loader_folder(self):
        """Return a new folder for a loader's files."""
        self._folders += 1
        path = os.path.join(self.folder, "loaders", str(self._folders))
        os.makedirs(path, 0o700)
        return path

    def forked(self, loader, number, generation, pid):
        """A loader forked a worker; ``pid`` 0: it would not."""
        lane = self.lanes.get(number)
        waits = lane is not None and lane.generation == generation and not lane.done
        waits = waits and isinstance(lane, WorkerLane) and lane.loader is loader
        if not waits:
            processes.send(pid, processes.SIGKILL)
        elif pid:
            lane.opened(pid)
        elif not lane.exists:
            self.start_lane(lane, fork=False)

    def start_again(self, loader):
        """A loader will not fork (any more): start what waits for it in another way."""
        for lane in list(self.lanes.values()):
            if isinstance(lane, WorkerLane) and lane.loader is loader and not lane.exists:
                self.start_lane(lane)

    def closed(self, lane):
        """A lane's worker is over and said so."""
        self.board.drop(lane)
        self.children.discard(lane.pid)
        if self.lanes.get(lane.number) is lane:
            del self.lanes[lane.number]
        if lane.successor is not None:
            try:
                self.orders.open(*lane.successor)
            except KeyError as error:
                self.uplink.say("warn", "the agent does not know the profile %s" % error)


def run_agent(in_fd, out_fd, modules, nonce, tell):
    """Be the agent of the controller at the other end of these file descriptors, until the end.

    ``modules``: file name -> source of our package, or its folder; ``tell``: of the guardian. Return the exit status: 0, or 1 when the agent failed.
    """
    os.write(out_fd, b"\ntestlanes:" + nonce.encode() + b"\n")
    # Of a lane that a test of ours runs in: a loader that inherits it would be taken for our own lane of that number.
    os.environ.pop(processes.LANE_COOKIE, None)
    agent = Agent(in_fd, out_fd, modules, tell)
    failed, polite = 0, False
    try:
        agent.serve()
    except Ended as ended:
        polite = bool(ended.args)
    except Lost as lost:
        if isinstance(lost, Unheard):
            agent.uplink.say("unheard")
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
    agent.end(polite)
    return failed


def main(nonce, modules):
    """Be the agent at stdin and stdout. Does not return."""
    # Anything that writes to the real 0, 1 and 2 would spoil the channel.
    tell = guardian.stand_by()
    in_fd, out_fd = (os.dup(fd) for fd in (0, 1))
    os._exit(run_agent(in_fd, out_fd, modules, nonce, tell))
