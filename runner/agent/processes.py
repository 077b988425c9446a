"""Starts processes that cannot outlive us, finds what descends from us, and ends it.

Everything a test left behind comes to the agent, which is a child subreaper (prctl(2)): a daemon that forked
twice included. ``_signal`` is the C module below ``signal``, whose enums cost the agent's start milliseconds.
"""

import _signal
import os
import time

SIGKILL, SIGTERM, SIGCHLD, SIGCONT = (
    _signal.SIGKILL,
    _signal.SIGTERM,
    _signal.SIGCHLD,
    _signal.SIGCONT,
)
HANDLED = (SIGCHLD, SIGTERM, _signal.SIGHUP, _signal.SIGINT)
"""What the agent has handlers for."""
# macOS has no real time signals.
_FIRST = getattr(_signal, "SIGRTMIN", None)
SIG_DUMP = _FIRST + 5 if _FIRST else _signal.SIGINFO
SIG_TIMEOUT = _FIRST + 6 if _FIRST else _signal.SIGUSR2
SIG_CANCEL = _FIRST + 7 if _FIRST else _signal.SIGUSR1
"""The same as in ``signals``, which is for workers and imports what the agent does without."""

LANE_COOKIE, AGENT_COOKIE = "TESTLANES_LANE", "TESTLANES_AGENT"
"""Environment variables by which a process that left its session is still known: ``N-G`` and the run directory's name."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_prctl = None
_limits = None


def prepare():
    """Become subreaper and take all the file descriptors we may. Best effort: not every system has these."""
    global _prctl, _limits
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        _limits = (resource, soft, hard)
    except (OSError, ValueError):
        pass
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
        if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
            _prctl = prctl
    except (ImportError, OSError, AttributeError):
        pass


def die_with(parent, signum):
    """Be sent a signal when the process ``parent``, which must be ours, dies. Return whether it lives."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    return os.getppid() == parent


def signal_pipe():
    """Handle signals. Return two file descriptors; the numbers of those that arrive are read from the first."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    for signum in HANDLED:
        _signal.signal(signum, lambda *_: None)
    _signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read, write


def spawn(argv, env, cwd, stdout, stderr, note):
    """Start ``argv`` in a session of its own, to die with us. Return its pid. Raises OSError when fork fails.

    ``stdout``: a path to append to, or a file descriptor. If it cannot be started, it exits with status 127
    and the file ``note`` says why.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        try:
            # Before there is a group that can be sent signals: ours would report them as the agent's own.
            _signal.set_wakeup_fd(-1)
            for signum in HANDLED:
                _signal.signal(signum, _signal.SIG_DFL)
            os.setsid()
            if _prctl is not None:
                _prctl(_PR_SET_PDEATHSIG, int(SIGKILL), 0, 0, 0)
                if os.getppid() != parent:
                    os._exit(127)
            # Python ignores these two; what is ignored stays so in the new program.
            _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
            if hasattr(_signal, "SIGXFSZ"):
                _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
            if _limits is not None:
                _limits[0].setrlimit(_limits[0].RLIMIT_NOFILE, _limits[1:])
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            out = stdout if isinstance(stdout, int) else os.open(stdout, flags, 0o600)
            err = os.open(stderr, flags, 0o600)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out, 1)
            os.dup2(err, 2)
            if cwd:
                os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        except OSError as error:
            where = error.filename or argv[0]
            if isinstance(where, bytes):
                where = os.fsdecode(where)
            text = "%s: %s" % (where, error.strerror)
            fd = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(fd, text.encode("utf-8", "backslashreplace"))
    finally:
        os._exit(127)


def reap():
    """Return [(pid, raw wait status), …] of the children that ended."""
    found = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        found.append((pid, status))


def send(pid, signum, group=False):
    """Send a signal to a process, or to its group. What is gone is gone."""
    if pid <= 1:
        return
    try:
        (os.killpg if group else os.kill)(pid, signum)
    except OSError:
        pass


def kill(pid):
    """Kill a process and its group; the process alone may not have come to lead one yet."""
    send(pid, SIGKILL, group=True)
    send(pid, SIGKILL)


def phrase(status):
    """Return (exit status or None, signal number or None, "was killed by SIGSEGV") for a raw wait status."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return None, number, "was killed by " + signal_name(number)
    code = os.WEXITSTATUS(status)
    return code, None, "exited with status %d" % code


def signal_name(number):
    """Return e.g. ``SIGSEGV``."""
    for name in sorted(vars(_signal)):
        if name.startswith("SIG") and "_" not in name and getattr(_signal, name) == number:
            if name not in ("SIGRTMIN", "SIGRTMAX", "SIGCLD", "SIGPOLL"):
                return name
    if _FIRST and number >= _FIRST:
        return "SIGRTMIN+%d" % (number - _FIRST)
    return "signal %d" % number


class Process:
    """A line of the process table, with what the fields of /proc/PID/stat are called in proc(5)."""

    __slots__ = ("exit_code", "group", "parent", "pid", "session", "state", "ticks")

    def __init__(self, pid, fields):
        self.pid = pid
        self.state = fields[0].decode()
        self.parent, self.group, self.session = map(int, fields[1:4])
        self.ticks = int(fields[11]) + int(fields[12])
        self.exit_code = int(fields[49]) if len(fields) > 49 else 0


def look(pid):
    """Return the Process, or None when it is gone (or there is no /proc)."""
    try:
        with open("/proc/%d/stat" % pid, "rb", 0) as file:
            data = file.read(4096)
        # The command's name may hold blanks and brackets; it ends at the last one.
        return Process(pid, data[data.rindex(b")") + 2 :].split())
    except (OSError, ValueError, IndexError):
        return None


def stopped(pid):
    """Return whether a process is stopped by a signal; a debugger's stop is another."""
    process = look(pid)
    return process is not None and process.state == "T"


