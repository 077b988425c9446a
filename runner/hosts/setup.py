"""A host's environment: its ``setup`` command, and whether the interpreters of its profiles are there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import cast

from ..ids import ProfileName
from ..settings import Host
from ..wire import orders
from ..wire.bring_up import PythonFound, SetupState
from .files import lock_files
from .link import HostError, Link

SETUP_LIMIT = 1800.0
"""Seconds that a setup may take."""

LOOK_LIMIT = 40.0
"""Seconds until an agent must have said whether an interpreter starts."""

OLDEST = (3, 8)

ProfileOptions = tuple[ProfileName, Mapping[str, object]]
"""A profile, and what the host's agent is to know of it."""


def environment_key(host: Host, project: str, python: str) -> str:
    """Return what is the same as long as a setup need not run again: its command, and the project's lock files."""
    digest = hashlib.sha256()
    parts = [host.setup.encode(), python.encode(), repr(sorted(host.env.items())).encode()]
    for path in lock_files(project):
        try:
            parts += [path.name.encode(errors="surrogateescape"), path.read_bytes()]
        except OSError:
            continue
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


async def make_ready(link: Link, project: str, python: str) -> None:
    """Run the host's setup in the project's folder there, unless it did for the same. Raises HostError."""
    host = link.host
    if host.setup:
        key = environment_key(host, project, python)
        await link.send(orders.setup(host.setup, key, host.env, SETUP_LIMIT))
        while True:
            state = await link.answer(SetupState, SETUP_LIMIT + LOOK_LIMIT)
            if state.state == "failed":
                last = " | ".join(state.text.split("\n")[-3:])
                said = f": {last}" if last else ""
                raise HostError(f"its setup {state.why}{said}", f"it is: {host.setup}", final=True)
            if state.state != "running":
                break
            link.told("setting up", state.text)
    await link.send(orders.share_tree())


async def usable(
    link: Link, profiles: Sequence[ProfileOptions]
) -> tuple[list[ProfileOptions], dict[ProfileName, str]]:
    """Ask for the interpreter of each profile. Return the profiles that can run, and why others cannot.

    Raises HostError when none can.
    """
    asked: dict[ProfileName, str] = {}
    for name, options in profiles:
        env = cast("Mapping[str, object]", options.get("env") or {})
        # The agent's own starts, or there were no agent.
        known = options["python"] == link.host.python and "PATH" not in env
        if options.get("kind") != "command" and not known:
            asked[name] = str(options["python"])
            await link.send(orders.look(name, asked[name], env))
    bad: dict[ProfileName, str] = {}
    for _ in asked:
        found = await link.answer(PythonFound, LOOK_LIMIT)
        name = ProfileName(found.profile)
        if name in asked and (
            why := _unfit(f"{asked[name]} on {link.host.name}", found, asked[name])
        ):
            bad[name] = why
    if profiles and len(bad) == len(profiles):
        name, why = next(iter(bad.items()))
        hint = f"name its interpreter there: profiles = {{ {name} = … }}"
        raise HostError(f"it cannot run {name}: {why}", hint, final=True)
    return [each for each in profiles if each[0] not in bad], bad


def _unfit(which: str, found: PythonFound, python: str) -> str:
    """Return why an interpreter cannot be used, or nothing. ``which``: what it is called then."""
    if not found.version:
        # The agent names the path that could not be started, which is said already.
        why = found.why.replace(f"could not be started: {python}: ", "could not be started: ")
        return f"{which} {why}"
    try:
        version = tuple(map(int, found.version.split(".")[:2]))
    except ValueError:
        return f"{which} says that it is Python {found.version!r:.40}"
    if version < OLDEST:
        return f"{which} is Python {found.version}; it has to be 3.8 or later"
    return ""
