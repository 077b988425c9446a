"""The project's folder on a host: found, or made and brought to what it is here."""

from __future__ import annotations

import asyncio
import getpass
import os
import platform
from collections.abc import Iterable, Sequence

from ..settings import DIRECTORY
from ..wire import orders
from ..wire.bring_up import Copied, Needs, Tree
from .command import run_here
from .files import ProjectFile, ProjectFiles, project_files, shown
from .link import HostError, Link
from .rsync import Rsync, rsync_target
from .stream import Contents, Packer, listing

ANSWER_LIMIT = 60.0
"""Seconds without an answer while files are compared or copied."""

BUSY_LIMIT = 900.0
"""Seconds to wait while another run changes the folder: it copies, or makes the environment ready."""

WINDOW = 4 << 20
"""Bytes of the stream that may be on their way."""

SYNCS = ("auto", "rsync", "manifest", "none")
"""Ways to bring the files; anything else is a command that does it. ``auto`` is ``manifest``: rsync needs a second
connection, and took longer for all, for nothing and for little (tests/benchmarks/copying.py); it gains where little
of a large file changes."""


async def bring_tree(link: Link, project: str, folder: str) -> str:
    """Put the project in place on a host, in ``folder`` unless it is the same there; return its path. Raises HostError."""
    host = link.host
    if host.sync == "none":
        same = host.directory == DIRECTORY
        return (await _existing(link, project if same else folder)).root
    if host.sync not in SYNCS:
        return await _by_command(link, project, folder)
    link.told("syncing", "looking at the files")
    found = await asyncio.to_thread(project_files, project)
    tree = await _claim(link, folder)
    if found.leaving:
        link.warn(f"not copied, for they lead out of the project: {shown(found.leaving)}")
    await _Copying(link, project, found, tree).run()
    return tree.root


async def _existing(link: Link, folder: str) -> Tree:
    await link.send(orders.use_tree(folder, "", copy=False))
    tree = await link.answer(Tree, ANSWER_LIMIT)
    if tree.state != "there":
        raise HostError(
            f"it has no folder {tree.root}, and sync is {link.host.sync!r}",
            'name the project\'s folder there (dir = …), or have it copied: sync = "auto"',
            final=True,
        )
    return tree


async def _by_command(link: Link, project: str, folder: str) -> str:
    await link.send(orders.use_tree(folder, "", copy=False))
    tree = await link.answer(Tree, ANSWER_LIMIT)
    host = link.host
    env = {
        "TESTLANES_PROJECT": project,
        "TESTLANES_HOST": host.name,
        "TESTLANES_DIR": tree.root,
    }
    link.told("syncing", host.sync)
    failed = await run_here(
        ["/bin/sh", "-c", host.sync],
        project,
        env,
        heard=lambda line: link.told("syncing", line),
    )
    if failed:
        raise HostError(f"its sync command {failed}", f"it is: {host.sync}")
    return (await _existing(link, folder)).root


async def _claim(link: Link, folder: str) -> Tree:
    """Take the folder for this run; wait while another one changes it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + BUSY_LIMIT
    while True:
        await link.send(orders.use_tree(folder, _who(), copy=True))
        tree = await link.answer(Tree, ANSWER_LIMIT)
        if tree.state != "busy":
            return tree
        if loop.time() > until:
            raise HostError(f"another run ({tree.holder}) did not stop changing {tree.root}")
        link.told("syncing", f"another run changes the folder: {tree.holder}")
        await asyncio.sleep(0.5)


class _Copying:
    """One bringing of files."""

    def __init__(self, link: Link, project: str, found: ProjectFiles, tree: Tree) -> None:
        self._link = link
        self._project = project
        self._files: Sequence[ProjectFile] = found.files
        self._tree = tree
        self._packer = Packer()
        self._on_its_way = 0
        self._count = self._total = 0
        self._compared = False

    async def run(self) -> None:
        """Compare, and copy what differs."""
        await self._send(listing(self._files))
        needs = (await self._needs()).files
        if any(not 0 <= index < len(self._files) for index in needs):
            raise HostError("its agent asks for files that there are not", final=True)
        await self._settle()
        self._compared = True
        self._count = len(needs)
        self._total = sum(self._files[index].size for index in needs)
        self._tell(0, 0)
        rest = needs
        rsync = self._rsync(needs)
        if rsync is not None:
            failed = await rsync.copy(self._link, self._project, self._tree.root)
            if failed:
                raise HostError(failed, 'or have the files copied without it: sync = "manifest"')
            await self._send(rsync.placed())
            rest = {}
        contents = Contents(self._project, self._files, rest)
        await self._send(contents.frames())
        await self._settle()
        if contents.unread:
            self._link.warn(f"not copied, for it cannot be read here: {shown(contents.unread)}")

    def _rsync(self, needs: Iterable[int]) -> Rsync | None:
        """Return what copies with rsync, where that is asked for and can be done."""
        host = self._link.host
        wanted = {index: self._files[index] for index in needs}
        if host.sync != "rsync" or not wanted:
            return None
        target, why = rsync_target(host)
        if target is not None and not self._tree.rsync:
            why = "it has no rsync"
        if target is None or why:
            raise HostError(
                f"its files cannot be copied by rsync: {why}",
                'have them copied without it: sync = "manifest"',
                final=True,
            )
        return Rsync(target, wanted)

    async def _send(self, frames: Iterable[bytes]) -> None:
        """Send frames, read and packed beside the event loop, as fast as the host takes them."""
        pieces = iter(self._packer.pieces(frames))
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            await self._link.send(orders.copy(piece))
            self._on_its_way += len(piece)
            while self._on_its_way > WINDOW:
                await self._taken()

    async def _needs(self) -> Needs:
        """Return what differs there; before that come answers to all pieces of the list but the last."""
        while True:
            found = await self._link.answer((Copied, Needs), ANSWER_LIMIT)
            if isinstance(found, Needs):
                return found
            self._on_its_way -= found.taken

    async def _settle(self) -> None:
        """Wait until all that was sent is taken."""
        while self._on_its_way > 0:
            await self._taken()

    async def _taken(self) -> None:
        taken = await self._link.answer(Copied, ANSWER_LIMIT)
        self._on_its_way -= taken.taken
        if self._compared:
            self._tell(taken.files, taken.bytes)

    def _tell(self, files: int, size: int) -> None:
        if not self._count:
            self._link.told("syncing", f"{len(self._files):,} files, nothing to copy")
            return
        note = f"{files:,} of {self._count:,} files, {megabytes(size)}"
        self._link.told("syncing", f"{note} of {megabytes(self._total)}")


def megabytes(size: int) -> str:
    """Return a count of bytes as people say it."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _who() -> str:
    """Return who holds a folder, for the user of another run."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user} at {platform.node()}, process {os.getpid()}"
