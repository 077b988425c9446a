"""The pytest worker: runs collected items by id, in whatever order they come.

pytest tears fixtures down by looking at the next item. Here the next item is only looked for when a teardown needs to
know, and never waited for: if nothing is queued by then, fixtures that other tests of the suite may still want stay
up, the test's status is told at once, and what turns out not to be shared goes down before the next test
begins. So a session fixture is set up once a worker, as under plain pytest, however the tests are dealt.
A fixture that fails to go down between two tests has no test to fail: it is told as a result of its own, ``teardown
(tests/test_x.py)``.
"""

import pytest

from .channel import now
from .health import Health
from .live_sources import Sources
from .pytest_lean import Locations
from .pytest_reports import TRACEBACK, Outcome, encode, report_text, subtest_name, without_machinery
from .worker import TEXT, Gone, Worker, exception_text

XPASS = "xpass"
"""The tag of a test that passed though an xfail expected it to fail."""
PAUSE = 100000000
"""Nanoseconds between two events that tell of passed subtests only."""


class Rest:
    """Stands in a chain of collectors for an item that is not any we know."""


class NextItem:
    """The item after the running one, looked up when pytest first asks (``SetupState.teardown_exact``)."""

    def __init__(self, worker, item):
        self.__dict__.update(_worker=worker, _item=item, _found=None, _chain=None)

    def _resolve(self):
        if self._chain is None:
            found, chain = self._worker.after(self._item)
            self.__dict__.update(_found=found, _chain=chain)
        return self._chain

    def __bool__(self):
        return bool(self._resolve())

    def listchain(self):
        return list(self._resolve())

    def __getattr__(self, name):
        # Plugins compare e.g. its module with the item's. Nothing known: as if the item went on.
        self._resolve()
        return getattr(self._found or self._item, name)


