"""Fixtures of the ``fixtures`` library, of testtools and of testresources, told while they go up and down.

Their base classes' methods are wrapped when a suite has imported them; suites need no change. A phase that lasts is
told at once. Of fixtures that were always over in a moment only what is needed is told, so that a test with twenty
patches does not pay for twenty stories.
"""

import functools
import sys
import threading
import time

from .channel import event_packet
from .unittest_repair import belongs_to, keep_lost_details, tell_todos

__unittest = True  # our frames are left out of tracebacks

SLOW = 5000000
"""Nanoseconds from which on a fixture's phases are all told."""
TINY = 300000
"""Nanoseconds below which a fixture that never took longer is not told of."""
SIGHTINGS = 5
"""How often it must have been that quick."""


class Record:
    """A fixture that is up, or on its way."""

    __slots__ = ("fixture", "kind", "name", "number", "parent", "scope", "since", "told")

    def __init__(self, fixture, kind, name, scope):
        self.fixture, self.kind, self.name, self.scope = fixture, kind, name, scope
        self.number = self.parent = self.since = 0
        self.told = False


class FixtureTales:
    """Tells of fixtures on behalf of a worker. Its ``watch``, if there is one, is asked at each boundary (leaks)."""

    def __init__(self, worker):
        self._worker = worker
        self._clock = time.perf_counter_ns
        self._thread, self._main = threading.get_ident, threading.get_ident()
        self._numbers = 0
        self._stack = []
        """Those whose set up goes on, the innermost last."""
        self._known = {}
        """id of a fixture -> its Record."""
        self._habits = {}
        """Kind of fixture -> [times seen, the longest phase in ns]."""
        self._late = []
        """Packets that can wait for the next write."""
        self.scope = "test"
        """``test``, ``class``, ``module`` or ``resource``: of what goes up now."""
        self.watch = None

    @property
    def busy(self):
        """Whether a fixture is being set up."""
        return bool(self._stack)

    def foreign_thread(self):
        """Whether this is not the worker's own thread, or a child of the test: nothing is told from there."""
        return self._thread() != self._main or self._worker.channel.dead

    # -- phases --------------------------------------------------------------

    def begin(self, fixture, kind, name, scope=None):
        """A set up begins. Return its Record."""
        record = self._known[id(fixture)] = Record(fixture, kind, name, scope or self.scope)
        self._numbers += 1
        record.number = self._numbers
        if self._stack:
            record.parent = self._stack[-1].number
        self._stack.append(record)
        seen, longest = self._habits.get(kind) or (0, SLOW)
        if seen < SIGHTINGS or longest >= TINY:
            self._say(record, "setup")
        if self.watch is not None:
            self.watch.opening(record)
        record.since = self._clock()
        return record

    def ready(self, record, failed=False):
        """A set up is over."""
        took = self._clock() - record.since
        if self.watch is not None:
            self.watch.opened(record, took)
        if record in self._stack:
            del self._stack[self._stack.index(record) :]
        if failed:
            self._say(record, "failed", took)
            if self.watch is not None:
                self.watch.left(record)
            self._known.pop(id(record.fixture), None)
            self._say(record, "down", 0, late=True)
            return
        self._note(record.kind, took)
        if record.told:
            self._say(record, "up", took)

    def leaving(self, fixture):
        """A tear down begins. Return the Record; None if nothing is known of its set up."""
        record = self._known.pop(id(fixture), None)
        if record is None or record.fixture is not fixture:
            return None
        if record.told and self._habits.get(record.kind, (0, 0))[1] >= SLOW:
            self._say(record, "cleanup")
        record.since = self._clock()
        return record

    def left(self, record):
        """A tear down is over."""
        took = self._clock() - record.since
        self._note(record.kind, took)
        if self.watch is not None:
            self.watch.left(record)
        if record.told:
            self._say(record, "down", took, late=took < SLOW and record.scope == "test")

    def settle(self):
        """Return what is still to be told now that a test ended: packets, for its last write."""
        for key in [key for key, record in self._known.items() if record.scope == "test"]:
            record = self._known.pop(key)
            if record.told:
                self._say(record, "down", 0, late=True)
        del self._stack[:]
        late, self._late = self._late, []
        return late

    def _note(self, kind, took):
        habit = self._habits.get(kind)
        if habit is None:
            self._habits[kind] = [1, took]
        else:
            habit[0] += 1
            # An outlier is forgotten in the end.
            habit[1] = max(took, habit[1] - habit[1] // 16)

    def _say(self, record, phase, took=0, late=False):
        record.told = True
        data = event_packet(
            "fixture",
            self._worker.test_id,
            n=record.number,
            parent=record.parent,
            name=record.name,
            scope=record.scope,
            phase=phase,
            took=took,
        )
        if late:
            self._late.append(data)
        else:
            self._late.append(data)
            self._worker.channel.send(b"".join(self._late))
            self._late = []


class Installation:
    """Wraps the libraries' methods, once, when they are imported."""

    def __init__(self, tales, sources, root):
        """``root``: the project's folder. A library that is the project itself is left alone."""
        self._tales, self._sources, self._root = tales, sources, root
        self._waiting = {
            "fixtures.fixture": ("Fixture", self._fixtures),
            "fixtures._fixtures.streams": ("_string_stream_factory", self._streams),
            "testtools.testcase": ("TestCase", self._testtools),
            "testresources": ("TestResourceManager", self._resources),
            "twisted.trial._synctest": ("PyUnitResultAdapter", tell_todos),
        }
        self._size = 0

    def look(self):
        """Wrap what was imported since the last look. Cheap when nothing was."""
        if not self._waiting or len(sys.modules) == self._size:
            return
        self._size = len(sys.modules)
        for name, (attribute, install) in list(self._waiting.items()):
            module = sys.modules.get(name)
            if module is not None and hasattr(module, attribute):
                del self._waiting[name]
                if not belongs_to(module, self._root):
                    install(module)

    def _fixtures(self, module):
        cls, tales, sources = module.Fixture, self._tales, self._sources
        plain_set_up, plain_clean_up = cls.setUp, cls.cleanUp
        plain_use, plain_add = cls.useFixture, cls.addDetail

        @functools.wraps(plain_set_up)
        def setUp(self):
            # Whoever overrides it is being set up already: useFixture said so.
            if tales.foreign_thread() or (tales._stack and tales._stack[-1].fixture is self):
                return plain_set_up(self)
            return _tell_set_up(tales, self, plain_set_up, self)

        @functools.wraps(plain_clean_up)
        def cleanUp(self, *args, **kwargs):  # noqa: N802
            record = None if tales.foreign_thread() else tales.leaving(self)
            if record is None:
                return plain_clean_up(self, *args, **kwargs)
            try:
                return plain_clean_up(self, *args, **kwargs)
            finally:
                tales.left(record)

        @functools.wraps(plain_use)
        def useFixture(self, fixture):  # noqa: N802
            if tales.foreign_thread():
                return plain_use(self, fixture)
            return _tell_set_up(tales, fixture, plain_use, self, fixture)

        @functools.wraps(plain_add)
        def addDetail(self, name, content_object):  # noqa: N802
            plain_add(self, name, content_object)
            sources.detail(name, content_object)

        cls.setUp, cls.cleanUp, cls.useFixture, cls.addDetail = (
            setUp,
            cleanUp,
            useFixture,
            addDetail,
        )

    def _streams(self, module):
        plain_bytes, plain_string = module._byte_stream_factory, module._string_stream_factory
        sources = self._sources

        @functools.wraps(plain_bytes)
        def byte_stream():
            stream = sources.tee()
            return stream, stream

        @functools.wraps(plain_string)
        def string_stream():
            upper = plain_string()[0]
            tee = sources.tee()
            wrapped = type(upper)(tee, encoding=upper.encoding)
            wrapped._CHUNK_SIZE = upper._CHUNK_SIZE
            return wrapped, tee

        module._byte_stream_factory, module._string_stream_factory = byte_stream, string_stream

    def _testtools(self, module):
        cls, tales, sources = module.TestCase, self._tales, self._sources
        plain_use, plain_add = cls.useFixture, cls.addDetail

        @functools.wraps(plain_use)
        def useFixture(self, fixture):  # noqa: N802
            if tales.foreign_thread():
                return plain_use(self, fixture)
            try:
                used = _tell_set_up(tales, fixture, plain_use, self, fixture)
            except Exception:
                raise
            except BaseException:
                keep_lost_details(self.getDetails())
                raise
            _keep_later_details(self, fixture)
            return used

        @functools.wraps(plain_add)
        def addDetail(self, name, content_object):  # noqa: N802
            plain_add(self, name, content_object)
            sources.detail(name, content_object)

        cls.useFixture, cls.addDetail = useFixture, addDetail

    def _resources(self, module):
        cls, tales = module.TestResourceManager, self._tales
        plain_make, plain_clean = cls._make_all, cls._clean_all

        @functools.wraps(plain_make)
        def _make_all(self, result):
            if tales.foreign_thread():
                return plain_make(self, result)
            before, tales.scope = tales.scope, "resource"
            try:
                return _tell_set_up(tales, self, plain_make, self, result)
            finally:
                tales.scope = before

        @functools.wraps(plain_clean)
        def _clean_all(self, resource, result):
            record = None if tales.foreign_thread() else tales.leaving(self)
            try:
                return plain_clean(self, resource, result)
            finally:
                if record is not None:
                    tales.left(record)

        cls._make_all, cls._clean_all = _make_all, _clean_all


def _tell_set_up(tales, fixture, function, *args):
    cls = type(fixture)
    record = tales.begin(fixture, cls, _name(cls))
    try:
        result = function(*args)
    except BaseException:
        tales.ready(record, failed=True)
        raise
    tales.ready(record)
    return result


def _name(cls):
    return str(getattr(cls, "__qualname__", cls.__name__)).replace("<locals>.", "")


class _LateDetails(dict):
    """The details of a fixture as they are when somebody looks, not as they were when it came up."""

    def __init__(self, early, fixture):
        super().__init__(early)
        self._fixture = fixture

    def items(self):
        try:
            return self._fixture.getDetails().items()
        except Exception:  # it is down already
            return super().items()


def _keep_later_details(case, fixture):
    """testtools takes a fixture's details when it has come up; what is added to it later would be lost."""
    cleanups = getattr(case, "_cleanups", None)
    if not cleanups or not isinstance(cleanups, list):
        return
    function, args, kwargs = cleanups[-1]
    if getattr(function, "__name__", "") == "gather_details" and len(args) == 2:
        if type(args[0]) is dict:
            cleanups[-1] = function, (_LateDetails(args[0], fixture), args[1]), kwargs
