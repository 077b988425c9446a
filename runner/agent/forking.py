"""The loader's fork service: a suite is loaded once, and every lane's worker is a fork that has it already.

A fork copies one thread. So it is only done while a single one exists, or while all others belong to libraries
that end theirs before a fork and start them again after it (OpenBLAS, which numpy brings). And it shares what is open
(``shares``).
"""

import gc
import os
import select
import signal
import sys
import time
import warnings

from .boot import exit_status, forget_where, leave, update_environment
from .channel import Channel, Gone
from .shares import open_again, shared_by_forks
from .worker import exception_text

# A suite may replace them when it is loaded (eventlet, gevent): a loader goes on to listen.
_poll, _read = select.poll, os.read

TRIAL_LIMIT = 2.0
"""Seconds that a trial fork may take."""


def unsafe():
    """Return why this process should not fork, or an empty text."""
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return "this system has no safe fork"
    hub = _hub()
    if hub:
        return hub + " is at work after loading, and forks would share what it waits with"
    shared = shared_by_forks()
    if shared:
        return shared
    alien = _threads() - 1
    if alien <= 0:
        return ""
    ours = len(sys._current_frames()) - 1
    if not ours and _trial():
        return ""
    names = _names()
    return "%d other thread%s alive after loading%s" % (
        alien,
        " is" if alien == 1 else "s are",
        ": " + ", ".join(names) if names else "",
    )


def _hub():
    """Return whose event loop is there, or an empty text: with one epoll for all forks, each would get the others' events."""
    hubs = sys.modules.get("eventlet.hubs")
    if getattr(getattr(hubs, "_threadlocal", None), "hub", None) is not None:
        return "eventlet"
    # What it has put others in place of; its hub comes with the first use of these.
    return "gevent" if getattr(sys.modules.get("gevent.monkey"), "saved", None) else ""


def _threads():
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return len(sys._current_frames())


def _names():
    threading = sys.modules.get("threading")
    if threading is None:
        return []
    main = threading.main_thread()
    return sorted(thread.name for thread in threading.enumerate() if thread is not main)


def _trial():
    """Whether the threads that are not Python's are gone after a fork: then their library knows about forks."""
    pid = _fork()
    if pid == 0:
        os._exit(0)
    deadline = time.perf_counter() + TRIAL_LIMIT
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if time.perf_counter() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        time.sleep(0.001)  # waitpid itself has no limit
    return _threads() == 1


def _fork():
    with warnings.catch_warnings():
        # Python 3.12 warns of threads by itself, and the filter may make it an error.
        warnings.simplefilter("ignore")
        return os.fork()


