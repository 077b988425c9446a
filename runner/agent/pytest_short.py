"""The short way through a test: what pytest's own plugins do around its phases, without forty hooks and three reports.

Each phase of which only pytest's own plugins want to know, in the order that we know of them, is done here in one
function with the same effects. Where anybody else has a hook pytest goes its own way: phase by phase, for the reports,
or for the whole test. So it does for everything that is no plain function, and in a pytest that this was not compared with.
A phase that does not simply pass gets pytest's own report.
"""

import logging

import pytest

from .channel import now

OLDEST, NEWEST = (8, 4), (9, 2)
"""The versions of pytest whose plugins this was compared with."""

_COLLECTORS = ("_pytest.threadexception", "_pytest.unraisableexception")
_AROUND = ("_pytest.capture.CaptureManager", "_pytest.logging.LoggingPlugin")


def _names(when, *owners):
    return ["%s.pytest_runtest_%s" % (owner, when) for owner in owners]


_PHASES = {
    "setup": _names("setup", *_COLLECTORS, "_pytest.runner", "_pytest.skipping", *_AROUND),
    "call": _names("call", *_COLLECTORS, "_pytest.runner", "_pytest.skipping", *_AROUND),
    "teardown": _names("teardown", *_COLLECTORS, "_pytest.runner", *_AROUND),
}
_REPORTS = {
    "makereport": _names(
        "makereport", "_pytest.runner", "_pytest.unittest", "_pytest.skipping", "_pytest.tmpdir"
    ),
    "logreport": _names("logreport", "_pytest.logging.LoggingPlugin", "_pytest.main.Session"),
}
_LOGS = {
    "logstart": _names("logstart", "_pytest.logging.LoggingPlugin"),
    "logfinish": _names("logfinish", "_pytest.logging.LoggingPlugin"),
}
_CONDITIONAL = frozenset(["skip", "skipif", "xfail"])


class Passed:
    """Stands for the report of a phase that passed and of which there is nothing to tell."""

    outcome = "passed"
    longrepr = None
    sections = ()

    def __init__(self, when):
        self.when = when


PASSED = {when: Passed(when) for when in _PHASES}


class Way:
    """Which parts of the protocol only pytest's own plugins take part in, below one folder."""

    def __init__(self, ihook, ours):
        self.open = _impls(ihook, "protocol", ours, wrappers=False) == [
            "_pytest.runner.pytest_runtest_protocol"
        ]
        self.phases = {when for when in _PHASES if _impls(ihook, when, ours) == _PHASES[when]}
        self.unreported = all(_impls(ihook, when, ours) == _REPORTS[when] for when in _REPORTS)
        self.unlogged = all(_impls(ihook, when, ours) == _LOGS[when] for when in _LOGS)


def _impls(ihook, when, ours, wrappers=True):
    names = []
    for impl in getattr(ihook, "pytest_runtest_" + when).get_hookimpls():
        if impl.plugin in ours:
            continue
        if wrappers or not (impl.hookwrapper or getattr(impl, "wrapper", False)):
            function = impl.function
            names.append("%s.%s" % (function.__module__, getattr(function, "__qualname__", "")))
    return names


def short_way(worker, capture, ours):
    """Return a ShortWay for a worker's session, or None where it is not known to be the same as pytest's own.

    ``capture``: what ``pytest_capture.take_over`` gave; ``ours``: plugins of ours that may have hooks.
    """
    version = tuple(int(part) for part in pytest.__version__.split(".")[:2])
    config = worker.session.config
    if not OLDEST <= version <= NEWEST or not capture.in_files:
        return None
    logs = config.pluginmanager.getplugin("logging-plugin")
    option = config.option
    if (
        logs is None
        or logs.log_level is not None
        or type(logs.log_cli_handler).__name__ != "_LiveLoggingNullHandler"
        or option.setupshow
        or option.setuponly
    ):
        return None
    try:
        return ShortWay(worker, capture, logs, ours)
    except (AttributeError, ImportError, KeyError):  # a plugin is switched off
        return None


