"""Spares pytest work that it would repeat for every test with the same result."""

import gc
import sys
import types

import pytest

YOUNG = 1000000
"""Objects made before the garbage collector looks, while a suite is collected: hardly any of them will go again.

So many take some hundred megabytes. Ten thousand tests make four hundred thousand of them.
"""


class RareCollections:
    """Lets Python's garbage collector look less often, unless somebody has already set how often."""

    def __init__(self):
        self._before = None

    def begin(self):
        before = gc.get_threshold()
        if 0 < before[0] < YOUNG:
            self._before = before
            gc.set_threshold(YOUNG, *before[1:])

    def end(self):
        """Let it look as often as before."""
        if self._before is not None and gc.get_threshold()[0] == YOUNG:
            gc.set_threshold(*self._before)
        self._before = None


def let_age():
    """Let all that there is count as old, so that the garbage collector does not go through it soon."""
    gc.freeze()
    gc.unfreeze()


class LightEnd:
    """Spares a forked worker's end pytest's looks at all that was loaded: they find what its own tests left.

    As long as nothing was moved to the oldest generation, whatever the process made is in the younger ones.
    """

    def __init__(self):
        self._begun = _older_collections()

    def collect(self, config):
        """Do what pytest's ``unraisableexception`` would, if that is known to be enough."""
        try:
            from _pytest.unraisableexception import gc_collect_iterations_key as key
        except ImportError:  # a pytest that does not look
            return
        if sys.version_info < (3, 14) and _older_collections() == self._begun:
            config.stash[key] = 0
            gc.collect(1)


def _older_collections():
    return [each["collections"] for each in gc.get_stats()[1:]]


def remember_hooks(session):
    """Find the hooks of a folder's conftests once, not seven times a test: after collection they stay the same."""
    proxies = {}
    find = session.gethookproxy

    def gethookproxy(fspath):
        proxy = proxies.get(fspath)
        if proxy is None:
            proxy = proxies[fspath] = find(fspath)
        return proxy

    session.gethookproxy = gethookproxy


_PLACED = frozenset(["__wrapped__", "__pytest_wrapped__", "place_as"])
"""Attributes of functions that stand for another one."""


class Locations:
    """Gives items their ``location`` (file, line, name), which pytest finds by several looks at the file system.

    Only plain functions and methods that are defined in their module's own file: for what is wrapped or generated pytest
    itself is asked.
    """

    def __init__(self):
        self._files = {}

    def settle(self, item):
        """Set an item's location if it is a plain case."""
        if type(item) is not pytest.Function or "location" in item.__dict__:
            return
        module = item.getparent(pytest.Module)
        if module is None:
            return
        known = self._files.get(module)
        if known is None:
            known = self._files[module] = self._look(item, module)
            return
        path, relative = known
        function = item.obj
        if type(function) is types.MethodType:
            function = function.__func__
        if type(function) is not types.FunctionType or not _PLACED.isdisjoint(function.__dict__):
            return
        code = function.__code__
        if code.co_filename == path:
            item.__dict__["location"] = relative, code.co_firstlineno - 1, item.getmodpath()

    @staticmethod
    def _look(item, module):
        """Ask pytest about the first item of a module; return (its file's path, as locations have it)."""
        path, _, _ = item.reportinfo()
        if str(path) != str(module.path):
            return "", ""
        return str(path), item.location[0]
