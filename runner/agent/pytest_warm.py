"""Watch mode under pytest: what a warm image may import, and which of pytest's own .pyc files may be stale."""

import os
import sys

from . import origins
from .warm import tell_modules


def tell(channel, config):
    """Tell what an image may import, and which of it pytest is to rewrite."""
    tell_modules(channel, sorted(marked(config)))


def marked(config):
    """Return the names of the modules whose asserts pytest is to rewrite, with all below them."""
    return set(getattr(config.pluginmanager.rewrite_hook, "_must_rewrite", ()))


def settle_bytecode():
    """Have pytest compile test modules anew where its own .pyc may be stale, and keep what cannot be."""
    from _pytest.assertion import rewrite

    write = getattr(rewrite, "_write_pyc", None)
    if write is not None and "source_hash" in write.__code__.co_varnames:
        if origins.may_write:
            _keep_rewritten(rewrite)
    else:
        _distrust_young(rewrite)


def _distrust_young(rewrite):
    """Of a pytest that goes by times: see ``origins``."""
    read = rewrite._read_pyc

    def careful(source, pyc, trace=lambda _: None):
        try:
            if origins.is_young(str(source), os.stat(source).st_mtime, pyc):
                return None
        except OSError:
            return None
        return read(source, pyc, trace)

    rewrite._read_pyc = careful


def _keep_rewritten(rewrite):
    """Of one that knows a source again by its content (9.1 or later): let it keep the modules that it rewrites.

    To rewrite them takes longer than to import them, and only what was saved is another. What importlib compiles
    meanwhile is not kept, for that goes by times: ``exec_module`` looks at the flag first, then it reads.
    """
    read, execute = rewrite._read_pyc, rewrite.AssertionRewritingHook.exec_module

    def exec_module(self, module):
        sys.dont_write_bytecode = False
        try:
            execute(self, module)
        finally:
            sys.dont_write_bytecode = True

    def read_pyc(*args, **kwargs):
        sys.dont_write_bytecode = True
        return read(*args, **kwargs)

    rewrite.AssertionRewritingHook.exec_module = exec_module
    rewrite._read_pyc = read_pyc
