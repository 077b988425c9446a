"""Watch mode under pytest: what a warm image may have of it, and which of its own .pyc files may be stale."""

import os

from .origins import is_young
from .warm import tell_modules


def tell(channel, config):
    """Tell what an image may import: not the modules whose asserts pytest is to rewrite, nor what imports them."""
    hook = config.pluginmanager.rewrite_hook
    never = {name.partition(".")[0] for name in getattr(hook, "_must_rewrite", ())}
    tell_modules(channel, sorted(never))


def distrust_young_bytecode():
    """Compile test modules anew where pytest's own .pyc may be stale; see ``origins``."""
    from _pytest.assertion import rewrite

    read = rewrite._read_pyc

    def careful(source, pyc, trace=lambda _: None):
        try:
            if is_young(str(source), os.stat(source).st_mtime, pyc):
                return None
        except OSError:
            return None
        return read(source, pyc, trace)

    rewrite._read_pyc = careful