class Forks:
    """Forks workers on the agent's demand and tells how they ended.

    ``work(channel, options)`` is called in the child; it returns when the worker ended.
    """

    oldest = 2
    """The generation up to which garbage is looked for. What a warm image had is in the oldest: it was looked for there."""

    def __init__(self, channel, work):
        self._channel = channel
        self._work = work
        self._children = {}
        self._told = None
        self.refusal = ""
        """Why nothing is forked any more, beside threads."""
        self._wake = None
        self._before = None

    def poll(self):
        """Serve what was asked for so far, without waiting. Called between modules while the suite loads."""
        if self._children:
            self._reap()
        while True:
            message = self._channel.receive(wait=False)
            if message is None:
                return True
            if not self._obey(message):
                # The agent needs no suite any more.
                raise SystemExit(0)

    def loaded(self):
        """Say whether forks are safe now, and make them share what was loaded."""
        gc.collect(self.oldest)
        gc.freeze()
        self._tell(unsafe(), again=True)

    def serve(self):
        """Fork and reap until told to end. Raises Gone."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        self._before = signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(write)
        signal.signal(signal.SIGCHLD, _nothing)
        self._wake = (read, write)
        while True:
            self._reap()
            # First: what was asked for while the suite was loaded may have been read already.
            while True:
                message = self._channel.receive(wait=False)
                if message is None:
                    break
                if not self._obey(message):
                    return
            # Anew each time: the channel's number changes when it had to reconnect.
            poller = _poll()
            poller.register(read, select.POLLIN)
            poller.register(self._channel.fd, select.POLLIN)
            poller.poll()
            try:
                while _read(read, 4096):
                    pass
            except BlockingIOError:
                pass

    def _obey(self, message):
        word = message.get("op")
        if word == "fork":
            self._serve_one(message)
        elif word == "shutdown":
            return False
        else:
            self._channel.event("warning", text="the loader does not know the command %r" % (word,))
        return True

    def _tell(self, why, again=False):
        if again or why != self._told:
            self._told = why
            self._channel.event("fork", safe=not why, why=why)

    def _serve_one(self, request):
        lane, generation = request["lane"], request.get("generation", 0)
        why = self.refusal or unsafe()
        self._tell(why)
        pid = 0
        if not why:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()  # or the child writes it again
                except Exception:  # project code replaced it
                    continue
            try:
                pid = _fork()
            except OSError as error:
                why = str(error)
            else:
                if pid == 0:
                    self._child(request)
        fields = {"lane": lane, "generation": generation, "pid": pid}
        if pid:
            self._children[pid] = lane, generation
        else:
            fields["why"] = why
        self._channel.event("forked", **fields)

    def _reap(self):
        # One by one: children that the project's own code started are not ours to wait for.
        for pid in list(self._children):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = pid, 0
            if ended:
                lane, generation = self._children.pop(pid)
                self._channel.event(
                    "exited", lane=lane, generation=generation, pid=pid, status=status
                )

    def _child(self, request):
        """Be a worker. Does not return, whatever happens."""
        status = 1
        finish = None
        options = {}
        try:
            os.setsid()
            self._drop_loader()
            forget_where()
            _redirect(request["dir"])
            open_again()
            update_environment(request.get("env"))
            gc.unfreeze()  # what is frozen, gc.get_referrers does not see (hypothesis asks it)
            _reseed(request.get("env") or {})
            finish = _disown()
            channel = Channel(self._channel.path, request["token"])
            options = channel.receive()
            self._work(channel, options)
            status = 0
        except SystemExit as end:
            status = exit_status(end)
        except (Gone, OSError) as error:
            sys.stderr.write("testlanes: %s\n" % error)
        except BaseException as error:
            sys.stderr.write(exception_text(error))
        finally:
            leave(status, options, finish)

    def _drop_loader(self):
        if self._before is not None:
            handler, fd = self._before
            signal.set_wakeup_fd(fd)
            if handler is not None:
                signal.signal(signal.SIGCHLD, handler)
        for fd in (self._wake or ()) + (self._channel.fd,):
            try:
                os.close(fd)
            except OSError:
                continue
        self._children.clear()


def _nothing(signum, frame):
    pass


def _redirect(folder):
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
    for fd, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(os.path.join(folder, name), flags, 0o600)
        os.dup2(file, fd)
        os.close(file)


def _reseed(env):
    """No two lanes may draw the same random numbers: tests name files and databases with them."""
    if "random" in sys.modules:
        sys.modules["random"].seed()
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        try:
            numpy.seed()
        except Exception:  # another version of numpy, or a stand-in
            pass
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile._name_sequence = None
        if "TMPDIR" in env:
            tempfile.tempdir = None


def _disown():
    """Give up what is to happen when the loader ends: it is not the loader that ends when a lane does.

    A temporary folder that a test module made at import is in use by all lanes: the first worker to end must not
    remove it. Return a function that does at the end of the worker what is a matter of every process.
    """
    import atexit

    atexit._clear()
    weakref = sys.modules.get("weakref")
    if weakref is not None:
        for handle in list(weakref.finalize._registry):
            handle.atexit = False
        # Clearing took away the hook that runs those a test will make.
        if weakref.finalize._registered_with_atexit:
            atexit.register(weakref.finalize._exitfunc)
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        multiprocessing._finalizer_registry.clear()
        atexit.register(multiprocessing._exit_function)
    logging = sys.modules.get("logging")
    if logging is not None:
        atexit.register(logging.shutdown)

    def finish():
        coverage = sys.modules.get("coverage")
        if coverage is not None:
            measured = coverage.Coverage.current()
            if measured is not None:
                measured.stop()
                measured.save()

    return finish
