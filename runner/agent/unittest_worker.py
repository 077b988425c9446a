"""Runs unittest tests by id: class and module fixtures, testresources and suites of the project's own included.

Fixtures stay up until the next test is known to be elsewhere. unittest's own code puts them up and takes them
down (TestSuite's private methods, unchanged from 3.8 to 3.14), with one result that lives as long as the worker.
"""

import contextvars
import copy
import copyreg
import functools
import os
import sys
import unittest

from . import unittest_repair
from .channel import Gone
from .live_fixtures import FixtureTales, Installation
from .live_sources import Sources
from .signals import TestCancelled, TestTimeout
from .unittest_result import Result
from .unittest_suites import has_class_fixture, has_module_fixture, needed_resources, switches
from .worker import TEXT, TRACEBACK, Worker, encode

__unittest = True  # our frames are left out of tracebacks


class UnittestWorker(Worker):
    """Runs the tests of a loaded suite."""

    kind = "unittest"

    def __init__(self, channel, options, tests, known=-1):
        """``tests``: see ``Suite.tests``."""
        super().__init__(channel, options, known)
        self._tests = tests
        self._root = options.get("cwd") or os.getcwd()
        self._suite = unittest.TestSuite()
        self._result = Result(self._holder, self._subtest)
        self._chain = ()
        self._resources = []
        self._verdicts = {}
        """Class, or name of a module, whose setUp failed -> (status, kind, details) for each of its tests."""
        self._dear = False
        """Whether class or module fixtures are up that may have changed the process."""
        self._case = None
        self._tales = FixtureTales(self)
        self._sources = Sources(self)
        self._sources.scope_is_shared = lambda: self._tales.scope != "test"
        self._tales.watch = self.leaks if self.leaks.on else None
        self._installation = Installation(self._tales, self._sources, self._root)

    # -- one test ------------------------------------------------------------

    def run_one(self, test_id):
        """Run all tests of this id; the worst outcome counts."""
        entries = self._tests.get(test_id)
        if not entries:
            self.unknown(test_id)
            return
        unittest_repair.repair(self._root)
        self._installation.look()
        result = self._result
        result.reset(test_id)
        self._leave(*entries[0])
        try:
            self.begin(test_id)
            for case, chain in entries:
                self._run(_fresh(case), chain, result)
        except Gone:
            raise
        except BaseException as error:
            # Out of our own code: a time-out between two instances, say.
            self.still_us()
            result.add("fail", "error", self._escaped(error, self._case))
        self._case = None
        status, kind, details = result.take()
        self.end(status, details, kind, sorted(result.tagged) or None)

    def late(self):
        """See ``Worker``."""
        self._sources.settle()
        return list(self._tales.settle())

    def _run(self, case, chain, result):
        self._case = case
        if chain != self._chain:
            self._release()
            self._chain = chain
        before = len(result.outcomes)
        try:
            if not chain:
                if self._set_up(case, result):
                    case(result)
            elif switches(chain):
                if self._switch(chain[0], needed_resources(case), result):
                    case(result)
            else:
                for suite in reversed(chain):
                    case = _around(suite, case)
                case.run(result)
        except Gone:
            raise
        except BaseException as error:
            self.still_us()
            result.add("fail", "error", self._escaped(error, self._case))
            self._clean_up(self._case, result)
        finally:
            result.shouldStop = False
        self.still_us()
        cls = type(self._case)
        verdict = self._verdicts.get(cls) or self._verdicts.get(cls.__module__)
        if verdict is not None and len(result.outcomes) == before:
            result.outcomes.append(verdict)
        if chain and not switches(chain):
            # The suite's own fixtures are down again; no class fixture may stay up longer.
            self._release()
            self._chain = chain

    def _clean_up(self, case, result):
        """Run what an exception that unittest does not catch left undone."""
        cleanups = getattr(case, "doCleanups", None)
        if cleanups is None or not getattr(case, "_cleanups", None):
            return
        try:
            cleanups()
        except BaseException as error:
            self.still_us()
            result.add("fail", "error", [self._traceback(error, case)])

    # -- class and module fixtures -------------------------------------------

    def _set_up(self, case, result):
        """Put up what the test's module and class need. Return whether the test can run."""
        suite, cls = self._suite, type(case)
        previous = getattr(result, "_previousTestClass", None)
        if previous is cls:
            return not (getattr(cls, "_classSetupFailed", False) or result._moduleSetUpFailed)
        if previous is not None:
            # More than one test has this id.
            self._tear_down(cls)
        self._verdicts.pop(cls, None)
        module = cls.__module__
        record = None
        if previous is None and has_module_fixture(module):
            record = self._opening("module", sys.modules[module], "setUpModule (%s)" % module)
        try:
            suite._handleModuleFixture(case, result)
        except BaseException as error:
            self._not_set_up("setUpModule", module, error)
            result._moduleSetUpFailed = True
        finally:
            self._opened(record, result._moduleSetUpFailed)
        if not result._moduleSetUpFailed:
            self._verdicts.pop(module, None)
            self._set_up_class(case, result)
        result._previousTestClass = cls
        if has_class_fixture(cls) or has_module_fixture(module):
            self._dear = True
            self.health.rebase()
        return not (getattr(cls, "_classSetupFailed", False) or result._moduleSetUpFailed)

    def _set_up_class(self, case, result):
        cls = type(case)
        record = None
        if has_class_fixture(cls):
            record = self._opening("class", cls, "setUpClass (%s)" % cls.__qualname__)
        try:
            self._suite._handleClassSetUp(case, result)
        except BaseException as error:
            name = "%s.%s" % (cls.__module__, cls.__qualname__)
            self._not_set_up("setUpClass", name, error)
            try:
                cls._classSetupFailed = True
            except TypeError:  # a built-in type
                pass
        finally:
            self._opened(record, getattr(cls, "_classSetupFailed", False))

    def _opening(self, scope, owner, name):
        self._tales.scope = scope
        return self._tales.begin(owner, owner, name)

    def _opened(self, record, failed):
        self._tales.scope = "test"
        if record is not None:
            self._tales.ready(record, failed)

    def _not_set_up(self, method, name, error):
        """An exception that unittest lets through (SystemExit, a time-out) ended a class's or module's set up."""
        if isinstance(error, Gone):
            raise error
        self.still_us()
        self._holder("%s (%s)" % (method, name), "fail", self._escaped(error, None))

    def _leave(self, case, chain):
        """Take down what the next test does not need, before it begins."""
        if chain:
            if chain == self._chain:
                return
        elif not self._chain:
            previous = getattr(self._result, "_previousTestClass", None)
            if previous is None or previous is type(case):
                return
            same_module = previous.__module__ == type(case).__module__
            if same_module and not self._dear and not has_class_fixture(previous):
                # Nothing to take down: let unittest note the change.
                return
        self.attend()
        try:
            if chain or self._chain:
                self._release()
            else:
                self._tear_down(type(case))
        finally:
            self.signals.disarm()

    def _tear_down(self, following):
        """Take down the fixtures of the class before, and of its module if the following class is of another."""
        result = self._result
        previous = getattr(result, "_previousTestClass", None)
        if previous is None:
            return
        other_module = following is None or following.__module__ != previous.__module__
        name = "%s.%s" % (previous.__module__, previous.__qualname__)
        suite, tales = self._suite, self._tales
        record = tales.leaving(previous)
        self._guard("tearDownClass", name, suite._tearDownPreviousClass, None, result)
        if record is not None:
            tales.left(record)
        if other_module:
            module = previous.__module__
            record = tales.leaving(sys.modules.get(module))
            self._guard("tearDownModule", module, suite._handleModuleTearDown, result)
            if record is not None:
                tales.left(record)
            self._sources.settle(everything=True)
            result._previousTestClass = None
            result._moduleSetUpFailed = False
            self._verdicts.clear()
        else:
            result._previousTestClass = _down(previous.__module__)
        self.still_us()
        if self._dear:
            self.flush_streams()
            if not other_module and has_module_fixture(previous.__module__):
                self.health.rebase()
            else:
                self._dear = False
                self.settle()

    def _guard(self, method, name, function, *args):
        try:
            function(*args)
        except Gone:
            raise
        except BaseException as error:
            self.still_us()
            details = self._escaped(error, None)
            self._holder("%s (%s)" % (method, name), "fail", details)

    def release(self):
        """Take down everything."""
        self._release()

    def _release(self):
        if self._resources:
            suite, held = self._chain[0], self._resources
            self._resources = []
            self._guard("tearDown", "testresources", suite.switch, held, [], self._result)
        self._tear_down(None)
        self._chain = ()

    # -- suites of the project's own -----------------------------------------

    def _switch(self, suite, needed, result):
        """Make a testresources suite's resources what the test needs. Return whether it can run."""
        held, self._resources = self._resources, []
        try:
            suite.switch(held, needed, result)
        except Gone:
            raise
        except BaseException as error:
            self.still_us()
            self._resources = [each for each in needed if getattr(each, "_uses", 0)]
            result.add("fail", "setup", [self._traceback(error, None)])
            return False
        self._resources = needed
        return True

    # -- what the result tells -----------------------------------------------

    def _holder(self, holder_id, status, details):
        """A class's or module's set up or tear down failed, or skips its tests."""
        self.extra(holder_id, status, details)
        case = self._case
        if case is None or not holder_id.startswith("setUp"):
            return
        note = "%s %s" % (holder_id, "skips its tests" if status == "skip" else "failed")
        details = list(details)
        if not any(name == "reason" for name, _, _ in details):
            details.append(("reason", TEXT, encode(note)))
        verdict = (status, "setup" if status == "fail" else "", details)
        cls = type(case)
        self._verdicts[cls if holder_id.startswith("setUpClass") else cls.__module__] = verdict

    def _subtest(self, name, status, passed):
        self.channel.event("subtest", self.test_id, name=name, status=status, passed=passed)

    def _traceback(self, error, case):
        text = self._result.text((type(error), error, error.__traceback__), case or _NO_CASE)
        return "traceback", TRACEBACK, encode(text)

    def _escaped(self, error, case):
        """Return the details of an exception that unittest let through."""
        details = [self._traceback(error, case)]
        if not isinstance(error, (TestTimeout, TestCancelled)):  # which say why by themselves
            details.append(
                ("reason", TEXT, encode(type(error).__name__ + " came out of the test."))
            )
        return details


