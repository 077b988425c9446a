"""Lists the tests of a file as soon as pytest has collected it, so that lanes run them while it collects the rest.

pytest lets hooks look at all tests together when they are collected, to take some out or to mark them. So this goes on
only as long as nobody would: no option selects, and no plugin or conftest has such a hook. It ends for good
with the first file whose tests share a fixture with those of other files: a worker that is forked early is replaced
by one that knows the whole suite, which would set it up again. What is listed early is in pytest's own order.
"""

import fnmatch
import os
import sys

from .channel import now
from .pytest_early import early_readers, mentioned
from .pytest_suite import CHUNK, Groups, wire_id
from .pytest_xdist import controller_halves

PATIENCE = 250000000
"""Nanoseconds that collecting takes before it is worth the while: forks, and forks again when all is known."""
_WHOLE = ("pytest_collection", "pytest_collection_modifyitems", "pytest_collection_finish")
"""Hooks that may do something to tests because of what others there are."""
_HARMLESS = ("_pytest", "_hypothesis_pytestplugin", "anyio")
"""Packages whose hooks look at one test after the other (anyio's: at those with its mark, see ``_shares``)."""
_OURS = __name__.rpartition(".")[0] + "."
_SELECTING = ("keyword", "markexpr", "deselect", "keepduplicates")
_WIDE = ("session", "package")
_CHEAP = ("_pytest", "pytest_asyncio")
"""Packages whose fixtures cost nothing to set up once more."""


class Ahead:
    """Hears of what is collected. ``on`` is whether it is worth while at all for this loader."""

    def __init__(self, channel, on):
        self._channel = channel
        self._on = on
        self._began = now()
        self._config = None
        self._looked = set()
        """Names of the modules that were looked through."""
        self._wide = {}
        self._new = []
        self._groups = Groups()
        self.items = []
        """The tests that were listed, in pytest's order."""
        self.ids = {}
        """Their ids, as keys."""

    def collected(self, item):
        """A test was collected."""
        if self._on:
            self._new.append(item)

    def next_file(self, config):
        """All tests of the files before are collected. Return whether some have just been listed."""
        if not self._on or not self._new or now() - self._began < PATIENCE:
            return False
        items, self._new = self._new, []
        if not self._may_begin(config) or any(map(self._shares, items)):
            self._on = False
            return False
        self._list(_ordered(items))
        return True

    # -- whether it may ------------------------------------------------------

    def _may_begin(self, config):
        if self._config is None:
            self._config = config
            if any(getattr(config.option, name, None) for name in _SELECTING):
                return False
            if controller_halves(config) or _has_hidden_hooks(config):
                return False
        if any(_sees_all(config, hook) for hook in _WHOLE):
            return False
        names = set(sys.modules) - self._looked
        self._looked |= names
        return not mentioned(config, names) or not early_readers(config)

    def _shares(self, item):
        """Whether a test has fixtures in common with other files, or may become several tests."""
        if item.get_closest_marker("anyio") is not None:
            return True
        info = getattr(item, "_fixtureinfo", None)
        if info is None:
            return False
        return any(
            self._is_wide(each) for found in info.name2fixturedefs.values() for each in found
        )

    def _is_wide(self, definition):
        key = id(definition)
        if key not in self._wide:
            module = getattr(definition.func, "__module__", "") or ""
            cheap = module.split(".")[0] in _CHEAP or module.startswith(_OURS)
            self._wide[key] = definition.scope in _WIDE and not cheap
        return self._wide[key]

    # -- what it does --------------------------------------------------------

    def _list(self, items):
        fresh = []
        for item in items:
            test_id = wire_id(item.nodeid)
            if test_id not in self.ids:
                self.ids[test_id] = None
                fresh.append((test_id, item))
            self.items.append(item)
        for start in range(0, len(fresh), CHUNK):
            part = fresh[start : start + CHUNK]
            groups = {}
            for index, (_, item) in enumerate(part):
                group = self._groups.of(item)
                if group is not None:
                    groups[index] = list(group)
            self._channel.event("ids", ids=[test_id for test_id, _ in part], groups=groups)

    def complete(self, session):
        """In a fork: end the collection here, as pytest does, with the tests that were listed."""
        session.items = list(self.items)
        hook = session.config.hook
        hook.pytest_collection_modifyitems(
            session=session, config=session.config, items=session.items
        )
        hook.pytest_collection_finish(session=session)
        session.testscollected = len(session.items)


def _sees_all(config, hook):
    """Whether a hook is implemented by somebody of whom we do not know that it does no harm."""
    for implementation in getattr(config.hook, hook).get_hookimpls():
        module = implementation.function.__module__ or ""
        if module.split(".")[0] not in _HARMLESS and not module.startswith(_OURS):
            return True
    return False


def _has_hidden_hooks(config):
    """Whether a conftest that pytest has not come to yet has one: it is called for the tests of all folders."""
    skipped = config.getini("norecursedirs")
    roots = [str(arg).partition("::")[0] for arg in config.args]
    for root in roots:
        for folder, folders, files in os.walk(root):
            folders[:] = [
                name
                for name in folders
                if name != "__pycache__"
                and not any(fnmatch.fnmatch(name, each) for each in skipped)
            ]
            if "conftest.py" in files and _mentions_hook(os.path.join(folder, "conftest.py")):
                return True
    return False


def _mentions_hook(path):
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError:
        return True
    # Hooks can be made by other means than a definition: whoever loads plugins may load any.
    return b"pytest_collection" in source or b"pytest_plugins" in source or b".register(" in source


def _ordered(items):
    """Return the tests of a file in the order that pytest gives them for parameters of class and module fixtures."""
    if all(getattr(item, "callspec", None) is None for item in items):
        return items
    try:
        from _pytest.fixtures import reorder_items

        return reorder_items(items)
    except ImportError:
        return items