class ShortWay:
    """A plugin for a worker's session, registered as the last."""

    def __init__(self, worker, capture, logs, ours):
        from _pytest import (
            logging as pytest_logging,
            runner,
            skipping,
            threadexception,
            tmpdir,
            unraisableexception,
        )

        config = worker.session.config
        self._worker = worker
        self._capture = capture
        self._manager = config.pluginmanager.getplugin("capturemanager")
        self._ours = (*ours, self)
        self._ways = {}
        self._config = config
        self._through = pytest.exit.Exception, KeyboardInterrupt
        self._interactive = runner.check_interactive_exception
        self._runner, self._skipping = runner, skipping
        self._caplog, self._report = logs.caplog_handler, logs.report_handler
        self._records_key = pytest_logging.caplog_records_key
        self._handler_key = pytest_logging.caplog_handler_key
        self._apart = "attached_loggers" in pytest_logging.catching_logs.__slots__
        """Whether this pytest hears loggers that do not propagate (9.1 and later)."""
        self._xfailed_key = skipping.xfailed_key
        self._result_key = tmpdir.tmppath_result_key
        # What is in them is a warning of the phase in which it is found.
        self._unraisable = config.stash[unraisableexception.unraisable_exceptions]
        self._threads = config.stash[threadexception.thread_exceptions]
        self._collect = (
            unraisableexception.collect_unraisable,
            threadexception.collect_thread_exception,
        )
        self._phases = {"setup": self._set_up, "call": self._call, "teardown": self._tear_down}
        self._hear_of_leaving(config.pluginmanager)

    def of(self, item):
        """Return the Way of an item, None if it has to go pytest's own."""
        if type(item) is not pytest.Function:
            return None
        way = self._way(item.ihook)
        return way if way.open else None

    def _way(self, ihook):
        way = self._ways.get(ihook)
        if way is None:
            way = self._ways[ihook] = Way(ihook, self._ours)
        return way

    def pytest_plugin_registered(self):
        self._ways.clear()

    def _hear_of_leaving(self, plugins):
        """There is no hook for it: a fixture may put a plugin aside, logging's for one, and bring it back."""
        unregister = plugins.unregister

        def left(*args, **kwargs):
            self._ways.clear()
            return unregister(*args, **kwargs)

        plugins.unregister = left

    def pytest_runtest_protocol(self, item, nextitem):
        way = self.of(item)
        if way is None:
            return None
        ihook = item.ihook
        if not item._request:  # it ran before
            item._initrequest()
        self._capture.begin_at(self._worker.health.sizes)
        if not way.unlogged:
            ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        try:
            if self._phase(ihook, item, "setup", None):
                self._phase(ihook, item, "call", None)
            session = item.session
            if session.shouldfail or session.shouldstop:
                nextitem = None
            self._phase(ihook, item, "teardown", nextitem)
        finally:
            item._request = False
            item.funcargs = None
        if not self._way(ihook).unlogged:
            ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _phase(self, ihook, item, when, nextitem):
        """Do one phase. Return whether it passed."""
        way = self._way(ihook)
        start = now()
        excinfo = None
        try:
            if when in way.phases and (when == "teardown" or not _conditional(item)):
                self._around(ihook, item, when, nextitem)
            elif when == "setup":
                ihook.pytest_runtest_setup(item=item)
            elif when == "call":
                ihook.pytest_runtest_call(item=item)
            else:
                ihook.pytest_runtest_teardown(item=item, nextitem=nextitem)
        except self._through:
            raise
        except BaseException as error:
            trace = _without_ours(error.__traceback__)
            excinfo = pytest.ExceptionInfo.from_exc_info((type(error), error, trace))
        if (
            excinfo is None
            and self._way(ihook).unreported
            and not item._report_sections
            and not item.stash.get(self._xfailed_key, None)
        ):
            item.stash.setdefault(self._result_key, {})[when] = True
            self._worker.outcome.reports.append(PASSED[when])
            return True
        self._worker.locations.settle(item)
        stop = now()
        call = pytest.CallInfo(
            None, excinfo, start / 1e9, stop / 1e9, (stop - start) / 1e9, when, _ispytest=True
        )
        report = ihook.pytest_runtest_makereport(item=item, call=call)
        ihook.pytest_runtest_logreport(report=report)
        if self._interactive(call, report):
            ihook.pytest_exception_interact(node=item, call=call, report=report)
        return report.passed

    def _around(self, ihook, item, when, nextitem):
        """Do what logging and capture do around a phase."""
        caplog, handler, stash = self._caplog, self._report, item.stash
        if when == "setup":
            stash[self._records_key] = {}
        attached = self._attach()
        passed = False
        try:
            caplog.records = []
            if caplog.stream.getvalue():
                caplog.reset()
            handler.records = []
            if handler.stream.getvalue():
                handler.reset()
            stash[self._records_key][when] = caplog.records
            stash[self._handler_key] = caplog
            manager = self._manager
            manager.resume_global_capture()
            if manager._capture_fixture:
                manager.activate_fixture()
            try:
                self._phases[when](item, nextitem)
                passed = True
            finally:
                if manager._capture_fixture:
                    manager.deactivate_fixture()
                manager.suspend_global_capture(in_=False)
                if not (passed and self._way(ihook).unreported):
                    # Else nobody asks: what was written is in the lane's files.
                    out, err = manager.read_global_capture()
                    item.add_report_section(when, "stdout", out)
                    item.add_report_section(when, "stderr", err)
        finally:
            log = handler.stream.getvalue()
            if log:
                item.add_report_section(when, "log", log.strip())
            for logger in attached:
                logger.removeHandler(handler)
                logger.removeHandler(caplog)
            if when == "teardown":
                del stash[self._records_key]
                del stash[self._handler_key]

    def _attach(self):
        """Attach both handlers to the root logger, and to those that pass nothing on to it. Return the loggers."""
        attached = [logging.root]
        if self._apart:
            attached += [
                logger
                for logger in logging.root.manager.loggerDict.values()
                if not getattr(logger, "propagate", True) and isinstance(logger, logging.Logger)
            ]
        for logger in attached:
            logger.addHandler(self._caplog)
            logger.addHandler(self._report)
        return attached

    def _set_up(self, item, nextitem):
        item.stash[self._xfailed_key] = None
        self._runner.pytest_runtest_setup(item)
        if self._unraisable or self._threads:
            self._collect_all()

    def _call(self, item, nextitem):
        try:
            self._runner.pytest_runtest_call(item)
            if self._unraisable or self._threads:
                self._collect_all()
        finally:
            if _conditional(item):  # the test made itself one that is expected to fail
                item.stash[self._xfailed_key] = self._skipping.evaluate_xfail_marks(item)

    def _tear_down(self, item, nextitem):
        self._runner.pytest_runtest_teardown(item, nextitem)
        if self._unraisable or self._threads:
            self._collect_all()

    def _collect_all(self):
        for collect in self._collect:
            collect(self._config)


def _conditional(item):
    """Whether a mark may skip the test, or expects it to fail."""
    node = item
    while node is not None:
        for mark in node.own_markers:
            if mark.name in _CONDITIONAL:
                return True
        node = node.parent
    return False


def _without_ours(trace):
    """Return a traceback from the first frame on that is not of this module."""
    first = trace
    while first is not None and first.tb_frame.f_code in _CODES:
        first = first.tb_next
    return first or trace


_CODES = frozenset(
    function.__code__
    for function in (
        ShortWay._phase,
        ShortWay._around,
        ShortWay._set_up,
        ShortWay._call,
        ShortWay._tear_down,
        ShortWay._collect_all,
    )
)
