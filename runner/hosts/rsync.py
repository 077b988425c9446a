"""Files brought by rsync, to a host that is reached by ssh: the agent says which, and looks at them afterwards."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence

from ..frozen import frozen
from ..settings import Host
from ..wire.frames import encode
from .command import run_here
from .files import ProjectFile
from .link import Link
from .reach import SSH_OPTIONS, is_ssh

WITH_VALUE = "BbcDEeFIiJLlmOoPpQRSWw"
"""ssh's options that are followed by a value (ssh(1))."""


@frozen
class SshTarget:
    """The parts of a command prefix that rsync needs apart: ssh with its options, and whom it reaches."""

    ssh: tuple[str, ...]
    host: str


def rsync_target(host: Host) -> tuple[SshTarget | None, str]:
    """Return how rsync reaches a host, or why it cannot."""
    if not is_ssh(host):
        return None, "it is not reached by ssh alone"
    if shutil.which("rsync") is None:
        return None, "this machine has no rsync"
    options, at = _ssh_words(host.run)
    if at != len(host.run) - 1:
        return None, f"{shlex.join(host.run)} is more than ssh and a name"
    return SshTarget((host.run[0], *SSH_OPTIONS, *options), host.run[at]), ""


def _ssh_words(run: Sequence[str]) -> tuple[list[str], int]:
    """Return ssh's options, and the position of the name of the host."""
    at = 1
    while at < len(run) and run[at].startswith("-") and run[at] != "--":
        # The first letter that takes a value takes the rest of the word, or the next one.
        letters = run[at][1:]
        value = next((n for n, letter in enumerate(letters) if letter in WITH_VALUE), None)
        at += 2 if value == len(letters) - 1 else 1
    options = list(run[1:at])
    return options, at + 1 if at < len(run) and run[at] == "--" else at


class Rsync:
    """Copies these files of the project, by their index in its list."""

    def __init__(self, target: SshTarget, wanted: Mapping[int, ProjectFile]) -> None:
        self._target = target
        self._wanted = wanted

    async def copy(self, link: Link, project: str, root: str) -> str:
        """Copy them to ``root`` there. Return why that failed, or nothing."""
        command = [
            *("rsync", "--links", "--perms", "--times", "--compress", "--from0"),
            # The folders on the way are named too: what has become a link there is a folder again.
            *("--files-from=-", "--omit-dir-times", "--chmod=Du+rwx"),
            *("--protect-args", "--info=progress2"),
            *("-e", shlex.join(self._target.ssh), "--", "./"),
            f"{self._target.host}:{root}/",
        ]
        names = b"".join(file.path + b"\0" for file in self._wanted.values())
        failed = await run_here(
            command,
            project,
            {},
            given=names,
            heard=lambda line: link.told("syncing", f"rsync: {line}"),
        )
        return f"rsync {failed}" if failed else ""

    def placed(self) -> Iterator[bytes]:
        """Yield the frames that have the agent look at what came."""
        for index in self._wanted:
            yield encode("placed", index)
