"""Which instances are there to be disposed of: on disk before they are, so that the next start can do it.

``instances.json`` in testlanes' own folder of the repository names, for each command that provisioned, who it was,
how to dispose, and the file that holds what was printed (ids between white space).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import IO, cast

from ..errors import UserError
from ..frozen import frozen
from ..repository.locks import locked
from ..repository.numbers import replace_file
from .ending import LOOK, ending

FILE = "instances.json"


@frozen
class Left:
    """The instances of one profile that somebody provisioned."""

    token: str
    profile: str
    dispose: str
    """The command, with ``$INSTANCE_IDS`` in it."""
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    pid: int = 0
    """Whose they are."""
    born: str = ""
    """When that process started, as far as the system says: process ids come again."""
    maker: int = 0
    """The provisioning command that runs now."""
    maker_born: str = ""

    @property
    def printed(self) -> str:
        """The name of the file with their ids."""
        return f"instances-{self.token}.ids"


class Ledger:
    """What is to be disposed of, in ``folder``. Several processes may use it at a time.

    Raises UserError where it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / FILE

    def begin(self, profile: str, dispose: str, cwd: str, env: Mapping[str, str]) -> Left:
        """Make an entry of this process's; nothing is provisioned before."""
        pid = os.getpid()
        left = Left(os.urandom(8).hex(), profile, dispose, cwd, dict(env), pid, born(pid))
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        with self._entries() as entries:
            os.close(os.open(self._folder / left.printed, flags, 0o600))
            entries.append(left)
        return left

    @contextmanager
    def output(self, left: Left) -> Generator[IO[bytes]]:
        """Open the file for one more command's output. Raises OSError."""
        with (self._folder / left.printed).open("ab") as file:
            if file.tell():
                file.write(b"\n")  # the command before may not have ended its line
                file.flush()
            yield file

    def provisioning(self, left: Left, pid: int) -> None:
        """Note which process provisions now; 0: none."""
        with self._entries() as entries:
            for at, one in enumerate(entries):
                if one.token == left.token:
                    entries[at] = replace(one, maker=pid, maker_born=born(pid) if pid else "")

    def ids(self, left: Left) -> list[str]:
        """Return the ids that were printed, each once, in that order."""
        try:
            data = (self._folder / left.printed).read_bytes()
        except FileNotFoundError:
            return []
        words = (word.decode("utf-8", "surrogateescape") for word in data.split())
        return list(dict.fromkeys(words))

    def forget(self, left: Left) -> None:
        """They are gone."""
        with self._entries() as entries:
            entries[:] = [one for one in entries if one.token != left.token]
        (self._folder / left.printed).unlink(missing_ok=True)

    def claim(self) -> list[Left]:
        """Return what nobody living answers for; from now on this process does."""
        if not self._file.exists():
            return []
        mine: list[Left] = []
        pid = os.getpid()
        with self._entries() as entries:
            for at, one in enumerate(entries):
                if one.pid != pid and not lives(one.pid, one.born):
                    entries[at] = replace(one, pid=pid, born=born(pid))
                    mine.append(one)
        for one in mine:
            if one.maker and lives(one.maker, one.maker_born):
                for _ in ending(one.maker):  # it has time to say what it made
                    time.sleep(LOOK)
        return mine

    def let_go(self, left: Left) -> None:
        """It could not be done: the next start may try again."""
        with self._entries() as entries:
            for at, one in enumerate(entries):
                if one.token == left.token:
                    entries[at] = replace(one, pid=0, born="")

    @contextmanager
    def _entries(self) -> Generator[list[Left]]:
        """Change the entries under a lock."""
        try:
            self._folder.mkdir(exist_ok=True)
            with locked(self._folder / "instances.lock"):
                entries = self._read()
                yield entries
                if entries:
                    text = json.dumps([asdict(one) for one in entries], indent=1)
                    replace_file(self._file, [text.encode()], 0o600, sync=True)
                    return
                self._file.unlink(missing_ok=True)
                for each in self._folder.glob("instances-*.ids"):
                    each.unlink(missing_ok=True)  # of one that was killed between its two files
        except OSError as error:
            raise UserError(
                f"{self._file} cannot be written: {error.strerror}",
                hint="Instances are noted there before they are made. Make room, or let it be written.",
                exit_code=3,
            ) from None

    def _read(self) -> list[Left]:
        try:
            data = cast("object", json.loads(self._file.read_text()))
            return [Left(**each) for each in cast("list[dict[str, object]]", data)]  # type: ignore[arg-type]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):  # somebody wrote into it: what can be lost is lost
            self._file.replace(self._file.with_suffix(".damaged"))
            return []


def born(pid: int) -> str:
    """Return when a living process started, in words of this system; empty where it does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in b"ZX" else fields[19].decode()


def lives(pid: int, since: str) -> bool:
    """Whether a process is there that started then."""
    if pid <= 0 or (since and born(pid) != since):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
