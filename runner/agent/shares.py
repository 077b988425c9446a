"""What a suite opened while it was loaded: each process that loads it by itself has its own, and so should each fork."""

import fcntl
import os
import socket
import stat

from .channel import OURS

# A suite may replace them when it is loaded.
_listdir, _readlink, _fstat, _dup, _Socket = (
    os.listdir,
    os.readlink,
    os.fstat,
    os.dup,
    socket.socket,
)


def shared_by_forks():
    """Return what that is, in words; empty if there is nothing."""
    try:
        fds = [int(fd) for fd in _listdir("/proc/self/fd")]
    except OSError:
        return ""
    for fd in fds:
        try:
            target = _readlink("/proc/self/fd/%d" % fd)
        except OSError:
            continue  # the listing's own
        if target == "anon_inode:[eventpoll]":
            # asyncio's, Twisted's: what is to wake it in one lane would wake it in another one.
            return "an event loop was made while the suite was loaded"
        if target.startswith("socket:"):
            peer = _peer(fd)
            if peer:
                return "a connection to %s was opened while the suite was loaded" % peer
    return ""


def open_again():
    """In a fork: open anew each file that is open for reading, where it is now. Else all forks read on in one place."""
    for name in _listdir("/proc/self/fd"):
        fd, path = int(name), "/proc/self/fd/" + name
        try:
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
            if flags & os.O_ACCMODE == os.O_RDONLY and stat.S_ISREG(_fstat(fd).st_mode):
                own = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                os.lseek(own, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
                os.dup2(own, fd, os.get_inheritable(fd))
                os.close(own)
        except OSError:
            continue  # the listing's own; or it may not be read any more, and stays as it is


def _peer(fd):
    """Return whom a socket is connected to, and was not by us: a database, whose answers would reach any lane."""
    found = _fstat(fd)
    if (found.st_dev, found.st_ino) in OURS:
        return ""
    try:
        with _Socket(fileno=_dup(fd)) as link:
            if link.type != socket.SOCK_STREAM:
                return ""
            address = link.getpeername()
    except OSError:  # it listens, or is of a kind that has no names
        return ""
    if isinstance(address, tuple):
        return "%s port %d" % address[:2]
    return os.fsdecode(address)