def resident(pid):
    """Return the bytes of memory that a process holds, 0 when it is gone."""
    try:
        with open("/proc/%d/statm" % pid, "rb", 0) as file:
            return int(file.read(256).split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        return 0


def catches(pid, signum):
    """Whether a process has a handler for a signal. True where that cannot be known."""
    try:
        with open("/proc/%d/status" % pid, "rb", 0) as file:
            for line in file.read(8192).splitlines():
                if line.startswith(b"SigCgt:"):
                    return bool(int(line.split()[1], 16) >> (signum - 1) & 1)
    except (OSError, ValueError):
        pass
    return True


_LISTS_CHILDREN = os.path.exists("/proc/thread-self/children")
"""Whether the kernel tells a process's children (CONFIG_PROC_CHILDREN): most do."""


def descendants():
    """Return {pid: Process} of all that descends from us, zombies too."""
    if not _LISTS_CHILDREN:
        return _descendants_by_parent()
    me = os.getpid()
    found, seen, todo = {}, set(), _children(me)
    while todo:
        pid = todo.pop()
        if pid not in seen:
            seen.add(pid)
            process = look(pid)
            if process is not None:
                found[pid] = process
                todo += _children(pid)
        if not todo:
            todo = [pid for pid in _children(me) if pid not in seen]  # whose parent ended meanwhile
    return found


def _children(pid):
    found = []
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, thread), "rb", 0) as file:
                found += map(int, file.read().split())
    except OSError:  # it ended: what was its is ours now
        pass
    return found


def _descendants_by_parent():
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    children = {}
    for name in names:
        if name.isdigit():
            process = look(int(name))
            if process is not None:
                children.setdefault(process.parent, []).append(process)
    found, todo = {}, [os.getpid()]
    while todo:
        for process in children.get(todo.pop(), ()):
            if process.pid not in found:
                found[process.pid] = process
                todo.append(process.pid)
    return found


def _environment(pid):
    try:
        with open("/proc/%d/environ" % pid, "rb", 0) as file:
            return b"\0" + file.read() + b"\0"
    except OSError:
        return b""


def _writes_to(pid, folder):
    for number in (1, 2):
        try:
            if os.path.dirname(os.readlink("/proc/%d/fd/%d" % (pid, number))) == folder:
                return True
        except OSError:
            pass
    return False


def kill_lane(leader, lane, agent, folder):
    """Kill what is left of a lane: group and session of ``leader``, all below it, who carries the lane's cookie.

    And who still writes to its output: what a forked worker forks has the environment of its loader.
    ``lane``: ``N-G``; ``agent``: the run directory's name; ``folder``: the lane's. Returns whether anything was alive.
    """
    if not os.path.isdir("/proc/self"):
        send(leader, SIGKILL, group=True)
        return False
    marks = [("\0%s=%s\0" % pair).encode() for pair in ((LANE_COOKIE, lane), (AGENT_COOKIE, agent))]
    any_alive = False
    for _ in range(50):  # a fork bomb: those it started meanwhile
        table = descendants()
        doomed = set()
        for pid, process in table.items():
            if process.state in "ZX":
                continue
            if leader > 1 and leader in (pid, process.group, process.session):
                doomed.add(pid)
            else:
                have = _environment(pid)
                if all(mark in have for mark in marks) or _writes_to(pid, folder):
                    doomed.add(pid)
        grown = True
        while grown:
            more = {
                p.pid for p in table.values() if p.parent in doomed and p.state not in "ZX"
            } - doomed
            doomed |= more
            grown = bool(more)
        if not doomed:
            break
        any_alive = True
        for pid in doomed:
            send(pid, SIGKILL)
        time.sleep(0.001)  # they take a moment to be gone
    return any_alive


def kill_marked(agent):
    """Kill every process that carries the cookie of an agent, by its run directory's name."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    mark = ("\0%s=%s\0" % (AGENT_COOKIE, agent)).encode()
    for name in names:
        if name.isdigit() and int(name) != os.getpid() and mark in _environment(int(name)):
            send(int(name), SIGKILL)


def kill_everything(seconds=5.0):
    """Kill and reap every descendant until none is left."""
    end = time.monotonic() + seconds
    while True:
        reap()
        table = descendants()
        if not table or time.monotonic() > end:
            return
        for process in table.values():
            if process.state not in "ZX":
                send(process.pid, SIGKILL)
        time.sleep(0.001)  # they take a moment to be gone, and then their children come to us
