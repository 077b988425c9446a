"""A warm image in which pytest has begun: it is configured, its installed plugins are loaded, no file of the project is.

``pytest.main`` is halted where it would load the first conftest. Loaders are forked there and go on, and so are workers where a loader cannot be forked. What pytest read or
looked for until then is compared before each fork. Where a file of the project is loaded earlier (``-p``, an
entry point of its own) there is none of this, but a plain image.
"""

import os
import sys

import pytest

from . import boot, record, warm
from .origins import installed_folders, is_installed
from .pytest_warm import marked

_SOUGHT = (
    *("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"),
    *("pyproject.toml", "tox.ini", "setup.cfg", "setup.py"),
)
"""What pytest looks for in the folders of its arguments and all above them, to configure itself and find its root."""


class Halt:
    """Registered beside the plugin, it stops pytest for as long as this is an image."""

    def __init__(self, plugin):
        self._plugin = plugin
        self._go_on = _nothing

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_parse(self, pluginmanager):
        # Hears of a hook before any plugin does, however these are ordered.
        self._go_on = pluginmanager.add_hookcall_monitoring(self._before, _nothing)

    def _before(self, name, implementations, arguments):
        if name == "pytest_load_initial_conftests":
            self._go_on()
            self._halt(arguments["early_config"])

    def _halt(self, config):
        plugin = self._plugin
        channel, options = plugin.channel, plugin.options
        folders = installed_folders()
        early = sorted(name for name in sys.modules if _is_early(name, folders))
        if early:
            _end(channel, "pytest loads %s before anything else" % ", ".join(early[:3]))
        # What is marked by now is rewritten when it is imported; what conftests are to mark is not.
        late = tuple(set(options.get("marked") or ()) - marked(config))
        if not warm.import_all(channel, options.get("modules") or (), late, folders):
            raise SystemExit(0)
        why = warm.settle()
        if why:
            _end(channel, why)
        files = [*_sought(options["suite"].get("args") or ()), *_read(options["watch"])]
        if not warm.Image(channel, options, folders, files).serve():
            raise SystemExit(0)
        if options["role"] == "loader":
            boot.say_where_when_asked(options["dir"])
        plugin.begin()


def _nothing(*arguments):
    pass


def _end(channel, why):
    channel.event("image", state="plain", why=why)
    raise SystemExit(0)


def _is_early(name, folders):
    if name == "__main__" or warm.is_ours(name):
        return False
    return not is_installed(sys.modules[name], folders)


def _sought(args):
    """Yield the files that pytest looked for, and those that the arguments name."""
    cwd = os.getcwd()
    named = [os.path.join(cwd, arg.partition("::")[0]) for arg in args if not arg.startswith("-")]
    yield from named
    seen = set()
    for path in map(os.path.normpath, (cwd, *named)):
        while path not in seen:
            seen.add(path)
            for name in _SOUGHT:
                yield os.path.join(path, name)
            path = os.path.dirname(path)


def _read(root):
    """Yield the project's files that have been read."""
    for kind, _, name in record.active.news:
        if kind == "read":
            yield os.path.join(root, name)
