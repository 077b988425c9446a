"""The pytest adapter: a loader or a worker, as the options say.

``options["suite"]["args"]`` are pytest's arguments. A loader runs ``pytest.main`` once, up to the loop over the
tests, and stays there: lanes are forked from it. Where that is unsafe each lane's worker does the same on
its own. Exit codes, what to run first, when to stop and how to report belong to the controller: options for that in
the project's ``addopts`` are put aside.
"""

import os
import sys

from .channel import Gone

OLDEST = (7, 0)
"""The oldest pytest whose ``SetupState`` the worker knows."""


def main(channel, options):
    """Run until told to end."""
    args = list(options["suite"].get("args") or ())
    sys.argv[:] = ["pytest", *args]
    try:
        import pytest
    except ImportError as error:
        _refuse(channel, options, "%s has no pytest: %s" % (sys.executable, error))
        return
    version = tuple(int(part) for part in pytest.__version__.split(".")[:2])
    if version < OLDEST:
        text = "pytest %s is too old: version 7.0 or later is needed" % pytest.__version__
        _refuse(channel, options, text)
        return
    from .pytest_plugin import Plugin

    if options.get("watch"):
        from .pytest_warm import settle_bytecode

        settle_bytecode()
    plugin = Plugin(channel, options)
    if options["role"] == "image":
        from .pytest_begun import Halt

        said, plugins = 0, [plugin, Halt(plugin)]
    else:
        said, plugins = _position(), [plugin]
    try:
        status = pytest.main(args, plugins=plugins)
    except Exception as error:
        if options["role"] != "image":
            raise
        status = repr(error)
    if options["role"] == "image":
        why = "pytest ended with %s before it loaded a file of the project" % status
        channel.event("image", state="plain", why=_words(0) or why)
        return
    if plugin.gone:
        raise Gone("the agent closed the channel")
    if not plugin.reached:
        text = (
            plugin.problem or _words(said) or "pytest ended with status %d before any test" % status
        )
        _refuse(channel, options, text)


def _refuse(channel, options, text):
    if options["role"] == "image":
        channel.event("image", state="plain", why=text)
    elif options["role"] == "loader":
        channel.event("listed", count=0, error=text)
    else:
        channel.event("warning", text=text)
        raise SystemExit(1)


def _position():
    """Return how long the file behind fd 2 is, or None where it is no file."""
    try:
        return os.fstat(2).st_size
    except OSError:
        return None


def _words(start):
    """Return what was written to fd 2 since it was so long: pytest's own words."""
    try:
        sys.stderr.flush()
        fd = os.open("/proc/self/fd/2", os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError):
        return ""
    try:
        size = os.fstat(fd).st_size
        return (
            os.pread(fd, min(size - (start or 0), 65536), start or 0)
            .decode("utf-8", "replace")
            .strip()
        )
    except OSError:  # a terminal, a pipe
        return ""
    finally:
        os.close(fd)
