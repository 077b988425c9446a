"""testr's instances: provisioned for a command, lent to its runs, disposed of when it ends.

What is printed while provisioning goes into a file that the next start knows of (``ledger``), so that every id
that was ever printed is disposed of, whatever becomes of this process.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import UserError
from ..ids import ProfileName
from ..launch import anonymous_file
from ..settings import Profile, Settings
from .disposal import dispose, last_line
from .ending import LOOK, ending, kill
from .ledger import Ledger, Left
from .templates import substituted, why_refused

IN_VAIN = 2
"""Calls in a row that may print no new id. testr would ask for ever."""

GATE = 'read go && exec /bin/sh -c "$1" </dev/null'
"""For a shell: a command begins when the ledger knows of it, and never if we are killed before."""


class Instances:
    """The instances of one command; leaving the ``with`` block disposes of them, however that is left."""

    def __init__(self, settings: Settings, folder: Path, told: Callable[[str], None]) -> None:
        """``folder``: where the ledger is kept. ``told`` tells the user something."""
        self._settings = settings
        self._ledger = Ledger(folder)
        self._told = told
        self._known: dict[ProfileName, list[str]] = {}
        self._lent: dict[ProfileName, set[str]] = {}
        self._left: dict[ProfileName, Left] = {}
        self._turn = asyncio.Lock()
        self.problem = ""
        """What went wrong with their disposal."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.problem = dispose(
            self._ledger,
            list(self._left.values()),
            self._told,
            self._settings.instance_timeout,
        )
        self._left.clear()

    async def lend(
        self, profile: Profile, count: int, told: Callable[[str], None]
    ) -> AsyncGenerator[list[str]]:
        """Yield ids until there are ``count``: those that are free, then new ones as they come. Raises UserError."""
        name = profile.name
        lent = self._lent.setdefault(name, set())
        known = self._known.setdefault(name, [])
        mine = 0
        in_vain = 0
        while True:
            new = [each for each in known if each not in lent][: count - mine]
            lent.update(new)
            mine += len(new)
            if new:
                yield new
            if mine >= count:
                return
            before = len(known)
            command = await self._provision(profile, count - mine, told)
            in_vain = 0 if len(known) > before else in_vain + 1
            if in_vain == IN_VAIN:
                raise UserError(
                    f"instance_provision printed no new id {IN_VAIN} times in a row, and"
                    f" {mine} of {count} instances are there: {command}",
                    exit_code=3,
                )

    def give_back(self, profile: ProfileName, ids: Iterable[str]) -> None:
        """A run has no more use for these."""
        self._lent.get(profile, set()).difference_update(ids)

    async def _provision(self, profile: Profile, missing: int, told: Callable[[str], None]) -> str:
        """Run ``instance_provision`` once, and return the command. Raises UserError."""
        settings = self._settings
        values = {"INSTANCE_COUNT": str(missing), "PROFILE": shlex.quote(profile.name)}
        command = substituted(settings.instance_provision, values)
        env = {"PROFILE": profile.name, **profile.env}
        left = self._left.get(profile.name)
        if left is None:
            template = substituted(settings.instance_dispose, {"PROFILE": values["PROFILE"]})
            left = self._ledger.begin(profile.name, template, settings.root, env)
            self._left[profile.name] = left
        many = f"{missing} instance{'s' * (missing != 1)}"
        told(many)
        errors = anonymous_file()
        try:
            code = await self._run(command, env, left, errors, lambda text: told(f"{many}, {text}"))
            last = last_line(errors)
        except OSError as error:
            raise UserError(
                f"instance_provision could not be started: {error.strerror}: {command}",
                exit_code=3,
            ) from None
        finally:
            os.close(errors)
        self._learn(profile.name, left)
        if code:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
            raise UserError(
                f"instance_provision {how}: {last or command}",
                hint=f"it was: {command}" if last else "",
                exit_code=3,
            )
        return command

    async def _run(
        self,
        command: str,
        env: Mapping[str, str],
        left: Left,
        errors: int,
        told: Callable[[str], None],
    ) -> int:
        """Run a command that prints ids, and return its status. Raises UserError when it takes too long."""
        limit = self._settings.instance_timeout
        began = time.monotonic()
        with self._ledger.output(left) as output:
            process = subprocess.Popen(  # noqa: ASYNC220 - it takes no longer than asyncio's
                ["/bin/sh", "-c", GATE, "sh", command],
                cwd=self._settings.root,
                env={**os.environ, **env},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        try:
            self._ledger.provisioning(left, process.pid)
            assert process.stdin is not None  # noqa: S101
            with suppress(BrokenPipeError), process.stdin as gate:
                gate.write(b"go\n")
            shown = 0
            while process.poll() is None:
                await asyncio.sleep(LOOK)
                took = time.monotonic() - began
                if took > limit:
                    raise UserError(
                        f"instance_provision did not end within {limit:g} seconds: {command}",
                        hint="instance_timeout = SECONDS gives it longer",
                        exit_code=3,
                    )
                if int(took) > shown:
                    shown = int(took)
                    said = last_line(errors)
                    told(f"{shown} s: {said}" if said else f"{shown} s")
        finally:
            try:
                if process.poll() is None:  # it gets time to say what it made
                    for _ in ending(process.pid, lambda: process.poll() is not None):
                        await asyncio.sleep(LOOK)
            except asyncio.CancelledError:
                kill(process.pid)  # nobody waits any more
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK)
                raise
            finally:
                self._ledger.provisioning(left, 0)
        return process.returncode

    def _learn(self, profile: ProfileName, left: Left) -> None:
        """Take what was printed. Raises UserError for an id that cannot be used."""
        known = self._known[profile]
        for each in self._ledger.ids(left):
            if each in known:
                continue
            if reason := why_refused(each, self._settings.instance_execute):
                raise UserError(
                    f"instance_provision printed the id {each!r}, which cannot be used: {reason}",
                    hint="ids are best made of letters, digits, dots and dashes",
                    exit_code=3,
                )
            known.append(each)