@functools.lru_cache(maxsize=64)
def _down(module):
    """Return what stands for a class of that module whose fixtures are down, in unittest's bookkeeping."""
    return type("Down", (), {"__module__": module, "_classSetupFailed": True})


class _NoCase:
    """For unittest's formatter, which asks a test for the class of its assertions."""

    failureException = AssertionError


_NO_CASE = _NoCase()


def _fresh(case):
    """Return a copy of a test that has not run yet, so that it can run again and again."""
    cls = type(case)
    if _is_plain(cls):
        fresh = cls.__new__(cls)
        fresh.__dict__.update(case.__dict__)
    else:
        try:
            fresh = copy.copy(case)
        except Exception:  # the project's own __copy__ or __reduce__
            return case
    known = getattr(fresh, "__dict__", {})
    if isinstance(known.get("_cleanups"), list):
        fresh._cleanups = list(known["_cleanups"])
    if "_asyncioTestContext" in known:  # IsolatedAsyncioTestCase, 3.11 and later
        fresh._asyncioTestContext = contextvars.copy_context()
    return fresh


@functools.lru_cache(maxsize=64)
def _is_plain(cls):
    """Whether copying an instance means no more than taking its attributes over: ``copy`` finds that out each time."""
    return not (
        any(
            hasattr(cls, name)
            for name in ("__copy__", "__getnewargs__", "__getnewargs_ex__", "__setstate__")
        )
        or cls.__reduce_ex__ is not object.__reduce_ex__
        or cls.__reduce__ is not object.__reduce__
        or getattr(cls, "__getstate__", None) is not getattr(object, "__getstate__", None)
        or cls in copyreg.dispatch_table
        or copyreg._slotnames(cls)
    )


def _around(suite, inner):
    """Return a copy of a suite that holds one test only."""
    one = copy.copy(suite)
    one._tests = [inner]
    return one
