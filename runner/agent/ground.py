"""A folder's inside, reached step by step, so that no symbolic link on the way leads out of it.

Paths are bytes, as file systems have them, relative to the folder, with slashes.
"""

import errno
import os
import stat

HOME = b".testlanes-tree"
"""The folder in a project's folder that is ours."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Refused(Exception):
    """What the controller wants cannot be done here: why, and what its user can do. ``final``: trying again is no use."""

    def __init__(self, why, hint="", final=False):
        Exception.__init__(self, why)
        self.why, self.hint, self.final = why, hint, final


def shown(path):
    """Return a path as text for people."""
    text = path.decode("utf-8", "backslashreplace") if isinstance(path, bytes) else path
    return "".join(c if c.isprintable() else "?" for c in text)


def refusal(error, path):
    """Return the Refused that an OSError means for a path."""
    name = shown(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "make room there, or name a folder on another disk: dir = ..."
        return Refused("its disk is full: %s could not be written" % name, hint, True)
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "name a folder there that is yours: dir = ..."
        return Refused("you may not write %s there" % name, hint, True)
    if error.errno == errno.EROFS:
        hint = "name a folder there that can be written: dir = ..."
        return Refused("the file system of %s is read-only there" % name, hint, True)
    return Refused("%s could not be written there: %s" % (name, error.strerror or error))


def expanded(folder):
    """Return the real path of a folder's name as a user wrote it. Raises Refused."""
    path = os.path.expanduser(folder)
    if not path.startswith("/"):
        what = "there is no home folder there" if folder.startswith("~") else "no absolute path"
        raise Refused("%s: %s" % (folder, what), "give its whole path: dir = ...", True)
    return os.path.realpath(path)


def checked(path):
    """Return (its folder, its name) of a path that names something inside. Raises Refused for others."""
    parts = path.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts) or b"\0" in path:
        raise Refused("%s is no path inside of a project" % shown(path), "", True)
    return b"/".join(parts[:-1]), parts[-1]


class Ground:
    """The inside of ``root``, a path that leads to a folder. Raises OSError."""

    def __init__(self, root):
        self.root = root
        self.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._path, self._fd = b"", self.fd

    def close(self):
        """Forget it."""
        self.forget()
        os.close(self.fd)

    def forget(self):
        """Close the folder that was asked for last: it may be about to go."""
        if self._fd != self.fd:
            os.close(self._fd)
        self._path, self._fd = b"", self.fd

    def folder(self, path, make=False):
        """Return a file descriptor of a folder, good until the next call.

        ``make`` it if it is missing, and refuse what is in its way; else that is an OSError.
        """
        if path == self._path:
            return self._fd
        self.forget()
        fd, at = self.fd, []
        for name in path.split(b"/") if path else ():
            at.append(name)
            try:
                inner = self._step(fd, name, b"/".join(at), make)
            finally:
                if fd != self.fd:
                    os.close(fd)
            fd = inner
        self._path, self._fd = path, fd
        return fd

    def _step(self, fd, name, path, make):
        try:
            return os.open(name, _FOLDER, dir_fd=fd)
        except OSError as error:
            if not make:
                raise
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise refusal(error, path) from None
            missing = error.errno == errno.ENOENT
        if missing:
            try:
                os.mkdir(name, dir_fd=fd)
                return os.open(name, _FOLDER, dir_fd=fd)
            except OSError as error:
                raise refusal(error, path) from None
        raise self.in_the_way(fd, name, path, "folder")

    def in_the_way(self, fd, name, path, wanted):
        """Return the Refused that says what takes the place of a file or folder."""
        kind = "something"
        try:
            mode = os.lstat(name, dir_fd=fd).st_mode
            kind = "a file"
            if stat.S_ISLNK(mode):
                kind = "a symbolic link"
            elif stat.S_ISDIR(mode):
                kind = "a folder"
        except OSError:
            pass
        where = "%s/%s" % (self.root, shown(path))
        text = "%s is in the way of the %s %s" % (kind, wanted, where)
        return Refused(text, "look at it there; it was not put there by testlanes", True)

    def look(self, path):
        """Return what lstat says of a path inside, None if there is nothing."""
        folder, name = checked(path)
        try:
            return os.lstat(name, dir_fd=self.folder(folder))
        except OSError:
            return None

    def read_link(self, path):
        """Return where a symbolic link points, None if there is none."""
        folder, name = checked(path)
        try:
            return os.readlink(name, dir_fd=self.folder(folder))
        except OSError:
            return None

    def open(self, path):
        """Open a file inside for reading. Raises OSError."""
        folder, name = checked(path)
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder(folder))

    def link(self, path, target):
        """Make a symbolic link, in place of a file or another link."""
        folder, name = checked(path)
        fd = self.folder(folder, make=True)
        try:
            try:
                os.unlink(name, dir_fd=fd)
            except FileNotFoundError:
                pass
            os.symlink(target, name, dir_fd=fd)
        except IsADirectoryError:
            raise self.in_the_way(fd, name, path, "symbolic link") from None
        except OSError as error:
            if stat.S_ISDIR(getattr(self.look(path), "st_mode", 0)):
                raise self.in_the_way(fd, name, path, "symbolic link") from None
            raise refusal(error, path) from None

    def place(self, source, path):
        """Move a file here: ``source`` is (its folder's file descriptor, its name). It replaces a file or a link."""
        folder, name = checked(path)
        fd = self.folder(folder, make=True)
        try:
            os.rename(source[1], name, src_dir_fd=source[0], dst_dir_fd=fd)
        except IsADirectoryError:
            raise self.in_the_way(fd, name, path, "file") from None
        except OSError as error:
            raise refusal(error, path) from None

    def remove(self, path):
        """Remove a file or link, what Python compiled of it, and the folders that are empty then."""
        folder, name = checked(path)
        try:
            _unlink(self.folder(folder), name)
        except OSError:
            return  # not even its folder is there
        if name.endswith(b".py"):
            # Else its folder stays, and is imported as a package without __init__.
            self._remove_compiled(folder, name[:-3] + b".")
        self.forget()
        while folder:
            above, name = checked(folder)
            try:
                os.rmdir(name, dir_fd=self.folder(above))
            except OSError:
                return
            folder = above

    def _remove_compiled(self, folder, start):
        cache = folder + b"/__pycache__" if folder else b"__pycache__"
        above, last = checked(cache)
        try:
            fd = self.folder(cache)
            for name in map(os.fsencode, os.listdir(fd)):
                if name.startswith(start) and name.endswith(b".pyc"):
                    _unlink(fd, name)
            self.forget()
            os.rmdir(last, dir_fd=self.folder(above))
        except OSError:
            pass


def _unlink(fd, name):
    try:
        os.unlink(name, dir_fd=fd)
    except OSError:
        pass  # it is gone, or a folder by now, which is not ours
