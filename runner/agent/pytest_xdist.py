"""pytest-xdist's conventions, kept without it: what plugins and projects ask to find out which worker they are in.

A worker has ``PYTEST_XDIST_WORKER`` (``gw0`` …), ``PYTEST_XDIST_WORKER_COUNT`` and ``PYTEST_XDIST_TESTRUNUID`` in its
environment, ``config.workerinput`` and ``config.workeroutput``, and the fixtures ``worker_id`` and ``testrun_uid``
(https://pytest-xdist.readthedocs.io/en/stable/how-to.html). Plugins with a half in the controlling process
(``pytest_configure_node``, ``pytest_testnodedown``) are served by the loader: ``pytest_master``.
"""

import os
import socket
import sys

NOT_NEEDED = ("xdist", "pytest_rerunfailures")
"""Modules whose controller half has nothing to do here."""
HARMLESS = ("pytest_randomly", "pytest_metadata")
"""Modules whose controller half a forked worker can do without: what they hand over was settled before the fork."""


class WorkerInput(dict):
    """What xdist's controller would have sent. Knows what well-known plugins expect to find there."""

    def __missing__(self, key):
        late = _LATE_VALUES.get(key)
        if late is not None:
            return late()
        if "xdist" not in sys.modules:
            # Projects ask for its plugin before they register the half that would have put this in.
            key = (
                "%s: is pytest-xdist to be installed? Its pytest_configure_node may be what gives this to workers"
                % key
            )
        raise KeyError(key)


_LATE_VALUES = {
    "randomly_seed": lambda: 0,
    "cov_master_host": socket.gethostname,
    "cov_master_topdir": os.getcwd,
    "cov_master_rsync_roots": list,
}


def worker_id(options):
    """Return ``gw0`` for lane 0."""
    return "gw%d" % int(options.get("lane") or 0)


def worker_input(options):
    """Return the plain data of a worker: its id, how many there are, the run's id."""
    return {
        "workerid": worker_id(options),
        "workercount": int(options.get("worker_count") or 1),
        "testrunuid": str(options.get("run_uid") or "testlanes"),
        "mainargv": ["pytest"],
    }


def become_worker(config, options, more=None):
    """Make a process look like an xdist worker. ``more``: what plugins put into its input."""
    given = WorkerInput(worker_input(options))
    given.update(more or {})
    os.environ["PYTEST_XDIST_WORKER"] = given["workerid"]
    os.environ["PYTEST_XDIST_WORKER_COUNT"] = str(given["workercount"])
    os.environ["PYTEST_XDIST_TESTRUNUID"] = given["testrunuid"]
    config.workerinput = given
    config.workeroutput = {}


def quiet_rerunfailures(config):
    """Keep pytest-rerunfailures from counting crashes over a socket: it would start a thread, and dead tests are ours."""
    plugin = config.pluginmanager.getplugin("rerunfailures")
    if plugin is not None and getattr(plugin, "HAS_PYTEST_HANDLECRASHITEM", False):
        plugin.HAS_PYTEST_HANDLECRASHITEM = False


def controller_plugins(config):
    """Return the names of plugins that have a half in xdist's controller, and need it."""
    return sorted(
        {
            _plugin_name(config, plugin, module)
            for plugin, module in controller_halves(config)
            if module.split(".")[0] not in HARMLESS
        }
    )


def controller_halves(config):
    """Return [(plugin, its module's name)] of plugins that have a half in xdist's controller."""
    found = []
    for hook in ("pytest_configure_node", "pytest_testnodedown"):
        caller = getattr(config.hook, hook, None)
        for implementation in caller.get_hookimpls() if caller is not None else ():
            module = implementation.function.__module__ or ""
            if module.split(".")[0] not in NOT_NEEDED:
                found.append((implementation.plugin, module))
    return found


def _plugin_name(config, plugin, module):
    """Return what a user knows a plugin by: its distribution, a file of the project, or its module."""
    top = module.split(".")[0]
    for known, distribution in config.pluginmanager.list_plugin_distinfo():
        # What a plugin registers when it is configured is of the same package.
        if known is plugin or getattr(known, "__name__", "").split(".")[0] == top:
            return distribution.project_name
    path = os.path.relpath(
        getattr(sys.modules.get(module), "__file__", None) or os.pardir, str(config.rootpath)
    )
    if not path.startswith(os.pardir):
        return path
    return module or str(config.pluginmanager.get_name(plugin))
