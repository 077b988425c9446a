"""The agent's run directory: our package for the target's Pythons, the socket, a folder for each lane."""

import fcntl
import os
import stat
import time

from . import processes

PREFIX = "testlanes-"
_HEX = frozenset("0123456789abcdef")
SOCKET_PATH_LIMIT = 100
"""Bytes; sockaddr_un takes 107 on Linux and 103 on macOS."""

ALIVE = "alive"
"""A file in it that its agent holds a lock on (flock) as long as it lives."""
OLD = 3600.0
"""Seconds after which a directory without that file is taken for one whose agent died while making it."""


def _bases():
    return (os.environ.get("TMPDIR"), "/tmp", "/var/tmp")  # noqa: S108 - tried only if there is no better


def make():
    """Make it and return its path. Raises OSError."""
    last = OSError("no folder for temporary files")
    for base in _bases():
        path = os.path.join(os.path.abspath(base), PREFIX + os.urandom(6).hex()) if base else ""
        if not path or len(os.fsencode(path)) + 2 > SOCKET_PATH_LIMIT:
            continue
        try:
            os.mkdir(path, 0o700)
        except OSError as error:
            last = error
            continue
        # It is locked before it is seen under its name. Open as long as we live.
        draft = os.path.join(path, "draft")
        lock = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.rename(draft, os.path.join(path, ALIVE))
        return path
    raise last


def sweep():
    """End and remove what is left of agents that were killed together with their guardians. Best effort."""
    for base in {os.path.abspath(base) for base in _bases() if base}:
        try:
            names = os.listdir(base)
        except OSError:
            continue
        for name in names:
            if _ours(name):
                path = os.path.join(base, name)
                if _dead(path):
                    processes.kill_marked(name)
                    remove(path)


def _ours(name):
    # No regex: they would be most of what an agent has to import.
    return len(name) == len(PREFIX) + 12 and name.startswith(PREFIX) and _HEX.issuperset(name[-12:])


def _dead(path):
    try:
        seen = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid():
        return False
    try:
        lock = os.open(os.path.join(path, ALIVE), os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - seen.st_mtime > OLD  # noqa: TID251 - compared with a time of a file
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def unpack(folder, package, modules):
    """Put the package where a target's Python can import it. Raises OSError.

    ``modules``: file name -> source; or the folder where they are, with what Pythons have compiled of them.
    """
    where = os.path.join(folder, package)
    if isinstance(modules, str):
        os.symlink(modules, where)
        return
    os.mkdir(where, 0o700)
    for name, source in modules.items():
        with open(os.path.join(where, name), "wb") as file:
            file.write(source)


def remove(path):
    """Remove a tree, whatever was done to its permissions. What cannot be removed stays."""
    try:
        os.chmod(path, stat.S_IRWXU)
        with os.scandir(path) as entries:
            found = list(entries)
    except OSError:
        found = []
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            remove(entry.path)
        else:
            try:
                os.unlink(entry.path)
            except OSError:
                pass
    try:
        os.rmdir(path)
    except OSError:
        pass
