"""Where a loader or a worker begins, in the interpreter of the tests.

The agent starts ``python -c START``, which puts ``TESTLANES_PATH`` on ``sys.path``, imports this module and calls
``main``. The rest comes as the first frame: the options. ``kind`` names the adapter: the module
``KIND_main`` beside this one, whose ``main(channel, options)`` does what ``options["role"]`` says.
"""

import importlib
import importlib.util
import os
import signal
import sys

# Tests replace them.
_exit, _unblock, _handle, _alarm = os._exit, signal.pthread_sigmask, signal.signal, signal.setitimer

_stacks = []
"""The file descriptor that a loader's stacks go to."""
EXIT_LIMIT = 5.0
"""Seconds that atexit handlers and threads have when a worker ends, unless its options say ``exit_limit``."""


def main():
    """Connect, take the options, be a loader or a worker until told to end. Does not return."""
    path = os.environ.pop("TESTLANES_PATH", None)
    where = os.environ.pop("TESTLANES_SOCK")
    token = os.environ.pop("TESTLANES_TOKEN")
    # Ours must not be seen by the tests; submodules are found through the package itself.
    sys.path[:] = [entry for entry in sys.path if entry != path]
    from .channel import Channel, Gone

    status = 1
    options = {}
    try:
        channel = Channel(where, token)
        options = channel.receive()
        start(channel, options)
        status = 0
    except SystemExit as end:
        status = exit_status(end)
    except (Gone, OSError) as error:
        sys.stderr.write("testlanes: %s\n" % error)
    finally:
        leave(status, options)


def start(channel, options):
    """Make the process look as the framework's own command does, and hand it to the adapter."""
    from .worker import exception_text

    if options.get("role") == "image" and not options.get("begin"):
        from . import warm

        if not warm.serve(channel, options):
            return
    try:
        kind = options["kind"]
        if options.get("role") == "loader":
            say_where_when_asked(options["dir"])
        adapter = importlib.import_module("." + kind + "_main", __package__)
        settle_in(options)
        if options.get("watch"):
            attend(options)
        like_main(kind)
        adapter.main(channel, options)
    except Exception as error:
        text = exception_text(error.with_traceback(_beyond_us(error.__traceback__)))
        sys.stderr.write(text)
        if type(error).__name__ == "Gone":
            raise
        if options.get("role") == "loader":
            channel.event("listed", count=0, error=text)
        else:
            channel.event("warning", text=text)
        raise SystemExit(1) from None


def _beyond_us(traceback):
    """Return a traceback from where the project's code begins; none where unittest refuses what it was asked for."""
    ours = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
    found, refused = traceback, False
    while found is not None:
        name = str(found.tb_frame.f_globals.get("__name__"))
        refused = name.partition(".")[0] == "unittest"
        if not refused and not found.tb_frame.f_code.co_filename.startswith(ours):
            return found
        found = found.tb_next
    return None if refused else traceback


def say_where_when_asked(folder):
    """Let the agent have a loader's stacks, in the file ``stacks``: of a suite that hangs while it is imported."""
    import faulthandler
    import fcntl

    from .channel import high_floor
    from .signals import SIG_DUMP

    fd = os.open(os.path.join(folder, "stacks"), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        # Not stderr: pytest captures that while it collects.
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, high_floor())
    finally:
        os.close(fd)
    faulthandler.register(SIG_DUMP, file=high, all_threads=True)
    _stacks.append(high)


def forget_where():
    """In a worker that a loader forked: its stacks are not the loader's."""
    import faulthandler

    from .signals import SIG_DUMP

    while _stacks:
        faulthandler.unregister(SIG_DUMP)
        os.close(_stacks.pop())


def attend(options):
    """In watch mode: believe no file that may be stale, and note what is read."""
    from . import compiled, origins, record

    folders = origins.installed_folders()
    origins.distrust_young_bytecode(folders)
    if options.get("code"):
        compiled.keep(options["code"], folders)
    record.begin(options["watch"], folders)


def settle_in(options):
    """Go to the working directory, take the environment, put the directory on ``sys.path`` as ``-m`` does."""
    if options.get("cwd"):
        os.chdir(options["cwd"])
    update_environment(options.get("env"))
    # With -c the first entry is the empty string; a safe path (-P, -I, PYTHONSAFEPATH) has none.
    if sys.path and sys.path[0] == "":
        sys.path[0] = os.getcwd()


def update_environment(env):
    """Set what has a value, remove what has None."""
    for name, value in (env or {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def like_main(name):
    """Make ``__main__`` look as under ``python -m NAME``.

    Tests read ``__main__.__file__``, and multiprocessing's spawn must find a main module that it need not
    import again (it skips names that end in ``.__main__``).
    """
    try:
        spec = importlib.util.find_spec(name + ".__main__")
    except (ImportError, ValueError):
        return
    if spec is not None:
        module = sys.modules["__main__"]
        module.__spec__, module.__file__ = spec, spec.origin
        module.__package__, module.__loader__ = name, spec.loader


def exit_status(end):
    """Return the exit status that a SystemExit means."""
    if end.code is None:
        return 0
    return end.code if isinstance(end.code, int) else 1


def leave(status, options, finish=None):
    """End the process as at a normal end (threads joined, atexit handlers run), but within a limit.

    ``finish``: called before the atexit handlers. Does not return.
    """
    import atexit
    import threading

    def expire(signum, frame):
        _exit(status)

    try:
        # The tests are over: nothing of theirs can be disturbed by an alarm any more.
        _unblock(signal.SIG_UNBLOCK, {signal.SIGALRM})
        _handle(signal.SIGALRM, expire)
        _alarm(signal.ITIMER_REAL, options.get("exit_limit") or EXIT_LIMIT, 0.5)
        for step in (threading._shutdown, finish, atexit._run_exitfuncs):
            try:
                if step is not None:
                    step()
            except BaseException as error:
                sys.stderr.write("testlanes: %r while the worker ended\n" % (error,))
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
    finally:
        _exit(status)
