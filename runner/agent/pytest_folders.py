"""Temporary folders (``tmp_path``) of the lanes: below the loader's one, as xdist's workers have theirs."""

import contextlib
import os

from . import pytest_xdist


class TemporaryFolders:
    """What a loader, or a worker that collects by itself, has to do for them."""

    def __init__(self):
        self._shared = False
        """Whether lanes have theirs below ours."""

    def settle(self, config, suite):
        """In a loader, before workers are forked: let there be one base, if tests want any."""
        factory = getattr(config, "_tmp_path_factory", None)
        if factory is not None and suite.wants("tmp_path_factory"):
            try:
                factory.getbasetemp()
                self._shared = True
            except OSError:
                pass  # the first test that wants one tells

    def keep(self, config):
        """Before the loader's session finishes: let pytest leave the lanes' folders alone."""
        if self._shared:
            # With tmp_path_retention_policy = failed, pytest removes all of it after a session without failures.
            config._tmp_path_factory._basetemp = None

    def part_option(self, config, options):
        """In a worker that collects by itself: use a folder of its own below ``--basetemp``, if that is given."""
        base = config.option.basetemp
        if base:
            config.option.basetemp = os.path.join(base, _name(options))


def part_from_loader(config, options):
    """In a fork of a loader: use a folder of its own below the loader's one."""
    factory = getattr(config, "_tmp_path_factory", None)
    base = getattr(factory, "_basetemp", None)
    if base is not None:
        # What it is to remove at the end is the loader's.
        factory._exit_stack = contextlib.ExitStack()
        factory._given_basetemp = base / _name(options)
        factory._basetemp = None


def _name(options):
    name = "popen-" + pytest_xdist.worker_id(options)
    generation = options.get("generation") or 0
    return "%s-%d" % (name, generation) if generation > 1 else name