class PytestWorker(Worker):
    """Runs the items of a session that was collected."""

    kind = "pytest"

    def __init__(self, channel, options, session, suite, capture, known=-1):
        """``suite``: a ``pytest_suite.Suite``; ``capture``: what ``pytest_capture.take_over`` gave; ``known``: see ``Worker``."""
        super().__init__(channel, options, known)
        self.health = CaptureHealth(capture)
        self.session = session
        self.suite = suite
        self.outcome = Outcome()
        self.outcome.keep_output = not capture.in_files
        self.last = None
        """The item that ran last: its teardown may be incomplete."""
        self.shared_changed = False
        """Whether a fixture of more than one test came up or went down: what it changed is to stay."""
        self._parts = 0
        """Subtests of the running test that did not fail."""
        self._parts_told = 0
        self.sources = Sources(self)
        self._left = None
        self._ran = set()
        self.locations = Locations()
        self.short = None
        """The ShortWay of the session, if it has one."""
        self._state = session._setupstate
        self._protocol = session.config.hook.pytest_runtest_protocol

    def late(self):
        """See ``Worker``."""
        self.sources.settle()
        return []

    # -- which fixtures stay up ----------------------------------------------

    def after(self, item):
        """Return (the next item or None, the collectors whose fixtures are to stay up and one more)."""
        test_id = None
        if (
            not self.channel.dead
        ):  # in a child of the test, reading would take the worker's commands
            try:
                test_id = self.peek(wait=False)
            except Gone:
                pass  # the status cannot be told either: `end` raises it again
        found = self.suite.items.get(test_id) if test_id is not None else None
        if found and found[0] is not item:
            return found[0], found[0].listchain()
        keep = item.listchain()[:-1]
        if not found:
            while keep and not self._left.get(keep[-1]):
                keep.pop()
        return None, [*keep, Rest] if keep else []

    def _count(self, item):
        """Count down what is left to run below each collector, so that its fixtures go down with its last test."""
        left = self._left
        if left is None:
            left = self._left = self.suite.count_left()
        for node in item.listchain()[:-1]:
            left[node] -= 1

    def _shared_with(self, item):
        """Whether all that is up is of collectors above ``item``."""
        stack = list(self._state.stack)
        return stack == item.listchain()[: len(stack)] and item not in stack

    def _make_room(self, item):
        """Tear down what is up and not shared with ``item`` (None: everything)."""
        stack = list(self._state.stack)
        chain = item.listchain()[:-1] if item is not None else []
        kept = 0
        while kept < min(len(stack), len(chain)) and stack[kept] is chain[kept]:
            kept += 1
        if kept == len(stack):
            return
        keep = _Chain([*chain[:kept], Rest]) if kept else None
        errors = []
        for _ in stack:
            call = pytest.CallInfo.from_call(
                lambda: self._state.teardown_exact(keep), "teardown", reraise=None
            )
            if call.excinfo is not None:
                errors.append(call)
            if len(self._state.stack) <= kept:
                break
            # Our own signals end a teardown between two fixtures.
        self.still_us()
        self._tell_errors(stack[kept].nodeid, errors)
        self.shared_changed = False
        if self._state.stack:
            self.health.rebase()
        else:
            self.settle()

    def _tell_errors(self, where, errors):
        if not errors:
            return
        details = []
        for number, call in enumerate(errors):
            report = pytest.TestReport.from_item_and_call(self.last, call)
            name = "traceback-%d" % number if number else "traceback"
            details.append((name, TRACEBACK, encode(report_text(report))))
        note = "Fixtures went down after %s." % self.last.nodeid
        details.append(("reason", TEXT, encode(note)))
        self.extra("teardown (%s)" % (where or "session"), "fail", details)

    def release(self):
        """Tear down everything."""
        self._make_room(None)

    # -- one test ------------------------------------------------------------

    def run_one(self, test_id):
        items = self.suite.items.get(test_id)
        if items is None:
            self._run_broken(test_id)
            return
        if self._state.stack and not self._shared_with(items[0]):
            self.attend()
            try:
                self._make_room(items[0])
            finally:
                self.signals.disarm()
        if test_id in self._ran:
            for item in items:
                _renew(item)
        else:
            self._ran.add(test_id)
            for item in items:
                self._count(item)
                if self.short is None or self.short.of(item) is None:
                    self.locations.settle(item)
        self.outcome.clear()
        self._parts = 0
        escaped = None
        try:
            self.begin(test_id)
            for item in items:
                self.last = item
                self._protocol(item=item, nextitem=NextItem(self, item))
            self.signals.disarm()
        except BaseException as error:
            # pytest itself stops for these: pytest.exit, KeyboardInterrupt, our own signals between phases.
            self.signals.disarm()
            escaped = error
        if isinstance(escaped, Gone):
            raise escaped
        details = []
        if escaped is not None:
            details.append(("traceback", TRACEBACK, _escaped_text(self.last, escaped)))
            try:
                self._state.teardown_exact(NextItem(self, self.last))
            except BaseException as error:
                details.append(("traceback teardown", TRACEBACK, _escaped_text(self.last, error)))
        if self.shared_changed:
            self.shared_changed = False
            self.health.rebase()
        session = self.session
        session.shouldfail = session.shouldstop = False
        status, kind, more = self.outcome.result()
        if escaped is not None:
            status, kind = "fail", "error"
        elif status is None:
            status, kind = "fail", "error"
            details.append(("reason", TEXT, b"pytest gave no report of this test."))
        tags = (XPASS,) if more and status == "success" and self.outcome.xpassed() else None
        self.end(status, details + more if details else more, kind, tags)

    def tell_subtest(self, report):
        """Say live what came of a part of the running test; of parts that passed, not each."""
        failed = report.outcome == "failed"
        if not failed:
            self._parts += 1
            if now() - self._parts_told < PAUSE:
                return
        self._parts_told = now()
        status = "fail" if failed else "success"
        name = subtest_name(report)
        self.channel.event("subtest", self.test_id, name=name, status=status, passed=self._parts)

    def _run_broken(self, test_id):
        report = self.suite.broken.get(test_id)
        if report is None:
            self.unknown(test_id)
            return
        self.begin(test_id)
        details = [("traceback", TRACEBACK, encode(without_machinery(report_text(report))))]
        for title, text in report.sections:
            details.append((title, TEXT, encode(text)))
        self.end("fail", details, "error")


class _Chain:
    """What ``teardown_exact`` asks of a next item."""

    def __init__(self, chain):
        self._nodes = chain

    def listchain(self):
        return self._nodes


class CaptureHealth(Health):
    """A worker whose capture is gone fails every later test."""

    def __init__(self, capture):
        super().__init__()
        self._capture = capture

    def check(self):
        fixed, sick = super().check()
        self._capture.check(fixed, sick)
        return fixed, sick


def _escaped_text(item, error):
    """Return the text of an exception that pytest let through, as pytest would print it."""
    try:
        info = pytest.ExceptionInfo.from_exc_info((type(error), error, error.__traceback__))
        return encode(str(item.repr_failure(info)))
    except BaseException:
        return encode(exception_text(error))


def _renew(item):
    """Make an item that has run runnable again, as if it had just been collected."""
    item._report_sections = []
    if getattr(item, "_instance", None) is not None:
        # The instance of a test class is kept with its item: it would remember the earlier run.
        del item._instance
        item._obj = None
