"""pytest-xdist's conventions, kept without it: what plugins and projects ask to find out which worker they are in.

A worker has ``PYTEST_XDIST_WORKER`` (``gw0`` …), ``PYTEST_XDIST_WORKER_COUNT`` and ``PYTEST_XDIST_TESTRUNUID`` in its
environment, ``config.workerinput`` and ``config.workeroutput``, and the fixtures ``worker_id`` and ``testrun_uid``
(https://pytest-xdist.readthedocs.io/en/stable/how-to.html). Plugins with a half in the controlling process
(``pytest_configure_node``, ``pytest_testnodedown``) are served by the loader: ``pytest_master``.
"""

import ast
import os
import socket
import sys

HARMLESS = ("pytest_randomly", "pytest_rerunfailures", "pytest_metadata", "xdist")
"""Modules whose controller half a forked worker can do without: what they hand over was settled before the fork."""

_WORDS = (
    b"workerinput",
    b"slaveinput",
    b"PYTEST_XDIST_WORKER",
    b"is_xdist_worker",
    b"get_xdist_worker_id",
    b"is_xdist_controller",
    b"is_xdist_master",
)
_LATE = ("pytest_runtest_", "pytest_fixture_", "pytest_sessionfinish", "pytest_unconfigure", "test")
"""Functions so named run in the worker, after the fork."""


class WorkerInput(dict):
    """What xdist's controller would have sent. Knows what well-known plugins expect to find there."""

    def __missing__(self, key):
        late = _LATE_VALUES.get(key)
        if late is None:
            raise KeyError(key)
        return late()


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
    found = set()
    for hook in ("pytest_configure_node", "pytest_testnodedown"):
        caller = getattr(config.hook, hook, None)
        for implementation in caller.get_hookimpls() if caller is not None else ():
            module = implementation.function.__module__ or ""
            if module.split(".")[0] not in HARMLESS:
                found.add(_plugin_name(config, implementation.plugin, module))
    return sorted(found)


def _plugin_name(config, plugin, module):
    if module.split(".")[0] == "pytest_cov":
        return "pytest-cov"
    path = getattr(sys.modules.get(module), "__file__", None)
    return _relative(config, path) if path else str(config.pluginmanager.get_name(plugin) or module)


def early_readers(config):
    """Return the project's modules that ask which worker they are in before a test runs: a fork comes too late for them."""
    roots = {str(config.rootpath), os.getcwd()}
    roots = tuple({os.path.join(root, "") for root in (*roots, *map(os.path.realpath, roots))})
    packages = os.sep + "site-packages" + os.sep
    prefix = os.path.join(sys.prefix, "")
    virtual = sys.prefix != sys.base_prefix
    found = []
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or not path.startswith(roots) or not path.endswith(".py"):
            continue
        if packages in path or (virtual and path.startswith(prefix)):
            continue
        if _asks_early(path):
            found.append(_relative(config, path))
    return sorted(found)


def _relative(config, path):
    path = os.path.relpath(path, str(config.rootpath))
    return os.path.basename(path) if path.startswith("..") else path


def _asks_early(path):
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError:
        return False
    if not any(word in source for word in _WORDS):
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return True
    words = tuple(word.decode() for word in _WORDS)
    return any(_mentions(node, words) for node in tree.body)


def _mentions(node, words):
    """Whether code that may run before the first test names one of the words."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if node.name.startswith(_LATE) or any(_is_fixture(mark) for mark in node.decorator_list):
            return False
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return False
    if isinstance(node, ast.Attribute):
        if node.attr.startswith(words):
            return True
    elif isinstance(node, ast.Name):
        if node.id.startswith(words):
            return True
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and node.value.startswith(words):
            return True
    # A docstring may name them.
    children = ast.iter_child_nodes(node)
    if isinstance(
        node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    ) and ast.get_docstring(node):
        children = (child for child in children if child is not node.body[0])
    return any(_mentions(child, words) for child in children)


def _is_fixture(decorator):
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return "fixture" in name
