"""The unittest adapter: a loader or a worker, as the options say."""

import sys

from . import record
from .forking import Forks
from .unittest_suites import Suite
from .unittest_worker import UnittestWorker
from .whereabouts import Whereabouts


def main(channel, options):
    """Run until told to end."""
    sys.argv[:] = ["python -m unittest"]
    suite = Suite()
    if options["role"] == "loader":
        _load(channel, options, suite)
        return
    suite.load(options["suite"])
    UnittestWorker(channel, options, suite.tests).loop()


def _load(channel, options, suite):
    complete = False

    def work(channel, options):
        known = -1 if complete else suite.announced
        UnittestWorker(channel, options, suite.tests, known).loop()

    forks = Forks(channel, work)

    def announce(ids, groups):
        if ids:
            channel.event("ids", ids=ids, groups=groups)
        forks.poll()

    gone = suite.load(options["suite"], announce, Whereabouts(options.get("dir")).at)
    complete = True
    if gone:
        channel.event("gone", ids=gone)
    if record.active is not None:
        channel.event("files", files=record.active.take())
    channel.event("listed", count=len(suite.tests), error="")
    if record.active is not None:
        from .warm import tell_modules

        tell_modules(channel)
    forks.loaded()
    forks.serve()
