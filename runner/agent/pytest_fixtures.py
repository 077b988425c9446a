"""Tells of fixtures: those that more than one test shares as they go up and down, those of one test when they were slow."""

import time

import pytest

from .live_fixtures import Record

SLOW = 50000000
"""Nanoseconds from which on a fixture of one test is worth telling of."""


class FixtureWatch:
    """A plugin for a worker's session."""

    def __init__(self, worker):
        self._worker = worker
        self._clock = time.perf_counter_ns
        self._number = 0
        self._parents = []
        self._up = {}
        """id of the definition -> [its number, its name, its scope, when it began to go down, its Record]"""
        self._leaks = worker.leaks

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        scope = fixturedef.scope
        if scope == "function":
            record = self._record(fixturedef, scope)
            start = self._clock()
            yield
            took = self._clock() - start
            if record is not None:
                self._leaks.opened(record, took)
            if took >= SLOW:
                self._number += 1
                self._say(self._number, fixturedef.argname, scope, "setup", 0)
                self._say(self._number, fixturedef.argname, scope, "up", took)
            return
        self._worker.shared_changed = True
        self._number += 1
        number = self._number
        record = self._record(fixturedef, scope, number)
        live = self._up[id(fixturedef)] = [number, _name(fixturedef), scope, 0, record]
        self._say(number, live[1], scope, "setup", 0)
        self._parents.append(number)
        start = self._clock()
        outcome = yield
        took = self._clock() - start
        self._parents.remove(number)
        if record is not None:
            self._leaks.opened(record, took)
        failed = outcome.excinfo is not None
        self._say(number, live[1], scope, "failed" if failed else "up", took)

        def going_down():
            live[3] = self._clock()
            self._say(number, live[1], scope, "cleanup", 0)

        fixturedef.addfinalizer(going_down)  # the last one added is called first

    def pytest_fixture_post_finalizer(self, fixturedef):
        if not self._up:
            return
        live = self._up.pop(id(fixturedef), None)
        if live is not None:
            self._worker.shared_changed = True
            number, name, scope, start, record = live
            if record is not None:
                self._leaks.left(record, between=self._worker.test_id is None)
            self._say(number, name, scope, "down", self._clock() - start if start else 0)

    def _record(self, fixturedef, scope, number=0):
        """Return what stands for a fixture whose set up begins where leaks are looked for; None if they are not."""
        if not self._leaks.on:
            return None
        record = Record(
            fixturedef, fixturedef.argname, _name(fixturedef), "test" if not number else scope
        )
        record.number = number
        self._leaks.opening(record)
        return record

    def _say(self, number, name, scope, phase, took):
        parent = self._parents[-1] if self._parents and self._parents[-1] != number else 0
        self._worker.channel.event(
            "fixture",
            self._worker.test_id,
            n=number,
            parent=parent,
            name=name,
            scope=scope,
            phase=phase,
            took=took,
        )


def _name(fixturedef):
    """Return the fixture's name; setup_module and the like are fixtures of pytest's own naming."""
    name = fixturedef.argname
    for prefix, plain in _DISGUISED:
        if name.startswith(prefix):
            return "%s (%s)" % (plain, name[len(prefix) :])
    return name


_DISGUISED = (
    ("_xunit_setup_module_fixture_", "setup_module"),
    ("_xunit_setup_class_fixture_", "setup_class"),
    ("_unittest_setUpClass_fixture_", "setUpClass"),
)
