"""The agent's run directory: our package for the target's Pythons, the socket, a folder for each lane."""

import os
import stat

PREFIX = "testlanes-"
SOCKET_PATH_LIMIT = 100
"""Bytes; sockaddr_un takes 107 on Linux and 103 on macOS."""


def make():
    """Make it and return its path. Raises OSError."""
    last = OSError("no folder for temporary files")
    for base in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp"):  # noqa: S108 - tried only if there is no better
        path = os.path.join(os.path.abspath(base), PREFIX + os.urandom(6).hex()) if base else ""
        if not path or len(os.fsencode(path)) + 2 > SOCKET_PATH_LIMIT:
            continue
        try:
            os.mkdir(path, 0o700)
        except OSError as error:
            last = error
            continue
        return path
    raise last


def unpack(folder, package, modules):
    """Write the package's modules (file name -> source) where a target's Python can import them. Raises OSError."""
    where = os.path.join(folder, package)
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
