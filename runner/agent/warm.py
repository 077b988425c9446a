"""The warm image: a process that has imported what is installed and nothing of the project, and forks loaders.

A loader that is forked from it imports the project's own modules anew, so that it never sees a stale one. What is
imported beforehand a loader has told: the modules it came to have whose files are the interpreter's or of an installed
distribution, without those that pytest rewrites or is to rewrite (plugins), which must be loaded under its eyes.
"""

import gc
import importlib
import os
import select
import signal
import sys
import warnings

from . import boot
from .channel import Channel, Gone
from .forking import _fork, _redirect, _reseed, unsafe
from .origins import installed_folders, is_installed
from .worker import exception_text


def tell_modules(channel, never=()):
    """In a loader: say what an image may import for the next one. ``never``: names that it must not come to have."""
    folders = installed_folders()
    never = tuple(never)
    names = []
    for name, module in list(sys.modules.items()):
        if name == "__main__" or name.partition(".")[0] == __package__ or under(name, never):
            continue
        if type(getattr(module, "__loader__", None)).__name__ == "AssertionRewritingHook":
            continue
        spec = getattr(module, "__spec__", None)
        if getattr(spec, "name", None) != name or not is_installed(module, folders):
            continue
        names.append(name)
    channel.event("modules", names=names, never=list(never))


def under(name, tops):
    """Whether a module is one of ``tops``, or lies in one."""
    return any(name == top or name.startswith(top + ".") for top in tops)


def serve(channel, options):
    """Be the image: import, then fork loaders until told to end. Raises Gone."""
    boot.update_environment(options.get("env"))
    if options.get("cwd"):
        os.chdir(options["cwd"])
    folders = installed_folders()
    path = list(sys.path)
    # Nothing of the project can be found, whatever an installed module looks for.
    sys.path[:] = [each for each in path if os.path.join(each, "").startswith(folders)]
    sys.path += [each for each in path if each.endswith(".zip") and each not in sys.path]
    culprit = _import_all(options.get("modules") or (), tuple(options.get("never") or ()), folders)
    if culprit:
        channel.event("image", state="spoiled", why="", culprit=culprit)
        return
    for name in (
        options["kind"] + "_main",
        "pytest_plugin" if "pytest" in sys.modules else "forking",
    ):
        try:
            importlib.import_module("." + name, __package__)
        except ImportError:
            pass
    sys.path[:] = path
    gc.collect()
    gc.freeze()
    why = unsafe()
    state = "unsafe" if why else "ready"
    channel.event("image", state=state, why=why, memory=_memory(), count=len(sys.modules))
    if not why:
        _Image(channel, folders).serve()


def _import_all(names, never, folders):
    """Import these. Return the one that failed or brought in what must not be there, or an empty text."""
    with warnings.catch_warnings():
        # The project's own filters decide about them when it imports these for real.
        warnings.simplefilter("ignore")
        for name in names:
            if name in sys.modules:
                continue
            before = len(sys.modules)
            try:
                importlib.import_module(name)
            except (KeyboardInterrupt, Gone):
                raise
            except BaseException:
                return name
            for new in list(sys.modules)[before:]:
                if under(new, never) or not is_installed(sys.modules.get(new), folders):
                    return name
    return ""


def _memory():
    """Return the bytes of this process that are in memory."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


class _Image:
    def __init__(self, channel, folders):
        self._channel = channel
        self._children = set()
        self._files = dict(_stamps(_module_files()))
        self._files.update(_stamps(folders))
        self._wake = ()

    def serve(self):
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        self._wake = (read, write)
        signal.set_wakeup_fd(write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            poller = select.poll()
            poller.register(read, select.POLLIN)
            poller.register(self._channel.fd, select.POLLIN)
            poller.poll()
            try:
                while os.read(read, 4096):
                    pass
            except BlockingIOError:
                pass
            self._reap()
            while True:
                message = self._channel.receive(wait=False)
                if message is None:
                    break
                if message.get("op") != "fork":
                    return
                self._fork(message)

    def _reap(self):
        for pid in list(self._children):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = pid, 0
            if ended:
                self._children.discard(pid)
                self._channel.event("exited", pid=pid, status=status)

    def _fork(self, request):
        pid, why = 0, self._changed() or unsafe()
        if not why:
            try:
                pid = _fork()
            except OSError as error:
                why = str(error)
            else:
                if pid == 0:
                    self._child(request)
        if pid:
            self._children.add(pid)
        self._channel.event("forked", loader=request["loader"], pid=pid, why=why)

    def _changed(self):
        """Return what was installed, removed or edited since the image imported it, or an empty text."""
        for path, stamp in self._files.items():
            if _stamp(path) != stamp:
                return "%s changed" % path
        return ""

    def _child(self, request):
        """Be a loader. Does not return, whatever happens."""
        status, options = 1, {}
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for fd in (*self._wake, self._channel.fd):
                os.close(fd)
            _redirect(request["dir"])
            boot.update_environment(request.get("env"))
            gc.unfreeze()  # what is frozen, gc.get_referrers does not see (hypothesis asks it)
            _reseed(request.get("env") or {})
            importlib.invalidate_caches()
            channel = Channel(self._channel.path, request["token"])
            options = channel.receive()
            boot.start(channel, options)
            status = 0
        except SystemExit as end:
            status = boot.exit_status(end)
        except (Gone, OSError) as error:
            sys.stderr.write("testlanes: %s\n" % error)
        except BaseException as error:
            sys.stderr.write(exception_text(error))
        finally:
            boot.leave(status, options)


def _module_files():
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            yield path


def _stamps(paths):
    for path in paths:
        yield path, _stamp(path)


def _stamp(path):
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size
