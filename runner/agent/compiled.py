"""Keeps what Python compiled of the project's modules, by what their source says: in a watch no .pyc is written.

A .pyc goes by its source's time and size, which is too coarse there (``origins``); to compile all that a
test imports after each save would take longer than to run it. One file a module, in the agent's run directory.
"""

import hashlib
import importlib.machinery
import io
import marshal
import os
import sys

# Tests replace these.
_open, _replace, _getpid = io.FileIO, os.replace, os.getpid
_blake2b, _dumps, _loads = hashlib.blake2b, marshal.dumps, marshal.loads
SIZE = 16
"""Bytes of a digest."""


def keep(folder, installed):
    """Look into ``folder`` before a module is compiled, but for those below the folders ``installed``."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
    except OSError:
        return
    loader = importlib.machinery.SourceFileLoader
    compiled = loader.source_to_code
    tag = "%s %d " % (sys.implementation.cache_tag, sys.flags.optimize)

    def source_to_code(self, data, path, *args, **kwargs):
        if args or kwargs or not isinstance(data, bytes) or path.startswith(installed):
            return compiled(self, data, path, *args, **kwargs)
        name = _digest((tag + path).encode("utf-8", "surrogateescape")).hex()
        file = os.path.join(folder, name)
        digest = _digest(data)
        code = _read(file, digest)
        if code is None:
            code = compiled(self, data, path)
            _write(file, digest + _dumps(code))
        return code

    loader.source_to_code = source_to_code


def _digest(data):
    return _blake2b(data, digest_size=SIZE).digest()


def _read(path, digest):
    """Return the code that is kept of a source, or None."""
    try:
        with _open(path) as file:
            data = file.readall()
        return _loads(data[SIZE:]) if data[:SIZE] == digest else None
    except (OSError, EOFError, ValueError, TypeError):
        return None


def _write(path, data):
    draft = "%s.%d" % (path, _getpid())
    try:
        with _open(draft, "wb") as file:
            file.write(data)
        _replace(draft, path)
    except OSError:  # it is compiled again next time
        pass
