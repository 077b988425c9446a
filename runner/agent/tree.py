"""The project's folder on a host: whether it is ours, what was put there, and what is put there now.

Its folder HOME holds a lock, the stamp of what made its environment, and a manifest: of each file that came
from the controller, what it was there and what it became here. Nothing else is ever removed.
"""

import fcntl
import hashlib
import json
import os
import stat

from .ground import HOME, Ground, Refused, checked, expanded, refusal, shown

MANIFEST, LOCK, DRAFT = b"manifest", b"lock", b"draft"
VERSION = 1
UNSURE = 64 << 20
"""Bytes of files that look alike, but for their times, which are read to find out; more is simply sent again."""


class Tree:
    """A folder, made if it is missing, and held. Raises Refused.

    ``alone``: nobody else uses it. Others may while their files are the same as ours.
    """

    def __init__(self, folder, who):
        """``who`` holds it, for others to read."""
        self.root = expanded(folder)
        home = os.path.realpath(os.path.expanduser("~"))
        if self.root in ("/", home):
            raise Refused(
                "%s cannot be a project's folder" % folder, "name another: dir = ...", True
            )
        try:
            os.makedirs(self.root, exist_ok=True)
            self.ground = Ground(self.root)
        except FileExistsError:
            raise Refused(
                "%s is not a folder" % self.root, "name another: dir = ...", True
            ) from None
        except NotADirectoryError:
            text = "a file is in the way of the folder %s" % self.root
            raise Refused(text, "name another: dir = ...", True) from None
        except OSError as error:
            raise refusal(error, self.root) from None
        self.files = {}
        """Path -> [its mtime there (ns), size, mode, target of a link or None, its mtime here, its mode here]."""
        self.wanted = []
        self.copied = self.bytes = self.removed = 0
        self._home = self._lock = self._draft = None
        self._index = -1
        """Of the wanted file that is being written."""
        try:
            self._claim(who)
        except OSError as error:
            raise refusal(error, self.root) from None

    def close(self):
        """Let go of it; of a file that did not come to its end nothing stays."""
        if self._index >= 0:
            self._remove_draft()
        for fd in (self._draft, self._lock, self._home):
            if fd is not None:
                os.close(fd)
        self.ground.close()

    # -- whose it is ---------------------------------------------------------

    def _claim(self, who):
        known = self.ground.look(HOME + b"/" + MANIFEST) is not None
        names = set(os.listdir(self.root)) - {os.fsdecode(HOME)}
        if names and not known:
            text = "%s is there, and testlanes did not make it" % self.root
            hint = "remove it there if it is not needed, or name another: dir = ..."
            raise Refused(text, hint, True)
        self._home = os.dup(self.ground.folder(HOME, make=True))
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._lock = os.open(LOCK, flags, 0o600, dir_fd=self._home)
        self.holder = os.pread(self._lock, 200, 0).decode("utf-8", "replace")
        self.state = "busy"
        for kind, state in ((fcntl.LOCK_EX, "alone"), (fcntl.LOCK_SH, "shared")):
            if self._locked(kind):
                self.state = state
                break
        if self.state == "alone":
            self._remove_draft()  # of one that was killed
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, who.encode("utf-8", "replace")[:200], 0)
        if self.state != "busy":
            self._read()
        if self.state == "alone" and not known:
            with open(os.open(b".gitignore", flags, 0o600, dir_fd=self._home), "wb") as file:
                file.write(b"*\n")
            self._write()

    def _locked(self, kind):
        try:
            fcntl.flock(self._lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass  # a file system without locks
        return True

    def share(self):
        """All is in place: let others use it too."""
        self._locked(fcntl.LOCK_SH)

    def need_alone(self):
        """Raise Refused if others use it."""
        if self.state != "alone":
            text = "%s is used by another run (%s), of other files" % (
                self.root,
                self.holder or "?",
            )
            raise Refused(text, "wait for its end, or name another folder: dir = ...")

    # -- the manifest --------------------------------------------------------

    def _read(self):
        try:
            with open(os.open(MANIFEST, os.O_RDONLY, dir_fd=self._home), "rb") as file:
                found = json.loads(file.read().decode("utf-8"))
            files = found["files"] if found["version"] == VERSION else {}
            self.files = {p.encode("utf-8", "surrogateescape"): e for p, e in files.items()}
            for path, entry in self.files.items():
                checked(path)
                _, _, _, _, _, _ = entry
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, AttributeError, Refused):
            text = "the manifest in %s/%s cannot be read" % (self.root, shown(HOME))
            hint = "remove the folder %s there; all is copied anew" % self.root
            raise Refused(text, hint, True) from None

    def _write(self):
        files = {p.decode("utf-8", "surrogateescape"): e for p, e in self.files.items()}
        data = json.dumps({"version": VERSION, "files": files}).encode("ascii")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            with open(os.open(b"manifest-draft", flags, 0o600, dir_fd=self._home), "wb") as file:
                file.write(data)
            os.rename(b"manifest-draft", MANIFEST, src_dir_fd=self._home, dst_dir_fd=self._home)
        except OSError as error:
            raise refusal(error, "%s/%s" % (self.root, shown(HOME))) from None

    # -- what is to be there -------------------------------------------------

    def prepare(self):
        """Make room for the ``wanted``: (path, mtime in ns, size, mode, target of a link or None).

        Return [[index, SHA-256 of what is here or None], ...] of the files that differ. Raises Refused.
        """
        paths = set()
        for path, _, _, _, target in self.wanted:
            if path.split(b"/")[0] == HOME or path in paths:
                raise Refused("%s cannot be copied" % shown(path), "", True)
            if target is not None and not _inside(path, target):
                raise Refused("the symbolic link %s leaves the project" % shown(path), "", True)
            paths.add(path)
        needs, links, unsure = [], [], UNSURE
        for index, entry in enumerate(self.wanted):
            path, _, size, _, target = entry
            found = self.ground.look(path)
            if target is not None:
                if self.ground.read_link(path) != target:
                    links.append(entry)
                self.files[path] = self.files.get(path) or [0, 0, 0, None, 0, 0]
            elif not self._same(entry, found):
                alike = found is not None and stat.S_ISREG(found.st_mode) and found.st_size == size
                unsure -= size if alike else 0
                needs.append([index, self._digest(path) if alike and unsure >= 0 else None])
        gone = sorted(set(self.files) - paths)
        if needs or links or gone:
            self.need_alone()
            # If this ends half-way, the next one knows what may be here.
            for index, _ in needs:
                self.files.setdefault(self.wanted[index][0], [0, 0, 0, None, 0, 0])
            self._write()
        for path in gone:
            self.ground.remove(path)
            del self.files[path]
            self.removed += 1
        for path, _, _, _, target in links:
            self.ground.link(path, target)
        return needs

    def _same(self, entry, found):
        path, mtime, size, mode, _ = entry
        known = self.files.get(path)
        if known is None or found is None or not stat.S_ISREG(found.st_mode):
            return False
        here = [found.st_size, found.st_mtime_ns, stat.S_IMODE(found.st_mode)]
        return known[:3] == [mtime, size, mode] and here == [size, known[4], known[5]]

    def _digest(self, path):
        digest = hashlib.sha256()
        try:
            with open(self.ground.open(path), "rb") as file:
                for piece in iter(lambda: file.read(1 << 20), b""):
                    digest.update(piece)
        except OSError:
            return None
        return digest.digest()

    # -- what comes ----------------------------------------------------------

    def begin(self, index):
        """What follows is the content of a wanted file."""
        self._index = index
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._draft = os.open(DRAFT, flags, 0o600, dir_fd=self._home)
        except OSError as error:
            raise refusal(error, self._path()) from None

    def write(self, data):
        """Take a piece of it."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._draft, view) :]
        except OSError as error:
            raise refusal(error, self._path()) from None
        self.bytes += len(data)

    def finish(self, mtime, mode):
        """It is complete. ``mtime`` (ns), ``mode``: as they were when it was read."""
        fd, self._draft = self._draft, None
        try:
            os.fchmod(fd, mode & 0o777)
            os.utime(fd, ns=(mtime, mtime))
        except OSError as error:
            raise refusal(error, self._path()) from None
        finally:
            os.close(fd)
        path = self.wanted[self._index][0]
        self.ground.place((self._home, DRAFT), path)
        self._index = -1
        self._have(path, mtime, mode)
        self.copied += 1

    def keep(self, index):
        """The file that is here has the content of a wanted one, but not its times."""
        path, mtime, _, mode, _ = self.wanted[index]
        try:
            fd = self.ground.open(path)
            try:
                os.fchmod(fd, mode & 0o777)
                os.utime(fd, ns=(mtime, mtime))
            finally:
                os.close(fd)
        except OSError as error:
            raise refusal(error, path) from None
        self._have(path, mtime, mode)
        self.copied += 1

    def placed(self, index):
        """Another program was to put a wanted file here, with its times."""
        path, _, _, mode, _ = self.wanted[index]
        found = self.ground.look(path)
        if found is not None and stat.S_ISREG(found.st_mode):
            self._have(path, found.st_mtime_ns, mode)
            self.copied += 1
            self.bytes += found.st_size

    def _have(self, path, mtime, mode):
        found = self.ground.look(path)
        if found is not None:
            here = [found.st_mtime_ns, stat.S_IMODE(found.st_mode)]
            self.files[path] = [mtime, found.st_size, mode, None, *here]

    def settle(self):
        """All that was to come has come."""
        if self.state == "alone":
            self._write()

    def _path(self):
        return "%s/%s" % (self.root, shown(self.wanted[self._index][0]))

    def _remove_draft(self):
        try:
            os.unlink(DRAFT, dir_fd=self._home)
        except OSError:
            pass


def _inside(path, target):
    """Whether a link at ``path`` to ``target`` stays in the tree, going by the names alone."""
    if target.startswith(b"/") or b"\0" in target or not target:
        return False
    there = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return there != b".." and not there.startswith(b"../")
