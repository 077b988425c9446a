"""Which files are the interpreter's and its installed distributions', and which the project's own."""

import os
import sys

YOUNG = 2.0
"""Seconds: a .pyc written so soon after its source's last change may be of the text before that change.

It names the source's time in whole seconds only, and its size (PEP 3147; importlib._bootstrap_external).
"""


def installed_folders():
    """Return the folders, each with a separator behind, below which nothing is the project's."""
    import site
    import sysconfig

    paths = sysconfig.get_paths()
    found = [paths.get(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += getattr(site, "getsitepackages", list)()
    if getattr(site, "ENABLE_USER_SITE", False):
        found.append(site.getusersitepackages())
    found += [os.path.realpath(path) for path in found if path]
    return tuple({os.path.join(path, "") for path in found if path})


def is_installed(module, folders):
    """Whether a module is built in or lies in one of these folders; a namespace package if all of it does."""
    path = getattr(module, "__file__", None)
    if isinstance(path, str):
        return path.startswith(folders)
    places = getattr(module, "__path__", None)
    if places is None:
        return True
    try:
        return all(os.path.join(place, "").startswith(folders) for place in places)
    except TypeError:
        return False


may_write = False
"""In watch mode: whether this process wrote .pyc files before it was kept from that."""


def distrust_young_bytecode(folders):
    """Compile the project's modules anew where a .pyc may be stale, and write none.

    Tests are run within a fraction of a second after a file was saved; see ``YOUNG``.
    """
    import importlib.machinery
    import importlib.util

    global may_write
    may_write = not sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    stat, cached = os.stat, importlib.util.cache_from_source
    loader = importlib.machinery.SourceFileLoader
    path_stats = loader.path_stats

    def careful(self, path):
        stats = path_stats(self, path)
        if not path.startswith(folders) and is_young(path, stats["mtime"], cached(path), stat):
            raise OSError  # as if it could not be compared: importlib then compiles the source
        return stats

    loader.path_stats = careful


def is_young(path, changed, bytecode, stat=os.stat):
    """Whether a .pyc is too close to its source's last change (seconds since the epoch) to be trusted."""
    try:
        return stat(bytecode).st_mtime - changed < YOUNG
    except OSError:
        return False  # there is none
