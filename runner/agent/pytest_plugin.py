"""The plugin object by which a pytest session becomes a loader or a worker. Nothing is installed in the target."""

import gc
import io
import os
import sys

import pytest

from . import (
    pytest_capture,
    pytest_lean,
    pytest_worker_id,
    pytest_xdist,
    record,
)
from .channel import Gone, event_packet
from .forking import Forks, unsafe
from .live_sources import copy_log
from .pytest_ahead import Ahead
from .pytest_early import early_readers
from .pytest_fixtures import FixtureWatch
from .pytest_folders import TemporaryFolders, part_from_loader
from .pytest_master import PATIENCE, Desk, Door, Master
from .pytest_quiet import PLUGINS, judges, nothing, put_aside, quiet_logging, silence
from .pytest_reports import report_text
from .pytest_running import PytestWorker
from .pytest_short import short_way
from .pytest_suite import Suite
from .pytest_warnings import Warnings
from .whereabouts import Whereabouts
from .worker import exception_text


class Plugin:
    """``role`` is ``loader`` or ``worker``; a forked worker keeps its loader's plugin."""

    def __init__(self, channel, options):
        self.channel = channel
        self.options = options
        self.loader = options["role"] == "loader"
        self.suite = Suite()
        self.reached = False
        """Whether the suite was collected and the loop over its tests was reached."""
        self.problem = ""
        """Why it was not, if pytest told us."""
        self.gone = False
        """Whether the agent closed the channel."""
        self.worker = None
        self._desk = None
        self._door = None
        self._deselected = 0
        self._warnings = Warnings()
        self._where = Whereabouts(options.get("dir"))
        self._summary = None
        self._rare = pytest_lean.RareCollections()
        on = self.loader and not options.get("watch") and not options.get("fresh")
        self._ahead = Ahead(channel, on)
        self._forks = None
        self._early = None
        """What a worker needs that was forked while we collected: the arguments of ``_fork``."""
        self._folders = TemporaryFolders()

    # -- start ---------------------------------------------------------------

    def begin(self):
        """Be a loader or a worker from now on, in a fork of a warm image (``pytest_begun``)."""
        self.loader = self.options["role"] == "loader"
        self._where = Whereabouts(self.options["dir"])
        kept = self._warnings.take()
        if self.loader:
            for nodeid, text in kept:
                self.channel.event("warning", nodeid, text=text)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config):
        found = early_config.known_args_namespace
        put_aside(found)
        if getattr(found, "cov_source", None):
            if self.loader:
                # pytest-cov looks here whether it is to combine what workers measured.
                found.numprocesses, found.dist = self.options.get("worker_count") or 1, "load"
            else:
                # Or, with coverage's `parallel`, it erases what workers before this one measured.
                found.cov_append = True
        yield

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config):
        for text in put_aside(config.option):
            self._tell(text)
        pytest_xdist.quiet_rerunfailures(config)
        seed = self.options.get("seed")
        if seed is not None and getattr(config.option, "randomly_seed", None) == "default":
            config.option.randomly_seed = seed
        if self.loader:
            try:
                self._door = Door(self.options["dir"])
            except OSError as error:
                self.channel.event("warning", text="workers cannot reach their loader: %s" % error)
        else:
            self._become_worker(config)
        yield

    def _tell(self, text):
        """Warn, once for all processes."""
        if self.loader:
            self.channel.event("warning", text=text)
        elif self.options["role"] == "image":
            self._warnings.keep(None, text)

    def _become_worker(self, config):
        more = None
        folder = self.options.get("loader")
        if folder:
            try:
                self._desk = Desk(folder, self.options)
                more = self._desk.input
            except Gone:
                pass  # no plugin has a half in the loader
            except ValueError as error:
                self.channel.event("warning", text=str(error))
        pytest_xdist.become_worker(config, self.options, more)
        self._folders.part_option(config, self.options)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        manager = config.pluginmanager
        if not manager.hasplugin("xdist"):
            line = "xdist_group(name): tests that must run in the same worker, in order"
            config.addinivalue_line("markers", line)
            manager.register(pytest_worker_id, "testlanes-worker-id")
        for name in PLUGINS:
            plugin = manager.getplugin(name)
            if plugin is not None:
                manager.unregister(plugin)
        reporter = manager.getplugin("terminalreporter")
        if reporter is not None:
            if self.loader:
                reporter._tw._file = self._summary = io.StringIO()
                # What pytest itself sums up is told already: a file that cannot be collected is a failing test.
                for name in ("stats", "errors", "warnings"):
                    setattr(reporter, "summary_" + name, nothing)
                reporter.short_test_summary = nothing
            else:
                silence(manager, reporter)
        quiet_logging(manager.getplugin("logging-plugin"))

    def pytest_internalerror(self, excrepr):
        self.problem = str(excrepr)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session):
        # Workers that were started with us wait at the door: not for a whole collection if nobody is there.
        if self._door is not None and not pytest_xdist.controller_halves(session.config):
            self._door.close()
            self._door = None

    # -- collection ----------------------------------------------------------

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection(self):
        self._rare.begin()
        yield
        if not self.loader:
            self._rare.end()

    def pytest_collectreport(self, report):
        if report.failed:
            self.suite.add_broken(report)
        elif report.skipped and report.nodeid and self.loader:
            self._warnings.skip(report.nodeid, report_text(report))

    def pytest_collectstart(self, collector):
        if self.loader and isinstance(collector, (pytest.File, pytest.Package)):
            self._look_up(collector.session)
            self._where.at(collector.nodeid)

    def pytest_itemcollected(self, item):
        self._ahead.collected(item)

    def _look_up(self, session):
        """Between two files: list what is known for certain, and fork workers that are asked for."""
        try:
            if self._ahead.next_file(session.config) and self._forks is None:
                self._folders.settle(session.config, self.suite)
                self._forks = self._fork_service(session)
            if self._forks is not None:
                self._forks.poll()
        except (Gone, SystemExit):
            self.gone = True
            raise

    def pytest_deselected(self, items):
        self._deselected += len(items)

    def pytest_collection_finish(self, session):
        self.suite.add_items(session.items)

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        image = self.options["role"] == "image"
        if not (self.loader or self.worker or image):
            return  # a fresh worker that collects: its loader has told
        text = self._warnings.news(warning_message)
        if not text:
            return
        if image:
            self._warnings.keep(nodeid or None, text)
            return
        channel = self.worker.channel if self.worker else self.channel
        channel.event("warning", nodeid or None, text=text)

    # -- what is in place of the loop over the tests ---------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        self.reached = True
        try:
            if self._early is not None:
                self._fork(session, *self._early)
            elif self.loader:
                try:
                    self._load(session)
                finally:  # also where the agent is gone
                    self._dismiss(session.config)
            else:
                self._work(session, self.channel, self.options)
        except Gone:
            self.gone = True
        return True

    def _dismiss(self, config):
        """At the loader's end: let plugins not judge by what ran in this session, which is nothing."""
        for plugin in judges(config, pytest_xdist.controller_halves(config)):
            config.pluginmanager.unregister(plugin)
            if getattr(config.option, "update_snapshots", False):
                text = "syrupy removes unused snapshots only where pytest-xdist is installed"
                self.channel.event("warning", text=text)

    def _load(self, session):
        channel, config = self.channel, session.config
        # Before a worker could be asked for: there is none until somebody knows an id.
        why = self._unsafe(config)
        master = None
        if why and self._door is not None and pytest_xdist.controller_halves(config):
            master = Master(channel, config, self._door)
        elif self._door is not None:
            self._door.close()
        if why:
            channel.event("fork", safe=False, why=why, patience=PATIENCE if master else 0)
        told = self._ahead.ids
        for ids, groups in self.suite.chunks(told):
            channel.flush()
            # With the last of them goes word that there are no more: as many workers are asked for as there are tests.
            channel.hold(event_packet("ids", ids=ids, groups=groups))
        gone = [test_id for test_id in told if test_id not in self.suite.items]
        if gone:
            channel.event("gone", ids=gone)
        if record.active is not None:
            channel.event("files", files=record.active.take())
        count = len(self.suite.ids())
        if self._deselected and not count:
            text = "pytest left out all %d tests it found (-k, -m, or a plugin)" % self._deselected
            channel.event("warning", text=text)
        for text in self._warnings.skipped():
            channel.event("warning", text=text)
        channel.event("listed", count=count, error="")
        if record.active is not None:
            from .pytest_warm import tell

            tell(channel, config)
        if why:
            self._rare.end()
        if master is not None:
            master.serve()
            return
        forks = self._forks
        if why:
            if forks is not None:
                forks.refusal = why
                forks.serve()
            while forks is None and channel.receive().get("op") != "shutdown":
                pass
            return
        self._folders.settle(config, self.suite)
        forks = forks or self._fork_service(session)
        forks.loaded()
        self._rare.end()
        forks.serve()

    def _fork_service(self, session):
        outputs = pytest_capture.outputs()

        def work(channel, options):
            if self.reached:
                self._fork(session, channel, options, outputs)
                return
            self._rare.end()
            pytest_lean.let_age()
            self._ahead.complete(session)
            self._early = channel, options, outputs, len(self._ahead.ids)
            session.config.hook.pytest_runtestloop(session=session)

        forks = Forks(self.channel, work)
        forks.oldest = 1  # what the suite has made is young
        return forks

    def _unsafe(self, config):
        """Return why lanes cannot be forks of this process; empty if they can."""
        plugins = pytest_xdist.controller_plugins(config)
        if plugins:
            return "%s must be set up for each worker" % ", ".join(plugins)
        modules = early_readers(config)
        if modules:
            return "%s asks which worker it is in before tests run" % ", ".join(modules)
        return unsafe()

    def _fork(self, session, channel, options, outputs, known=-1):
        """Be a worker, in a fork of the loader. ``known``: see ``Worker``."""
        config = session.config
        end = pytest_lean.LightEnd()
        # What still points to the loader's output (faulthandler's file, the capture's way back) is to point to ours.
        pytest_capture.redirect(outputs)
        manager = config.pluginmanager
        reporter = manager.getplugin("terminalreporter")
        if reporter is not None:
            silence(manager, reporter)
        pytest_xdist.become_worker(config, options)
        part_from_loader(config, options)
        self.loader = False
        self.options = options
        self._work(session, channel, options, known)
        finish = config.hook.pytest_sessionfinish
        steps = (
            lambda: finish(session=session, exitstatus=session.exitstatus),
            lambda: end.collect(config),
            config._ensure_unconfigure,
        )
        for step in steps:
            try:
                step()
            except Exception as error:
                if not self.worker.sick:  # a worker without its files cannot even close them
                    channel.event("warning", text=exception_text(error))

    def _work(self, session, channel, options, known=-1):
        files = [os.path.join(options["dir"], name) for name in ("stdout", "stderr")]
        capture = pytest_capture.take_over(session.config, *files)
        worker = self.worker = PytestWorker(channel, options, session, self.suite, capture, known)
        manager = session.config.pluginmanager
        logs = manager.getplugin("logging-plugin")
        copy_log(getattr(logs, "report_handler", None), worker.sources)
        manager.register(FixtureWatch(worker), "testlanes-fixtures")
        pytest_lean.remember_hooks(session)
        worker.short = short_way(worker, capture, (self,))
        if worker.short is not None:
            manager.register(worker.short, "testlanes-short-way")
        worker.loop()

    # -- one test ------------------------------------------------------------

    def pytest_runtest_logreport(self, report):
        worker = self.worker
        if worker is None:
            return
        worker.outcome.reports.append(report)
        if getattr(report, "context", None) is not None:
            worker.tell_subtest(report)

    def pytest_exception_interact(self, node, call, report):
        worker = self.worker
        if worker is not None and call.excinfo is not None:
            worker.outcome.failed_by(call.when, call.excinfo.value)

    # -- the end -------------------------------------------------------------

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session):
        failed = session.testsfailed - len(self.suite.broken)
        if self.loader:
            self._folders.keep(session.config)
        start = len(self._summary.getvalue()) if self._summary is not None else 0
        if self.loader:
            gc.unfreeze()  # what is frozen, gc.get_referrers does not see: hypothesis asks it when it sums up
        yield
        if self.loader:
            gc.freeze()  # pytest looks for garbage before it ends, several times
        if self._desk is not None:
            self._hand_over(session.config)
        elif self.loader and self.reached and self._summary is not None and not self.gone:
            text = self._summary.getvalue()[start:].strip("\n")
            if text:
                self.channel.event("summary", text=text, failed=failed > 0)

    def _hand_over(self, config):
        try:
            bad = self._desk.down(config.workeroutput)
        except Gone as error:
            self._warn("the loader did not take what plugins measured: %s" % error)
            return
        if bad:
            self._warn("plugins' output cannot be sent: " + ", ".join(bad))

    def _warn(self, text):
        try:
            self.channel.event("warning", text=text)
        except Gone:
            sys.stderr.write("testlanes: %s\n" % text)
