"""The warm image: a process that has imported what is installed and nothing of the project, and forks loaders.

A loader that is forked from it imports the project's own modules anew, so that it never sees a stale one. What is
imported beforehand a loader has told: the modules it came to have whose files are the interpreter's or of an installed
distribution, without those that pytest rewrites or is to rewrite (plugins), which must be loaded under its eyes.
An image of pytest goes further where it can: ``pytest_begun``.
"""

import gc
import importlib
import os
import select
import signal
import sys
import warnings

from . import boot
from .channel import Gone
from .forking import Forks, _fork, _redirect, _reseed, unsafe
from .origins import installed_folders, is_installed


def tell_modules(channel, marked=()):
    """In a loader: say what an image may import for the next one. ``marked``: what pytest is to rewrite."""
    folders = installed_folders()
    marked = tuple(marked)
    names = []
    for name, module in list(sys.modules.items()):
        if name == "__main__" or is_ours(name):
            continue
        rewritten = type(getattr(module, "__loader__", None)).__name__ == "AssertionRewritingHook"
        if rewritten and not under(name, marked):
            continue
        spec = getattr(module, "__spec__", None)
        if getattr(spec, "name", None) != name or not is_installed(module, folders):
            continue
        names.append(name)
    channel.event("modules", names=names, marked=list(marked))


def is_ours(name):
    """Whether a module is the agent's."""
    return name.partition(".")[0] == __package__


def under(name, tops):
    """Whether a module is one of ``tops``, or lies in one."""
    return any(name == top or name.startswith(top + ".") for top in tops)


def serve(channel, options):
    """Be the image: import, then fork loaders until told to end. Return whether this is a loader now: see ``Image``.

    Raises Gone.
    """
    boot.update_environment(options.get("env"))
    if options.get("cwd"):
        os.chdir(options["cwd"])
    folders = installed_folders()
    tops = tuple({name.partition(".")[0] for name in options.get("marked") or ()})
    if not import_all(channel, options.get("modules") or (), tops, folders):
        return False
    for name in (
        options["kind"] + "_main",
        "pytest_plugin" if "pytest" in sys.modules else "forking",
    ):
        try:
            importlib.import_module("." + name, __package__)
        except ImportError:
            pass
    why = settle()
    if why:
        channel.event("image", state="unsafe", why=why)
        return False
    return Image(channel, options, folders).serve()


def settle():
    """Make forks share what is there. Return why there can be none, or an empty text."""
    gc.collect()
    gc.freeze()
    return unsafe()


def import_all(channel, names, never, folders):
    """Import these; ``never``: what it must not come to have. Return whether that went well; if not, tell."""
    path = list(sys.path)
    # Nothing of the project can be found, whatever an installed module looks for.
    sys.path[:] = [each for each in path if os.path.join(each, "").startswith(folders)]
    sys.path += [each for each in path if each.endswith(".zip") and each not in sys.path]
    culprit = _import_all([name for name in names if not under(name, never)], never, folders)
    sys.path[:] = path
    if culprit:
        channel.event("image", state="spoiled", why="", culprit=culprit)
    return not culprit


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


class Image:
    """Forks loaders. In each ``channel`` and ``options`` have become the loader's own."""

    def __init__(self, channel, options, folders, files=()):
        """``files``: what else must be as it is now, there or not."""
        self._channel = channel
        self._options = options
        self._children = set()
        self._files = dict(_stamps(_module_files()))
        self._files.update(_stamps(folders))
        self._files.update(_stamps(files))
        self._wake = ()

    def serve(self):
        """Tell that it is ready, and fork until told to end. Return whether this is a loader now. Raises Gone."""
        count = len(sys.modules)
        self._channel.event("image", state="ready", why="", memory=_memory(), count=count)
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
                    return False
                if self._fork(message):
                    return True

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
                    self._become_loader(request)
                    return True
        if pid:
            self._children.add(pid)
        self._channel.event("forked", loader=request["loader"], pid=pid, why=why)
        return False

    def _changed(self):
        """Return what was installed, removed or edited since the image imported it, or an empty text."""
        for path, stamp in self._files.items():
            if _stamp(path) != stamp:
                return "%s changed" % path
        return ""

    def _become_loader(self, request):
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in self._wake:
            os.close(fd)
        _redirect(request["dir"])
        boot.update_environment(request.get("env"))
        gc.unfreeze()  # what is frozen, gc.get_referrers does not see (hypothesis asks it)
        Forks.oldest = 1
        _reseed(request.get("env") or {})
        importlib.invalidate_caches()
        self._channel.again(request["token"])
        self._options.clear()
        self._options.update(self._channel.receive())


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
